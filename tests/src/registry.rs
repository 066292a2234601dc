//! An OCI registry of its own for each test: the reference implementation, from Debian.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::{locked, root, run};

/// The program, out of Debian's package: as it is installed, or unpacked into `target/registry`.
fn program() -> PathBuf {
    let installed = Path::new("/usr/bin/docker-registry");
    if installed.exists() {
        return installed.to_owned();
    }
    let folder = root().join("target/registry");
    fs::create_dir_all(&folder).expect("a folder that can be written");
    let _lock = locked(&folder.join("lock"));
    let program = folder.join("usr/bin/docker-registry");
    if !program.exists() {
        let script = "echo getting docker-registry, a package of Debian, into $PWD
            apt-get download docker-registry || { apt-get update && apt-get download docker-registry; }
            dpkg -x docker-registry_*.deb .";
        run(Command::new("sh").args(["-e", "-c", script]).current_dir(&folder));
    }
    program
}

/// A running registry. Ended when dropped.
pub struct Registry {
    /// Where it listens.
    pub host: String,
    folder: TempDir,
    child: Child,
}

impl Registry {
    /// Starts one that lets everybody in, or only those whom these lines of an htpasswd file name.
    pub fn start(passwords: Option<&str>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = |name: &str| folder.path().join(name).display().to_string();
        let mut config = format!(
            "version: 0.1\nlog: {{level: info}}\nstorage: {{filesystem: {{rootdirectory: {:?}}}}}\nhttp: {{addr: 127.0.0.1:0}}\n",
            path("data")
        );
        if let Some(passwords) = passwords {
            fs::write(path("htpasswd"), passwords).expect("a folder that can be written");
            config.push_str(&format!("auth: {{htpasswd: {{realm: tests, path: {:?}}}}}\n", path("htpasswd")));
        }
        fs::write(path("config.yml"), config).expect("a folder that can be written");
        let mut command = Command::new(program());
        command.args(["serve", &path("config.yml")]).env("OTEL_TRACES_EXPORTER", "none");
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("a registry");
        let log = child.stderr.take().expect("a pipe");
        let mut lines = BufReader::new(log).lines().map_while(Result::ok);
        let listens = lines.find_map(|line| {
            let (_, rest) = line.split_once("listening on ")?;
            Some(rest.split(['"', ',', ' ']).next().unwrap_or_default().to_owned())
        });
        // It blocks where nobody reads what it says.
        std::thread::spawn(move || lines.for_each(drop));
        Self { host: listens.expect("a registry that listens"), folder, child }
    }

    /// Where it keeps the blob of that sha256.
    pub fn blob(&self, sha256: &str) -> PathBuf {
        let blobs = self.folder.path().join("data/docker/registry/v2/blobs/sha256");
        blobs.join(&sha256[..2]).join(sha256).join("data")
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
