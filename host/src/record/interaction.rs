//! The interaction: one call to a model, as posted and as recorded.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::{Count, InteractionId, Message, Milliseconds, Name, Seq, Time};

/// One call to a model as an application posts it. Only `provider` and `model` are required.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInteraction {
    /// Made by the host as a UUID of version 7 where absent. Posting the same id and body again changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<InteractionId>,
    /// What the interaction is filed under; `default` where absent.
    #[serde(default = "default_project")]
    #[schema(default = "default")]
    pub project: Name,
    /// OpenTelemetry's `gen_ai.operation.name`; `chat` where absent.
    #[serde(default = "default_operation")]
    #[schema(default = "chat")]
    pub operation: Name,
    /// OpenTelemetry's `gen_ai.provider.name`, such as `openai`.
    pub provider: Name,
    /// The model that answered.
    pub model: Name,
    /// The model that was asked for, where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_model: Option<Name>,
    /// When the request was sent; the time of recording where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// From the request to the last byte of the answer, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<Milliseconds>,
    /// From the request to the first token of the answer, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_to_first_token_ms: Option<Milliseconds>,
    /// What the model was given, oldest first.
    #[serde(default)]
    pub input: Vec<Message>,
    /// What the model answered, one message for each choice.
    #[serde(default)]
    pub output: Vec<Message>,
    /// What the call used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// The request's parameters: `temperature`, `max_tokens`, `response_format`, …
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    pub parameters: Map<String, Json>,
    /// One for each choice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub finish_reasons: Vec<String>,
    /// Why the call failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<CallError>,
    /// The documents the answer should rest on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub context: Vec<Document>,
    /// The answer that was hoped for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The prompt template that the input was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<PromptVersion>,
    /// The conversation it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Name>,
    /// Whom the application answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Name>,
    /// Anything else, by OpenTelemetry's names where it has one.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    pub attributes: Map<String, Json>,
}

impl NewInteraction {
    /// The attribute that names the binding, where the host itself recorded what a plugin asked of a model.
    pub const ASKED_BY: &str = "tribunal.asked_by";

    /// What the names of attributes begin with that only the host sets.
    pub const RESERVED: &str = "tribunal.";

    /// Whether a plugin asked it of a model.
    pub fn is_judges_own(&self) -> bool {
        self.attributes.contains_key(Self::ASKED_BY)
    }
}

fn default_project() -> Name {
    "default".parse().expect("a valid name")
}

fn default_operation() -> Name {
    "chat".parse().expect("a valid name")
}

/// What a call used, in disjoint buckets: all input is `input_tokens + cache_read_tokens + cache_write_tokens`,
/// all output is `output_tokens + reasoning_tokens`, and nothing is counted twice.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// Tokens of the prompt, without those read from or written to a cache.
    #[serde(default)]
    pub input_tokens: Count,
    /// Tokens of the answer, without those of hidden reasoning.
    #[serde(default)]
    pub output_tokens: Count,
    /// Tokens of the prompt that were read from the provider's cache.
    #[serde(default)]
    pub cache_read_tokens: Count,
    /// Tokens of the prompt that were written to the provider's cache.
    #[serde(default)]
    pub cache_write_tokens: Count,
    /// Tokens of reasoning that are billed but not shown.
    #[serde(default)]
    pub reasoning_tokens: Count,
    /// Other units, such as `input_audio_tokens`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub other: BTreeMap<String, Count>,
}

impl Usage {
    /// All tokens of the prompt.
    pub fn all_input(&self) -> u64 {
        self.input_tokens.get() + self.cache_read_tokens.get() + self.cache_write_tokens.get()
    }

    /// All tokens that were made.
    pub fn all_output(&self) -> u64 {
        self.output_tokens.get() + self.reasoning_tokens.get()
    }
}

/// Why a call failed, or failed in part.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CallError {
    /// Open: `timeout`, `rate-limit`, `server`, …; the contract's `call-error` lists them.
    pub kind: Name,
    /// The provider's words.
    #[serde(default)]
    pub message: String,
    /// The provider's HTTP status, 100 to 599.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "http_status")]
    #[schema(minimum = 100, maximum = 599)]
    pub status: Option<u16>,
}

fn http_status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    match Option::<u16>::deserialize(deserializer)? {
        Some(status) if !(100..=599).contains(&status) => {
            Err(de::Error::invalid_value(de::Unexpected::Unsigned(status.into()), &"an HTTP status from 100 to 599"))
        }
        status => Ok(status),
    }
}

/// A document that the answer should rest on; posted as a string or as an object.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Document {
    /// The application's own id of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its text.
    pub text: String,
    /// Anything else known of it.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Json>,
}

impl utoipa::PartialSchema for Document {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};
        let string = || ObjectBuilder::new().schema_type(Type::String);
        let object = ObjectBuilder::new().schema_type(Type::Object);
        OneOfBuilder::new()
            .description(Some("A document that the answer should rest on: its text, or an object."))
            .item(string())
            .item(
                ObjectBuilder::new()
                    .property("id", string())
                    .property("text", string())
                    .required("text")
                    .property("attributes", object),
            )
            .into()
    }
}

impl utoipa::ToSchema for Document {}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Object {
            #[serde(default)]
            id: Option<String>,
            text: String,
            #[serde(default)]
            attributes: Map<String, Json>,
        }

        struct DocumentVisitor;

        impl<'de> Visitor<'de> for DocumentVisitor {
            type Value = Document;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an object with `text`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Document, E> {
                Ok(Document { id: None, text: text.to_owned(), attributes: Map::new() })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Document, A::Error> {
                let Object { id, text, attributes } = Object::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(Document { id, text, attributes })
            }
        }

        deserializer.deserialize_any(DocumentVisitor)
    }
}

/// The version of a prompt template.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PromptVersion {
    /// The template's name.
    pub name: Name,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Name>,
}

/// An interaction that stands in the log.
#[derive(Debug, Clone)]
pub struct Interaction {
    /// Its place in the log.
    pub seq: Seq,
    /// As posted, or made by the host.
    pub id: InteractionId,
    /// As posted, or the time of recording.
    pub started_at: Time,
    /// When it was recorded.
    pub recorded_at: Time,
    /// What was posted.
    pub posted: NewInteraction,
}

impl Interaction {
    /// One that has every field, made up to try filters and plugins on before they judge anything. Its id is `canary`
    /// and it is never recorded.
    pub fn canary() -> Self {
        let posted = serde_json::from_value(serde_json::json!({
            "id": "canary", "provider": "openai", "model": "gpt-4.1", "requested_model": "gpt-4.1", "duration_ms": 900.5,
            "time_to_first_token_ms": 200.5, "input": [{"role": "user", "content": "Hello"}],
            "output": [{"role": "assistant", "content": "Hello"}],
            "usage": {"input_tokens": 1, "other": {"input_audio_tokens": 1}}, "parameters": {"temperature": 0.5},
            "finish_reasons": ["stop"], "error": {"kind": "timeout", "message": "late", "status": 504},
            "context": [{"id": "1", "text": "Hello", "attributes": {"source": "x"}}], "reference": "Hello",
            "prompt": {"name": "greet", "version": "1"}, "session": "s", "user": "u", "attributes": {"tier": "gold"},
        }));
        let posted: NewInteraction = posted.expect("a valid interaction");
        let id = posted.id.clone().expect("the id above");
        // The morning of 2026-01-01: the same at every load, so that it is the same call.
        let at = Time::from_nanoseconds(1_767_254_400_000_000_000);
        Self { seq: Seq(0), id, started_at: at, recorded_at: at, posted }
    }
}
