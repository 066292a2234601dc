//! Two versions side by side: what a comparison tells is what the lists of verdicts come to, and a shadow keeps out of the
//! way until it is asked for or promoted.

mod reckoning;

use std::fs;
use std::process::Command;

use reckoning::{Random, reckon};
use serde_json::{Value, json};
use tribunal::store::{ComparisonError, ComparisonRequest, InteractionFilter, Store, StoreOptions};
use tribunal_tests::{Server, binary, guest, interaction, pages, plugin, root};

fn table(name: &str, component: &std::path::Path, rest: &str) -> String {
    format!("[plugins.{name}]\ncomponent = {component:?}\nstart = \"beginning\"\n{rest}\n")
}

/// Two parrots that say what the attributes `a` and `b` of an interaction hold.
fn parrots(rest_of_a: &str, rest_of_b: &str) -> String {
    let voice = |name: &str, rest: &str| table(name, &guest("parrot"), &format!("config.voice = {name:?}\n{rest}"));
    voice("a", rest_of_a) + &voice("b", rest_of_b)
}

/// An interaction on which the two say this, started that many seconds after the first.
fn told(id: &str, seconds: usize, a: &Value, b: &Value) -> Value {
    let mut interaction = interaction(id, 10);
    interaction["started_at"] =
        format!("2026-03-01T{:02}:{:02}:{:02}Z", seconds / 3600, seconds / 60 % 60, seconds % 60).into();
    interaction["attributes"] = json!({"a": a, "b": b});
    interaction
}

fn post(server: &Server, batch: &[Value]) {
    let answer: Value = server.post(&json!(batch)).json().unwrap();
    assert_eq!(answer["recorded"], batch.len(), "{answer}");
    server.wait_idle();
}

fn ids(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect()
}

#[test]
fn figures_are_those_of_the_lists() {
    // Each of them leaves out some that the other judges.
    let server = Server::start(&parrots("sample = 0.9", "shadow = true\nfilter = 'session != \"skip\"'"));
    let mut random = Random(7);
    let batch: Vec<_> = (0..1500)
        .map(|at| {
            // Not in the order of the log.
            let mut interaction = told(&format!("i{at}"), at * 7 % 1500, &random.opinion(), &random.opinion());
            interaction["session"] = if at % 11 == 0 { "skip" } else { "keep" }.into();
            interaction["project"] = if at % 3 == 0 { "third" } else { "rest" }.into();
            interaction
        })
        .collect();
    post(&server, &batch);
    for narrowed in ["", "&project=third", "&from=2026-03-01T00:10:00Z&to=2026-03-01T00:20:00Z", "&session=skip"] {
        let comparison = server.json(&format!("/v1/compare?a=a&b=b&limit=100{narrowed}"));
        reckon(&server, narrowed, &comparison);
    }
}

/// Real plugins: another threshold changes the label and nothing else.
#[test]
fn thresholds_of_refusal_differ_in_the_kind_alone() {
    let refusal = plugin("refusal");
    let config = table("strict", &refusal, "config.threshold = 0.9") + &table("refusal", &refusal, "");
    let server = Server::start(&config);
    let sample = fs::read_to_string(root().join("examples/interactions.jsonl")).unwrap();
    assert_eq!(server.post_as("application/x-ndjson", sample).status(), 200);
    server.wait_idle();
    let comparison = server.json("/v1/compare?a=refusal&b=strict&limit=100");
    reckon(&server, "", &comparison);
    let of = |name: &str| {
        let verdicts = comparison["verdicts"].as_array().unwrap();
        verdicts.iter().find(|verdict| verdict["name"] == name).unwrap().clone()
    };
    assert_eq!(of("refusal")["numbers"]["equal_share"], 1.0);
    assert_eq!(of("refusal")["numbers"]["histogram"], json!([]));
    let kinds = of("refusal_kind");
    let differing: Vec<_> =
        kinds["categories"]["pairs"].as_array().unwrap().iter().filter(|pair| pair["a"] != pair["b"]).collect();
    assert!(!differing.is_empty() && differing.iter().all(|pair| pair["a"] == "full"), "{kinds}");
    let listed = comparison["interactions"].as_array().unwrap();
    assert!(listed.iter().all(|item| item["difference"] == 1.0 && item["a"]["verdicts"][1]["label"] == "full"));
}

#[test]
fn those_that_differ_most_come_first_and_the_newest_among_equals() {
    let server = Server::start(&parrots("", ""));
    let score = |value: Value| json!({"scores": {"s": value}});
    let findings = |of: Value| json!({"findings": of});
    post(
        &server,
        &[
            told("same", 9, &score(json!(1)), &score(json!(1))),
            told("half", 1, &score(json!(0.25)), &score(json!(0.75))),
            told("half-newer", 5, &score(json!(300)), &score(json!(150))),
            told("half-newest", 5, &score(json!(0)), &score(json!(0.5))),
            told("flip", 2, &score(json!(true)), &score(json!(false))),
            told("failed", 3, &json!({"fail": "no"}), &score(json!(0.5))),
            told("severity", 4, &findings(json!([["c", "x", "low", 1]])), &findings(json!([["c", "x", "medium", 1]]))),
            told(
                "codes",
                0,
                &findings(json!([["c", "x", "low"], ["c", "y", "low"]])),
                &findings(json!([["d", "x", "low"]])),
            ),
            told("cost", 6, &json!({"cost": ["USD", 4]}), &json!({"cost": ["USD", 1]})),
        ],
    );
    let comparison = server.json("/v1/compare?a=a&b=b");
    let listed: Vec<_> = comparison["interactions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["id"].as_str().unwrap(), item["difference"].as_f64().unwrap()))
        .collect();
    let expected = [
        ("codes", 3.0),
        ("failed", 2.0),
        ("flip", 1.0),
        ("cost", 0.75),
        ("half-newest", 0.5),
        ("half-newer", 0.5),
        ("half", 0.5),
        ("severity", 0.25),
    ];
    assert_eq!(listed, expected);
    let failed = &comparison["interactions"][1];
    assert_eq!(failed["a"]["outcome"], "guest-error");
    assert!(failed["a"]["message"].as_str().unwrap().contains("no"), "{failed}");
    assert_eq!(failed["b"]["verdicts"][0]["value"], 0.5);
    assert_eq!((&comparison["both"], &comparison["compared"]), (&json!(9), &json!(8)));
    let outcomes = &comparison["outcomes"];
    assert_eq!(outcomes["equal"], 8);
    assert_eq!(outcomes["pairs"][1], json!({"a": "guest-error", "b": "succeeded", "count": 1}));
    let three = server.json("/v1/compare?a=a&b=b&limit=3");
    assert_eq!(three["interactions"].as_array().unwrap()[..], comparison["interactions"].as_array().unwrap()[..3]);
}

#[test]
fn a_shadow_is_left_out_until_it_is_asked_for_or_promoted() {
    let config = |shadow: &str| {
        table("old", &guest("length"), "") + &table("new", &guest("parrot"), &format!("config.voice = \"b\"{shadow}"))
    };
    let server = Server::start(&config("\nshadow = true"));
    let says = json!({"scores": {"told": 1}, "findings": [["c", "x", "high"]]});
    post(&server, &[told("one", 0, &json!({}), &says), told("two", 1, &json!({}), &json!({"fail": "no"}))]);
    let shadow = server.binding("new");
    assert_eq!((&shadow["shadow"], &server.binding("old")["shadow"]), (&json!(true), &json!(false)));
    let digest = shadow["binding"].as_str().unwrap();
    let evaluations = |query: &str| {
        let detail = server.json(&format!("/v1/interactions/one{query}"));
        let plugins = detail["evaluations"].as_array().unwrap().iter();
        plugins.map(|item| item["plugin"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let check = |query: &str, expected: &[&str]| {
        assert_eq!(ids(&server.json(&format!("/v1/interactions?{query}"))), expected, "{query}");
    };
    let named = format!("binding={digest}");

    check("verdict=told", &[]);
    check("outcome=failed", &[]);
    check("min_severity=high", &[]);
    check("verdict=told&shadow=false", &[]);
    check("verdict=told&shadow=true", &["one"]);
    check("outcome=guest-error&shadow=true", &["two"]);
    check("verdict=told&plugin=new", &["one"]);
    check(&format!("min_severity=high&{named}"), &["one"]);
    check("plugin=new", &["two", "one"]);
    check("plugin=new&outcome=succeeded", &["one"]);
    assert_eq!(pages(&server, "/v1/verdicts").len(), 2);
    assert_eq!(pages(&server, "/v1/verdicts?shadow=true").len(), 4);
    assert_eq!(pages(&server, "/v1/verdicts?plugin=new").len(), 2);
    assert_eq!(evaluations(""), ["old"]);
    assert_eq!(evaluations("?shadow=true"), ["new", "old"]);
    let standings = server.json("/v1/interactions/one/evaluations");
    let marked: Vec<_> =
        standings["items"].as_array().unwrap().iter().map(|item| (&item["plugin"], &item["shadow"])).collect();
    assert_eq!(marked, [(&json!("new"), &json!(true)), (&json!("old"), &json!(false))]);

    // Promoted while the server runs: the same binding, and its verdicts are there.
    fs::write(server.folder.path().join("tribunal.toml"), config("")).unwrap();
    let report: Value = server.client.post(format!("{}/v1/plugins/reload", server.url)).send().unwrap().json().unwrap();
    assert_eq!(report["items"][0], json!({"name": "new", "outcome": "changed"}), "{report}");
    let promoted = server.binding("new");
    assert_eq!((&promoted["binding"], &promoted["shadow"]), (&shadow["binding"], &json!(false)));
    assert_eq!(promoted["outcomes"], shadow["outcomes"]);
    check("verdict=told", &["one"]);
    check("outcome=failed", &["two"]);
    assert_eq!(pages(&server, "/v1/verdicts").len(), 4);
    assert_eq!(evaluations(""), ["new", "old"]);
}

#[test]
fn a_start_makes_shadows_of_what_is_one_by_then() {
    let config = |shadow: &str| table("only", &guest("length"), shadow);
    let mut server = Server::start(&config("shadow = true"));
    post(&server, &[interaction("one", 20)]);
    let before = server.binding("only");
    for (rest, shadow, found) in [("", false, 1), ("shadow = true", true, 0)] {
        assert!(server.terminate().success());
        fs::write(server.folder.path().join("tribunal.toml"), config(rest)).unwrap();
        server.restart();
        let now = server.binding("only");
        assert_eq!((&now["binding"], &now["shadow"]), (&before["binding"], &json!(shadow)));
        assert_eq!(pages(&server, "/v1/verdicts").len(), found, "shadow = {shadow}");
    }
}

#[test]
fn what_both_did_not_judge_is_not_compared() {
    let server = Server::start(&parrots("filter = 'session == \"a\"'", "filter = 'session == \"b\"'"));
    let of = |id: &str, session: &str| {
        let mut interaction = told(id, 0, &json!({"scores": {"s": 1}}), &json!({"scores": {"s": 2}}));
        interaction["session"] = session.into();
        interaction
    };
    post(&server, &[of("one", "a"), of("two", "b"), of("three", "b")]);
    let comparison = server.json("/v1/compare?a=a&b=b");
    assert_eq!((&comparison["a"]["judged"], &comparison["b"]["judged"]), (&json!(1), &json!(2)));
    assert_eq!(
        (&comparison["both"], &comparison["compared"], &comparison["verdicts"]),
        (&json!(0), &json!(0), &json!([]))
    );
    assert_eq!(comparison["interactions"], json!([]));
    assert_eq!(comparison["outcomes"], json!({"equal": 0, "pairs": [], "left_out": 0}));
    let shown = tribunal(&server, &["compare", "a", "b"]);
    assert!(shown.contains("no interaction was judged by both"), "{shown}");
}

#[test]
fn bindings_are_found_by_name_and_by_digest_or_the_error_says_what_there_is() {
    // Of seventeen digests two begin with the same digit.
    let many: String = (0..17).map(|at| table(&format!("p{at}"), &guest("length"), "")).collect();
    let server = Server::start(&many);
    let plugins = server.json("/v1/plugins");
    let digests: Vec<_> =
        plugins["items"].as_array().unwrap().iter().map(|item| item["binding"].as_str().unwrap()).collect();
    let twice = digests
        .iter()
        .map(|digest| &digest[..1])
        .find(|digit| digests.iter().filter(|other| other.starts_with(digit)).count() > 1);
    let twice = twice.unwrap();
    let whole = server.binding("p3")["binding"].as_str().unwrap().to_owned();
    let upper = whole[..40].to_uppercase();
    for named in ["p3", &whole, &whole[..40], &upper] {
        assert_eq!(server.json(&format!("/v1/compare?a={named}&b=p0"))["a"]["binding"], whole.as_str());
    }
    let check = |query: &str, field: &str, says: &[&str]| {
        let response = server.get(&format!("/v1/compare?{query}"));
        assert_eq!(response.status(), 422, "{query}");
        let problem: Value = response.json().unwrap();
        assert_eq!(problem["field"], field, "{problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.len() < 2000 && says.iter().all(|says| detail.contains(says)), "{query}: {detail}");
    };
    check("a=nobody&b=p0", "a", &["no binding is named \"nobody\"", "p16", "p0"]);
    check("a=p0&b=0123456789abcdef", "b", &["no digest begins so", "p16"]);
    check(&format!("a={twice}&b=p0"), "a", &["several digests begin with", twice]);
    check(&format!("a={whole}&b=p3"), "b", &["both are p3", &whole[..12]]);
    check(&format!("a=p3&b={whole}0"), "b", &["no digest begins so"]);
    check("a=&b=p0", "a", &["no binding is named \"\""]);
    check("a=%25&b=p0", "a", &["no binding is named"]);
    check(&format!("a={}&b=p0", "x".repeat(5000)), "a", &["no binding is named"]);
    check("a=p0&b=%00%ff'%22--", "b", &["no binding is named"]);
    check("b=p0", "a", &["missing field"]);
    check("a=p0&a=p1&b=p2", "a", &["duplicate field"]);
    check("a=p0&b=p1&limit=0", "limit", &["1 to 100"]);
    check("a=p0&b=p1&limit=101", "limit", &["1 to 100"]);
    check("a=p0&b=p1&limit=-1", "limit", &["1 to 100"]);
    check("a=p0&b=p1&from=monday", "from", &["RFC 3339"]);
    check("a=p0&b=p1&has_error=x", "has_error", &["true or false"]);
    check("a=p0&b=p1&verdict=words", "verdict", &["unknown field"]);
    check("a=p0&b=p1&shadow=true", "shadow", &["unknown field"]);
}

/// What the command prints, which must succeed.
fn tribunal(server: &Server, arguments: &[&str]) -> String {
    let output = Command::new(binary()).args(arguments).current_dir(server.folder.path()).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// As where a client has gone before the answer.
fn what_nobody_wants_is_left(server: &Server) {
    let options = StoreOptions { max_backlog: 1 << 20 };
    let store = Store::open(&server.folder.path().join("tribunal.db"), &options).unwrap();
    let request = ComparisonRequest { a: "a".into(), b: "b".into(), filter: InteractionFilter::default(), limit: 1 };
    assert!(matches!(store.compare(&request, &|| false), Err(ComparisonError::Unwanted)));
    assert!(store.compare(&request, &|| true).is_ok());
}

#[test]
fn the_command_tells_the_same_beside_the_server_and_without_it() {
    let mut server = Server::start(&parrots("", ""));
    let mut random = Random(3);
    let batch: Vec<_> = (0..300).map(|at| told(&format!("i{at}"), at, &random.opinion(), &random.opinion())).collect();
    post(&server, &batch);
    let over_http = server.json("/v1/compare?a=a&b=b&limit=10&from=2026-03-01T00:01:00Z");
    let arguments = ["compare", "a", "b", "--from", "2026-03-01T00:01:00Z", "--json"];
    let as_json = |server: &Server| serde_json::from_str::<Value>(&tribunal(server, &arguments)).unwrap();
    assert_eq!(as_json(&server), over_http);
    let table = tribunal(&server, &["compare", "a", "b", "--limit", "2"]);
    for line in [
        "a  a ",
        "both judged 300, with the same outcome on",
        "score quality (number): given by both on all",
        "finding grammar: both",
        "bias finding gender: both",
        "cost (USD): both",
        "interactions that differ most:",
    ] {
        assert!(table.contains(line), "{line:?} is not in\n{table}");
    }
    // What the server had no time to put into the file is read from the log beside it.
    server.kill();
    assert_eq!(as_json(&server), over_http);
    server.restart();
    assert!(server.terminate().success());
    assert_eq!(as_json(&server), over_http);
    what_nobody_wants_is_left(&server);
    server.restart();
    assert_eq!(server.json("/v1/compare?a=a&b=b&limit=10&from=2026-03-01T00:01:00Z"), over_http);

    let elsewhere = tempfile::tempdir().unwrap();
    let output = Command::new(binary()).args(["compare", "a", "b"]).current_dir(elsewhere.path()).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("tribunal.db: No such file"), "{output:?}");
    assert!(!elsewhere.path().join("tribunal.db").exists());
}
