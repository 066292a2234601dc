//! From the domain to what a plugin of contract 0.1 is given. Texts are borrowed; what has to be made anew (lists,
//! JSON texts) lives in the arena.

use bumpalo::Bump;
use serde_json::{Map, Value as Json};

use super::types as wit;
use crate::record::{Content, Document, Interaction, Message, Part, Usage};

/// The interaction as a plugin is given it.
pub(in crate::plugin) fn lower<'a>(interaction: &'a Interaction, arena: &'a Bump) -> wit::Interaction<'a> {
    let posted = &interaction.posted;
    let nanoseconds = interaction.started_at.as_nanoseconds();
    wit::Interaction {
        call: wit::Call {
            id: interaction.id.as_str(),
            project: posted.project.as_str(),
            operation: posted.operation.as_str(),
            provider: posted.provider.as_str(),
            model: posted.model.as_str(),
            requested_model: posted.requested_model.as_ref().map(|model| model.as_str()),
            started_at: u64::try_from(nanoseconds).unwrap_or(0),
            timing: wit::Timing {
                duration: posted.duration_ms.map(|duration| duration.get()),
                time_to_first_token: posted.time_to_first_token_ms.map(|duration| duration.get()),
            },
            usage: posted.usage.as_ref().map(|usage| lower_usage(usage, arena)),
            parameters: attributes(&posted.parameters, arena),
            finish_reasons: list(posted.finish_reasons.iter().map(String::as_str), arena),
            error: posted.error.as_ref().map(|error| wit::CallError {
                kind: error.kind.as_str(),
                message: &error.message,
                status: error.status,
            }),
            attributes: attributes(&posted.attributes, arena),
        },
        input: list(posted.input.iter().map(|message| lower_message(message, arena)), arena),
        output: list(posted.output.iter().map(|message| lower_message(message, arena)), arena),
        context: list(posted.context.iter().map(|document| lower_document(document, arena)), arena),
        reference: posted.reference.as_deref(),
        prompt: posted.prompt.as_ref().map(|prompt| wit::PromptVersion {
            name: prompt.name.as_str(),
            version: prompt.version.as_ref().map(|version| version.as_str()),
        }),
        session: posted.session.as_ref().map(|session| session.as_str()),
        user: posted.user.as_ref().map(|user| user.as_str()),
    }
}

fn list<'a, T: 'a>(items: impl ExactSizeIterator<Item = T>, arena: &'a Bump) -> &'a [T] {
    arena.alloc_slice_fill_iter(items)
}

fn lower_usage<'a>(usage: &'a Usage, arena: &'a Bump) -> wit::Usage<'a> {
    wit::Usage {
        input_tokens: usage.input_tokens.get(),
        output_tokens: usage.output_tokens.get(),
        cache_read_tokens: usage.cache_read_tokens.get(),
        cache_write_tokens: usage.cache_write_tokens.get(),
        reasoning_tokens: usage.reasoning_tokens.get(),
        other: list(usage.other.iter().map(|(name, count)| wit::UnitCount { name, count: count.get() }), arena),
    }
}

fn lower_message<'a>(message: &'a Message, arena: &'a Bump) -> wit::Message<'a> {
    wit::Message {
        role: &message.role,
        parts: match &message.content {
            Content::Text(text) => list([wit::Part::Text(text.as_str())].into_iter(), arena),
            Content::Parts(parts) => list(parts.iter().map(|part| lower_part(part, arena)), arena),
        },
        attributes: attributes(&message.attributes, arena),
    }
}

fn lower_part<'a>(part: &'a Part, arena: &'a Bump) -> wit::Part<'a> {
    match part {
        Part::Text(text) => wit::Part::Text(text),
        Part::Reasoning(text) => wit::Part::Reasoning(text),
        Part::ToolCall { id, name, arguments } => {
            wit::Part::ToolCall(wit::ToolCall { id: id.as_deref(), name, arguments: json_text(arguments, arena) })
        }
        Part::ToolResult { id, content } => wit::Part::ToolResult(wit::ToolResult {
            id: id.as_deref(),
            content: match content {
                Json::String(text) => text,
                other => json_text(other, arena),
            },
        }),
        Part::Other { kind, object } => wit::Part::Other(wit::OtherPart { kind, json: json_text(object, arena) }),
    }
}

fn lower_document<'a>(document: &'a Document, arena: &'a Bump) -> wit::Document<'a> {
    wit::Document {
        id: document.id.as_deref(),
        text: &document.text,
        attributes: attributes(&document.attributes, arena),
    }
}

fn attributes<'a>(map: &'a Map<String, Json>, arena: &'a Bump) -> &'a [wit::AttributeParam<'a>] {
    let mut lowered = bumpalo::collections::Vec::with_capacity_in(map.len(), arena);
    lowered.extend(map.iter().map(|(key, value)| wit::AttributeParam { key, value: attribute_value(value, arena) }));
    lowered.into_bump_slice()
}

fn attribute_value<'a>(value: &'a Json, arena: &'a Bump) -> wit::AttributeValueParam<'a> {
    match value {
        Json::String(text) => wit::AttributeValueParam::Text(text),
        Json::Bool(boolean) => wit::AttributeValueParam::Boolean(*boolean),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => wit::AttributeValueParam::Integer(integer),
            (None, Some(number)) if number.is_finite() => wit::AttributeValueParam::Number(number),
            _ => wit::AttributeValueParam::Json(json_text(value, arena)),
        },
        Json::Null | Json::Array(_) | Json::Object(_) => wit::AttributeValueParam::Json(json_text(value, arena)),
    }
}

fn json_text<'a>(value: &impl serde::Serialize, arena: &'a Bump) -> &'a str {
    // Values that came from JSON text always have a JSON text.
    arena.alloc_str(&serde_json::to_string(value).unwrap_or_default())
}
