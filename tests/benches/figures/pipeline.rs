//! From a post to the stored verdicts of four plugins, sustained.

use std::time::Instant;

use tribunal_tests::{Server, plugin};

use super::{Row, peak_memory, record, text};

const INTERACTIONS: usize = 200_000;

/// The four first-party plugins, grammar aside.
pub(crate) fn four_plugins() -> String {
    ["refusal", "answer-errors-fast", "bias", "pricing"]
        .map(|name| format!("[plugins.{name}]\ncomponent = {:?}\nstart = \"beginning\"\n", plugin(name)))
        .concat()
}

pub(crate) fn measure() -> Vec<Row> {
    let templates = text::templates(2048);
    let server = Server::start(&four_plugins());
    let began = Instant::now();
    let acknowledged = record::post_all(&server, &templates, "pipeline", INTERACTIONS);
    server.wait_idle();
    let rate = INTERACTIONS as f64 / began.elapsed().as_secs_f64();
    let stored = server.metric("tribunal_evaluations_stored_total");
    assert_eq!(stored as usize, 4 * INTERACTIONS);
    let plugins = server.json("/v1/plugins");
    let calls: Vec<String> = plugins["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| format!("{} {} µs", item["name"].as_str().unwrap(), item["since_start"]["p50_us"]))
        .collect();
    vec![
        Row {
            what: "record → four plugins, fresh instances → verdicts stored, 200,000 interactions of 2 KB",
            wanted: "≥ 12,000/s",
            got: format!("{rate:.0}/s"),
            beside: format!("acknowledged at {acknowledged:.0}/s; calls p50: {}", calls.join(", ")),
        },
        Row {
            what: "peak memory of the server during that",
            wanted: "≤ 512 MiB",
            got: format!("{} MiB", peak_memory(server.pid())),
            beside: String::new(),
        },
    ]
}
