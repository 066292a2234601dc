//! The bundled sample, through the plugins that `make run` loads.

use serde_json::Value;
use tribunal_tests::{Server, pages, plugin, root};

#[test]
fn the_sample_is_recorded_and_judged_whole() {
    let config = ["refusal", "answer-errors", "bias", "pricing"].map(|name| {
        format!(
            "[plugins.{name}]\ncomponent = {:?}\nstart = \"beginning\"\nmemory = \"512MiB\"\ndeadline = \"30s\"\n",
            plugin(name)
        )
    });
    let server = Server::start(&config.concat());
    let lines = std::fs::read_to_string(root().join("examples/interactions.jsonl")).unwrap();
    let count = lines.lines().count() as u64;
    assert!(count >= 200);
    let answer: Value = server.post_as("application/x-ndjson", lines).json().unwrap();
    assert_eq!(answer["recorded"], count, "{answer}");
    server.wait_idle();
    for item in server.json("/v1/plugins")["items"].as_array().unwrap() {
        assert_eq!(item["outcomes"], serde_json::json!({"succeeded": count}), "{item}");
    }
    let refused = pages(&server, "/v1/interactions?plugin=refusal&verdict=refusal_kind&label=full");
    assert!(!refused.is_empty());
    let costs = pages(&server, "/v1/verdicts?plugin=pricing&verdict=cost");
    assert!(!costs.is_empty());
}
