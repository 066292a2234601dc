//! Failed evaluations are made again when somebody asks for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::{Value, json};
use tribunal_tests::{Provider, Reply, Server, distinct, guest};

/// A server with the plugin `asker`, and a provider that answers everything with the status it is set to.
fn away(status: u16, more: &str) -> (Server, Provider, Arc<AtomicU16>) {
    let answers = Arc::new(AtomicU16::new(status));
    let set = Arc::clone(&answers);
    let provider = Provider::start(move |_| match set.load(Ordering::Relaxed) {
        200 => Reply::Text("fine".to_owned()),
        status => Reply::Status(status, vec![], "no".to_owned()),
    });
    let server = Server::start(&format!(
        "[models.judge]\nprovider = \"openai\"\nbase_url = {:?}\nmodel = \"m\"\n\
         [plugins.asker]\ncomponent = {:?}\nmodels = [\"judge\"]\nconfig = {{ model = \"judge\" }}\n{more}\n",
        provider.url,
        guest("asker")
    ));
    for at in 0..3 {
        assert!(server.post(&distinct(&format!("i{at}"), 20)).status().is_success());
    }
    (server, provider, answers)
}

fn asked_for(server: &Server, body: &Value) -> Value {
    let answer = server.post_to("/v1/retries", body);
    let status = answer.status();
    let body: Value = answer.json().unwrap();
    assert!(status.is_success() || status == 422, "{status}: {body}");
    body
}

#[test]
fn what_a_provider_refused_is_judged_once_it_does_not() {
    let (server, _provider, answers) = away(401, "");
    server.wait_until("all have failed", || server.binding("asker")["outcomes"]["model-refused"] == 3);
    // A backfill passes over what has an evaluation.
    let dry = json!({"plugin": "asker", "dry_run": true});
    assert_eq!(server.post_to("/v1/backfills", &dry).json::<Value>().unwrap()["evaluations"], 0);
    assert_eq!(asked_for(&server, &dry)["failed"], 3);
    assert_eq!(server.binding("asker")["retries"]["waiting"], 0);

    answers.store(200, Ordering::Relaxed);
    let other = asked_for(&server, &json!({"plugin": "asker", "outcome": "deadline"}));
    assert_eq!((&other["failed"], &other["retrying"]), (&json!(0), &json!(0)));
    let later = asked_for(&server, &json!({"plugin": "asker", "from": "2030-01-01T00:00:00Z"}));
    assert_eq!(later["failed"], 0);
    let said = server.run(&["retry", "--plugin", "asker", "--outcome", "model-refused"]);
    assert!(said.contains("3 failed evaluations of asker are made again"), "{said}");
    server.wait_until("all are judged", || server.binding("asker")["outcomes"]["succeeded"] == 3);
    assert_eq!(server.binding("asker")["outcomes"], json!({"succeeded": 3, "model-refused": 0}));
    let shown = server.json("/v1/interactions/i0");
    let [evaluation] = shown["evaluations"].as_array().unwrap().as_slice() else { panic!("{shown}") };
    assert_eq!((&evaluation["attempts"], &evaluation["outcome"]), (&json!(2), &json!("succeeded")), "{shown}");
    assert_eq!(asked_for(&server, &json!({"plugin": "asker"}))["failed"], 0);
}

#[test]
fn they_have_all_their_attempts_again_and_wait_over_a_restart() {
    let (mut server, _provider, answers) = away(503, "attempts = 2\ndeadline = \"600ms\"");
    let has_tried = |server: &Server, times: u64| {
        let tried = |id: usize| server.json(&format!("/v1/interactions/i{id}"))["evaluations"][0]["attempts"].clone();
        server.binding("asker")["retries"]["waiting"] == 0 && (0..3).all(|id| tried(id) == times)
    };
    server.wait_until("all are given up", || has_tried(&server, 2));
    assert_eq!(asked_for(&server, &json!({"plugin": "asker"}))["retrying"], 3);
    server.wait_until("all are given up again", || has_tried(&server, 4));
    assert_eq!(asked_for(&server, &json!({"plugin": "asker"}))["retrying"], 3);
    server.kill();
    server.restart();
    let is_given_up = |server: &Server| {
        let tried = |id: usize| server.json(&format!("/v1/interactions/i{id}"))["evaluations"][0]["attempts"].as_u64();
        server.binding("asker")["retries"]["waiting"] == 0 && (0..3).all(|id| tried(id) >= Some(6))
    };
    server.wait_until("they had two more after the restart", || is_given_up(&server));
    answers.store(200, Ordering::Relaxed);
    assert_eq!(asked_for(&server, &json!({"plugin": "asker"}))["retrying"], 3);
    server.wait_until("all are judged", || server.binding("asker")["outcomes"]["succeeded"] == 3);
}

#[test]
fn what_cannot_be_asked_for_is_said() {
    let (server, _provider, _) = away(200, "");
    for (body, field) in [
        (json!({"plugin": "none"}), "plugin"),
        (json!({"plugin": "asker", "outcome": "bored"}), "outcome"),
        (json!({"plugin": "asker", "from": "2030-01-01T00:00:00Z", "to": "2030-01-01T00:00:00Z"}), "to"),
        (json!({"plugin": "asker", "rate": 1}), "rate"),
    ] {
        let problem = asked_for(&server, &body);
        assert_eq!(problem["field"], field, "{problem}");
    }
}
