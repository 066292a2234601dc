//! A list by model over a million interactions.

use std::time::{Duration, Instant};

use tribunal_tests::Server;

use super::{Row, peak_memory, quantile, record, text};

const STORED: usize = 1_000_000;
const QUERIES: usize = 1_000;

pub(crate) fn measure() -> Vec<Row> {
    // What is listed has no payload, so that these can be small.
    let templates = text::templates(512);
    let server = Server::start("");
    record::post_all(&server, &templates, "list", STORED);
    let mut lists = times(&server, "/v1/interactions?model=gpt-4.1&limit=50");
    let mut bare = times(&server, "/healthz");
    let millis = |times: &mut Vec<Duration>, share| quantile(times, share).as_secs_f64() * 1e3;
    vec![
        Row {
            what: "GET /v1/interactions?model=…&limit=50 at 1,000,000 stored, p99",
            wanted: "≤ 10 ms",
            got: format!("{:.1} ms (p50 {:.1} ms)", millis(&mut lists, 0.99), millis(&mut lists, 0.5)),
            beside: format!("a bare GET: p99 {:.1} ms, p50 {:.1} ms", millis(&mut bare, 0.99), millis(&mut bare, 0.5)),
        },
        Row {
            what: "peak memory of the server during that",
            wanted: "≤ 512 MiB",
            got: format!("{} MiB", peak_memory(server.pid())),
            beside: String::new(),
        },
    ]
}

/// Pages through the list, one query after the other.
fn times(server: &Server, path: &str) -> Vec<Duration> {
    let mut times = Vec::with_capacity(QUERIES);
    let mut cursor = String::new();
    for _ in 0..QUERIES {
        let began = Instant::now();
        let response = server.get(&format!("{path}{cursor}"));
        let body = response.text().unwrap();
        times.push(began.elapsed());
        let page: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
        cursor = page["next"].as_str().map(|next| format!("&cursor={next}")).unwrap_or_default();
    }
    times
}
