//! A call to a model as an interaction of its own: what prices read, and what is recorded in a project where the operator
//! wants that.

use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use crate::record::{
    CallError, Count, ExchangeDigest, Interaction, InteractionId, Message, Milliseconds, ModelAnswer, ModelDefinition,
    ModelFailure, ModelRequest, Name, NewInteraction, Prompt, Seq, Time, Usage,
};

/// The call, without what was said in it.
pub(super) fn call(model: &ModelDefinition, request: &ModelRequest, usage: Option<Usage>) -> NewInteraction {
    let operation = match request {
        ModelRequest::Complete(_) => "chat",
        ModelRequest::Embed(_) => "embeddings",
    };
    let name = |text: &str| text.parse::<Name>().ok();
    let posted = json!({"provider": model.source.provider(), "model": "unknown", "operation": operation});
    let mut call: NewInteraction = serde_json::from_value(posted).expect("a valid interaction");
    call.model = name(&model.model).unwrap_or(call.model);
    call.usage = usage;
    call
}

/// The call as prices read it.
pub(super) fn priced(call: NewInteraction) -> Interaction {
    let at = Time::now();
    let id = InteractionId::generate();
    Interaction { seq: Seq(0), id, started_at: at, recorded_at: at, posted: call }
}

/// What a request may use at most. No token is shorter than a byte; what a provider says of its own beside the request, as it
/// does for a schema, has less than a thousand tokens.
pub(super) fn most_usage(request: &ModelRequest, most_output: u32) -> Usage {
    const OWN_WORDS: u64 = 1_000;
    let bytes = serde_json::to_vec(request).map_or(0, |text| text.len() as u64);
    let count = |tokens: u64| Count::try_from(tokens).unwrap_or_default();
    let output = match request {
        ModelRequest::Complete(_) => u64::from(most_output),
        ModelRequest::Embed(_) => 0,
    };
    Usage { input_tokens: count(bytes + OWN_WORDS), output_tokens: count(output), ..Usage::default() }
}

/// What a call was about, and who made it.
pub(super) struct Asked<'a> {
    pub(super) model: &'a ModelDefinition,
    pub(super) binding: &'a Name,
    pub(super) about: Option<&'a InteractionId>,
    pub(super) exchange: ExchangeDigest,
    pub(super) request: &'a ModelRequest,
    pub(super) started_at: Time,
    pub(super) took: Duration,
}

/// The call as it is recorded in a project.
pub(super) fn recorded(
    asked: &Asked<'_>,
    project: &Name,
    usage: Option<Usage>,
    answer: Option<&ModelAnswer>,
    failure: Option<&ModelFailure>,
) -> NewInteraction {
    let Asked { model, binding, about, exchange, request, started_at, took } = asked;
    let mut call = call(model, request, usage);
    call.project = project.clone();
    call.started_at = Some(*started_at);
    call.duration_ms = Milliseconds::try_from(took.as_secs_f64() * 1_000.0).ok();
    match request {
        ModelRequest::Complete(prompt) => {
            call.input = prompt.messages.iter().map(|said| Message::text(&said.role, &said.content)).collect();
            call.parameters = parameters(prompt);
        }
        ModelRequest::Embed(texts) => call.input = texts.iter().map(|text| Message::text("user", text)).collect(),
    }
    if let Some(ModelAnswer::Completion(completion)) = answer {
        call.output = vec![Message::text("assistant", &completion.text)];
        call.finish_reasons = completion.finish_reason.iter().cloned().collect();
        if let Ok(name) = completion.model.parse::<Name>()
            && name != call.model
        {
            call.requested_model = Some(std::mem::replace(&mut call.model, name));
        }
    }
    call.error = failure.map(|failure| CallError {
        kind: failure.kind.as_str().parse().expect("a name"),
        message: failure.message.clone(),
        status: None,
    });
    let own = [
        (NewInteraction::ASKED_BY, Some(binding.to_string())),
        ("tribunal.asked_about", about.map(|interaction| interaction.0.to_string())),
        ("tribunal.exchange", Some(exchange.to_string())),
    ];
    call.attributes.extend(own.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into()))));
    call
}

fn parameters(prompt: &Prompt) -> Map<String, Json> {
    let Prompt { schema, max_tokens, temperature, seed, .. } = prompt;
    let all = [
        ("response_format", schema.clone()),
        ("max_tokens", max_tokens.map(Json::from)),
        ("temperature", temperature.map(Json::from)),
        ("seed", seed.map(Json::from)),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
