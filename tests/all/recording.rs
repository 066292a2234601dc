//! Posting and reading back.

use serde_json::{Value, json};
use tribunal_tests::{Server, guest, interaction};

fn with_length() -> Server {
    Server::start(&format!("[plugins.length]\ncomponent = {:?}\nstart = \"beginning\"", guest("length")))
}

#[test]
fn one_is_recorded_and_judged() {
    let server = with_length();
    let posted = json!({
        "id": "one", "project": "p", "operation": "chat", "provider": "openai", "model": "gpt-4.1",
        "requested_model": "gpt-4.1-latest", "started_at": "2026-01-02T03:04:05.678Z", "duration_ms": 812.4,
        "time_to_first_token_ms": 99.5,
        "input": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "image", "url": "x"}]},
        ],
        "output": [{"role": "assistant", "content": [
            {"type": "reasoning", "text": "hm"},
            {"type": "text", "text": "One two three"},
            {"type": "tool_call", "id": "c1", "name": "look", "arguments": {"at": [1, 2.5]}},
        ]}],
        "usage": {"input_tokens": 5, "output_tokens": 3, "cache_read_tokens": 2, "cache_write_tokens": 1,
                  "reasoning_tokens": 4, "other": {"input_audio_tokens": 7}},
        "parameters": {"temperature": 0.7, "response_format": {"type": "json_object"}},
        "finish_reasons": ["stop"],
        "error": {"kind": "timeout", "message": "slow", "status": 504},
        "context": [{"id": "d1", "text": "A document", "attributes": {"page": 3}}],
        "reference": "One two", "prompt": {"name": "greet", "version": "7"}, "session": "s", "user": "u",
        "attributes": {"a": null, "b": [true]},
    });
    let response = server.post(&posted);
    assert_eq!(response.status(), 201);
    assert_eq!(response.json::<Value>().unwrap(), json!({"id": "one", "status": "recorded"}));
    server.wait_idle();

    let mut read = server.json("/v1/interactions/one");
    let evaluations = read.as_object_mut().unwrap().remove("evaluations").unwrap();
    assert!(read.as_object_mut().unwrap().remove("recorded_at").is_some());
    assert_eq!(read, posted);
    let evaluation = &evaluations[0];
    assert_eq!(evaluations.as_array().unwrap().len(), 1);
    assert_eq!(evaluation["plugin"], "length");
    assert_eq!(evaluation["outcome"], "succeeded");
    assert_eq!(evaluation["attempts"], 1);
    assert_eq!(evaluation["verdicts"], json!([{"kind": "score", "name": "words", "value": 3.0}]));
    assert_eq!(evaluation["sha256"].as_str().unwrap().len(), 64);
}

#[test]
fn an_id_is_made_where_none_is_posted() {
    let server = with_length();
    let answer: Value = server.post(&json!({"provider": "p", "model": "m"})).json().unwrap();
    let id = answer["id"].as_str().unwrap();
    // The 15th character of a UUID is its version.
    assert_eq!(id.as_bytes()[14], b'7', "{id}");
    let read = server.json(&format!("/v1/interactions/{id}"));
    assert_eq!(read["project"], "default");
    assert_eq!(read["operation"], "chat");
    assert_eq!(read["started_at"], read["recorded_at"]);
}

#[test]
fn posting_again_changes_nothing() {
    let server = with_length();
    let posted = interaction("again", 100);
    let status = |body: &Value| {
        let response = server.post(body);
        (response.status().as_u16(), response.json::<Value>().unwrap())
    };
    assert_eq!(status(&posted), (201, json!({"id": "again", "status": "recorded"})));
    assert_eq!(status(&posted), (201, json!({"id": "again", "status": "duplicate"})));
    let mut other = posted.clone();
    other["model"] = "another".into();
    let (code, problem) = status(&other);
    assert_eq!((code, &problem["type"]), (409, &json!("urn:tribunal:problem:conflict")));
    assert_eq!(server.json("/v1/interactions/again")["model"], "gpt-4.1-mini");

    let batch = json!([posted, other, interaction("new", 10), interaction("new", 10), {"provider": "p"}, 3]);
    let (code, answer) = status(&batch);
    assert_eq!(code, 200);
    assert_eq!((&answer["recorded"], &answer["duplicates"]), (&json!(1), &json!(2)));
    let rejected: Vec<_> =
        answer["rejected"].as_array().unwrap().iter().map(|r| (&r["index"], &r["error"]["status"])).collect();
    assert_eq!(rejected, [(&json!(1), &json!(409)), (&json!(4), &json!(422)), (&json!(5), &json!(422))]);
}

#[test]
fn lines_are_taken_one_by_one() {
    let server = with_length();
    let lines = format!("{}\n\n{{\"provider\"\n{}\r\n", interaction("a", 10), interaction("b", 10));
    let response = server.post_as("application/x-ndjson", lines);
    assert_eq!(response.status(), 200);
    let answer: Value = response.json().unwrap();
    assert_eq!(answer["recorded"], 2);
    assert_eq!(answer["rejected"][0]["index"], 2);
    assert_eq!(answer["rejected"][0]["error"]["status"], 400);
}
