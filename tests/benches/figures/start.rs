//! How soon a server that has been here before has its plugins again.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use tribunal::plugin::Engine;
use tribunal::record::Time;
use tribunal_tests::{Server, plugin};

use super::{Row, quantile};

const STARTS: usize = 15;
/// Each first-party plugin with so many configs.
const CONFIGS: usize = 4;
const BINDINGS: usize = 5 * CONFIGS;

pub(crate) fn measure() -> Vec<Row> {
    let mut empty = Server::start("");
    let mut server = Server::start(&bindings());
    assert_eq!(loaded(&server).len(), BINDINGS);
    let (mut whole, mut loading, mut bare, mut alone) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..STARTS {
        assert!(server.terminate().success() && empty.terminate().success());
        let spawned = Time::now();
        empty.restart();
        bare.push(since(spawned, serving(&empty)));
        alone.push(read_and_deserialize(server.folder.path()));
        let spawned = Time::now();
        server.restart();
        let loaded = loaded(&server);
        let (first, last) = (loaded.first().copied().unwrap(), loaded.last().copied().unwrap());
        whole.push(since(spawned, last));
        loading.push(since(first, last));
    }
    let in_words = |times: &mut Vec<Duration>| {
        let mut millis = |share| quantile(times, share).as_secs_f64() * 1e3;
        format!("{:.0} ms (at most {:.0})", millis(0.5), millis(1.0))
    };
    vec![Row {
        what: "a second start with 20 plugins, from spawn to the last one loaded, median",
        wanted: "≤ 200 ms",
        got: format!("{}; from the first to the last {}", in_words(&mut whole), in_words(&mut loading)),
        beside: format!(
            "a start without plugins {}; reading the same files and deserializing alone {}",
            in_words(&mut bare),
            in_words(&mut alone)
        ),
    }]
}

fn bindings() -> String {
    let mut config = String::new();
    for at in 0..CONFIGS {
        for (name, set) in [
            ("refusal", format!("threshold = 0.{}", 4 + at)),
            ("bias", format!("threshold = 0.{}", 4 + at)),
            ("answer-errors", format!("max_findings = {}", 10 + at)),
            ("answer-errors-fast", format!("max_findings = {}", 10 + at)),
            ("pricing", format!("overrides = [{{ provider = \"mine\", model = \"m\", input = {} }}]", 1 + at)),
        ] {
            let component = plugin(name);
            writeln!(config, "[plugins.{name}-{at}]\ncomponent = {component:?}\nconfig = {{ {set} }}").unwrap();
            config.push_str("memory = \"512MiB\"\n");
        }
    }
    config
}

/// When each plugin was loaded, by the log.
fn loaded(server: &Server) -> Vec<Time> {
    server.wait_until("the log names every plugin", || moments(server, "plugin loaded").len() == BINDINGS);
    moments(server, "plugin loaded")
}

/// When it began to serve, by the log.
fn serving(server: &Server) -> Time {
    moments(server, "serving").first().copied().unwrap()
}

/// The times of the log's lines that say this.
fn moments(server: &Server, says: &str) -> Vec<Time> {
    let log = server.log();
    let lines = log.lines().filter(|line| line.contains(says));
    lines.map(|line| line.split_whitespace().next().unwrap().parse().unwrap()).collect()
}

fn since(earlier: Time, later: Time) -> Duration {
    Duration::from_nanos((later.as_nanoseconds() - earlier.as_nanoseconds()).unsigned_abs())
}

/// The files that a start reads, with nothing done but what has to be.
fn read_and_deserialize(folder: &Path) -> Duration {
    let engine = Engine::start(&folder.join("tribunal.db.cache")).unwrap();
    let began = Instant::now();
    for name in ["refusal", "bias", "answer-errors", "answer-errors-fast", "pricing"].repeat(CONFIGS) {
        assert!(!fs::read(plugin(name)).unwrap().is_empty());
    }
    assert_eq!(engine.deserialize_all().unwrap(), BINDINGS);
    began.elapsed()
}
