//! Plugins that attack, one in each row: every limit binds, what became of each is told by its right name, the host goes
//! on, and memory comes back.

mod files;
mod rows;

use std::cell::Cell;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tribunal_tests::{Server, guest, interaction, pages, plugin, root};

use rows::{Expected, Row, overflow, rows};

/// Each has a row that shows it.
const LIMITS: [&str; 8] =
    ["size", "load_deadline", "load_memory", "deadline", "memory", "output", "verdicts", "log_lines"];
/// How far beyond its deadline a call may end.
const LATE: Duration = Duration::from_millis(20);
/// How much memory the host may have after an attack for each byte that it had before.
const MORE: f64 = 1.10;
/// How long the allocator and the kernel may take to give it back.
const SETTLE: Duration = Duration::from_secs(5);
/// How often each attack is made in one round.
const TIMES: usize = 3;
/// The machine may be so busy that a call is put aside; then there is another round. With more of them a breaker opens.
const ROUNDS: usize = 5;
/// What may stay after all attacks together, in MiB: the pool's warm memories, and what the workers' heaps keep.
const KEPT: f64 = 64.0;

#[test]
fn every_attack_is_bound() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::start();
    println!("{:<26} {:<17} {:>9} {:>9} {:>7} {:>7}", "attack", "came to", "at most", "took", "before", "after");
    bench.warm_up(&overflow(folder.path()));
    let before = bench.memory();
    let limits = bench.server.binding("good")["limits"].clone();
    for limit in LIMITS {
        assert!(limits.get(limit).is_some(), "/v1/plugins does not print {limit}: {limits}");
    }
    let mut not_bound = rows(folder.path());
    not_bound.retain(|row| catch_unwind(AssertUnwindSafe(|| bench.check(row))).is_err());
    let names: Vec<_> = not_bound.iter().map(|row| row.name).collect();
    assert!(names.is_empty(), "these are not bound, as said above: {}", names.join(", "));
    bench.server.configure(&bench.good);
    let after = bench.memory_once_below(before + KEPT);
    println!("all in all: {before:.1} MiB became {after:.1} MiB");
    assert!(after <= before + KEPT, "all attacks together: {before:.1} MiB became {after:.1} MiB");
}

/// A server with one good plugin.
struct Bench {
    server: Server,
    good: String,
    /// How many were made.
    attacks: Cell<usize>,
}

impl Bench {
    fn start() -> Self {
        let table = |name: &str, component: &Path| {
            format!("[plugins.{name}]\ncomponent = {component:?}\nstart = \"beginning\"\n")
        };
        let mut good = table("good", &guest("length"));
        for name in ["answer-errors-fast", "bias", "pricing", "refusal"] {
            good.push_str(&table(name, &plugin(name)));
        }
        Self { server: Server::start(&good), good, attacks: Cell::new(0) }
    }

    fn check(&self, row: &Row) {
        let before = self.memory();
        let report = self.server.configure(&format!("{}{}", self.good, row.table()));
        let (came_to, at_most, took) = match &row.expected {
            Expected::NotLoaded(words) => {
                let item = self.server.binding(row.name);
                assert_eq!(item["status"], "failed", "{}: {item}", row.name);
                let error = item["error"].as_str().unwrap();
                assert!(error.contains(words), "{}: {error:?} does not say {words:?}", row.name);
                assert!(error.len() < 10_000, "{}: the error has {} bytes", row.name, error.len());
                ("not loaded".to_owned(), None, None)
            }
            expected => {
                let loaded = self.server.binding(row.name);
                assert_eq!(loaded["status"], "loaded", "{}: {report}", row.name);
                let deadline = milliseconds(loaded["limits"]["deadline"].as_str().unwrap());
                let (mut took, mut came_to) = (Duration::MAX, String::new());
                for _ in 0..ROUNDS {
                    for evaluation in self.attack(row.name) {
                        check_outcome(row.name, expected, &evaluation);
                        took = took.min(Duration::from_micros(evaluation["duration_us"].as_u64().unwrap()));
                        came_to = evaluation["failure"]["reason"].as_str().unwrap_or("succeeded").to_owned();
                    }
                    if took <= deadline + LATE {
                        break;
                    }
                }
                assert!(took <= deadline + LATE, "{}: took {took:?} of {deadline:?}", row.name);
                (came_to, Some(deadline), Some(took))
            }
        };
        self.check_that_the_host_goes_on(row.name);
        let after = self.memory_once_below(before * MORE);
        let show =
            |time: Option<Duration>| time.map_or("-".to_owned(), |time| format!("{:.1} ms", time.as_secs_f64() * 1e3));
        println!("{:<26} {came_to:<17} {:>9} {:>9} {before:>7.1} {after:>7.1}", row.name, show(at_most), show(took));
        assert!(after <= before * MORE, "{}: {before:.1} MiB became {after:.1} MiB", row.name);
    }

    /// Puts interactions before the plugins and gives what came of them with that one.
    fn attack(&self, name: &str) -> Vec<Value> {
        let attack = self.attacks.replace(self.attacks.get() + 1);
        let ids: Vec<_> = (0..TIMES).map(|at| format!("{name}-{attack}-{at}")).collect();
        let named = |id: &String| {
            let mut interaction = attacked(id);
            interaction["attributes"] = json!({ "attack": name });
            interaction
        };
        self.server.post(&ids.iter().map(named).collect());
        ids.iter().map(|id| self.evaluation(id, name)).collect()
    }

    fn evaluation(&self, id: &str, name: &str) -> Value {
        let evaluation = || {
            let list = self.server.json(&format!("/v1/interactions/{id}/evaluations"));
            let item = list["items"].as_array().unwrap().iter().find(|item| item["plugin"] == name).cloned();
            item.and_then(|item| item.get("evaluation").cloned())
        };
        self.server.wait_until(&format!("{name} has judged {id}"), || evaluation().is_some());
        evaluation().unwrap()
    }

    fn check_that_the_host_goes_on(&self, name: &str) {
        let alive = self.server.get("/healthz").status();
        let ready = self.server.get("/readyz").status();
        assert!(alive.is_success() && ready.is_success(), "{name}: /healthz {alive}, /readyz {ready}");
        let id = format!("after-{name}");
        self.server.post(&attacked(&id));
        let good = self.evaluation(&id, "good");
        assert_eq!(good["verdicts"][0]["name"], "words", "{name}: {good}");
    }

    /// The memory of the server that is in use, in MiB.
    fn memory(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.server.pid())).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        resident.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }

    fn memory_once_below(&self, wanted: f64) -> f64 {
        let began = Instant::now();
        while self.memory() > wanted && began.elapsed() < SETTLE {
            std::thread::sleep(Duration::from_millis(20));
        }
        self.memory()
    }

    /// Does once what makes threads, their heaps and the pool of instances take what they keep.
    fn warm_up(&self, overflow: &Row) {
        let sample = fs::read_to_string(root().join("examples/interactions.jsonl")).unwrap();
        self.server.post_as("application/x-ndjson", sample);
        self.server.wait_idle();
        for _ in 0..5 {
            pages(&self.server, "/v1/interactions");
            pages(&self.server, "/v1/verdicts");
            // wasmtime notes every frame of the stack that a trap finds, and each worker's heap keeps the room for that.
            self.server.configure(&format!("{}{}", self.good, overflow.table()));
            self.attack(overflow.name);
            self.server.configure(&self.good);
        }
    }
}

fn check_outcome(name: &str, expected: &Expected, evaluation: &Value) {
    let failure = &evaluation["failure"];
    match expected {
        Expected::Failed(reason, words) => {
            let message = failure["message"].as_str().unwrap_or_default();
            assert!(failure["reason"] == *reason && message.contains(words), "{name}: {evaluation}");
            assert!(message.len() <= 4 << 10, "{name}: the message has {} bytes", message.len());
        }
        Expected::Quiet => assert_eq!(evaluation["verdicts"], json!([]), "{name}: {evaluation}"),
        Expected::SeesNothing => {
            assert_eq!(evaluation["verdicts"][0]["name"], "seen", "{name}: {evaluation}");
            assert_eq!(evaluation["verdicts"][0]["value"], 0.0, "{name}: {evaluation}");
        }
        Expected::Logs(lines) => {
            let logs = evaluation["logs"].as_array().unwrap();
            assert_eq!(logs.len(), *lines, "{name}");
            assert!(logs.iter().all(|line| line["message"].as_str().unwrap().len() <= 4 << 10), "{name}");
        }
        Expected::NotLoaded(_) => unreachable!("there is nothing to call"),
    }
}

/// An interaction whose answer is longer than anything that the host makes up, and starts with a character of three bytes.
fn attacked(id: &str) -> Value {
    let mut interaction = interaction(id, 3000);
    let answer = format!("€ {}", interaction["output"][0]["content"].as_str().unwrap());
    interaction["output"][0]["content"] = answer.into();
    interaction
}

fn milliseconds(text: &str) -> Duration {
    match text.strip_suffix("ms") {
        Some(number) => Duration::from_millis(number.parse().unwrap()),
        None => Duration::from_secs(text.trim_end_matches('s').parse().unwrap()),
    }
}
