//! For any interaction the host can say what became of it with every binding.

use std::fmt::Write;
use std::fs;

use serde_json::{Value, json};
use tribunal_tests::{Server, guest, interaction};

fn standing(server: &Server, id: &str, plugin: &str) -> (String, String) {
    let list = server.json(&format!("/v1/interactions/{id}/evaluations"));
    let item = list["items"].as_array().unwrap().iter().find(|item| item["plugin"] == plugin).unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&item["status"]), text(&item["reason"]))
}

#[test]
fn every_silence_has_a_reason() {
    let length = guest("length");
    let table = |name: &str, rest: &str| format!("[plugins.{name}]\ncomponent = {length:?}\n{rest}\n");
    let first = [
        table("all", "start = \"beginning\""),
        table("filtered", "start = \"beginning\"\nfilter = 'model == \"m2\"'"),
        table("unanswerable", "start = \"beginning\"\nfilter = 'attributes.colour == \"red\"'"),
        table("half", "start = \"beginning\"\nsample = 0.5"),
        table("none", "start = \"beginning\"\nsample = 0.0"),
    ];
    let mut server = Server::start(&first.concat());
    server.post(&interaction("x", 20));
    server.wait_idle();
    assert_eq!(standing(&server, "x", "all").0, "succeeded");
    assert_eq!(standing(&server, "x", "filtered").0, "filtered");
    let (status, reason) = standing(&server, "x", "unanswerable");
    assert_eq!(status, "filtered");
    assert!(reason.contains("colour"), "{reason}");
    assert_eq!(standing(&server, "x", "none").0, "sampled-out");

    assert!(server.terminate().success());
    let config = [first.concat(), table("late", "start = \"latest\"")].concat();
    fs::write(server.folder.path().join("tribunal.toml"), config).unwrap();
    server.restart();
    assert_eq!(standing(&server, "x", "late").0, "loaded-later");
    assert_eq!(standing(&server, "x", "all").0, "succeeded");
}

#[test]
fn a_sample_takes_its_share_and_the_outcomes_add_up() {
    let server = Server::start(&format!(
        "[plugins.quarter]\ncomponent = {:?}\nstart = \"beginning\"\nsample = 0.25\nfilter = 'session != \"skip\"'",
        guest("length")
    ));
    let mut batch: Vec<_> = (0..2000).map(|at| interaction(&format!("s{at}"), 10)).collect();
    for interaction in batch.iter_mut().take(400) {
        interaction["session"] = "skip".into();
    }
    server.post(&json!(batch));
    server.wait_idle();
    let outcomes = server.json("/v1/plugins")["items"][0]["outcomes"].clone();
    let count = |name: &str| outcomes[name].as_u64().unwrap_or(0);
    assert_eq!(count("filtered"), 400);
    assert_eq!(count("succeeded") + count("sampled-out"), 1600);
    // A quarter of 1,600 is 400; five standard deviations are 87.
    assert!((313..=487).contains(&count("succeeded")), "{outcomes}");
}

/// Into how many pieces a file is cut.
const CUTS: usize = 40;

#[test]
fn what_cannot_be_loaded_says_why_and_holds_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("broken.wasm"), b"\0asm\x01\0\0\0broken").unwrap();
    fs::write(folder.path().join("text.wasm"), b"hello").unwrap();
    let length = guest("length");
    // The crates that take WebAssembly apart panic on some of these.
    let whole = fs::read(&length).unwrap();
    let mut cut = String::new();
    for at in 1..CUTS {
        fs::write(folder.path().join(format!("cut{at}.wasm")), &whole[..whole.len() * at / CUTS]).unwrap();
        write!(cut, "\n[plugins.cut{at}]\ncomponent = \"cut{at}.wasm\"").unwrap();
    }
    let config = format!(
        "[plugins.good]\ncomponent = {length:?}\nstart = \"beginning\"
         [plugins.missing]\ncomponent = \"none.wasm\"
         [plugins.broken]\ncomponent = \"broken.wasm\"
         [plugins.text]\ncomponent = \"text.wasm\"
         [plugins.other]\ncomponent = {length:?}\nsha256 = \"{}\"
         [plugins.keys]\ncomponent = {length:?}\nconfig = {{ colour = \"red\" }}
         [plugins.grant]\ncomponent = {length:?}\ncapabilities = [\"telephone\"]
         [plugins.small]\ncomponent = {length:?}\nmemory = \"64KiB\"
         {cut}",
        "0".repeat(64)
    );
    let server = Server::start_in(folder, &config);
    let error = |name: &str| {
        let item = server.binding(name);
        assert_eq!(item["status"], "failed", "{item}");
        item["error"].as_str().unwrap().to_owned()
    };
    let check = |name: &str, says: &str| assert!(error(name).contains(says), "{name}: {}", error(name));
    check("missing", "cannot read");
    check("broken", "not a WebAssembly");
    check("text", "not a WebAssembly");
    check("other", "its sha256 is");
    check("keys", "unknown field `colour`");
    check("grant", "no capability `telephone`");
    check("small", "out-of-memory");
    for at in 1..CUTS {
        check(&format!("cut{at}"), "not a WebAssembly");
    }
    assert_eq!(server.json("/readyz")["failed"].as_array().unwrap().len(), 6 + CUTS);
    server.post(&interaction("x", 20));
    server.wait_idle();
    assert_eq!(standing(&server, "x", "good").0, "succeeded");
    let (status, reason) = standing(&server, "x", "missing");
    assert_eq!(status, "not-loaded");
    assert!(reason.contains("cannot read"), "{reason}");
}
