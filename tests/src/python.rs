//! Clients and references from PyPI, each in an environment of its own.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::{locked, root};

/// A Python that has the packages of a `requirements.txt` of the repository. The first time they are installed; pip
/// says what it installs, and later finds it there.
pub fn python(requirements: &str) -> PathBuf {
    installed(requirements, &[])
}

/// The same without what these packages want beside them: for those that are wanted for a file in them.
pub fn python_with_these_alone(requirements: &str) -> PathBuf {
    installed(requirements, &["--no-deps"])
}

fn installed(requirements: &str, options: &[&str]) -> PathBuf {
    let venv = root().join("target/python").join(requirements.replace('/', "-"));
    let python = venv.join("bin/python");
    std::fs::create_dir_all(root().join("target/python")).expect("a folder that can be written");
    let _lock = locked(&venv.with_added_extension("lock"));
    if !venv.join("bin/pip").exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&venv));
    }
    let pip = ["-m", "pip", "install", "--disable-pip-version-check", "--quiet"];
    run(Command::new(&python).args(pip).args(options).arg("--requirement").arg(root().join(requirements)));
    python
}

/// Runs a command, which must succeed.
pub fn run(command: &mut Command) {
    let shown = format!("{command:?}");
    match command.status() {
        Ok(status) => assert!(status.success(), "{shown} ended with {status}; what it says is above"),
        Err(error) => panic!("{shown} can't be started: {error}; Python 3 with venv is needed"),
    }
}

/// Runs a command, which must succeed, and gives what it printed.
pub fn output(command: &mut Command) -> Vec<u8> {
    let shown = format!("{command:?}");
    match command.stderr(Stdio::inherit()).output() {
        Ok(output) => {
            assert!(output.status.success(), "{shown} ended with {}; what it says is above", output.status);
            output.stdout
        }
        Err(error) => panic!("{shown} can't be started: {error}"),
    }
}
