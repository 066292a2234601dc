//! Plugins that ask models: through the host to a provider and back, whatever the provider does.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tribunal_tests::{Asked, Provider, Reply, Server, distinct, guest, interaction};

/// Nothing but the provider is to see it.
const KEY: &str = "sk-tribunal-tests-9f3b1c7a";

/// A server with the plugin `asker`, granted a model of that provider.
fn server(provider: &str, url: &str, model: &str, plugin: &str) -> Server {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("key"), format!("{KEY}\n")).unwrap();
    let config = format!(
        "[models.judge]\nprovider = {provider:?}\nbase_url = {url:?}\nmodel = \"judge-1\"\napi_key = {{ file = \"key\" }}\n{model}\n\
         [plugins.asker]\ncomponent = {:?}\nmodels = [\"judge\"]\n{plugin}\n",
        guest("asker")
    );
    Server::start_in(folder, &config)
}

fn post(server: &Server, id: &str) {
    assert!(server.post(&interaction(id, 60)).status().is_success());
}

/// The evaluation of an interaction by a binding.
fn evaluation(server: &Server, id: &str, plugin: &str) -> Value {
    let shown = server.json(&format!("/v1/interactions/{id}"));
    let found = shown["evaluations"].as_array().unwrap().iter().find(|one| one["plugin"] == plugin);
    found.unwrap_or_else(|| panic!("{shown}")).clone()
}

fn judged(server: &Server, id: &str) -> Value {
    post(server, id);
    server.wait_idle();
    evaluation(server, id, "asker")
}

#[test]
fn a_model_is_asked_in_each_provider_s_dialect() {
    let cases = [
        ("openai", "/chat/completions", "max_completion_tokens", "Bearer "),
        ("openai-compatible", "/chat/completions", "max_tokens", "Bearer "),
        ("anthropic", "/v1/messages", "max_tokens", ""),
        ("cohere", "/v2/chat", "max_tokens", "Bearer "),
    ];
    for (name, path, max_tokens, before) in cases {
        let provider = Provider::start(|_| Reply::Text("polite".to_owned()));
        let server = server(name, &provider.url, "", "config = { model = \"judge\" }");
        let found = judged(&server, "a");
        assert_eq!(found["outcome"], "succeeded", "{name}: {found}");
        assert_eq!(found["verdicts"][0]["label"], "polite", "{name}: {found}");
        let [asked] = <[Asked; 1]>::try_from(provider.asked()).unwrap();
        let header = if name == "anthropic" { "x-api-key" } else { "authorization" };
        assert_eq!(asked.headers[header], format!("{before}{KEY}"), "{name}");
        assert_eq!((asked.path.as_str(), &asked.body["model"]), (path, &json!("judge-1")), "{name}");
        assert_eq!((&asked.body[max_tokens], &asked.body["temperature"]), (&json!(20), &json!(0.0)), "{name}");
        assert_eq!(asked.question(), interaction("a", 60)["output"][0]["content"], "{name}");
    }
}

#[test]
fn an_answer_satisfies_the_schema_or_the_evaluation_says_why() {
    let schema = "{ type = \"object\", required = [\"score\"], additionalProperties = false, \
        properties.score = { type = \"integer\", maximum = 5 } }";
    let answers = ["{\"score\": 4}", "{\"score\": 9}", "four"];
    let wanted = [None, Some("at \"/score\": 9 is greater than the maximum of 5"), Some("the answer is no JSON")];
    for name in ["openai", "anthropic", "cohere"] {
        for (answer, wanted) in answers.into_iter().zip(wanted) {
            let provider = Provider::start(move |_| Reply::Text(answer.to_owned()));
            let plugin = format!("config = {{ model = \"judge\", schema = {schema} }}");
            let server = server(name, &provider.url, "", &plugin);
            let found = judged(&server, "a");
            match wanted {
                None => {
                    let label = found["verdicts"][0]["label"].as_str().unwrap_or_else(|| panic!("{name}: {found}"));
                    assert_eq!(serde_json::from_str::<Value>(label).unwrap(), json!({"score": 4}), "{name}");
                }
                Some(words) => {
                    assert_eq!(found["failure"]["reason"], "model-answer", "{name}: {found}");
                    let message = found["failure"]["message"].as_str().unwrap();
                    assert!(message.starts_with("judge: ") && message.contains(words), "{name}: {found}");
                    // The model would say the same again.
                    assert_eq!(provider.asked().len(), 1);
                }
            }
        }
    }
}

#[test]
fn what_may_pass_is_tried_again() {
    type Trouble = (&'static str, fn() -> Reply);
    let troubles: [Trouble; 5] = [
        ("429", || Reply::Status(429, vec![("retry-after", "1".to_owned())], String::new())),
        ("500", || Reply::Status(500, vec![], "{\"error\": {\"message\": \"oops\"}}".to_owned())),
        ("503", || Reply::Status(503, vec![], "busy".to_owned())),
        ("cut", || Reply::Cut),
        ("slow", || Reply::Late(Duration::from_secs(20), Box::new(Reply::Text("late".to_owned())))),
    ];
    for (name, trouble) in troubles {
        let provider =
            Provider::start(move |asked| if asked.at < 2 { trouble() } else { Reply::Text("fine".to_owned()) });
        let server = server("openai", &provider.url, "timeout = \"500ms\"", "config = { model = \"judge\" }");
        let began = Instant::now();
        let found = judged(&server, "a");
        assert_eq!(found["verdicts"][0]["label"], "fine", "{name}: {found}");
        assert_eq!(provider.asked().len(), 3, "{name}");
        assert_eq!(found["attempts"], 1, "{name}: {found}");
        if name == "429" {
            assert!(began.elapsed() >= Duration::from_secs(2), "it wanted to be left alone twice for a second");
        }
    }
}

#[test]
fn what_does_not_pass_is_a_failure_in_words() {
    type Case = (&'static str, fn() -> Reply, usize, &'static str, &'static str);
    let cases: [Case; 5] = [
        (
            "key",
            || Reply::Status(401, vec![], "{\"error\": {\"message\": \"wrong key\"}}".to_owned()),
            1,
            "model-refused",
            "401 Unauthorized: wrong key",
        ),
        (
            "storm",
            || Reply::Status(429, vec![], "slow down".to_owned()),
            5,
            "model-unavailable",
            "at the last of 5 tries",
        ),
        ("nonsense", || Reply::Raw("<html>".to_owned()), 1, "model-answer", "is no JSON"),
        (
            "another",
            || Reply::Raw("{\"object\": \"list\"}".to_owned()),
            1,
            "model-answer",
            "has no answer where one should be",
        ),
        (
            "moved",
            || Reply::Status(302, vec![("location", "http://127.0.0.1:1/".to_owned())], String::new()),
            1,
            "model-refused",
            "302",
        ),
    ];
    for (name, reply, requests, code, words) in cases {
        let provider = Provider::start(move |_| reply());
        let server = server("openai", &provider.url, "", "attempts = 1\nconfig = { model = \"judge\" }");
        let found = judged(&server, "a");
        let message = found["failure"]["message"].as_str().unwrap_or_default();
        assert_eq!(found["failure"]["reason"], code, "{name}: {found}");
        assert!(message.starts_with("judge: ") && message.contains(words), "{name}: {found}");
        assert_eq!(provider.asked().len(), requests, "{name}");
    }
    // Nobody is there.
    let server = server("openai", "http://127.0.0.1:1", "", "attempts = 1\nconfig = { model = \"judge\" }");
    let found = judged(&server, "a");
    assert!(found["failure"]["message"].as_str().unwrap().contains("at the last of 5 tries"), "{found}");
}

#[test]
fn a_plugin_asks_what_it_is_granted_and_nothing_else() {
    let provider = Provider::start(|_| Reply::Text("fine".to_owned()));
    let server = server("openai", &provider.url, "", "config = { model = \"other\", catches = true }");
    let found = judged(&server, "a");
    assert_eq!(found["verdicts"][0]["label"], "unknown-model", "{found}");
    let why = found["verdicts"][0]["explanation"].as_str().unwrap();
    assert!(why.contains("does not grant a model \"other\"; it grants judge"), "{found}");
    assert!(provider.asked().is_empty());

    let component = guest("asker");
    let report =
        server.configure(&format!("[plugins.asker]\ncomponent = {component:?}\nconfig = {{ model = \"judge\" }}"));
    let said = report.to_string();
    assert!(said.contains("the binding does not grant `models`"), "{said}");
    let folder = server.folder.path().join("tribunal.toml");
    fs::write(&folder, format!("[plugins.asker]\ncomponent = {component:?}\nmodels = [\"nobody\"]")).unwrap();
    let refused = server.client.post(format!("{}/v1/plugins/reload", server.url)).send().unwrap().text().unwrap();
    assert!(refused.contains("there is no [models.nobody]"), "{refused}");
}

#[test]
fn a_key_that_stands_in_the_configuration_is_repeated_nowhere() {
    let server = Server::start("");
    for written in
        ["\"sk-in-the-file\"", "{ env = \"sk-in-the-file\" }", "{ env = \"OTHER\", file = \"sk-in-the-file\" }"]
    {
        let config = format!("[models.judge]\nprovider = \"openai\"\nmodel = \"m\"\napi_key = {written}\n");
        fs::write(server.folder.path().join("tribunal.toml"), config).unwrap();
        let answer = server.client.post(format!("{}/v1/plugins/reload", server.url)).send().unwrap();
        assert_eq!(answer.status(), 422);
        let said = answer.text().unwrap() + &server.json("/v1/plugins")["config_error"].to_string() + &server.log();
        assert!(said.contains("is not valid") && !said.contains("sk-in-the-file"), "{said}");
    }
}

#[test]
fn a_provider_that_wants_to_be_left_alone_is_left_alone_between_attempts() {
    let alone = || Reply::Status(429, vec![("retry-after", "100".to_owned())], String::new());
    let provider = Provider::start(move |_| alone());
    let server = server("openai", &provider.url, "", "deadline = \"2s\"\nconfig = { model = \"judge\" }");
    let found = judged(&server, "a");
    assert_eq!(found["failure"]["reason"], "model-unavailable", "{found}");
    let retry_at = found["retry_at"].as_str().unwrap().to_owned();
    let soon = String::from(tribunal::record::Time::now() + Duration::from_secs(90));
    assert!(retry_at > soon, "{retry_at} and {soon}");
    assert_eq!(provider.asked().len(), 1);
}

#[test]
fn many_wait_at_once_and_hold_up_nobody() {
    let wait = Duration::from_millis(500);
    let provider =
        Provider::start(move |asked| Reply::Late(wait, Box::new(Reply::Text(asked.question().len().to_string()))));
    let model = "max_concurrent = 150";
    let plugin = format!("config = {{ model = \"judge\" }}\n[plugins.length]\ncomponent = {:?}", guest("length"));
    let server = server("openai", &provider.url, model, &plugin);
    let began = Instant::now();
    for at in 0..300 {
        assert!(server.post(&distinct(&format!("i{at}"), 20 + at)).status().is_success());
    }
    let waits = |name: &str| server.binding(name)["backlog"].as_u64().unwrap();
    server.wait_until("the binding without models is done", || waits("length") == 0);
    assert!(waits("asker") > 0, "the models answered too fast to show anything");
    server.wait_idle();
    let took = began.elapsed();
    // Two rounds of 150, beside what 300 posts take.
    assert!(took < Duration::from_secs(20), "{took:?}");
    assert_eq!(provider.most_at_once(), 150);
    let mut seen = BTreeMap::new();
    for at in 0..300 {
        let found = evaluation(&server, &format!("i{at}"), "asker");
        let answer = distinct(&format!("i{at}"), 20 + at)["output"][0]["content"].as_str().unwrap().len();
        assert_eq!(found["verdicts"][0]["label"], answer.to_string(), "{found}");
        *seen.entry(found["attempts"].as_u64().unwrap()).or_insert(0) += 1;
    }
    assert_eq!(seen, BTreeMap::from([(1, 300)]));
    assert_eq!(provider.asked().len(), 300, "each was asked once");
}

#[test]
fn a_call_ends_at_its_deadline_while_it_waits() {
    let provider = Provider::start(|_| Reply::Late(Duration::from_secs(30), Box::new(Reply::Text("late".to_owned()))));
    let plugin = "deadline = \"300ms\"\nattempts = 1\nconfig = { model = \"judge\" }";
    let server = server("openai", &provider.url, "", plugin);
    let found = judged(&server, "a");
    assert_eq!(found["outcome"], "failed", "{found}");
    let took = found["duration_us"].as_u64().unwrap();
    assert!((250_000..2_000_000).contains(&took), "{found}");
}

#[test]
fn vectors_come_as_long_as_one() {
    let provider = Provider::start(|_| Reply::Vectors(vec![vec![3.0, 4.0], vec![30.0, 40.0]]));
    let server = server("openai", &provider.url, "", "config = { model = \"judge\", embeds = true }");
    let found = judged(&server, "a");
    assert_eq!(found["verdicts"][0]["name"], "likeness", "{found}");
    assert!((found["verdicts"][0]["value"].as_f64().unwrap() - 1.0).abs() < 1e-6, "{found}");
}

#[test]
fn requests_begin_at_the_pace_that_the_operator_set() {
    let provider = Provider::start(|_| Reply::Text("fine".to_owned()));
    let server = server("openai", &provider.url, "requests_per_minute = 120", "config = { model = \"judge\" }");
    let began = Instant::now();
    for at in 0..6 {
        post(&server, &format!("i{at}"));
    }
    server.wait_idle();
    // Two of six may go at once, and one each half second after.
    assert!(began.elapsed() >= Duration::from_millis(1_400), "{:?}", began.elapsed());
    assert_eq!(provider.asked().len(), 6);
}
