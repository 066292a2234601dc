//! The costs that the real server stores against those that the Python package genai-prices makes of the same calls
//! and the same list.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use tribunal_tests::{Server, pages, plugin, python, root, run};

/// What a call costs: currency and billionths of it.
type Cost = (String, u64);

#[test]
fn every_cost_is_that_of_the_package() {
    let cases = cases();
    assert!(cases.len() > 10_000, "check.py made {} cases only", cases.len());
    let config = format!("[plugins.pricing]\ncomponent = {:?}\nstart = \"beginning\"\n", plugin("pricing"));
    let server = Server::start(&config);
    let lines = cases.iter().map(|(call, _)| format!("{call}\n")).collect::<String>();
    let answer: Value = server.post_as("application/x-ndjson", lines).json().unwrap();
    assert_eq!(answer, json!({"recorded": cases.len(), "duplicates": 0, "rejected": []}));
    server.wait_idle();
    // Otherwise a failure would pass for a call without a price.
    assert_eq!(server.json("/v1/plugins")["items"][0]["outcomes"], json!({"succeeded": cases.len()}));

    let stored: BTreeMap<String, Vec<Cost>> = stored(&server);
    let mut priced = 0;
    let mut disagreements = Vec::new();
    for (call, expected) in &cases {
        let got = stored.get(call["id"].as_str().unwrap()).map_or(&[][..], Vec::as_slice);
        priced += got.len();
        if got != expected.as_slice() {
            disagreements.push(format!("{call}\n  stored {got:?}, expected {expected:?}"));
        }
    }
    let some = disagreements.iter().take(20).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(disagreements.is_empty(), "{} of {} disagree, such as\n{some}", disagreements.len(), cases.len());
    assert_eq!(priced, stored.values().map(Vec::len).sum::<usize>(), "there are costs of calls that were not posted");
    println!("{} calls, {priced} of them with a cost, all as the package has it", cases.len());
}

/// All costs in the store, by the call's id.
fn stored(server: &Server) -> BTreeMap<String, Vec<Cost>> {
    let mut stored: BTreeMap<String, Vec<Cost>> = BTreeMap::new();
    for item in pages(server, "/v1/verdicts?plugin=pricing&verdict=cost") {
        let cost = &item["verdict"]["cost"];
        let cost = (cost["currency"].as_str().unwrap().to_owned(), cost["amount_billionths"].as_u64().unwrap());
        stored.entry(item["interaction"].as_str().unwrap().to_owned()).or_default().push(cost);
    }
    stored
}

/// The calls that `check.py` makes, each with an id, and the cost that the package gives it, if any.
fn cases() -> Vec<(Value, Option<Cost>)> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cases.jsonl");
    let script = root().join("plugins/pricing/check.py");
    run(Command::new(python("plugins/pricing/requirements.txt")).arg(script).arg("--out").arg(&file));
    let text = fs::read_to_string(&file).unwrap();
    let case = |(at, line): (usize, &str)| {
        let mut case: Value = serde_json::from_str(line).unwrap();
        let mut call = case["call"].take();
        call["id"] = format!("case-{at}").into();
        let expected = &case["expected"];
        let amount = expected["amount"].as_str().map(|amount| amount.parse().unwrap());
        (call, amount.map(|amount| (expected["currency"].as_str().unwrap().to_owned(), amount)))
    };
    text.lines().enumerate().map(case).collect()
}
