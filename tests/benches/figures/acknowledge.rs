//! How long a single post waits until it is durable, while evaluations run.

use std::fs::File;
use std::io::Write;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tribunal_tests::Server;

use super::{Row, pipeline, quantile, text};

const RATE: usize = 2_000;
const SECONDS: usize = 15;
const CLIENTS: usize = 16;

pub(crate) fn measure() -> Vec<Row> {
    let server = Server::start(&pipeline::four_plugins());
    let (posts, failed) = calls(&server, "/v1/interactions", "single", RATE, SECONDS);
    let (bare, _) = calls(&server, "/healthz", "", RATE, SECONDS);
    let mut raw = raw_writes(&server);
    let mut raw = |share| quantile(&mut raw, share).as_secs_f64() * 1e3;
    vec![Row {
        what: "acknowledgement of single posts at 2,000/s while evaluations run, p99",
        wanted: "≤ 10 ms",
        got: format!("{:.1} ms (p50 {:.1} ms, {failed} failed)", millis(&posts, 0.99), millis(&posts, 0.5)),
        beside: format!(
            "a bare GET at that rate: p99 {:.1} ms, p50 {:.1} ms; a raw write of 16 KiB and fdatasync: p99 {:.1} ms, p50 {:.1} ms",
            millis(&bare, 0.99),
            millis(&bare, 0.5),
            raw(0.99),
            raw(0.5)
        ),
    }]
}

/// What the disk itself takes, one write after the other, for as many as the server commits in that time.
fn raw_writes(server: &Server) -> Vec<Duration> {
    let mut file = File::create(server.folder.path().join("raw")).unwrap();
    let block = [7; 16 << 10];
    (0..SECONDS * 500)
        .map(|_| {
            let began = Instant::now();
            file.write_all(&block).unwrap();
            file.sync_data().unwrap();
            began.elapsed()
        })
        .collect()
}

/// Calls at a fixed rate, for a time; each time is taken from the moment the call was due, and comes in the order of
/// those moments, with the moment of the answer.
pub(crate) fn calls(server: &Server, path: &str, prefix: &str, rate: usize, seconds: usize) -> (Vec<Call>, usize) {
    let templates = text::templates(2048);
    let (calls, failed) = (Mutex::new(Vec::new()), Mutex::new(0));
    let began = Instant::now();
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (calls, failed, templates) = (&calls, &failed, &templates);
            scope.spawn(move || {
                let mut own = Vec::new();
                for at in (client..rate * seconds).step_by(CLIENTS) {
                    let due = began + Duration::from_secs(1) * at as u32 / rate as u32;
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    let response = if path == "/healthz" {
                        server.get(path)
                    } else {
                        server.post_as("application/json", text::body(templates, prefix, at, 1))
                    };
                    if response.status().is_success() {
                        drop(response.bytes());
                        own.push(Call { took: due.elapsed(), answered: Instant::now() });
                    } else {
                        *failed.lock().unwrap() += 1;
                    }
                }
                calls.lock().unwrap().extend(own);
            });
        }
    });
    let mut calls = calls.into_inner().unwrap();
    calls.sort_unstable_by_key(|call| call.answered);
    (calls, failed.into_inner().unwrap())
}

/// One call that succeeded.
pub(crate) struct Call {
    pub(crate) took: Duration,
    pub(crate) answered: Instant,
}

/// A quantile of what calls took, in milliseconds.
pub(crate) fn millis(calls: &[Call], share: f64) -> f64 {
    let mut times: Vec<_> = calls.iter().map(|call| call.took).collect();
    quantile(&mut times, share).as_secs_f64() * 1e3
}
