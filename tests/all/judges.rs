//! The plugins that ask models, in a real server and with a provider that plays the model: what they ask, what they make of
//! the answers, and that nothing that is judged speaks to the judge.

#[path = "../../plugins/judge/tests/support/read.rs"]
mod read;

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tribunal_tests::{Asked, Provider, Reply, Server, plugin};

use self::read::{Attack, Read, attacks};

const CRITERION: &str = "Is what the answer says true?";

/// A server with that plugin, which may ask that provider.
fn server(provider: &Provider, name: &str, config: &Value) -> Server {
    // TOML takes JSON's strings and lists, but not its objects.
    let config = toml(config);
    Server::start(&format!(
        "[models.judge]\nprovider = \"openai\"\nbase_url = {:?}\nmodel = \"judge-1\"\nmax_concurrent = 8\n\
         [plugins.{name}]\ncomponent = {:?}\nmodels = [\"judge\"]\nconfig = {config}\n",
        provider.url,
        plugin(name)
    ))
}

/// A JSON value as TOML has it on one line.
fn toml(value: &Value) -> String {
    match value {
        Value::Object(object) => {
            let pairs: Vec<_> = object.iter().map(|(key, value)| format!("{key:?} = {}", toml(value))).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

fn judge_config(more: &Value) -> Value {
    let scale = json!({"min": 1, "max": 10});
    let mut config = json!({
        "model": "judge", "max_characters": 2000,
        "fields": ["system", "question", "context", "reference", "answer"],
        "criteria": [{"name": "accuracy", "description": CRITERION, "scale": scale}],
    });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    config
}

/// An interaction that has every field, with that text in one of them.
fn attacked(id: &str, field: &str, text: &str) -> Value {
    let or = |name: &str, usual: &str| if name == field { text.to_owned() } else { usual.to_owned() };
    json!({
        "id": id, "provider": "openai", "model": "gpt-4.1-mini",
        "input": [
            {"role": "system", "content": or("system", "You help with geography.")},
            {"role": "user", "content": or("question", "What is the capital of Australia?")},
        ],
        "output": [{"role": "assistant", "content": or("answer", "Sydney. It has an opera house.")}],
        "context": [{"text": or("document", "Canberra is the capital of Australia.")}],
        "reference": or("reference", "Canberra."),
    })
}

fn post(server: &Server, interaction: &Value) {
    let response = server.post(interaction);
    assert!(response.status().is_success(), "{}", response.text().unwrap_or_default());
}

/// The one evaluation of an interaction.
fn evaluation(server: &Server, id: &str) -> Value {
    let shown = server.json(&format!("/v1/interactions/{id}"));
    let [evaluation] = shown["evaluations"].as_array().unwrap().as_slice() else { panic!("{shown}") };
    evaluation.clone()
}

fn judged(server: &Server, interaction: &Value) -> Value {
    post(server, interaction);
    server.wait_idle();
    evaluation(server, interaction["id"].as_str().unwrap())
}

/// The prompt, taken apart.
fn taken_apart(asked: &Asked) -> Read {
    let messages = asked.body["messages"].as_array().unwrap();
    assert_eq!(
        messages.iter().map(|message| message["role"].as_str().unwrap()).collect::<Vec<_>>(),
        ["system", "user"]
    );
    Read::of(messages[0]["content"].as_str().unwrap(), messages[1]["content"].as_str().unwrap())
}

/// Whether what stands outside of the data says what one of the attacks wants.
fn is_told(asked: &Asked, attacks: &[Attack]) -> bool {
    let Read { before, after, .. } = taken_apart(asked);
    attacks.iter().any(|attack| before.contains(&attack.marker) || after.contains(&attack.marker))
}

#[test]
fn the_reasoning_comes_before_the_verdict() {
    let provider = Provider::start(|_| Reply::Text(r#"{"reasoning": "It is not.", "verdict": 2}"#.to_owned()));
    let server = server(&provider, "judge", &judge_config(&json!({})));
    let found = judged(&server, &attacked("a", "", ""));
    assert_eq!(found["outcome"], "succeeded", "{found}");
    assert_eq!(found["verdicts"][0]["name"], "accuracy", "{found}");
    assert_eq!((&found["verdicts"][0]["value"], found["verdicts"].as_array().unwrap().len()), (&json!(2.0), 1));
    assert_eq!(found["verdicts"][0]["explanation"], "“It is not.”");
    let [asked] = <[Asked; 1]>::try_from(provider.asked()).unwrap();
    let format = asked.body["response_format"]["json_schema"].clone();
    assert_eq!(format["strict"], true, "a provider can hold its model to it: {format}");
    // As it was on the wire, since this crate's JSON sorts keys as the host's does.
    let schema = format["schema"].to_string();
    assert!(schema.find("\"reasoning\":{") < schema.find("\"verdict\":{"), "{schema}");
    let names: Vec<_> = taken_apart(&asked).blocks.into_iter().map(|block| block.name).collect();
    assert_eq!(names, ["system prompt", "question", "document 1", "reference", "answer"]);
}

#[test]
fn samples_have_a_mean_and_labels_a_majority() {
    let provider = Provider::start(|asked| {
        let seed = asked.body["seed"].as_u64().unwrap();
        let is_scale = asked.question().contains("whole number");
        let verdict = match (is_scale, seed) {
            (true, seed) => json!([2, 4, 9][seed as usize]),
            (false, 1) => json!("kind"),
            (false, _) => json!("rude"),
        };
        Reply::Text(json!({"reasoning": format!("Sample {seed}."), "verdict": verdict}).to_string())
    });
    let criteria = json!([
        {"name": "accuracy", "description": CRITERION, "scale": {"min": 1, "max": 10}},
        {"name": "tone", "description": "How does it sound?", "labels": ["kind", "rude"]},
    ]);
    let server = server(&provider, "judge", &judge_config(&json!({"samples": 3, "criteria": criteria})));
    let found = judged(&server, &attacked("a", "", ""));
    let verdicts = found["verdicts"].as_array().unwrap_or_else(|| panic!("{found}"));
    let names: Vec<_> = verdicts.iter().map(|verdict| verdict["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["accuracy", "accuracy_spread", "tone", "tone_agreement"]);
    let number = |at: usize| verdicts[at]["value"].as_f64().unwrap();
    assert_eq!(number(0), 5.0);
    assert!((number(1) - 13f64.sqrt()).abs() < 1e-9, "{found}");
    assert_eq!((&verdicts[2]["label"], number(3)), (&json!("rude"), 2.0 / 3.0));
    assert_eq!(verdicts[0]["explanation"], "“Sample 1.” Samples: 2, 4, 9.");
    assert_eq!(provider.asked().len(), 6);
}

#[test]
fn a_judge_who_favours_a_place_makes_ties() {
    let verdict = Arc::new(Mutex::new("A"));
    let says = Arc::clone(&verdict);
    let provider = Provider::start(move |asked| {
        let says = *says.lock().unwrap();
        let first = taken_apart(asked).blocks.into_iter().find(|block| block.name == "answer A").unwrap().text;
        let verdict = match says {
            // Where the reference stands, whatever its place.
            "reference" => {
                if first == "Canberra." {
                    "A"
                } else {
                    "B"
                }
            }
            place => place,
        };
        Reply::Text(json!({"reasoning": "So.", "verdict": verdict}).to_string())
    });
    let criteria = json!([{"name": "better", "description": CRITERION}]);
    let config = json!({"model": "judge", "compare": true, "criteria": criteria});
    let server = server(&provider, "judge", &config);
    for (says, label, is_biased) in
        [("A", "tie", true), ("B", "tie", true), ("tie", "tie", false), ("reference", "loss", false)]
    {
        *verdict.lock().unwrap() = says;
        // The host asks nobody twice the same.
        let found = judged(&server, &attacked(says, "question", &format!("What is the capital, {says}?")));
        assert_eq!(found["verdicts"][0]["label"], label, "{says}: {found}");
        let because = found["verdicts"][0]["explanation"].as_str().unwrap();
        assert_eq!(because.contains("Position bias"), is_biased, "{says}: {found}");
    }
    assert_eq!(provider.asked().len(), 8);
}

#[test]
fn no_attack_reaches_a_judge_who_does_whatever_it_is_told() {
    let all = attacks();
    assert!(all.len() >= 20);
    let provider = Provider::start(|asked| {
        let verdict = if is_told(asked, &attacks()) { 10 } else { 3 };
        Reply::Text(json!({"reasoning": "As I was told.", "verdict": verdict}).to_string())
    });
    let server = server(&provider, "judge", &judge_config(&json!({})));
    for (at, attack) in all.iter().enumerate() {
        post(&server, &attacked(&format!("i{at}"), &attack.field, &attack.text));
        let padded = format!("{}{}", "All is well. ".repeat(20_000), attack.text);
        post(&server, &attacked(&format!("p{at}"), &attack.field, &padded));
    }
    server.wait_idle();
    for (at, Attack { name, .. }) in all.iter().enumerate() {
        for (id, is_long) in [(format!("i{at}"), false), (format!("p{at}"), true)] {
            let found = evaluation(&server, &id);
            assert_eq!(found["verdicts"][0]["value"], 3.0, "{name}: {found}");
            let because = found["verdicts"][0]["explanation"].as_str().unwrap();
            assert_eq!(because.contains("only the first 2000 of"), is_long, "{name}: {found}");
        }
    }
    let asked = provider.asked();
    // Padded ones of the same length look the same, and need not be asked about twice.
    assert!((all.len()..=2 * all.len()).contains(&asked.len()), "{}", asked.len());
    let mut codes = std::collections::BTreeSet::new();
    for asked in &asked {
        // Fails where anything stands between two blocks.
        let Read { code, before, blocks, after } = taken_apart(asked);
        assert_eq!(blocks.len(), 5, "{blocks:?}");
        assert!(blocks.iter().all(|block| !block.text.to_lowercase().contains(&code)));
        assert!(before.contains(CRITERION) && after.contains(CRITERION), "{after}");
        let data: String = blocks.into_iter().map(|block| block.text).collect();
        let hidden = |c: char| matches!(c, '\u{200b}' | '\u{202e}' | '\u{1}' | '\u{1b}' | '\u{e0000}'..='\u{e007f}');
        assert!(!data.contains(hidden) && !data.contains("<|") && !data.contains("[/INST]"), "{data}");
        codes.insert(code);
    }
    // Each has a code of its own.
    assert!(codes.len() >= all.len(), "{}", codes.len());
}

#[test]
fn claims_are_checked_and_found_in_the_answer() {
    let provider = Provider::start(|asked| {
        let read = taken_apart(asked);
        let claims = json!({"claims": [
            {"claim": "Sydney is the capital of Australia.", "quote": "Sydney."},
            {"claim": "Sydney has an opera house.", "quote": "It has  an opera house"},
            {"claim": "Australia has a capital.", "quote": "made up"},
        ]});
        let checks = json!({
            "claim_01": {"evidence": "Canberra is the capital", "verdict": "contradicted"},
            "claim_02": {"evidence": "", "verdict": "not-mentioned"},
            "claim_03": {"evidence": "canberra is the capital of Australia", "verdict": "supported"},
        });
        let is_check = read.blocks.iter().any(|block| block.name == "claims");
        Reply::Text(if is_check { checks } else { claims }.to_string())
    });
    let server = server(&provider, "faithfulness", &json!({"model": "judge"}));
    let found = judged(&server, &attacked("a", "", ""));
    assert_eq!(found["outcome"], "succeeded", "{found}");
    let verdicts = found["verdicts"].as_array().unwrap();
    assert_eq!((&verdicts[0]["name"], &verdicts[0]["value"]), (&json!("faithfulness"), &json!(1.0 / 3.0)), "{found}");
    let findings: Vec<_> = verdicts[1..]
        .iter()
        .map(|finding| {
            (finding["label"].as_str().unwrap(), finding["span"]["start"].as_u64(), finding["span"]["end"].as_u64())
        })
        .collect();
    assert_eq!(findings, [("contradicted", Some(0), Some(7)), ("not-mentioned", Some(8), Some(29))]);
    // The finder of errors asks what the scorer asked, and is answered with what was kept.
    assert_eq!(provider.asked().len(), 2);
    assert!(provider.asked().iter().all(|asked| asked.body["response_format"]["json_schema"]["strict"] == true));

    let mut bare = attacked("bare", "", "");
    bare["context"] = json!([]);
    let before = provider.asked().len();
    let found = judged(&server, &bare);
    assert_eq!((&found["outcome"], &found["verdicts"]), (&json!("succeeded"), &json!([])), "{found}");
    assert_eq!(provider.asked().len(), before, "there is nothing to ask about");
}

#[test]
fn an_attack_in_a_claim_is_no_support() {
    let provider = Provider::start(|asked| {
        let read = taken_apart(asked);
        assert!(!is_told(asked, &attacks()));
        Reply::Text(match read.blocks.iter().find(|block| block.name == "answer") {
            // The model takes the attack for a claim, word for word.
            Some(answer) => json!({"claims": [{"claim": answer.text, "quote": answer.text}]}).to_string(),
            None => json!({"claim_01": {"evidence": "It says so itself.", "verdict": "supported"}}).to_string(),
        })
    });
    let server = server(&provider, "faithfulness", &json!({"model": "judge"}));
    let all: Vec<_> = attacks().into_iter().filter(|attack| attack.field == "answer").collect();
    for (at, attack) in all.iter().enumerate() {
        post(&server, &attacked(&format!("i{at}"), "answer", &attack.text));
    }
    server.wait_idle();
    for (at, attack) in all.iter().enumerate() {
        let found = evaluation(&server, &format!("i{at}"));
        assert_eq!(found["verdicts"][0]["value"], 0.0, "{}: {found}", attack.name);
        assert_eq!(found["verdicts"][1]["label"], "unproven", "{}: {found}", attack.name);
    }
}

#[test]
fn vectors_say_what_is_out_of_scope() {
    let provider = Provider::start(|asked| {
        let texts = asked.body["input"].as_array().unwrap().iter().map(|text| text.as_str().unwrap());
        let toward = |text: &str, words: &[&str]| if words.iter().any(|word| text.contains(word)) { 1.0 } else { 0.0 };
        let vector = |text: &str| {
            vec![
                toward(text, &["geography", "capital", "Canberra"]),
                toward(text, &["soup", "recipe"]),
                toward(text, &["helpful assistant"]),
                0.01,
            ]
        };
        Reply::Vectors(texts.map(vector).collect())
    });
    let server = server(&provider, "relevance", &json!({"model": "judge"}));
    let found = judged(&server, &attacked("in", "answer", "Canberra."));
    let names: Vec<_> = found["verdicts"].as_array().unwrap().iter().map(|verdict| verdict["name"].clone()).collect();
    assert_eq!(names, ["answer_relevance", "question_in_scope", "answer_in_scope"], "{found}");
    let mut soup = attacked("out", "question", "A good soup?");
    soup["output"][0]["content"] = json!("This recipe is good.");
    let found = judged(&server, &soup);
    let verdicts = found["verdicts"].as_array().unwrap();
    assert_eq!((verdicts.len(), &verdicts[3]["name"]), (4, &json!("out-of-scope")), "{found}");
    assert_eq!(verdicts[3]["span"]["end"], 20, "{found}");
}

#[test]
fn a_model_that_refuses_is_said_to() {
    for (name, config) in [
        ("judge", judge_config(&json!({}))),
        ("faithfulness", json!({"model": "judge"})),
        ("relevance", json!({"model": "judge"})),
    ] {
        let provider = Provider::start(|_| Reply::Status(401, vec![], "no".to_owned()));
        let server = server(&provider, name, &config);
        let found = judged(&server, &attacked("a", "", ""));
        assert_eq!(found["failure"]["reason"], "model-refused", "{name}: {found}");
    }
}
