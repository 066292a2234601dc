//! Reloading one binding again and again while posts come in: none may fail, and none may wait for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tribunal_tests::{Server, plugin};

use super::acknowledge::{Call, calls, millis};
use super::{Row, pipeline};

const RATE: usize = 2_000;
const SECONDS: usize = 15;

pub(crate) fn measure() -> Vec<Row> {
    let server = Server::start(&pipeline::four_plugins());
    let (before, _) = calls(&server, "/v1/interactions", "quiet", RATE, SECONDS);
    [("every 5 s", Duration::from_secs(5)), ("without pause", Duration::ZERO)]
        .map(|(when, pause)| {
            let (during, failed, reloads) = reloading(&server, when, pause);
            server.wait_idle();
            Row {
                what: "acknowledgement of single posts at 2,000/s while one of four bindings is reloaded, p99",
                wanted: "≤ 10 ms, none fails",
                got: format!(
                    "{when}: {:.1} ms (p50 {:.1} ms), {failed} of {} failed, {reloads} reloads",
                    millis(&during, 0.99),
                    millis(&during, 0.5),
                    during.len() + failed
                ),
                beside: format!(
                    "without reloads: p99 {:.1} ms, p50 {:.1} ms",
                    millis(&before, 0.99),
                    millis(&before, 0.5)
                ),
            }
        })
        .into()
}

/// Posts while the binding is reloaded: those that succeeded, how many failed, and how many reloads there were.
fn reloading(server: &Server, prefix: &str, pause: Duration) -> (Vec<Call>, usize, u32) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reloading = scope.spawn(|| {
            let mut reloads = 0;
            while !stop.load(Ordering::Relaxed) {
                let began = Instant::now();
                reloads += 1;
                reload(server, pause, reloads);
                while began.elapsed() < pause && !stop.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(50));
                }
            }
            reloads
        });
        let (during, failed) = calls(server, "/v1/interactions", &prefix.replace(' ', "-"), RATE, SECONDS);
        stop.store(true, Ordering::Relaxed);
        (during, failed, reloading.join().unwrap())
    })
}

/// Another config each time, so that the plugin is compiled, configured and snapshot anew.
fn reload(server: &Server, pause: Duration, version: u32) {
    let refusal = format!("component = {:?}\n", plugin("refusal"));
    let threshold = f64::from(version % 1_000) / 1_000.0 + pause.as_secs_f64() / 10.0;
    let changed = format!("{refusal}config = {{ threshold = {threshold:.3} }}\n");
    let config = pipeline::four_plugins().replace(&refusal, &changed);
    let (new, file) = (server.folder.path().join("new.toml"), server.folder.path().join("tribunal.toml"));
    std::fs::write(&new, config).unwrap();
    std::fs::rename(new, file).unwrap();
    let response = server.client.post(format!("{}/v1/plugins/reload", server.url)).send().unwrap();
    let report: Value = response.json().unwrap();
    let outcomes: Vec<_> = report["items"].as_array().unwrap().iter().map(|item| &item["outcome"]).collect();
    assert!(outcomes.iter().all(|outcome| *outcome != "failed"), "{report}");
}
