//! What the scorer makes of a model's answers; knows nothing of attacks.

mod support;

use std::cell::RefCell;

use judge::Judge;
use serde_json::{Value, json};
use support::{answered, attacked, configured, taken_apart};
use tribunal_sdk::{AttributeValue, Failure, Interaction, Message, Plugin, Prompt, Score, ScoreValue};

/// The plugin's scores where the model answers with these texts in turn, and the prompts.
fn judged(judge: &Judge, interaction: &Interaction, answers: &[&str]) -> (Result<Vec<Score>, Failure>, Vec<Prompt>) {
    let prompts = RefCell::new(Vec::new());
    let scores = judge.judge(interaction, &|prompt| {
        let mut prompts = prompts.borrow_mut();
        prompts.push(prompt.clone());
        match answers[(prompts.len() - 1) % answers.len()] {
            "unavailable" => Err(Failure { transient: true, ..Failure::new("model-unavailable", "no") }),
            "nonsense" => Err(Failure::new("model-answer", "it was cut")),
            text => Ok(answered(text)),
        }
    });
    (scores, prompts.into_inner())
}

/// `name=value` of each score.
fn shown(scores: &[Score]) -> Vec<String> {
    let value = |value: &ScoreValue| match value {
        ScoreValue::Number(number) => format!("{number:.3}"),
        ScoreValue::Boolean(boolean) => boolean.to_string(),
        ScoreValue::Label(label) => label.clone(),
    };
    scores.iter().map(|score| format!("{}={}", score.name, value(&score.value))).collect()
}

#[track_caller]
fn check(config: &Value, answers: &[&str], wanted: &[&str]) -> (Vec<Score>, Vec<Prompt>) {
    let (scores, prompts) = judged(&configured(config), &attacked("", ""), answers);
    let scores = scores.expect("scores");
    assert_eq!(shown(&scores), wanted);
    (scores, prompts)
}

fn scale(more: Value) -> Value {
    let mut config = json!({
        "model": "judge",
        "criteria": [{"name": "accuracy", "description": "Is it true?",
            "scale": {"min": 1, "max": 5, "anchors": {"5": "all of it", "1": "nothing"}}}],
    });
    config.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    config
}

const FOUR: &str = r#"{"reasoning": "Nearly.", "verdict": 4}"#;

#[test]
fn a_number_on_a_scale() {
    let (scores, prompts) = check(&scale(json!({})), &[FOUR], &["accuracy=4.000"]);
    assert_eq!(scores[0].explanation.as_deref(), Some("“Nearly.”"));
    assert!(matches!(&scores[0].attributes[0].value, AttributeValue::Text(model) if model == "judge-1"));
    let [prompt] = prompts.as_slice() else { panic!("{prompts:?}") };
    assert_eq!((prompt.temperature, prompt.seed, prompt.max_tokens), (Some(0.0), Some(0), Some(1_024)));
    let read = taken_apart(prompt);
    let names: Vec<_> = read.blocks.iter().map(|block| block.name.as_str()).collect();
    assert_eq!(names, ["question", "answer"]);
    assert!(
        read.after.contains(
            "accuracy: Is it true?\nThe verdict is a whole number from 1 to 5.\n1 means: nothing\n5 means: all"
        )
    );
}

#[test]
fn the_reasoning_comes_before_the_verdict() {
    let (_, prompts) = check(&scale(json!({"bounds": true})), &[FOUR], &["accuracy=4.000"]);
    let schema = prompts[0].schema.clone().expect("a schema");
    // As the host reads it and sends it on.
    let sent = serde_json::from_str::<Value>(&schema).expect("JSON").to_string();
    let at = |word: &str| sent.find(&format!("\"{word}\":{{")).expect("a property");
    assert!(at("reasoning") < at("verdict"), "{sent}");
    assert!(sent.contains("\"enum\":[1,2,3,4,5]") && sent.contains("maxLength"), "{sent}");
    let (_, prompts) = check(&scale(json!({})), &[FOUR], &["accuracy=4.000"]);
    assert!(!prompts[0].schema.clone().expect("a schema").contains("maxLength"));
}

#[test]
fn several_samples_have_a_mean_and_a_spread() {
    let answers = [r#"{"reasoning": "One.", "verdict": 1}"#, FOUR, r#"{"reasoning": "Five.", "verdict": 5.0}"#];
    let config = scale(json!({"samples": 3}));
    let (scores, prompts) = check(&config, &answers, &["accuracy=3.333", "accuracy_spread=2.082"]);
    assert_eq!(scores[0].explanation.as_deref(), Some("“Nearly.” Samples: 1, 4, 5."));
    let seeds: Vec<_> = prompts.iter().map(|prompt| prompt.seed).collect();
    assert_eq!((seeds, prompts[0].temperature), (vec![Some(0), Some(1), Some(2)], Some(0.7)));
    // One answer that is none is left out, but not most of them.
    let (scores, _) = check(&config, &[FOUR, "nonsense", FOUR], &["accuracy=4.000", "accuracy_spread=0.000"]);
    let because = scores[0].explanation.as_deref();
    assert_eq!(because, Some("“Nearly.” Samples: 4, 4. 1 of 3 samples gave no valid answer."));
    let failure = |answers: &[&str]| judged(&configured(&config), &attacked("", ""), answers).0.expect_err("a failure");
    assert_eq!(failure(&[FOUR, "nonsense", "nonsense"]).code, "model-answer");
    let failed = failure(&[FOUR, "unavailable", FOUR]);
    assert!(failed.code == "model-unavailable" && failed.transient);
    assert_eq!(failure(&["{}"]).code, "model-answer");
    assert_eq!(failure(&[r#"{"reasoning": "", "verdict": "four"}"#]).code, "model-answer");
}

#[test]
fn labels_have_a_majority_and_a_share() {
    let criteria = json!([{"name": "tone", "description": "How does it sound?", "labels": ["kind", "rude"]}]);
    let config = |samples: u32| json!({"model": "judge", "samples": samples, "criteria": criteria});
    let (kind, rude) = (r#"{"reasoning": "Kind.", "verdict": "kind"}"#, r#"{"reasoning": "Rude.", "verdict": "rude"}"#);
    check(&config(1), &[rude], &["tone=rude"]);
    let (scores, _) = check(&config(3), &[kind, rude, rude], &["tone=rude", "tone_agreement=0.667"]);
    assert_eq!(scores[0].explanation.as_deref(), Some("“Rude.” Samples: kind, rude, rude."));
    check(&config(2), &[rude, kind], &["tone=kind", "tone_agreement=0.500"]);
}

#[test]
fn each_criterion_is_asked_about_alone() {
    let criteria = json!([
        {"name": "accuracy", "description": "Is it true?", "scale": {"min": 0, "max": 1}},
        {"name": "tone", "description": "How does it sound?", "labels": ["kind", "rude"]},
    ]);
    let answers = [r#"{"reasoning": "", "verdict": 0}"#, r#"{"reasoning": "", "verdict": "kind"}"#];
    let config = json!({"model": "judge", "criteria": criteria});
    let (_, prompts) = check(&config, &answers, &["accuracy=0.000", "tone=kind"]);
    assert!(!prompts[0].messages[1].content.contains("How does it sound?"));
    assert!(!prompts[1].messages[1].content.contains("Is it true?"));
}

#[test]
fn the_answer_wins_where_both_orders_say_so() {
    let config = |samples: u32| {
        let criteria = json!([{"name": "better", "description": "Which is truer?"}]);
        json!({"model": "judge", "compare": true, "samples": samples, "criteria": criteria})
    };
    let [a, b, tie] = ["A", "B", "tie"].map(|verdict| format!("{{\"reasoning\": \"So.\", \"verdict\": {verdict:?}}}"));
    let (scores, prompts) = check(&config(1), &[&a, &b], &["better=win"]);
    assert_eq!(scores[0].explanation.as_deref(), Some("The answer as A, the reference as B: “So.”"));
    let orders = prompts.iter().map(|prompt| {
        let read = taken_apart(prompt);
        read.blocks.iter().map(|block| format!("{}={}", block.name, block.text)).collect::<Vec<_>>()
    });
    let question = "question=What is the capital of Australia?";
    let wanted =
        [[question, "answer A=Sydney.", "answer B=Canberra."], [question, "answer A=Canberra.", "answer B=Sydney."]];
    assert_eq!(orders.collect::<Vec<_>>(), wanted);
    check(&config(1), &[&b, &a], &["better=loss"]);
    check(&config(1), &[&tie, &tie], &["better=tie"]);
    // Whoever is A wins.
    let (scores, _) = check(&config(1), &[&a, &a], &["better=tie"]);
    assert!(scores[0].explanation.as_deref().is_some_and(|because| because.contains("Position bias")));
    let bias = scores[0].attributes.iter().find(|attribute| attribute.key == "position_bias").expect("an attribute");
    assert!(matches!(bias.value, AttributeValue::Number(1.0)));
    let (scores, _) = check(&config(3), &[&a, &b, &a, &a, &a, &b], &["better=win", "better_agreement=0.667"]);
    let because = scores[0].explanation.as_deref().expect("an explanation");
    assert!(because.contains("in 1 of 3 samples") && because.contains("Samples: win, tie, win."), "{because}");
}

#[test]
fn what_is_not_there_is_not_judged() {
    let nothing = |config: &Value, interaction: &Interaction| {
        let (scores, prompts) = judged(&configured(config), interaction, &[FOUR]);
        assert!(scores.expect("scores").is_empty() && prompts.is_empty());
    };
    nothing(&scale(json!({})), &attacked("answer", " \n"));
    nothing(&scale(json!({})), &attacked("answer", "<think>Hm.</think> \u{200b}"));
    nothing(&scale(json!({"fields": ["reference"]})), &Interaction::example("Who?", "Me."));
    let pairs = json!({"model": "judge", "compare": true, "criteria": [{"name": "better", "description": "Which?"}]});
    nothing(&pairs, &Interaction::example("Who?", "Me."));
    nothing(&pairs, &attacked("answer", ""));
    // What is missing beside it is left out.
    let config = scale(json!({"fields": ["system", "context", "reference", "answer"]}));
    let (_, prompts) = judged(&configured(&config), &Interaction::example("Who?", "Me."), &[FOUR]);
    assert_eq!(taken_apart(&prompts[0]).blocks.len(), 1);
}

#[test]
fn a_conversation_is_shown_from_its_end() {
    let mut interaction = Interaction::example("First question?", "Last answer.");
    interaction.input.insert(0, Message::text("system", "Be brief."));
    interaction.input.push(Message::text("assistant", "First answer."));
    interaction.input.push(Message::text("user", "Second question?"));
    let blocks = |most: usize| {
        let config = scale(json!({"fields": ["conversation", "answer"], "max_characters": most}));
        let (scores, prompts) = judged(&configured(&config), &interaction, &[FOUR]);
        let blocks = taken_apart(&prompts[0]).blocks.into_iter().map(|block| format!("{}: {}", block.name, block.text));
        (blocks.collect::<Vec<_>>(), scores.expect("scores")[0].explanation.clone().expect("an explanation"))
    };
    let (all, _) = blocks(1_000);
    let turns = ["user's message 1: First question?", "assistant's message 2: First answer."];
    let last = "user's message 3: Second question?";
    assert_eq!(all, [turns[0], turns[1], last, "answer: Last answer."]);
    let (some, because) = blocks(30);
    assert_eq!(some, [turns[1], last, "answer: Last answer."]);
    assert!(because.ends_with("1 more text had no room."), "{because}");
    let (cut, because) = blocks(6);
    assert_eq!(cut, ["user's message 3: Second", "answer: Last a"]);
    assert!(because.contains("Of the user's message 3 only the first 6 of 16 characters were shown."), "{because}");
}

#[test]
fn configs() {
    let refused = |config: Value, words: &str| {
        let config = serde_json::from_value(config.clone()).map_err(|error| error.to_string());
        let refused = config.and_then(Judge::configure).expect_err("a wrong config");
        assert!(refused.contains(words), "{refused}");
    };
    let with = |criterion: Value| json!({"model": "judge", "criteria": [criterion]});
    refused(json!({"criteria": []}), "missing field `model`");
    refused(json!({"model": "judge", "criteria": []}), "make 0 calls");
    refused(scale(json!({"model": ""})), "`model` is empty");
    refused(scale(json!({"samples": 17})), "`samples` is 17, and may be 1 to 16");
    refused(scale(json!({"temperature": 2.5})), "`temperature` is 2.5");
    refused(scale(json!({"max_characters": 0})), "`max_characters` is 0");
    refused(scale(json!({"max_tokens": 0})), "`max_tokens` is 0");
    refused(scale(json!({"fields": []})), "`fields` is empty");
    refused(scale(json!({"fields": ["anwser"]})), "unknown variant `anwser`");
    refused(scale(json!({"compare": true})), "leave out `scale` and `labels`");
    refused(with(json!({"name": "A b", "description": "x", "labels": ["a", "b"]})), "criterion `A b`: a name is");
    refused(with(json!({"name": "a", "description": " ", "labels": ["a", "b"]})), "`description` is empty");
    refused(with(json!({"name": "a", "description": "x"})), "give either `scale` or `labels`");
    refused(with(json!({"name": "a", "description": "x", "labels": ["a", "a"]})), "2 to 32 different");
    refused(with(json!({"name": "a", "description": "x", "labels": ["a", "\n"]})), "the label \"\\n\"");
    refused(with(json!({"name": "a", "description": "x", "scale": {"min": 1, "max": 1}})), "from 1 to 1");
    refused(with(json!({"name": "a", "description": "x", "scale": {"min": 0, "max": 101}})), "1 to 100 steps");
    let anchors = json!({"min": 1, "max": 5, "anchors": {"6": "x"}});
    refused(with(json!({"name": "a", "description": "x", "scale": anchors})), "`anchors` has `6`");
    let twice = ["a", "a_spread"].map(|name| json!({"name": name, "description": "x", "scale": {"min": 1, "max": 2}}));
    refused(json!({"model": "judge", "samples": 2, "criteria": twice}), "two scores would be named `a_spread`");
    let many: Vec<_> =
        (0..17).map(|at| json!({"name": format!("a{at}"), "description": "x", "labels": ["a", "b"]})).collect();
    refused(
        json!({"model": "judge", "samples": 16, "criteria": many}),
        "make 272 calls for one interaction, of 1 to 256",
    );
}
