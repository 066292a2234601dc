//! What was said: messages and their parts, in the shapes applications post them.

use std::fmt;

use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// One message of the conversation.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Open: `system`, `developer`, `user`, `assistant`, `tool`.
    pub role: String,
    /// The text, or the parts; null is no parts.
    pub content: Content,
    /// Anything else that belongs to the message.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    pub attributes: Map<String, Json>,
}

impl Message {
    /// One of that role with one text.
    pub fn text(role: &str, text: &str) -> Self {
        Self { role: role.to_owned(), content: Content::Text(text.to_owned()), attributes: Map::new() }
    }
}

/// A message's content as it was posted.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum Content {
    /// One text part, posted as a plain string.
    Text(String),
    /// Typed parts.
    Parts(Vec<Part>),
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ContentVisitor;

        impl<'de> Visitor<'de> for ContentVisitor {
            type Value = Content;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, an array of parts, or null")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Content, E> {
                Ok(Content::Text(text.to_owned()))
            }

            fn visit_string<E: de::Error>(self, text: String) -> Result<Content, E> {
                Ok(Content::Text(text))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Content, E> {
                Ok(Content::Parts(Vec::new()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, parts: A) -> Result<Content, A::Error> {
                Vec::deserialize(de::value::SeqAccessDeserializer::new(parts)).map(Content::Parts)
            }
        }

        deserializer.deserialize_any(ContentVisitor)
    }
}

/// One piece of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// `{"type": "text", "text": …}`; `input_text` and `output_text` are taken for `text`.
    Text(String),
    /// `{"type": "reasoning", "text": …}`
    Reasoning(String),
    /// `{"type": "tool_call", "id": …, "name": …, "arguments": …}`
    ToolCall {
        /// What a tool result refers to.
        id: Option<String>,
        /// The tool's name.
        name: String,
        /// Any JSON.
        arguments: Json,
    },
    /// `{"type": "tool_result", "id": …, "content": …}`
    ToolResult {
        /// The tool call this answers.
        id: Option<String>,
        /// Any JSON.
        content: Json,
    },
    /// Any other `type`, kept whole.
    Other {
        /// The part's `type`.
        kind: String,
        /// The whole part, its `type` included.
        object: Map<String, Json>,
    },
}

/// What a part of text is called; the last two by OpenAI's Responses.
const TEXT: [&str; 3] = ["text", "input_text", "output_text"];
/// The other parts that are understood.
const TYPED: [&str; 3] = ["reasoning", "tool_call", "tool_result"];

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut object = Map::deserialize(deserializer)?;
        let kind = match object.get("type") {
            Some(Json::String(kind)) => kind.clone(),
            Some(_) => return Err(de::Error::custom("expected a part's `type` to be a string")),
            None => return Err(de::Error::missing_field("type")),
        };
        if !TEXT.contains(&kind.as_str()) && !TYPED.contains(&kind.as_str()) {
            return Ok(Self::Other { kind, object });
        }
        object.remove("type");
        let part = match kind.as_str() {
            kind if TEXT.contains(&kind) => Self::Text(take_text(&mut object, "text")?),
            "reasoning" => Self::Reasoning(take_text(&mut object, "text")?),
            "tool_call" => Self::ToolCall {
                id: take_id(&mut object)?,
                name: take_text(&mut object, "name")?,
                arguments: object.remove("arguments").unwrap_or(Json::Null),
            },
            _ => Self::ToolResult {
                id: take_id(&mut object)?,
                content: object.remove("content").ok_or_else(|| de::Error::missing_field("content"))?,
            },
        };
        match object.keys().next() {
            Some(unknown) => Err(de::Error::custom(format!("unknown field `{unknown}` in a part of type `{kind}`"))),
            None => Ok(part),
        }
    }
}

fn take_text<E: de::Error>(object: &mut Map<String, Json>, field: &'static str) -> Result<String, E> {
    match object.remove(field) {
        Some(Json::String(text)) => Ok(text),
        Some(_) => Err(E::custom(format!("expected `{field}` to be a string"))),
        None => Err(E::missing_field(field)),
    }
}

fn take_id<E: de::Error>(object: &mut Map<String, Json>) -> Result<Option<String>, E> {
    match object.remove("id") {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(id)) => Ok(Some(id)),
        Some(_) => Err(E::custom("expected `id` to be a string")),
    }
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Self::Other { object, .. } = self {
            return object.serialize(serializer);
        }
        let mut map = serializer.serialize_map(None)?;
        let id_entry = |map: &mut S::SerializeMap, id: &Option<String>| match id {
            Some(id) => map.serialize_entry("id", id),
            None => Ok(()),
        };
        match self {
            Self::Text(text) => {
                map.serialize_entry("type", "text")?;
                map.serialize_entry("text", text)?;
            }
            Self::Reasoning(text) => {
                map.serialize_entry("type", "reasoning")?;
                map.serialize_entry("text", text)?;
            }
            Self::ToolCall { id, name, arguments } => {
                map.serialize_entry("type", "tool_call")?;
                id_entry(&mut map, id)?;
                map.serialize_entry("name", name)?;
                map.serialize_entry("arguments", arguments)?;
            }
            Self::ToolResult { id, content } => {
                map.serialize_entry("type", "tool_result")?;
                id_entry(&mut map, id)?;
                map.serialize_entry("content", content)?;
            }
            Self::Other { .. } => {}
        }
        map.end()
    }
}

impl utoipa::PartialSchema for Part {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, SchemaType, Type};
        // Any type but those that are understood.
        let other = format!("^(?!({}|{})$)", TEXT.join("|"), TYPED.join("|"));
        let string = || ObjectBuilder::new().schema_type(Type::String);
        let anything = || ObjectBuilder::new().schema_type(SchemaType::AnyValue);
        let one_of = |kinds: &[&str]| {
            let kinds = string().enum_values(Some(kinds.iter().map(|kind| (*kind).to_owned())));
            ObjectBuilder::new().property("type", kinds).required("type")
        };
        let part = |kind: &str| one_of(&[kind]);
        OneOfBuilder::new()
            .description(Some("One piece of a message. A part of any other `type` is kept as it is."))
            .item(one_of(&TEXT).property("text", string()).required("text"))
            .item(part("reasoning").property("text", string()).required("text"))
            .item(
                part("tool_call")
                    .property("id", string())
                    .property("name", string())
                    .required("name")
                    .property("arguments", anything()),
            )
            .item(part("tool_result").property("id", string()).property("content", anything()).required("content"))
            .item(ObjectBuilder::new().property("type", string().pattern(Some(other))).required("type"))
            .into()
    }
}

impl utoipa::ToSchema for Part {}
