//! A server of its own for each test.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use reqwest::blocking::{Client, Response};
use serde_json::Value;

/// How long anything that should happen soon may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests' folder is in the root").to_owned()
}

/// A first-party plugin as `plugins/build.sh` leaves it.
pub fn plugin(name: &str) -> PathBuf {
    built(&format!("target/plugins/{name}.wasm"))
}

/// A guest of the tests, likewise.
pub fn guest(name: &str) -> PathBuf {
    built(&format!("target/plugins/guests/{name}.wasm"))
}

fn built(path: &str) -> PathBuf {
    let path = root().join(path);
    assert!(path.exists(), "{} is missing: run `make plugins`", path.display());
    path
}

/// The `tribunal` binary beside the running test.
pub fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a file");
    let folder = test.ancestors().find(|folder| folder.join("tribunal").is_file());
    folder.expect("the `tribunal` binary is missing: run `cargo build --package tribunal`").join("tribunal")
}

/// A running server, its folder and a client for it. Killed when dropped.
pub struct Server {
    /// Where its configuration and database are.
    pub folder: tempfile::TempDir,
    /// Where it listens.
    pub url: String,
    /// A client that keeps connections.
    pub client: Client,
    child: Child,
}

impl Server {
    /// Starts a server with that configuration (but for `listen`) and waits until it is ready.
    pub fn start(config: &str) -> Self {
        Self::start_in(tempfile::tempdir().expect("a temporary folder"), config)
    }

    /// Starts a server whose configuration and database are in that folder.
    pub fn start_in(folder: tempfile::TempDir, config: &str) -> Self {
        fs::write(folder.path().join("tribunal.toml"), config).expect("a folder that can be written");
        let client = Client::builder().timeout(PATIENCE).build().expect("a client");
        let (child, url) = launch(folder.path());
        let server = Self { folder, url, client, child };
        server.wait_until("the server is ready", || server.get("/readyz").status().is_success());
        server
    }

    /// Starts it again on what it left behind.
    pub fn restart(&mut self) {
        (self.child, self.url) = launch(self.folder.path());
        self.wait_until("the server is ready", || self.get("/readyz").status().is_success());
    }

    /// Gives it another configuration, in one step as an editor does, and has it loaded.
    pub fn configure(&self, config: &str) -> Value {
        let (new, file) = (self.folder.path().join("new.toml"), self.folder.path().join("tribunal.toml"));
        fs::write(&new, config).and_then(|()| fs::rename(new, file)).expect("a folder that can be written");
        let response = self.client.post(format!("{}/v1/plugins/reload", self.url)).send().expect("an answer");
        assert!(response.status().is_success(), "{}", response.text().unwrap_or_default());
        response.json().expect("a JSON body")
    }

    /// Ends it without warning.
    pub fn kill(&mut self) {
        self.child.kill().expect("a running server");
        self.child.wait().expect("a killed server");
    }

    /// Asks it to end, and waits.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.child.wait().expect("a server that ends")
    }

    /// Sends it a signal by name.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status();
        assert!(status.is_ok_and(|status| status.success()), "cannot send SIG{name}");
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// GET.
    pub fn get(&self, path: &str) -> Response {
        self.client.get(format!("{}{path}", self.url)).send().expect("an answer")
    }

    /// GET, which must succeed, as JSON.
    pub fn json(&self, path: &str) -> Value {
        let response = self.get(path);
        let status = response.status();
        let text = response.text().expect("a body");
        assert!(status.is_success(), "{path} answered {status}: {text}");
        serde_json::from_str(&text).expect("a JSON body")
    }

    /// Posts interactions as JSON.
    pub fn post(&self, body: &Value) -> Response {
        self.post_as("application/json", body.to_string())
    }

    /// Posts a body of that content type.
    pub fn post_as(&self, content_type: &str, body: impl Into<reqwest::blocking::Body>) -> Response {
        let request = self.client.post(format!("{}/v1/interactions", self.url));
        request.header("content-type", content_type).body(body).send().expect("an answer")
    }

    /// Posts JSON to a path.
    pub fn post_to(&self, path: &str, body: &Value) -> Response {
        self.client.post(format!("{}{path}", self.url)).json(body).send().expect("an answer")
    }

    /// Its database.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("tribunal.db")
    }

    /// What a command of the program prints, which must succeed, with this server's configuration.
    pub fn run(&self, arguments: &[&str]) -> String {
        let (config, data) = (self.folder.path().join("tribunal.toml"), self.data());
        let mut command = Command::new(binary());
        command.args(arguments).env("TRIBUNAL_DATA", data).arg("--config").arg(config);
        let output = command.env("TRIBUNAL_LISTEN", self.url.trim_start_matches("http://")).output().expect("it runs");
        let [said, errors] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        assert!(output.status.success(), "{arguments:?}: {said}{errors}");
        said
    }

    /// Waits until every binding has come to the end of the log and what it found is stored.
    pub fn wait_idle(&self) {
        self.wait_until("every binding is at the end of the log", || {
            let plugins = self.json("/v1/plugins");
            let idle = |plugin: &Value| plugin["backlog"] == 0 || plugin["status"] == "failed";
            plugins["items"].as_array().expect("items").iter().all(idle)
                && self.metric("tribunal_store_backlog_evaluations") == 0.0
        });
    }

    /// How the binding of that name stands.
    pub fn binding(&self, name: &str) -> Value {
        let plugins = self.json("/v1/plugins");
        let item = plugins["items"].as_array().expect("items").iter().find(|item| item["name"] == name);
        item.unwrap_or_else(|| panic!("no binding {name} in {plugins}")).clone()
    }

    /// The value of a metric without labels.
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").text().expect("a body");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("there is no metric {name}")).parse().expect("a number")
    }

    /// Waits until something holds, which must be soon.
    pub fn wait_until(&self, what: &str, holds: impl Fn() -> bool) {
        self.wait_until_after(PATIENCE, what, holds);
    }

    /// Waits until something holds, for no longer than that.
    pub fn wait_until_after(&self, patience: Duration, what: &str, holds: impl Fn() -> bool) {
        let began = Instant::now();
        while !holds() {
            assert!(began.elapsed() < patience, "after {patience:?} still not: {what}; log:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn launch(folder: &Path) -> (Child, String) {
    let log_path = folder.join("log");
    let log = File::create(&log_path).expect("a folder that can be written");
    let mut child = Command::new(binary())
        .arg("serve")
        .current_dir(folder)
        .env("TRIBUNAL_LISTEN", "127.0.0.1:0")
        .env_remove("TRIBUNAL_DATA")
        .env_remove("OTEL_EXPORTER_OTLP_ENDPOINT")
        .env_remove("OTEL_SERVICE_NAME")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("the server's binary");
    let began = Instant::now();
    loop {
        let mut text = String::new();
        File::open(&log_path).and_then(|mut log| log.read_to_string(&mut text)).expect("a log");
        if let Some(address) = text.split("listen=").nth(1).and_then(|rest| rest.split_whitespace().next()) {
            return (child, format!("http://{address}"));
        }
        let ended = child.try_wait().expect("a child").is_some();
        assert!(!ended && began.elapsed() < PATIENCE, "the server did not start:\n{text}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
