//! Anthropic's Messages API. A schema goes to it as the one tool that the model has to use.

use serde_json::{Value as Json, json};

use super::exchange::{Exchange, Recipient};
use crate::record::{Completion, Count, ModelAnswer, ModelRequest, Prompt, Usage};

/// The version of the API that this speaks.
const VERSION: &str = "2023-06-01";

pub(super) fn exchange(to: &Recipient<'_>, request: &ModelRequest) -> Result<Exchange, String> {
    let ModelRequest::Complete(prompt) = request else {
        return Err("Anthropic has no embeddings".to_owned());
    };
    let mut exchange = to.post("v1/messages", &body(to, prompt), completion);
    exchange.request = exchange.request.header("anthropic-version", VERSION);
    Ok(exchange)
}

fn body(to: &Recipient<'_>, prompt: &Prompt) -> Json {
    let Prompt { messages, schema, max_tokens, temperature, .. } = prompt;
    let (system, rest): (Vec<_>, Vec<_>) = messages.iter().partition(|message| message.role == "system");
    let mut body = json!({"model": to.model, "messages": rest, "max_tokens": max_tokens});
    if !system.is_empty() {
        let texts: Vec<_> = system.iter().map(|message| message.content.as_str()).collect();
        body["system"] = texts.join("\n\n").into();
    }
    if let Some(schema) = schema {
        body["tools"] = json!([{"name": "answer", "description": "Gives the answer.", "input_schema": schema}]);
        body["tool_choice"] = json!({"type": "tool", "name": "answer"});
    }
    if let Some(temperature) = temperature {
        // It knows none above 1.
        body["temperature"] = temperature.min(1.0).into();
    }
    body
}

fn completion(answer: &Json) -> Option<ModelAnswer> {
    let content = answer.get("content")?.as_array()?;
    let of =
        |kind: &'static str| content.iter().filter(move |part| part.get("type").is_some_and(|found| found == kind));
    let text = match of("tool_use").next() {
        Some(tool) => tool.get("input")?.to_string(),
        None => of("text").map(|part| part.get("text")?.as_str()).collect::<Option<Vec<_>>>()?.concat(),
    };
    let finish_reason = answer.get("stop_reason").and_then(Json::as_str).map(|reason| match reason {
        "end_turn" | "stop_sequence" | "tool_use" => "stop".to_owned(),
        "max_tokens" => "length".to_owned(),
        other => other.replace('_', "-"),
    });
    let usage = answer.get("usage").map(|usage| {
        let count = |key: &str| Count::try_from(usage.get(key).and_then(Json::as_u64).unwrap_or(0)).unwrap_or_default();
        Usage {
            input_tokens: count("input_tokens"),
            output_tokens: count("output_tokens"),
            cache_read_tokens: count("cache_read_input_tokens"),
            cache_write_tokens: count("cache_creation_input_tokens"),
            ..Usage::default()
        }
    });
    let model = answer.get("model").and_then(Json::as_str).unwrap_or_default().to_owned();
    Some(ModelAnswer::Completion(Completion { text, model, finish_reason, usage, first_token: Vec::new() }))
}
