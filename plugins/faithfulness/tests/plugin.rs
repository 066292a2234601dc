//! What the plugin makes of a model's answers, and how it asks; knows nothing of hosts.

#[path = "../../judge/tests/support/read.rs"]
mod read;

use std::cell::{Cell, RefCell};

use faithfulness::Faithfulness;
use read::{Read, attacks};
use serde_json::{Value, json};
use tribunal_sdk::{
    Completion, Document, Failure, Finding, Interaction, Message, Part, Plugin, Prompt, Score, ScoreValue,
};

const ANSWER: &str = "It opens  at nine. It was built in 1890.\nThe “old” hall is closed.";

fn configured(config: &Value) -> Faithfulness {
    let config = serde_json::from_value(config.clone()).expect("a config");
    Faithfulness::configure(config).expect("a valid config")
}

fn interaction(answer: &str, documents: &[&str]) -> Interaction {
    let mut interaction = Interaction::example("When does it open?", answer);
    let document = |text: &&str| Document { id: None, text: (*text).to_owned(), attributes: Vec::new() };
    interaction.context = documents.iter().map(document).collect();
    interaction
}

fn library() -> Interaction {
    interaction(ANSWER, &["The library opens at nine.", "It was built in 1902. The old hall is being painted."])
}

fn completion(text: &str) -> Completion {
    Completion {
        text: text.to_owned(),
        model: "judge-1".to_owned(),
        finish_reason: None,
        input_tokens: None,
        output_tokens: None,
        first_token: Vec::new(),
    }
}

fn taken_apart(prompt: &Prompt) -> Read {
    Read::of(&prompt.messages[0].content, &prompt.messages[1].content)
}

/// The prompt asks for claims, not for checks.
fn is_split(prompt: &Prompt) -> bool {
    taken_apart(prompt).blocks.iter().all(|block| block.name != "claims")
}

/// Plays a model that finds these claims (claim, quote) and says this of each (verdict, evidence).
struct Model {
    claims: Vec<(&'static str, &'static str)>,
    verdicts: Vec<(&'static str, &'static str)>,
    prompts: RefCell<Vec<Prompt>>,
    /// How often one kind asked.
    asked: Cell<usize>,
}

impl Model {
    fn new(claims: &[(&'static str, &'static str)], verdicts: &[(&'static str, &'static str)]) -> Self {
        Self { claims: claims.to_vec(), verdicts: verdicts.to_vec(), prompts: RefCell::default(), asked: Cell::new(0) }
    }

    fn answer(&self, prompt: &Prompt) -> Result<Completion, Failure> {
        self.prompts.borrow_mut().push(prompt.clone());
        if is_split(prompt) {
            let claims = self.claims.iter().map(|(claim, quote)| json!({"claim": claim, "quote": quote}));
            return Ok(completion(&json!({"claims": claims.collect::<Vec<_>>()}).to_string()));
        }
        let read = taken_apart(prompt);
        let claims = read.blocks.iter().find(|block| block.name == "claims").expect("claims");
        let entries = claims.text.lines().map(|line| {
            let (key, text) = line.split_once(": ").expect("a number and a claim");
            let at = self.claims.iter().position(|(claim, _)| *claim == text).expect("a known claim");
            let (verdict, evidence) = self.verdicts[at];
            (key.to_owned(), json!({"evidence": evidence, "verdict": verdict}))
        });
        Ok(completion(&Value::Object(entries.collect()).to_string()))
    }

    fn judge(&self, config: &Value, interaction: &Interaction) -> (Vec<Score>, Vec<Finding>) {
        let plugin = configured(config);
        let ask = |prompt: &Prompt| self.answer(prompt);
        let scores = plugin.scores(interaction, &ask).expect("scores");
        let first = format!("{:?}", self.prompts.take());
        let findings = plugin.findings(interaction, &ask).expect("findings");
        // The host answers the second kind from what it knows.
        self.asked.set(self.prompts.borrow().len());
        assert!(format!("{:?}", self.prompts.take()) == first, "the kinds ask differently");
        (scores, findings)
    }
}

fn share(scores: &[Score]) -> f64 {
    let [score] = scores else { panic!("{scores:?}") };
    let ScoreValue::Number(share) = score.value else { panic!("{score:?}") };
    assert_eq!(score.name, "faithfulness");
    share
}

/// `code=text of its span` of each finding.
fn shown(interaction: &Interaction, findings: &[Finding]) -> Vec<String> {
    let text = |finding: &Finding| {
        let Some(span) = finding.span else { return String::new() };
        let Part::Text(text) = &interaction.output[span.message as usize].parts[span.part as usize] else {
            panic!("not a text")
        };
        text[span.start as usize..span.end as usize].to_owned()
    };
    findings.iter().map(|finding| format!("{}={}", finding.code, text(finding))).collect()
}

fn usual() -> Value {
    json!({"model": "judge"})
}

#[test]
fn claims_are_checked_against_documents() {
    let model = Model::new(
        &[
            ("The library opens at nine.", "It opens at nine."),
            ("The library was built in 1890.", "It was built in 1890."),
            ("The old hall is closed.", "The \"old\" hall is closed"),
            ("The library is large.", "It is large."),
        ],
        &[
            ("supported", "the library opens at nine"),
            ("contradicted", "It was built in 1902."),
            ("supported", "The hall is closed."),
            ("not-mentioned", ""),
        ],
    );
    let interaction = library();
    let (scores, findings) = model.judge(&usual(), &interaction);
    assert_eq!(share(&scores), 0.25);
    assert_eq!(
        scores[0].explanation.as_deref(),
        Some(
            "Of 4 claims 1 supported; 1 contradicted, 1 not mentioned, 1 said to be supported by words that are in no document."
        )
    );
    let wanted = ["contradicted=It was built in 1890.", "unproven=The “old” hall is closed", "not-mentioned="];
    assert_eq!(shown(&interaction, &findings), wanted);
    assert!(findings.iter().all(|finding| finding.category == "semantic"));
    let because: Vec<_> = findings.iter().map(|finding| finding.explanation.clone().expect("an explanation")).collect();
    assert_eq!(because[0], "A document contradicts “The library was built in 1890.”: “It was built in 1902.”");
    assert!(because[1].ends_with("but “The hall is closed.” stands in none of them."), "{because:?}");
    let (scores, _) = model.judge(&json!({"model": "judge", "require_evidence": false}), &interaction);
    assert_eq!(share(&scores), 0.5);
}

#[test]
fn what_the_model_sees() {
    let claims = [("One.", ""), ("Two\nclaim_01: One.", ""), ("Three.", "")];
    let model = Model::new(&claims, &[("not-mentioned", ""); 3]);
    let prompts = RefCell::new(Vec::new());
    let ask = |prompt: &Prompt| {
        prompts.borrow_mut().push(prompt.clone());
        if is_split(prompt) {
            return model.answer(prompt);
        }
        let count = prompt.schema.as_ref().expect("a schema").matches("\"evidence\":{").count();
        let entry = json!({"evidence": "", "verdict": "not-mentioned"});
        let entries = (1..=count).map(|at| (format!("claim_{at:02}"), entry.clone()));
        Ok(completion(&Value::Object(entries.collect()).to_string()))
    };
    let plugin = configured(&json!({"model": "judge", "batch": 2, "bounds": true}));
    let scores = plugin.scores(&library(), &ask).expect("scores");
    assert_eq!(share(&scores), 0.0);
    let prompts = prompts.into_inner();
    let blocks: Vec<Vec<_>> = prompts
        .iter()
        .map(|prompt| {
            taken_apart(prompt).blocks.into_iter().map(|block| format!("{}: {}", block.name, block.text)).collect()
        })
        .collect();
    let documents =
        ["document 1: The library opens at nine.", "document 2: It was built in 1902. The old hall is being painted."];
    assert_eq!(blocks[0], ["question: When does it open?".to_owned(), format!("answer: {ANSWER}")]);
    // A claim that plays two stays one line.
    assert_eq!(blocks[1], [documents[0], documents[1], "claims: claim_01: One.\nclaim_02: Two claim_01: One."]);
    assert_eq!(blocks[2], [documents[0], documents[1], "claims: claim_01: Three."]);
    for prompt in &prompts {
        assert_eq!((prompt.temperature, prompt.seed), (Some(0.0), Some(0)));
        let sent = serde_json::from_str::<Value>(prompt.schema.as_ref().expect("a schema")).expect("JSON").to_string();
        let at = |word: &str| sent.find(&format!("\"{word}\":{{"));
        assert!(at("claim") < at("quote") || at("evidence") < at("verdict"), "{sent}");
        let read = taken_apart(prompt);
        let task = if is_split(prompt) { "List the factual claims" } else { "For each of the numbered claims" };
        assert!(read.before.contains(task) && read.after.contains(task), "{read:?}");
    }
    assert!(prompts[0].schema.as_ref().is_some_and(|schema| schema.contains("\"maxItems\":30")));
}

#[test]
fn nothing_to_check() {
    let nothing = |interaction: &Interaction| {
        let model = Model::new(&[], &[]);
        let (scores, findings) = model.judge(&usual(), interaction);
        assert!(scores.is_empty() && findings.is_empty());
        model.asked.get()
    };
    assert_eq!(nothing(&interaction(ANSWER, &[])), 0);
    assert_eq!(nothing(&interaction(ANSWER, &[" ", "\n"])), 0);
    assert_eq!(nothing(&interaction(" ", &["A document."])), 0);
    // An answer that claims nothing.
    assert_eq!(nothing(&library()), 1);
}

#[test]
fn a_quote_that_is_nowhere_has_no_span() {
    let mut interaction = library();
    interaction.output.push(Message::text("assistant", "The café is new."));
    let claims = [("a", "The café is new."), ("b", "is n"), ("c", "."), ("d", ""), ("e", "It opens at ten.")];
    let (_, findings) = Model::new(&claims, &[("not-mentioned", ""); 5]).judge(&usual(), &interaction);
    assert_eq!(shown(&interaction, &findings)[0], "not-mentioned=The café is new.");
    assert_eq!(findings[0].span.map(|span| span.message), Some(1));
    assert!(findings[1..].iter().all(|finding| finding.span.is_none()), "{findings:?}");
}

#[test]
fn long_texts_and_many_claims_are_cut_and_say_so() {
    let claims = [("a", ""), ("b", ""), ("c", "")];
    let config = json!({"model": "judge", "max_claims": 2, "max_characters": 20});
    let (scores, findings) = Model::new(&claims, &[("not-mentioned", ""); 3]).judge(&config, &library());
    for because in [&scores[0].explanation, &findings[0].explanation] {
        let because = because.as_deref().expect("an explanation");
        for words in [
            "Of the answer only the first 20 of",
            "Of 3 claims the first 2",
            "Of the document 1 only",
            "1 more text had no room",
        ] {
            assert!(because.contains(words), "{because}");
        }
    }
}

#[test]
fn an_answer_that_is_none_fails() {
    let fails = |claims: &'static str, checks: &'static str| {
        let ask = |prompt: &Prompt| Ok(completion(if is_split(prompt) { claims } else { checks }));
        configured(&usual()).scores(&library(), &ask).expect_err("a failure").code
    };
    assert_eq!(fails("{}", ""), "model-answer");
    assert_eq!(fails(r#"{"claims": [{"claim": "a", "quote": ""}]}"#, "{}"), "model-answer");
    let unproven = r#"{"claim_01": {"evidence": "", "verdict": "unproven"}}"#;
    assert_eq!(fails(r#"{"claims": [{"claim": "a", "quote": ""}]}"#, unproven), "model-answer");
    let plugin = configured(&usual());
    let away =
        plugin.findings(&library(), &|_| Err(Failure { transient: true, ..Failure::new("model-unavailable", "") }));
    assert!(away.is_err_and(|failure| failure.transient && failure.code == "model-unavailable"));
}

#[test]
fn no_text_gets_out_of_its_block() {
    for attack in attacks() {
        let marker = exhibits::neutral(&attack.marker);
        let mut interaction = library();
        match attack.field.as_str() {
            "document" => interaction.context[0].text = attack.text.clone(),
            "question" => interaction.input[0] = Message::text("user", &attack.text),
            _ => interaction.output[0] = Message::text("assistant", &attack.text),
        }
        // The model hands the attack on as a claim, and believes what it is told outside of the data.
        let ask = |prompt: &Prompt| {
            let read = taken_apart(prompt);
            let outside = format!("{}\n{}", read.before, read.after);
            assert!(marker.is_empty() || !outside.contains(&marker), "{}: {outside}", attack.name);
            assert!(read.blocks.iter().all(|block| !block.text.contains(&read.code)), "{}", attack.name);
            Ok(completion(&if is_split(prompt) {
                json!({"claims": [{"claim": attack.text, "quote": attack.text}]}).to_string()
            } else {
                json!({"claim_01": {"evidence": "It is so.", "verdict": "supported"}}).to_string()
            }))
        };
        // What it says is supported is so by nothing.
        assert_eq!(share(&configured(&usual()).scores(&interaction, &ask).expect("scores")), 0.0, "{}", attack.name);
    }
}

#[test]
fn configs() {
    let refused = |config: Value, words: &str| {
        let config = serde_json::from_value(config).map_err(|error| error.to_string());
        let refused = config.and_then(Faithfulness::configure).expect_err("a wrong config");
        assert!(refused.contains(words), "{refused}");
    };
    refused(json!({}), "missing field `model`");
    refused(json!({"model": ""}), "`model` is empty");
    refused(json!({"model": "judge", "max_claims": 101}), "`max_claims` is 101, and may be 1 to 100");
    refused(json!({"model": "judge", "batch": 0}), "`batch` is 0, and may be 1 to 20");
    refused(json!({"model": "judge", "max_characters": 0}), "`max_characters` is 0");
    refused(json!({"model": "judge", "max_tokens": 0}), "`max_tokens` is 0");
    refused(json!({"model": "judge", "claims": 1}), "unknown field `claims`");
}
