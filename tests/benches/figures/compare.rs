//! Two bindings compared on a million interactions, beside a bare reading of what they said.

use std::process::Command;
use std::time::Instant;

use tribunal_tests::{Server, binary, guest};

use super::{Row, record};

const INTERACTIONS: usize = 1_000_000;
const RUNS: usize = 5;

pub(crate) fn measure() -> Vec<Row> {
    let voice = |name: &str| {
        format!("[plugins.{name}]\ncomponent = {:?}\nstart = \"beginning\"\nconfig.voice = {name:?}\n", guest("parrot"))
    };
    let mut server = Server::start(&(voice("a") + &voice("b")));
    record::post_all(&server, &templates(), "compare", INTERACTIONS);
    server.wait_idle();
    assert!(server.terminate().success());
    let data = server.folder.path().join("tribunal.db");
    let (mut compared, mut read) = (Vec::new(), Vec::new());
    // In turns, so that both see the same machine.
    for _ in 0..RUNS {
        let began = Instant::now();
        let command = Command::new(binary()).args(["compare", "a", "b"]).env("TRIBUNAL_DATA", &data).output().unwrap();
        compared.push(began.elapsed());
        let said = String::from_utf8_lossy(&command.stdout).into_owned();
        assert!(command.status.success() && said.contains("both judged 1,000,000,"), "{said}");
        let began = Instant::now();
        assert_eq!(read_all(&data), 2 * INTERACTIONS);
        read.push(began.elapsed());
    }
    let median = |times: &mut Vec<_>| super::quantile(times, 0.5).as_secs_f64();
    vec![Row {
        what: "two bindings compared on the 1,000,000 interactions that both judged",
        wanted: "a few seconds",
        got: format!("{:.1} s", median(&mut compared)),
        beside: format!("reading the same verdicts with rusqlite {:.1} s", median(&mut read)),
    }]
}

/// Interactions of which the two say nearly the same.
fn templates() -> Vec<String> {
    let score = |at: usize| at as f64 / 499.0;
    let says = |score: f64| {
        let kind = if score < 0.5 { "none" } else { "full" };
        serde_json::json!({"scores": {"refusal": score, "refusal_kind": kind}})
    };
    let template = |at: usize| {
        let (a, b) = (says(score(at)), says(if at.is_multiple_of(4) { score(499 - at) } else { score(at) }));
        serde_json::json!({"id": "ID", "provider": "p", "model": "m", "attributes": {"a": a, "b": b}}).to_string()
    };
    (0..500).map(template).collect()
}

fn read_all(data: &std::path::Path) -> usize {
    let connection = rusqlite::Connection::open(data).unwrap();
    let mut select = connection.prepare("SELECT verdicts FROM evaluations").unwrap();
    let texts = select.query_map([], |row| row.get::<_, String>(0)).unwrap();
    texts.filter(|text| text.as_ref().is_ok_and(|text| !text.is_empty())).count()
}
