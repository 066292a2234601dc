//! Plugins come, change and go while the server runs, and one that fails or hangs holds up no other.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tribunal_tests::{Server, guest, interaction, pages};

fn table(name: &str, component: &Path, rest: &str) -> String {
    format!("[plugins.{name}]\ncomponent = {component:?}\nstart = \"beginning\"\n{rest}\n")
}

fn moody(name: &str, rest: &str) -> String {
    table(name, &guest("moody"), rest)
}

fn write(server: &Server, config: &str) {
    // In one step, as an editor or an orchestrator does.
    let (new, file) = (server.folder.path().join("new.toml"), server.folder.path().join("tribunal.toml"));
    fs::write(&new, config).unwrap();
    fs::rename(new, file).unwrap();
}

fn reload(server: &Server) -> Value {
    let response = server.client.post(format!("{}/v1/plugins/reload", server.url)).send().unwrap();
    let status = response.status();
    let body: Value = response.json().unwrap();
    assert!(status.is_success(), "{body}");
    body
}

fn outcomes(report: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    report["items"].as_array().unwrap().iter().map(|item| (text(&item["name"]), text(&item["outcome"]))).collect()
}

fn check_outcomes(report: &Value, expected: &[(&str, &str)]) {
    let got = outcomes(report);
    let got: Vec<_> = got.iter().map(|(name, outcome)| (name.as_str(), outcome.as_str())).collect();
    assert_eq!(got, expected, "{report}");
}

fn standing(server: &Server, id: &str, plugin: &str) -> Value {
    let list = server.json(&format!("/v1/interactions/{id}/evaluations"));
    list["items"].as_array().unwrap().iter().find(|item| item["plugin"] == plugin).unwrap().clone()
}

fn in_mood(id: &str, mood: &str) -> Value {
    let mut interaction = interaction(id, 20);
    interaction["attributes"] = json!({"mood": mood});
    interaction
}

#[test]
fn a_reload_loads_changes_keeps_and_removes() {
    let length = guest("length");
    let server = Server::start(&[table("a", &length, ""), moody("b", "")].concat());
    server.post(&interaction("x", 20));
    server.wait_idle();
    let (a, b) = (server.binding("a")["binding"].clone(), server.binding("b")["binding"].clone());

    write(&server, &[table("a", &length, ""), moody("b", "config = { version = 2 }"), moody("c", "")].concat());
    check_outcomes(&reload(&server), &[("a", "unchanged"), ("b", "replaced"), ("c", "loaded")]);
    assert_eq!(server.binding("a")["binding"], a);
    assert_ne!(server.binding("b")["binding"], b);
    server.wait_idle();
    // `start` says where: b and c judge from the beginning, whoever judged before.
    assert_eq!(pages(&server, "/v1/verdicts?plugin=b").len(), 2);
    assert_eq!(pages(&server, "/v1/verdicts?plugin=c").len(), 1);

    write(&server, &table("a", &length, ""));
    check_outcomes(&reload(&server), &[("a", "unchanged"), ("b", "removed"), ("c", "removed")]);
    assert_eq!(server.json("/v1/plugins")["items"].as_array().unwrap().len(), 1);
    assert_eq!(pages(&server, "/v1/verdicts?plugin=b").len(), 2, "the verdicts of a removed binding stay");
    server.post(&interaction("y", 20));
    server.wait_idle();
    assert_eq!(pages(&server, "/v1/verdicts?plugin=b").len(), 2);
    assert_eq!(pages(&server, "/v1/verdicts?plugin=a").len(), 2);
}

#[test]
fn what_does_not_load_leaves_the_running_one_in_place() {
    let server = Server::start(&moody("m", ""));
    let before = server.binding("m")["binding"].clone();
    for (rest, says) in [
        ("config = { mood = \"terrible\" }", "unknown variant `terrible`"),
        ("config = { canary = \"hanging\" }", "deadline"),
        ("config = { canary = \"panicking\" }", "everything is terrible"),
        ("memory = \"64KiB\"", "out-of-memory"),
        ("capabilities = [\"telephone\"]", "no capability `telephone`"),
    ] {
        write(&server, &moody("m", rest));
        let report = reload(&server);
        check_outcomes(&report, &[("m", "failed")]);
        assert!(report["items"][0]["error"].as_str().unwrap().contains(says), "{rest}: {report}");
        let item = server.binding("m");
        assert_eq!((&item["status"], &item["binding"]), (&json!("loaded"), &before));
        assert!(item["error"].as_str().unwrap().contains(says), "{rest}: {item}");
        assert!(server.log().contains(says), "{rest}");
    }
    server.post(&interaction("x", 20));
    server.wait_idle();
    assert_eq!(standing(&server, "x", "m")["status"], "succeeded");

    // A plugin that says itself that it cannot judge the made-up interaction is none that traps.
    write(&server, &moody("m", "config = { canary = \"failing\" }"));
    check_outcomes(&reload(&server), &[("m", "replaced")]);
    assert!(server.binding("m").get("error").is_none());

    write(&server, "listen = 3");
    let response = server.client.post(format!("{}/v1/plugins/reload", server.url)).send().unwrap();
    assert_eq!(response.status(), 422);
    let problem: Value = response.json().unwrap();
    assert!(problem["detail"].as_str().unwrap().contains("line 1, column 10"), "{problem}");
    assert_eq!(server.binding("m")["status"], "loaded");
    let fault = || server.json("/v1/plugins").get("config_error").map(Value::to_string);
    let valid =
        |wanted: &str| server.get("/metrics").text().unwrap().contains(&format!("\ntribunal_config_valid {wanted}\n"));
    assert!(fault().unwrap().contains("line 1, column 10"));
    assert!(valid("0.0"));

    write(&server, &format!("workers = 7\n{}", moody("m", "config = { canary = \"failing\" }")));
    let report = reload(&server);
    assert_eq!(report["needs_restart"], json!(["workers"]), "{report}");
    assert_eq!(fault(), None);
    assert!(valid("1.0"));
}

#[test]
fn a_changed_file_and_a_hangup_reload() {
    let server = Server::start(&moody("m", ""));
    let first = server.binding("m")["binding"].clone();
    write(&server, &moody("m", "config = { version = 2 }"));
    server.wait_until("the changed file is loaded", || server.binding("m")["binding"] != first);
    let second = server.binding("m")["binding"].clone();

    // The plugin's file changes where the configuration does not: a SIGHUP looks at both.
    let copy = server.folder.path().join("copy.wasm");
    fs::copy(guest("moody"), &copy).unwrap();
    write(&server, &table("m", &copy, ""));
    server.wait_until("the copy is loaded", || server.binding("m")["binding"] != second);
    let third = server.binding("m")["binding"].clone();
    fs::copy(guest("length"), &copy).unwrap();
    server.signal("HUP");
    server.wait_until("the new file is loaded", || server.binding("m")["binding"] != third);
    assert_eq!(server.binding("m")["plugin"], "length");
}

/// Editors and deployments empty a file before they write it.
#[test]
fn a_file_that_is_empty_for_a_moment_removes_nothing() {
    let server = Server::start(&moody("m", ""));
    fs::write(server.folder.path().join("tribunal.toml"), "\n").unwrap();
    // Longer than it takes to see the change.
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(server.binding("m")["status"], "loaded");
    server.signal("HUP");
    server.wait_until("it is taken at its word", || server.json("/v1/plugins")["items"] == json!([]));
}

#[test]
fn a_reload_takes_nobody_out_of_service() {
    let good = table("good", &guest("length"), "");
    let hanging =
        table("hanging", &guest("hostile"), "config = { attack = \"configure-loop\" }\nload_deadline = \"20s\"");
    let server = Server::start(&good);
    write(&server, &[good, hanging].concat());
    server.wait_until("the other is being loaded", || server.json("/readyz")["loading"] == json!(["hanging"]));
    assert_eq!(server.get("/readyz").status(), 200);
}

/// Under load, a binding is replaced again and again, and every interaction is judged by it once, whichever it was.
#[test]
fn reloads_under_load_lose_and_double_nothing() {
    const RELOADS: u32 = 5;
    let config = |version: u32| {
        let moody = guest("moody");
        // A deadline that a starved machine does not miss: what fails has no verdict to count.
        format!("[plugins.m]\ncomponent = {moody:?}\ndeadline = \"5m\"\nconfig = {{ version = {version} }}\n")
    };
    let server = Server::start(&config(0));
    let mut posted = 0;
    std::thread::scope(|scope| {
        let reloading = scope.spawn(|| {
            for version in 1..=RELOADS {
                write(&server, &config(version));
                // The change of the file may have been seen first.
                let report = reload(&server);
                assert!(matches!(report["items"][0]["outcome"].as_str(), Some("replaced" | "unchanged")), "{report}");
            }
        });
        while !reloading.is_finished() {
            let items: Vec<_> = (0..100).map(|at| interaction(&format!("l{posted}-{at}"), 200)).collect();
            let response = server.post(&json!(items));
            assert!(response.status().is_success(), "no post fails while a binding is replaced");
            posted += 100;
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    server.wait_idle();
    let verdicts = pages(&server, "/v1/verdicts?plugin=m");
    let bindings: BTreeSet<_> = verdicts.iter().map(|item| item["binding"].as_str().unwrap()).collect();
    assert!(bindings.len() > 1, "several bindings judged under this load");
    let mut judged: Vec<_> = verdicts.iter().map(|item| item["interaction"].as_str().unwrap()).collect();
    judged.sort_unstable();
    let all = judged.len();
    judged.dedup();
    assert_eq!((judged.len(), all), (posted, posted), "each is judged once over all bindings");
    println!("{posted} interactions over {} bindings", bindings.len());
}

#[test]
fn a_binding_that_keeps_failing_is_held_back_and_comes_back() {
    let server = Server::start(&[moody("m", ""), table("good", &guest("length"), "")].concat());
    let bad: Vec<_> = (0..40).map(|at| in_mood(&format!("bad{at}"), "panicking")).collect();
    server.post(&json!(bad));
    server.wait_until("the breaker opens", || server.binding("m")["breaker"]["state"] == "open");
    let breaker = server.binding("m")["breaker"].clone();
    assert!(breaker["reason"].as_str().unwrap().contains("everything is terrible"), "{breaker}");
    assert!(breaker["next_probe"].is_string() && breaker["trips"] == 1, "{breaker}");
    server.wait_until("the good one is done", || server.binding("good")["outcomes"]["succeeded"] == 40);
    let item = server.binding("m");
    // A probe may have been made since: it fails, and one more is done.
    let (failed, backlog) = (item["outcomes"]["guest-error"].as_u64().unwrap(), item["backlog"].as_u64().unwrap());
    assert!((16..24).contains(&failed) && failed + backlog == 40, "{item}");
    let waits = standing(&server, "bad39", "m");
    assert_eq!(waits["status"], "pending");
    assert!(waits["reason"].as_str().unwrap().contains("held back"), "{waits}");

    // Changed, it goes on where it stood; what waited is judged.
    let config = "config = { version = 2 }\nfilter = '!has(attributes.mood)'".to_owned();
    let without_start = moody("m", &config).replace("start = \"beginning\"\n", "");
    write(&server, &[without_start, table("good", &guest("length"), "")].concat());
    check_outcomes(&reload(&server), &[("good", "unchanged"), ("m", "replaced")]);
    server.wait_idle();
    let item = server.binding("m");
    assert_eq!(item["breaker"]["state"], "closed", "{item}");
    let failed = pages(&server, "/v1/interactions?plugin=m&outcome=guest-error").len();
    assert_eq!(item["outcomes"]["filtered"], 40 - failed, "{item}");
}

#[test]
fn a_restart_is_no_new_chance_for_one_that_keeps_failing() {
    let mut server = Server::start(&moody("m", ""));
    let bad: Vec<_> = (0..200).map(|at| in_mood(&format!("bad{at}"), "panicking")).collect();
    server.post(&json!(bad));
    server.wait_until("the breaker opens", || server.binding("m")["breaker"]["state"] == "open");
    for _ in 0..3 {
        assert!(server.terminate().success());
        server.restart();
        server.wait_until("it is loaded", || server.binding("m")["status"] == "loaded");
        // Two workers at most may have begun before it opened, and a probe goes out now and then.
        let item = server.binding("m");
        let failed = item["outcomes"]["guest-error"].as_u64().unwrap();
        assert!(item["breaker"]["state"] != "closed" && failed < 40, "{item}");
    }
}

#[test]
fn a_probe_that_succeeds_closes_the_breaker() {
    let server = Server::start(&moody("m", ""));
    let bad: Vec<_> = (0..16).map(|at| in_mood(&format!("bad{at}"), "panicking")).collect();
    server.post(&json!(bad));
    server.wait_until("the breaker opens", || server.binding("m")["breaker"]["state"] == "open");
    let good: Vec<_> = (0..100).map(|at| in_mood(&format!("good{at}"), "good")).collect();
    server.post(&json!(good));
    server.wait_until("the probe mends it", || server.binding("m")["breaker"]["state"] == "closed");
    server.wait_idle();
    let item = server.binding("m");
    assert_eq!((&item["outcomes"]["succeeded"], &item["outcomes"]["guest-error"]), (&json!(100), &json!(16)), "{item}");
}

#[test]
fn what_may_pass_is_tried_again_and_counted_once() {
    let mut server = Server::start(&moody("m", "attempts = 3"));
    server.post(&in_mood("t", "transient"));
    server.post(&in_mood("f", "failing"));
    server.wait_until("the first attempt is stored", || standing(&server, "t", "m")["status"] == "retrying");
    let first = standing(&server, "t", "m")["evaluation"].clone();
    assert!(first["retry_at"].is_string(), "{first}");
    let waiting = server.binding("m")["retries"].clone();
    assert_eq!(waiting["waiting"], 1, "{waiting}");
    server.wait_until("the other is stored", || standing(&server, "f", "m")["status"] == "failed");
    assert_eq!(standing(&server, "f", "m")["evaluation"]["attempts"], 1);

    // Retries wait in the database.
    server.kill();
    server.restart();
    server.wait_until("all attempts are used up", || standing(&server, "t", "m")["status"] == "failed");
    let last = standing(&server, "t", "m")["evaluation"].clone();
    assert_eq!((&last["attempts"], &last["failure"]["reason"]), (&json!(3), &json!("guest-error")), "{last}");
    let item = server.binding("m");
    assert_eq!(item["outcomes"], json!({"guest-error": 2}), "{item}");
    assert_eq!(pages(&server, "/v1/interactions?outcome=guest-error").len(), 2);
}

/// Some failures that pass late, among many good answers, are no reason to hold a binding back.
#[test]
fn retries_do_not_open_the_breaker() {
    let server = Server::start(&moody("m", "attempts = 4"));
    let mood = |at: usize| if at.is_multiple_of(5) { "transient" } else { "good" };
    let items: Vec<_> = (0..200).map(|at| in_mood(&format!("r{at}"), mood(at))).collect();
    server.post(&json!(items));
    let is_over = |id: &str| standing(&server, id, "m")["evaluation"]["attempts"] == 4;
    server.wait_until("all attempts are used up", || (0..200).step_by(5).all(|at| is_over(&format!("r{at}"))));
    let item = server.binding("m");
    assert_eq!((&item["breaker"]["trips"], &item["outcomes"]["succeeded"]), (&json!(0), &json!(160)), "{item}");
}

/// More bindings that hang than there are workers of any kind, for longer than this test waits, and one that does not.
#[test]
fn bindings_that_hang_hold_up_no_other() {
    let mut config = table("good", &guest("length"), "");
    for at in 0..30 {
        config += &moody(&format!("hanging{at}"), "config = { mood = \"hanging\" }\ndeadline = \"10m\"");
    }
    let server = Server::start(&config);
    for round in 0..20 {
        let id = format!("x{round}");
        server.post(&interaction(&id, 20));
        server.wait_until("the good one has judged", || standing(&server, &id, "good")["status"] == "succeeded");
    }
    assert_eq!(server.binding("good")["pace"], "quick");
    server.wait_until("those that hang have workers of their own", || server.binding("hanging0")["pace"] == "slow");
}

#[test]
fn a_slow_call_has_its_whole_deadline() {
    let hanging = moody("hanging", "config = { mood = \"hanging\" }\ndeadline = \"1s\"");
    let server = Server::start(&[hanging, moody("slow", "config = { mood = \"slow\" }\ndeadline = \"30s\"")].concat());
    server.post(&interaction("x", 20));
    server.wait_until("the slow one has judged", || standing(&server, "x", "slow")["status"] == "succeeded");
    assert_eq!(server.binding("slow")["pace"], "slow");
    server.wait_until("the one that hangs has failed", || standing(&server, "x", "hanging")["status"] == "failed");
    let evaluation = standing(&server, "x", "hanging")["evaluation"].clone();
    assert_eq!(evaluation["failure"]["reason"], "deadline");
    assert!(evaluation["duration_us"].as_u64().unwrap() >= 1_000_000, "{evaluation}");
}

#[test]
fn a_stop_does_not_wait_for_a_call_that_hangs() {
    let mut server = Server::start(&moody("m", "config = { mood = \"hanging\" }\ndeadline = \"1h\""));
    server.post(&interaction("x", 20));
    std::thread::sleep(Duration::from_millis(300));
    let began = Instant::now();
    assert!(server.terminate().success());
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    // What was cut short by the stop is no failure of the plugin.
    write(&server, &moody("n", ""));
    server.restart();
    let evaluations = server.json("/v1/interactions/x")["evaluations"].clone();
    assert!(evaluations.as_array().unwrap().iter().all(|evaluation| evaluation["plugin"] != "m"), "{evaluations}");
}
