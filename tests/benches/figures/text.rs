//! Interactions of a given size, made of the bundled sample's real texts.

use serde_json::{Value, json};
use tribunal_tests::root;

/// JSON texts of interactions of about that many bytes; `ID` stands for the id.
pub(crate) fn templates(bytes: usize) -> Vec<String> {
    let lines = std::fs::read_to_string(root().join("examples/interactions.jsonl")).unwrap();
    let sample: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let answers: Vec<&str> = sample.iter().filter_map(|row| row["output"][0]["content"].as_str()).collect();
    let questions: Vec<&str> = sample.iter().filter_map(|row| row["input"][0]["content"].as_str()).collect();
    (0..answers.len()).map(|at| template(at, bytes, &questions, &answers)).collect()
}

fn template(at: usize, bytes: usize, questions: &[&str], answers: &[&str]) -> String {
    let models = ["gpt-4.1", "gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.5-flash", "mistral-large-latest"];
    let providers = ["openai", "openai", "anthropic", "google", "mistral"];
    let mut answer = String::new();
    let mut next = at;
    let make = |answer: &str| {
        json!({
            "id": "ID", "project": format!("project-{}", at % 7), "provider": providers[at % 5], "model": models[at % 5],
            "duration_ms": 900.25, "time_to_first_token_ms": 210.5, "session": format!("session-{}", at % 50),
            "input": [{"role": "user", "content": questions[at % questions.len()]}],
            "output": [{"role": "assistant", "content": answer}],
            "usage": {"input_tokens": 40 + at, "output_tokens": answer.len() / 4, "cache_read_tokens": 1024},
            "finish_reasons": ["stop"],
        })
        .to_string()
    };
    while make(&answer).len() < bytes {
        let left = bytes - make(&answer).len();
        let text = answers[next % answers.len()];
        answer.push_str(&text[..text.floor_char_boundary(left.max(1))]);
        answer.push('\n');
        next += 1;
    }
    make(&answer)
}

/// A body of NDJSON, or a single one, with the ids from `first` on.
pub(crate) fn body(templates: &[String], prefix: &str, first: usize, count: usize) -> String {
    let mut body = String::with_capacity(count * 2200);
    for at in first..first + count {
        body.push_str(&templates[at % templates.len()].replacen("\"ID\"", &format!("\"{prefix}-{at}\""), 1));
        body.push('\n');
    }
    body
}
