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
    let (mut posts, failed) = run(&server, "/v1/interactions");
    let (mut bare, _) = run(&server, "/healthz");
    let mut raw = raw_writes(&server);
    let millis = |times: &mut Vec<Duration>, share| quantile(times, share).as_secs_f64() * 1e3;
    vec![Row {
        what: "acknowledgement of single posts at 2,000/s while evaluations run, p99",
        wanted: "≤ 10 ms",
        got: format!("{:.1} ms (p50 {:.1} ms, {failed} failed)", millis(&mut posts, 0.99), millis(&mut posts, 0.5)),
        beside: format!(
            "a bare GET at that rate: p99 {:.1} ms, p50 {:.1} ms; a raw write of 16 KiB and fdatasync: p99 {:.1} ms, p50 {:.1} ms",
            millis(&mut bare, 0.99),
            millis(&mut bare, 0.5),
            millis(&mut raw, 0.99),
            millis(&mut raw, 0.5)
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

/// Calls at a fixed rate; each time is taken from the moment the call was due.
fn run(server: &Server, path: &str) -> (Vec<Duration>, usize) {
    let templates = text::templates(2048);
    let (times, failed) = (Mutex::new(Vec::new()), Mutex::new(0));
    let began = Instant::now();
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (times, failed, templates) = (&times, &failed, &templates);
            scope.spawn(move || {
                let mut own = Vec::new();
                for at in (client..RATE * SECONDS).step_by(CLIENTS) {
                    let due = began + Duration::from_secs(1) * at as u32 / RATE as u32;
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    let response = if path == "/healthz" {
                        server.get(path)
                    } else {
                        server.post_as("application/json", text::body(templates, "single", at, 1))
                    };
                    if response.status().is_success() {
                        drop(response.bytes());
                        own.push(due.elapsed());
                    } else {
                        *failed.lock().unwrap() += 1;
                    }
                }
                times.lock().unwrap().extend(own);
            });
        }
    });
    (times.into_inner().unwrap(), failed.into_inner().unwrap())
}
