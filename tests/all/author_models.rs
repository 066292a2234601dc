//! Testing plugins that ask models without a server: recorded answers, and models to record them from.

use std::fs;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tribunal_tests::{Provider, Reply, binary, guest};

struct Desk(tempfile::TempDir);

impl Desk {
    /// Cases that ask, and a host's configuration with that provider.
    fn new(url: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let case = |answer: &str, label: &str| {
            json!({
                "name": answer,
                "config": {"model": "judge"},
                "interaction": {"provider": "p", "model": "m", "output": [{"role": "assistant", "content": answer}]},
                "expect": {"contains": [{"name": "answer0", "label": label}]},
            })
        };
        let cases = format!("{}\n{}\n", case("how fine", "how fine indeed"), case("how odd", "how odd indeed"));
        fs::create_dir(folder.path().join("cases")).unwrap();
        fs::write(folder.path().join("cases/cases.jsonl"), cases).unwrap();
        let config = format!("[models.judge]\nprovider = \"openai\"\nbase_url = {url:?}\nmodel = \"judge-1\"\n");
        fs::write(folder.path().join("tribunal.toml"), config).unwrap();
        Self(folder)
    }

    fn run(&self, command: &str, args: &[&str]) -> (i32, String) {
        let mut process = Command::new(binary());
        let output = process.args(["plugin", command]).arg(guest("asker")).args(args).current_dir(&self.0).output();
        let output = output.unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8_lossy(&said).into_owned())
    }
}

#[test]
fn cases_are_answered_by_what_was_recorded() {
    let provider = Provider::start(|asked| Reply::Text(format!("{} indeed", asked.question())));
    let desk = Desk::new(&provider.url);
    let (code, said) = desk.run("test", &[]);
    assert!(code == 1 && said.contains("does not grant `models`") && said.contains("has no answers yet"), "{said}");
    let (code, said) = desk.run("test", &["--answers", "nope.jsonl"]);
    assert!(code == 2 && said.contains("there is no nope.jsonl"), "{said}");
    let (code, said) = desk.run("test", &["--record"]);
    assert!(code == 2 && said.contains("--models"), "{said}");
    let (code, said) = desk.run("test", &["--models", "tribunal.toml"]);
    assert!(
        code == 1 && said.contains("models.jsonl has no answer of") && said.contains("`--record --models FILE`"),
        "{said}"
    );
    assert!(provider.asked().is_empty());

    let (code, said) = desk.run("test", &["--models", "tribunal.toml", "--record"]);
    assert!(code == 0 && said.contains("2 passed") && said.contains("recorded 2 answers"), "{said}");
    assert_eq!(provider.asked().len(), 2);
    drop(provider);

    // From now on nobody is asked, whatever the host's models are.
    for args in [&[][..], &["--models", "tribunal.toml", "--record"]] {
        let (code, said) = desk.run("test", args);
        assert!(code == 0 && said.contains("2 passed") && !said.contains("recorded"), "{said}");
    }
    let path = desk.0.path().join("models.jsonl");
    let recorded = fs::read_to_string(&path).unwrap();
    let lines: Vec<Value> = recorded.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["model"], json!({"alias": "judge", "provider": "openai", "model": "judge-1"}));
    assert_eq!(lines[0]["answer"]["completion"]["text"], "how fine indeed");

    // What is changed by hand is what the plugin is told.
    fs::write(&path, recorded.replace("how odd indeed", "how strange")).unwrap();
    let (code, said) = desk.run("test", &[]);
    assert!(code == 1 && said.contains("FAILED  how odd") && said.contains("how strange"), "{said}");
    fs::write(&path, recorded.replace("\"how odd\"", "\"never asked\"")).unwrap();
    let (code, said) = desk.run("test", &[]);
    assert!(code == 1 && said.contains("1 recorded answers were asked for by no case"), "{said}");
    // So are failures, and a host lets no answer pass that does not satisfy its schema.
    let mut fails = lines[0].clone();
    fails.as_object_mut().unwrap().remove("answer");
    fails["failure"] = json!({"kind": "budget-spent", "message": "judge: no more"});
    let mut unfit = lines[1].clone();
    unfit["request"]["complete"]["schema"] = json!({"type": "object"});
    fs::write(&path, format!("{fails}\n")).unwrap();
    let (code, said) = desk.run("test", &[]);
    assert!(code == 1 && said.contains("budget-spent") && said.contains("judge: no more"), "{said}");
    let case = json!({
        "config": {"model": "judge", "schema": {"type": "object"}}, "expect": {"failure": {"reason": "model-answer"}},
        "interaction": {"provider": "p", "model": "m", "output": [{"role": "assistant", "content": "how odd"}]},
    });
    fs::write(&path, format!("{unfit}\n")).unwrap();
    fs::write(desk.0.path().join("cases/cases.jsonl"), format!("{case}\n")).unwrap();
    let (code, said) = desk.run("test", &[]);
    assert!(code == 0 && said.contains("1 passed"), "{said}");
    fs::write(&path, "{\"model\": 1}").unwrap();
    let (code, said) = desk.run("test", &[]);
    assert!(code == 2 && said.contains("models.jsonl:1: `model`"), "{said}");
}

#[test]
fn one_call_and_a_measurement_ask_the_models_of_a_host() {
    let provider = Provider::start(|asked| {
        let answer = if asked.question().starts_with("good") { "fine" } else { "odd" };
        Reply::Late(Duration::from_millis(20), Box::new(Reply::Text(answer.to_owned())))
    });
    let desk = Desk::new(&provider.url);
    let write = |name: &str, text: String| fs::write(desk.0.path().join(name), text).unwrap();
    let said_of =
        |answer: &str| json!({"provider": "p", "model": "m", "output": [{"role": "assistant", "content": answer}]});
    write("one.json", said_of("good").to_string());
    write("one.jsonl", said_of("good").to_string());
    let config = "{\"model\": \"judge\"}";
    let (code, said) = desk.run("run", &["--interaction", "one.json", "--config", config, "--models", "tribunal.toml"]);
    let ran: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"));
    assert_eq!((code, &ran["verdicts"][0]["label"]), (0, &json!("fine")), "{said}");
    assert!(ran["model_calls"][0]["input_tokens"].as_u64() > Some(0), "{said}");

    let row = |at: usize| {
        let (answer, label) = if at.is_multiple_of(2) { ("good", "fine") } else { ("bad", "odd") };
        format!("{}\n", json!({"interaction": said_of(&format!("{answer} {at}")), "label": label}))
    };
    write("labels.jsonl", (0..40).map(row).collect());
    let args = ["--labels", "labels.jsonl", "--config", config, "--models", "tribunal.toml", "--json"];
    let (code, said) = desk.run("measure", &args);
    let measured: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"));
    assert_eq!(
        (code, &measured["failed"], &measured["asked_of_models"]["calls"]),
        (0, &json!(0), &json!(40)),
        "{said}"
    );
    assert!(measured["asked_of_models"]["input_tokens"].as_u64() > Some(100), "{said}");
    assert!(provider.most_at_once() > 1, "rows wait for models side by side");

    // What fails is not asked again and again.
    let asked = provider.asked().len();
    let schema = "{\"model\": \"judge\", \"schema\": {\"type\": \"object\"}}";
    let (code, said) =
        desk.run("bench", &["--interactions", "one.jsonl", "--config", schema, "--models", "tribunal.toml"]);
    assert!(code == 1 && said.contains("a call fails with model-answer"), "{said}");
    assert_eq!(provider.asked().len(), asked + 1);
}
