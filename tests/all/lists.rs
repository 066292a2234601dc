//! Lists: filters, order, pages.

use serde_json::{Value, json};
use tribunal_tests::{Server, guest, interaction, pages, plugin};

fn ids(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["id"].as_str().unwrap()).collect()
}

fn filled() -> Server {
    let config = format!(
        "[plugins.length]\ncomponent = {:?}\nstart = \"beginning\"\n[plugins.pricing]\ncomponent = {:?}\nstart = \"beginning\"",
        guest("length"),
        plugin("pricing")
    );
    let server = Server::start(&config);
    let with = |id: &str, minute: u32, fields: Value| {
        let mut interaction = interaction(id, 20);
        interaction["started_at"] = format!("2026-03-01T12:{minute:02}:00Z").into();
        interaction.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        interaction
    };
    let batch = json!([
        with("c", 3, json!({"model": "m1", "session": "s1", "output": [{"role": "assistant", "content": "one"}]})),
        with("a", 1, json!({"model": "m1", "user": "u1", "project": "other"})),
        with("d", 4, json!({"model": "m2", "error": {"kind": "timeout"}, "output": []})),
        with("b", 2, json!({"provider": "anthropic", "prompt": {"name": "greet", "version": "2"}})),
        with("e", 4, json!({"model": "gpt-4.1", "usage": {"input_tokens": 1_000_000}})),
    ]);
    let answer: Value = server.post(&batch).json().unwrap();
    assert_eq!(answer["recorded"], 5, "{answer}");
    server.wait_idle();
    server
}

#[test]
fn filters_narrow_and_order_holds() {
    let server = filled();
    let check = |query: &str, expected: &[&str]| {
        let list = server.json(&format!("/v1/interactions?{query}"));
        assert_eq!(ids(list["items"].as_array().unwrap()), expected, "{query}");
    };
    check("", &["e", "d", "c", "b", "a"]);
    check("model=m1", &["c", "a"]);
    check("model=unheard-of", &[]);
    check("provider=anthropic", &["b"]);
    check("project=other", &["a"]);
    check("project=library&model=m1", &["c"]);
    check("session=s1", &["c"]);
    check("user=u1", &["a"]);
    check("prompt=greet", &["b"]);
    check("has_error=true", &["d"]);
    check("has_error=false", &["e", "c", "b", "a"]);
    check("from=2026-03-01T12:02:00Z&to=2026-03-01T12:04:00Z", &["c", "b"]);
    check("plugin=length&verdict=words&max_value=1", &["d", "c"]);
    check("verdict=words&min_value=1&max_value=1", &["c"]);
    check("verdict=cost&min_value=1", &["e"]);
    check("verdict=cost&label=USD&model=gpt-4.1", &["e"]);
    let bindings = server.json("/v1/plugins");
    let digest = bindings["items"][1]["binding"].as_str().unwrap();
    check(&format!("binding={digest}&verdict=cost"), &["e"]);
    check(&format!("binding={digest}&verdict=words"), &[]);
    check(&format!("binding={digest}&model=m1"), &["c", "a"]);
    check(&format!("binding={}", "0".repeat(64)), &[]);
    // Without a verdict too: pricing knows the price of one model here.
    check("plugin=pricing", &["e", "d", "c", "b", "a"]);
    check("plugin=pricing&outcome=succeeded&model=m1", &["c", "a"]);
    check("outcome=succeeded", &["e", "d", "c", "b", "a"]);
    check("plugin=nobody", &[]);
    check("outcome=failed", &[]);
    check("plugin=length&outcome=succeeded", &["e", "d", "c", "b", "a"]);
    check("plugin=length&outcome=succeeded&limit=2", &["e", "d"]);
}

#[test]
fn pages_join_without_gap_or_double() {
    let server = filled();
    for path in ["/v1/interactions?", "/v1/interactions?plugin=length&", "/v1/interactions?model=m1&", "/v1/verdicts?"]
    {
        let whole = server.json(path);
        let whole = whole["items"].as_array().unwrap();
        let mut joined: Vec<Value> = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = server.json(&format!("{path}limit=1{cursor}"));
            joined.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(&joined, whole, "{path}");
        assert!(whole.len() > 1, "{path}");
    }
}

#[test]
fn verdicts_are_listed_with_what_they_are_about() {
    let server = filled();
    let verdicts = pages(&server, "/v1/verdicts?plugin=length");
    assert_eq!(verdicts.len(), 5);
    assert_eq!(verdicts[2]["interaction"], "c");
    assert_eq!(verdicts[2]["verdict"], json!({"kind": "score", "name": "words", "value": 1.0}));
    assert_eq!(verdicts[2]["started_at"], "2026-03-01T12:03:00Z");
    let costs = pages(&server, "/v1/verdicts?verdict=cost&min_value=1");
    assert_eq!(costs.len(), 1);
    assert_eq!(costs[0]["verdict"]["cost"]["amount_billionths"], 2_000_000_000u64);
}
