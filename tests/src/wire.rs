//! Interactions to send, and lists to read.

use serde_json::{Value, json};

use crate::Server;

/// An interaction of that id with about that many bytes of answer.
pub fn interaction(id: &str, answer_bytes: usize) -> Value {
    const SENTENCES: [&str; 6] = [
        "The library opens at nine and closes at six, except on Sundays. ",
        "You can renew a book twice unless somebody else has asked for it. ",
        "Bring your card and a document that shows where you live. ",
        "There is a small fee for each day that a book is late. ",
        "The reading room on the second floor is quiet in the mornings. ",
        "If you need help with the catalogue, ask at the desk near the entrance. ",
    ];
    let mut answer = String::with_capacity(answer_bytes + 80);
    let first = id.bytes().map(usize::from).sum::<usize>();
    for at in first.. {
        if answer.len() >= answer_bytes {
            break;
        }
        answer.push_str(SENTENCES[at % SENTENCES.len()]);
    }
    json!({
        "id": id,
        "project": "library",
        "provider": "openai",
        "model": "gpt-4.1-mini",
        "started_at": "2026-03-01T12:00:00Z",
        "duration_ms": 812.5,
        "time_to_first_token_ms": 201.0,
        "input": [{"role": "user", "content": "When is the library open, and what do I need to borrow a book?"}],
        "output": [{"role": "assistant", "content": answer.trim_end()}],
        "usage": {"input_tokens": 18, "output_tokens": answer.len() / 4},
        "finish_reasons": ["stop"],
    })
}

/// The same with an answer that no interaction of another id has.
pub fn distinct(id: &str, answer_bytes: usize) -> Value {
    let mut made = interaction(id, answer_bytes);
    let answer = format!("{id}: {}", made["output"][0]["content"].as_str().expect("a text"));
    made["output"][0]["content"] = answer.into();
    made
}

/// All items of a list, page by page.
pub fn pages(server: &Server, path: &str) -> Vec<Value> {
    let mut items = Vec::new();
    let mut cursor = String::new();
    loop {
        let joint = if path.contains('?') { '&' } else { '?' };
        let mut page = server.json(&format!("{path}{joint}limit=500{cursor}"));
        items.append(page["items"].as_array_mut().expect("items"));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}
