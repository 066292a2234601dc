//! Drives the plugin as the host does, one interaction at a time; knows nothing of its modules.

#[path = "support/interaction.rs"]
mod support;

use answer_errors::AnswerErrors;
use support::{answer, interaction, with_parameter};
use tribunal_sdk::{CallError, ErrorClassifier, Finding, Interaction, OtherPart, Part, Plugin, ToolCall, Usage};

const FAST: &str = r#"{"grammar": false}"#;

fn judge(config: &str, interaction: &Interaction) -> Vec<Finding> {
    let plugin = AnswerErrors::configure(serde_json::from_str(config).unwrap()).unwrap();
    let findings = plugin.evaluate(interaction).unwrap();
    assert_eq!(format!("{findings:?}"), format!("{:?}", plugin.evaluate(interaction).unwrap()));
    for finding in &findings {
        let Some(span) = finding.span else { continue };
        let Part::Text(text) = &interaction.output[span.message as usize].parts[span.part as usize] else {
            panic!("not a text")
        };
        assert!(span.start < span.end && text.get(span.start as usize..span.end as usize).is_some(), "{finding:?}");
        assert!((0.0..=1.0).contains(&finding.confidence), "{finding:?}");
    }
    findings
}

/// `expected` lists `category/code` in order, each with the text of its span after `=` where it matters.
fn check(interaction: &Interaction, expected: &[&str]) {
    check_with(FAST, interaction, expected);
}

fn check_with(config: &str, interaction: &Interaction, expected: &[&str]) {
    let findings = judge(config, interaction);
    let found: Vec<String> = findings.iter().map(|finding| format!("{}/{}", finding.category, finding.code)).collect();
    let names: Vec<&str> = expected.iter().map(|expected| expected.split('=').next().unwrap()).collect();
    assert_eq!(found, names, "{findings:?} for {:.300?}", interaction.output);
    for (finding, expected) in findings.iter().zip(expected) {
        let Some((_, text)) = expected.split_once('=') else { continue };
        let span = finding.span.expect("a span");
        let Part::Text(whole) = &interaction.output[span.message as usize].parts[span.part as usize] else {
            panic!("not a text")
        };
        assert_eq!(&whole[span.start as usize..span.end as usize], text, "{finding:?}");
    }
}

fn tool_call() -> Part {
    Part::ToolCall(ToolCall { id: None, name: "search".to_owned(), arguments: "{}".to_owned() })
}

fn finished(mut interaction: Interaction, reason: &str) -> Interaction {
    interaction.call.finish_reasons = vec![reason.to_owned()];
    interaction
}

#[test]
fn provider() {
    let mut failed = interaction(vec![]);
    failed.call.error =
        Some(CallError { kind: "RateLimitError".to_owned(), message: "slow down".to_owned(), status: Some(429) });
    check(&failed, &["provider/rate-limit"]);
    check_with(r#"{"grammar": false, "ignore": ["rate-limit"]}"#, &failed, &[]);
    let finding = judge(FAST, &failed).remove(0);
    assert_eq!(finding.explanation.unwrap(), "The call failed with status 429: “slow down”");
    failed.call.error.as_mut().unwrap().message = "x".repeat(1_000_000);
    check(&failed, &["provider/rate-limit"]);
}

#[test]
fn empty() {
    check(&interaction(vec![]), &["empty/no-output"]);
    check(&interaction(vec![vec![]]), &["empty/no-output"]);
    check(&interaction(vec![vec![Part::Reasoning("so".to_owned())]]), &["empty/no-output"]);
    check(&answer(""), &["empty/blank"]);
    check(&answer(" \n\u{200b}\0"), &["empty/blank"]);
    check(&interaction(vec![vec![tool_call()]]), &[]);
    check(&interaction(vec![vec![Part::Text(String::new()), tool_call()]]), &[]);
    let image = Part::Other(OtherPart { kind: "image".to_owned(), json: "{}".to_owned() });
    check(&interaction(vec![vec![image]]), &[]);
    check(&interaction(vec![vec![Part::Text("Yes.".to_owned())], vec![Part::Text(String::new())]]), &["empty/blank"]);
    let mut embeddings = interaction(vec![]);
    embeddings.call.operation = "embeddings".to_owned();
    check(&embeddings, &[]);
    let mut lost = interaction(vec![]);
    lost.call.usage = Some(Usage {
        input_tokens: 1,
        output_tokens: 9,
        cache_read_tokens: 0,
        cache_write_tokens: 0,
        reasoning_tokens: 0,
        other: vec![],
    });
    assert!(judge(FAST, &lost)[0].confidence < 1.0);
}

#[test]
fn truncated_by_reason() {
    for reason in ["length", "max_tokens", "MAX_TOKENS", "max-output-tokens"] {
        check(&finished(answer("It is so."), reason), &["truncated/finish-reason=It is so."]);
    }
    check(&finished(answer("It is so."), "stop"), &[]);
    check(&finished(interaction(vec![]), "length"), &["empty/no-output", "truncated/finish-reason"]);
    check(&finished(answer("{\"a\": [1, 2"), "length"), &["truncated/finish-reason"]);
}

#[test]
fn truncated_by_its_look() {
    let long = "The council met on Monday and heard three speakers. Then it went on to discuss what the";
    check(&answer(long), &["truncated/mid-sentence"]);
    check(&answer("It rained all day. We walked to the old mill by the river and"), &["truncated/mid-sentence"]);
    check(
        &answer("Do this:\n\n1. Open the box.\n2. Take out the parts.\n3. Put the larger part"),
        &["truncated/mid-sentence"],
    );
    check(&answer("It rained all day. In the end we took the bus home and made tea"), &["truncated/mid-sentence"]);
    for whole in [
        "Paris",
        "The Old Man and the Sea",
        "42",
        "It is so.",
        "It is so!)",
        "She said: “no”",
        "Buy:\n- milk\n- bread and butter\n- a tin of good olive oil",
        "Roses are red,\nViolets are blue,\nSugar is sweet\nAnd so are you",
        "Kind regards,\nAnna Smith",
        "Run this:\n```sh\nls the\n```",
        "| a | b |\n|---|---|\n| c | and the",
        "We won! Thank you all for coming out to see the game today. #football #winners",
        "Le chat est sur la table. Il dort près de la fenêtre…",
        "这是一个没有结束的句子",
    ] {
        check(&answer(whole), &[]);
    }
}

#[test]
fn unclosed() {
    check(&answer("See:\n```rust\nfn main() {\n"), &["truncated/unclosed=```rust\nfn main() {"]);
    check(&answer("{\"a\": [1, {\"b\": \"}]\""), &["truncated/unclosed"]);
    check(&answer("[{\"a\": 1},"), &["truncated/unclosed"]);
    check(&answer("{\"a\": [1]}"), &[]);
    check(&answer("{name} is the placeholder."), &[]);
    check(&answer("[1] Smith, 2003."), &[]);
    check(&answer("```\na\n```\n\n~~~\n```\n~~~"), &[]);
}

#[test]
fn format() {
    const SCHEMA: &str =
        r#"{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"],"additionalProperties":false}"#;
    let spellings = [
        (
            "response_format",
            format!(r#"{{"type":"json_schema","json_schema":{{"name":"x","strict":true,"schema":{SCHEMA}}}}}"#),
        ),
        ("gen_ai.request.response_format", format!(r#"{{"type":"json_schema","schema":{SCHEMA}}}"#)),
        ("text", format!(r#"{{"format":{{"type":"json_schema","name":"x","schema":{SCHEMA}}}}}"#)),
        ("output_config", format!(r#"{{"format":{{"type":"json_schema","schema":{SCHEMA}}}}}"#)),
        ("response_schema", SCHEMA.to_owned()),
        ("generation_config", format!(r#"{{"response_mime_type":"application/json","response_schema":{SCHEMA}}}"#)),
        ("generationConfig", format!(r#"{{"responseMimeType":"application/json","responseJsonSchema":{SCHEMA}}}"#)),
    ];
    for (key, value) in &spellings {
        let asked = |text: &str| with_parameter(answer(text), key, value);
        check(&asked(r#"{"n": 1}"#), &[]);
        check(&asked(r#"{"n": "1"}"#), &["format/schema"]);
        check(&asked(r#"{"m": 1}"#), &["format/schema", "format/schema"]);
        check(&asked("```json\n{\"n\": 1}\n```"), &["format/fenced-json"]);
        check(&asked("Here you are: {\"n\": 1}"), &["format/not-json"]);
    }
    for (key, value) in [
        ("response_format", r#"{"type":"json_object"}"#),
        ("response_format", r#""json_object""#),
        ("response_mime_type", r#""application/json""#),
        ("gen_ai.output.type", r#""json""#),
        ("format", r#""json""#),
    ] {
        check(&with_parameter(answer("[1]"), key, value), &[]);
        check(&with_parameter(answer("{'a': 1}"), key, value), &["format/not-json"]);
    }
    for (key, value) in
        [("response_format", r#"{"type":"text"}"#), ("temperature", "1"), ("response_schema", "7"), ("text", "{}")]
    {
        check(&with_parameter(answer("It is so."), key, value), &[]);
    }
}

#[test]
fn format_leaves_tool_calls_and_deep_nesting_alone() {
    let json = r#"{"type":"json_object"}"#;
    check(&with_parameter(interaction(vec![vec![tool_call()]]), "response_format", json), &[]);
    check(
        &with_parameter(
            interaction(vec![vec![Part::Text("Let me look.".to_owned()), tool_call()]]),
            "response_format",
            json,
        ),
        &[],
    );
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    check(&with_parameter(answer(&deep), "response_format", json), &[]);
    let deep_schema = format!(r#"{{"items":{deep}}}"#);
    check(&with_parameter(answer("[1]"), "response_mime_type", r#""application/json""#), &[]);
    let mut asked = answer("[1]");
    asked.call.parameters.push(tribunal_sdk::Attribute {
        key: "response_schema".to_owned(),
        value: tribunal_sdk::AttributeValue::Json(deep_schema),
    });
    check(&asked, &[]);
}

#[test]
fn repetition() {
    let check = |text: &str, expected: &[&str]| check_with(r#"{"checks": ["repetition"]}"#, &answer(text), expected);
    let line = "I am sorry, I can't say that. ";
    check(
        &format!("Well. {}", line.repeat(6)),
        &[&format!("repetition/loop={}", line.repeat(6).trim_end_matches(['.', ' ']))],
    );
    let numbered: String = (1..20).map(|n| format!("{n}. Check the oil level again.\n")).collect();
    check(&numbered, &["repetition/loop"]);
    check(&"na ".repeat(100), &["repetition/loop"]);
    check(&"很好".repeat(50), &["repetition/loop"]);
    check(&format!("Yes{}", "s".repeat(400)), &["repetition/loop"]);
    check(&format!("Yes.{}No.", "\n".repeat(400)), &["repetition/loop"]);
    for fine in [
        "Row, row, row your boat,\nGently down the stream.\nRow, row, row your boat,\nGently down the stream.\nRow, row, row your boat.".to_owned(),
        format!("```\n{}```", "push 1\n".repeat(100)),
        "| 0 | no |\n".repeat(100),
        format!("Title\n{}\nBody.", "=".repeat(400)),
        "1 0 0 0 0 0 0 0 ".repeat(20),
        (1..40).map(|day| format!("Day {day}: {} degrees\n", 10 + day % 7)).collect(),
        format!("[{}]", r#"{"x": 1, "y": 2}, "#.repeat(40)),
        ["ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen", "ibis", "jay"].map(|animal| format!("- The {animal} is an animal.\n")).concat(),
    ] {
        check(&fine, &[]);
    }
}

#[cfg(feature = "grammar")]
#[test]
fn grammar() {
    let check = |text: &str, expected: &[&str]| check_with(r#"{"checks": ["grammatical"]}"#, &answer(text), expected);
    check("She bought a apple and ate it.", &["grammatical/miscellaneous=a"]);
    check("The house was was old, and it stood by the river.", &["grammatical/repetition=was was"]);
    check("They met in the the garden of the house.", &["grammatical/repetition=the the"]);
    check("It rained all day. then the sun came out.", &["grammatical/capitalization=then"]);
    check("He left early becuase the train was late.", &["grammatical/spelling=becuase"]);
    check("They was happy to see the new house.", &["grammatical/agreement=was"]);
    check("Yesterday i was at home with my sister.", &["grammatical/capitalization=i"]);
    check("É, naïve ünïcode: he saw a elephant.", &["grammatical/miscellaneous=a"]);
    for fine in [
        "Run `a apple` to see it, as the manual says.",
        "```\nteh the the\n```\n\nThat is the whole program.",
        "Elle a acheté une pomme et elle est partie hier soir avec lui.",
        "Install systemd and nginx, then edit /etc/nginx/recieve.conf by hand.",
        "The colour of the neighbour's axe is grey, and he maximises its use.",
        "Mr. Stallman and Dr. Torvalds met at a RAID conference in Zürich.",
        "Does she have a car? Let it be.",
        "The team gave them control over their IT and our US offices.",
        "What he had had had no effect.",
        "If n is odd, let i = n and repeat while i is below 10.",
        "A European union of a one-time university and an hour of an heir.",
        "",
        "a",
    ] {
        check(fine, &[]);
    }
    let many = "He ate a apple. ".repeat(100);
    assert_eq!(judge(r#"{"checks": ["grammatical"], "max_findings": 7}"#, &answer(&many)).len(), 7);
}

#[test]
fn hostile() {
    let megabyte = 1_000_000;
    let texts = [
        "\0".repeat(megabyte),
        "a".repeat(megabyte),
        "a ".repeat(megabyte / 2),
        "a.".repeat(megabyte / 2),
        "\"'".repeat(megabyte / 2),
        "`".repeat(megabyte),
        "` ".repeat(megabyte / 2),
        "|".repeat(megabyte),
        "\n".repeat(megabyte),
        "```\n".repeat(megabyte / 4 + 1),
        "é̂\u{202e}👩‍👩‍👧\u{fffd}".repeat(megabyte / 30),
        "{\"a\":[".repeat(megabyte / 6),
        "http://a.b@c.d/".repeat(megabyte / 15),
        "1234567890".repeat(megabyte / 10),
        "the wrogn wrods teh ".repeat(megabyte / 20),
    ];
    for text in &texts {
        let start = std::time::Instant::now();
        let asked = with_parameter(answer(text), "response_format", r#"{"type":"json_object"}"#);
        assert!(judge("{}", &asked).len() <= 20);
        assert!(
            start.elapsed().as_secs() < 20,
            "{:?} took {:?}",
            &text[..text.floor_char_boundary(20)],
            start.elapsed()
        );
    }
}
