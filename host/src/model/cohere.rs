//! Cohere's API, version 2.

use serde_json::{Value as Json, json};

use super::exchange::{Exchange, Recipient};
use super::openai::vector;
use crate::record::{Completion, Count, Embeddings, ModelAnswer, ModelRequest, Prompt, Usage};

pub(super) fn exchange(to: &Recipient<'_>, request: &ModelRequest) -> Exchange {
    match request {
        ModelRequest::Complete(prompt) => to.post("v2/chat", &prompt_body(to, prompt), completion),
        ModelRequest::Embed(texts) => {
            let body =
                json!({"model": to.model, "texts": texts, "input_type": "clustering", "embedding_types": ["float"]});
            to.post("v2/embed", &body, embeddings)
        }
    }
}

fn prompt_body(to: &Recipient<'_>, prompt: &Prompt) -> Json {
    let Prompt { messages, schema, max_tokens, temperature, seed, .. } = prompt;
    let mut body = json!({"model": to.model, "messages": messages});
    if let Some(schema) = schema {
        body["response_format"] = json!({"type": "json_object", "json_schema": schema});
    }
    if let Some(max) = max_tokens {
        body["max_tokens"] = (*max).into();
    }
    if let Some(temperature) = temperature {
        body["temperature"] = temperature.min(1.0).into();
    }
    if let Some(seed) = seed {
        body["seed"] = (*seed).into();
    }
    body
}

fn completion(answer: &Json) -> Option<ModelAnswer> {
    let content = answer.pointer("/message/content")?.as_array()?;
    let text = content.iter().filter_map(|part| part.get("text")?.as_str()).collect::<Vec<_>>().concat();
    let finish_reason = answer.get("finish_reason").and_then(Json::as_str).map(|reason| match reason {
        "COMPLETE" | "STOP_SEQUENCE" => "stop".to_owned(),
        "MAX_TOKENS" => "length".to_owned(),
        other => other.to_lowercase().replace('_', "-"),
    });
    let usage = answer.pointer("/usage/tokens").map(|usage| {
        // Cohere writes them as numbers with a point.
        let count = |key: &str| {
            let number = usage.get(key).and_then(Json::as_f64).unwrap_or(0.0);
            Count::try_from(number.max(0.0) as u64).unwrap_or_default()
        };
        Usage { input_tokens: count("input_tokens"), output_tokens: count("output_tokens"), ..Usage::default() }
    });
    Some(ModelAnswer::Completion(Completion {
        text,
        model: String::new(),
        finish_reason,
        usage,
        first_token: Vec::new(),
    }))
}

fn embeddings(answer: &Json) -> Option<ModelAnswer> {
    let vectors = answer.pointer("/embeddings/float")?.as_array()?;
    let vectors = vectors.iter().map(vector).collect::<Option<_>>()?;
    let usage = answer.pointer("/meta/billed_units/input_tokens").and_then(Json::as_f64).map(|number| Usage {
        input_tokens: Count::try_from(number.max(0.0) as u64).unwrap_or_default(),
        ..Usage::default()
    });
    Some(ModelAnswer::Embeddings(Embeddings { vectors, usage }))
}
