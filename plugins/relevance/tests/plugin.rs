//! What the plugin makes of vectors, and what it asks for; knows nothing of embeddings' quality.

use std::cell::RefCell;

use relevance::Relevance;
use serde_json::{Value, json};
use tribunal_sdk::{Failure, Finding, Interaction, Message, Part, Plugin, Score, ScoreValue, TextSource};

fn configured(config: &Value) -> Relevance {
    let config = serde_json::from_value(config.clone()).expect("a config");
    Relevance::configure(config).expect("a valid config")
}

fn interaction(system: &str, question: &str, answer: &str) -> Interaction {
    let mut interaction = Interaction::example(question, answer);
    interaction.input.insert(0, Message::text("system", system));
    interaction
}

/// A vector of length 1 that points where the words of a text do: food, code, or nowhere in particular.
fn vector(text: &str) -> Vec<f32> {
    let count = |words: &[&str]| words.iter().filter(|word| text.contains(**word)).count() as f32;
    let vector = [count(&["soup", "cook", "recipe"]), count(&["code", "Rust"]), count(&["assistant", "help"]), 0.01];
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    vector.map(|number| number / length).to_vec()
}

type Judged = (Vec<Score>, Vec<Finding>, Vec<Vec<String>>);

fn judged(config: &Value, interaction: &Interaction) -> Judged {
    let asked = RefCell::new(Vec::new());
    let embed = |texts: &[String]| {
        asked.borrow_mut().push(texts.to_vec());
        Ok(texts.iter().map(|text| vector(text)).collect())
    };
    let plugin = configured(config);
    let scores = plugin.scores(interaction, &embed).expect("scores");
    let first = asked.take();
    let findings = plugin.findings(interaction, &embed).expect("findings");
    // The host answers the second kind from what it knows.
    assert_eq!(*asked.borrow(), first);
    (scores, findings, first)
}

fn shown(scores: &[Score]) -> Vec<String> {
    let value = |score: &Score| match score.value {
        ScoreValue::Number(number) => format!("{}={number:.1}", score.name),
        _ => panic!("{score:?}"),
    };
    scores.iter().map(value).collect()
}

fn usual() -> Value {
    json!({"model": "minilm"})
}

const COOK: &str = "You cook. Only recipes, please. Do not write code.";

#[test]
fn question_answer_and_scope_are_compared() {
    let (scores, findings, asked) = judged(&usual(), &interaction(COOK, "A soup?", "This recipe."));
    assert_eq!(shown(&scores), ["answer_relevance=1.0", "question_in_scope=1.0", "answer_in_scope=1.0"]);
    assert!(findings.is_empty());
    assert_eq!(scores[1].explanation.as_deref(), Some("Nearest of the scope: “Only recipes”."));
    // The second request is the same for all interactions with that system prompt.
    assert_eq!(asked[0], ["A soup?", "This recipe."]);
    let any = "You are a helpful assistant. Answer the user's questions. Be friendly and brief.";
    assert_eq!(asked[1], [any, "You cook", "Only recipes", "please"]);
}

#[test]
fn what_lies_too_far_is_found() {
    let check = |config: &Value, interaction: &Interaction, wanted: &[&str]| {
        let (_, findings, _) = judged(config, interaction);
        let found: Vec<_> = findings.iter().map(|one| format!("{}/{}", one.category, one.code)).collect();
        assert_eq!(found, wanted);
        for finding in findings {
            let span = finding.span.expect("a span");
            let messages = if span.source == TextSource::Input { &interaction.input } else { &interaction.output };
            let Part::Text(text) = &messages[span.message as usize].parts[span.part as usize] else {
                panic!("no text")
            };
            assert_eq!((span.start, span.end as usize), (0, text.len()));
            assert_eq!(span.source == TextSource::Input, finding.code == "question");
            assert!(finding.explanation.is_some() && finding.confidence == 0.5);
        }
    };
    check(&usual(), &interaction(COOK, "A soup?", "Write code."), &["semantic/irrelevant"]);
    check(&usual(), &interaction(COOK, "Some Rust?", "This code."), &["out-of-scope/answer"]);
    check(&usual(), &interaction(COOK, "Some Rust?", "I cook."), &["semantic/irrelevant", "out-of-scope/question"]);
    check(&usual(), &interaction(COOK, "Some Rust?", " "), &["out-of-scope/question"]);
    let lenient = json!({"model": "minilm", "min_relevance": -1, "min_scope": -2});
    check(&lenient, &interaction(COOK, "Some Rust?", "I cook."), &[]);
    let topics = json!({"model": "minilm", "topics": ["code"]});
    check(&topics, &interaction(COOK, "Some Rust?", "This code."), &[]);
    check(&topics, &interaction("", "A soup?", "A recipe."), &["out-of-scope/answer"]);
}

#[test]
fn what_is_missing_is_not_measured() {
    let check = |interaction: &Interaction, wanted: &[&str], requests: usize| {
        let (scores, _, asked) = judged(&usual(), interaction);
        assert_eq!(shown(&scores), wanted);
        assert_eq!(asked.len(), requests);
    };
    check(&interaction("", "A soup?", "A recipe."), &["answer_relevance=1.0"], 1);
    check(&interaction("", "A soup?", " "), &[], 0);
    check(&interaction("", "\u{200b}", "A recipe."), &[], 0);
    check(&interaction(COOK, "A soup?", ""), &["question_in_scope=1.0"], 2);
    check(&interaction(COOK, "", "A recipe."), &["answer_in_scope=1.0"], 2);
    check(&interaction(COOK, "", ""), &[], 0);
    // What could be said of any assistant is no scope.
    check(&interaction("You are a helpful assistant.", "A soup?", "A recipe."), &["answer_relevance=1.0"], 2);
}

#[test]
fn long_texts_are_cut_and_say_so() {
    let config = json!({"model": "minilm", "max_characters": 6});
    let (scores, findings, asked) = judged(&config, &interaction(COOK, "Some Rust and more?", "A soup recipe."));
    assert_eq!(asked[0], ["Some R", "A soup"]);
    let cut = "Of the question only the first 6 characters were looked at. Of the answer only the first 6 characters were looked at.";
    assert_eq!(scores[0].explanation.as_deref(), Some(cut));
    assert!(
        findings.iter().all(|finding| finding.explanation.as_deref().is_some_and(|because| because.ends_with(cut)))
    );
}

#[test]
fn vectors_that_do_not_fit_fail() {
    let with = interaction(COOK, "A soup?", "A recipe.");
    let fails = |vectors: Vec<Vec<f32>>| {
        configured(&usual()).scores(&with, &|_| Ok(vectors.clone())).expect_err("a failure").code
    };
    assert_eq!(fails(vec![]), "model-answer");
    assert_eq!(fails(vec![vec![1.0], vec![1.0, 0.0]]), "model-answer");
    let away = configured(&usual()).findings(&with, &|_| Err(Failure::new("model-unavailable", "")));
    assert_eq!(away.expect_err("a failure").code, "model-unavailable");
}

#[test]
fn configs() {
    let refused = |config: Value, words: &str| {
        let config = serde_json::from_value(config).map_err(|error| error.to_string());
        let refused = config.and_then(Relevance::configure).expect_err("a wrong config");
        assert!(refused.contains(words), "{refused}");
    };
    refused(json!({}), "missing field `model`");
    refused(json!({"model": ""}), "`model` is empty");
    refused(json!({"model": "m", "topics": [" "]}), "`topics` has one that is empty");
    refused(json!({"model": "m", "topics": vec!["a"; 256]}), "`topics` has 256 topics");
    refused(json!({"model": "m", "min_relevance": 1.5}), "`min_relevance` is 1.5, and may be -1 to 1");
    refused(json!({"model": "m", "min_scope": -3}), "`min_scope` is -3, and may be -2 to 2");
    refused(json!({"model": "m", "max_characters": 0}), "`max_characters` is 0");
    refused(json!({"model": "m", "threshold": 0}), "unknown field `threshold`");
}
