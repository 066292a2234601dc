//! OpenAI's dialect, which many others speak.

use serde_json::{Map, Value as Json, json};

use super::exchange::{Exchange, Recipient};
use crate::record::{Completion, Count, Dialect, Embeddings, ModelAnswer, ModelRequest, Prompt, TokenLogprob, Usage};

pub(super) fn exchange(to: &Recipient<'_>, request: &ModelRequest) -> Exchange {
    match request {
        ModelRequest::Complete(prompt) => to.post("chat/completions", &prompt_body(to, prompt), completion),
        ModelRequest::Embed(texts) => {
            let body = json!({"model": to.model, "input": texts, "encoding_format": "float"});
            to.post("embeddings", &body, embeddings)
        }
    }
}

fn prompt_body(to: &Recipient<'_>, prompt: &Prompt) -> Json {
    let Prompt { messages, schema, max_tokens, temperature, seed, top_logprobs } = prompt;
    let mut body = json!({"model": to.model, "messages": messages});
    if let Some(schema) = schema {
        let format = json!({"name": "answer", "schema": schema, "strict": is_strict(schema)});
        body["response_format"] = json!({"type": "json_schema", "json_schema": format});
    }
    if let Some(max) = max_tokens {
        // OpenAI's newer models know this name only, and most of those that speak its dialect the older one.
        let name = if to.remote.dialect == Dialect::Openai { "max_completion_tokens" } else { "max_tokens" };
        body[name] = (*max).into();
    }
    if let Some(temperature) = temperature {
        body["temperature"] = (*temperature).into();
    }
    if let Some(seed) = seed {
        body["seed"] = (*seed).into();
    }
    if *top_logprobs > 0 {
        body["logprobs"] = true.into();
        body["top_logprobs"] = (*top_logprobs).into();
    }
    body
}

/// Whether OpenAI can hold its model to the schema: every object names all that it may have, and requires it.
fn is_strict(schema: &Json) -> bool {
    match schema {
        Json::Object(object) => is_strict_object(object) && object.values().all(is_strict),
        Json::Array(items) => items.iter().all(is_strict),
        _ => true,
    }
}

fn is_strict_object(object: &Map<String, Json>) -> bool {
    let Some(Json::Object(properties)) = object.get("properties") else {
        return object.get("type") != Some(&Json::from("object"));
    };
    let required = object.get("required").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    let all = properties.keys().all(|key| required.iter().any(|required| required == key));
    all && object.get("additionalProperties") == Some(&Json::Bool(false))
}

fn completion(answer: &Json) -> Option<ModelAnswer> {
    let choice = answer.pointer("/choices/0")?;
    let text = choice.pointer("/message/content")?.as_str()?.to_owned();
    let first = choice.pointer("/logprobs/content/0/top_logprobs").and_then(Json::as_array);
    let first_token = first.map(Vec::as_slice).unwrap_or_default().iter().filter_map(|one| {
        Some(TokenLogprob { token: one.get("token")?.as_str()?.to_owned(), logprob: one.get("logprob")?.as_f64()? })
    });
    Some(ModelAnswer::Completion(Completion {
        text,
        model: answer.get("model").and_then(Json::as_str).unwrap_or_default().to_owned(),
        finish_reason: choice.get("finish_reason").and_then(Json::as_str).map(|reason| reason.replace('_', "-")),
        usage: answer.get("usage").and_then(usage),
        first_token: first_token.collect(),
    }))
}

/// OpenAI counts what was cached within the prompt, and reasoning within the answer.
fn usage(usage: &Json) -> Option<Usage> {
    let count = |at: &str| usage.pointer(at).and_then(Json::as_u64).unwrap_or(0);
    let tokens = |number: u64| Count::try_from(number).unwrap_or_default();
    usage.get("prompt_tokens")?;
    let (cached, reasoning) =
        (count("/prompt_tokens_details/cached_tokens"), count("/completion_tokens_details/reasoning_tokens"));
    Some(Usage {
        input_tokens: tokens(count("/prompt_tokens").saturating_sub(cached)),
        output_tokens: tokens(count("/completion_tokens").saturating_sub(reasoning)),
        cache_read_tokens: tokens(cached),
        reasoning_tokens: tokens(reasoning),
        ..Usage::default()
    })
}

fn embeddings(answer: &Json) -> Option<ModelAnswer> {
    let mut data: Vec<_> = answer.get("data")?.as_array()?.iter().enumerate().collect();
    data.sort_by_key(|(at, one)| one.get("index").and_then(Json::as_u64).unwrap_or(*at as u64));
    let vectors = data.into_iter().map(|(_, one)| vector(one.get("embedding")?)).collect::<Option<Vec<_>>>()?;
    let usage = answer.get("usage").and_then(usage);
    Some(ModelAnswer::Embeddings(Embeddings { vectors, usage }))
}

/// The vector, made as long as 1.
pub(super) fn vector(numbers: &Json) -> Option<Vec<f32>> {
    let numbers: Vec<f64> = numbers.as_array()?.iter().map(Json::as_f64).collect::<Option<_>>()?;
    let length = numbers.iter().map(|number| number * number).sum::<f64>().sqrt();
    Some(numbers.into_iter().map(|number| if length > 0.0 { (number / length) as f32 } else { 0.0 }).collect())
}
