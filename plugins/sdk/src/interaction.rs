//! Reading an interaction: its texts, its spans, its attributes.

use std::borrow::Cow;

use crate::{Attribute, AttributeValue, Interaction, Message, Part, Span, TextSource};

/// One text of an interaction and where it stands. It derefs to the text.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    text: &'a str,
    role: &'a str,
    source: TextSource,
    message: u32,
    part: u32,
}

impl<'a> Text<'a> {
    /// The text itself, for as long as the interaction lives.
    pub fn as_str(&self) -> &'a str {
        self.text
    }

    /// The role of the message it stands in, such as `user`.
    pub fn role(&self) -> &'a str {
        self.role
    }

    /// The span of these bytes of the text.
    ///
    /// # Panics
    ///
    /// Where the range is empty, outside the text or inside a character.
    pub fn span(&self, range: std::ops::Range<usize>) -> Span {
        assert!(!self.text[range.clone()].is_empty(), "an empty span");
        let offset = |at: usize| u32::try_from(at).expect("a text under 4 GiB");
        Span {
            source: self.source,
            message: self.message,
            part: self.part,
            start: offset(range.start),
            end: offset(range.end),
        }
    }

    /// The span of the whole text, or none where it is empty.
    pub fn whole(&self) -> Option<Span> {
        (!self.text.is_empty()).then(|| self.span(0..self.text.len()))
    }
}

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        self.text
    }
}

impl Interaction {
    /// The texts that the model was given, oldest first; no reasoning, no tool calls.
    pub fn input_texts(&self) -> impl Iterator<Item = Text<'_>> {
        texts(TextSource::Input, &self.input)
    }

    /// The texts that the model answered; no reasoning, no tool calls.
    pub fn output_texts(&self) -> impl Iterator<Item = Text<'_>> {
        texts(TextSource::Output, &self.output)
    }

    /// The whole answer as one text, its parts joined by line feeds. Borrowed where there is one part.
    pub fn answer(&self) -> Cow<'_, str> {
        let mut texts = self.output_texts();
        let Some(first) = texts.next() else {
            return Cow::Borrowed("");
        };
        let mut answer = Cow::Borrowed(first.as_str());
        for text in texts {
            let answer = answer.to_mut();
            answer.push('\n');
            answer.push_str(&text);
        }
        answer
    }
}

fn texts(source: TextSource, messages: &[Message]) -> impl Iterator<Item = Text<'_>> {
    messages.iter().zip(0u32..).flat_map(move |(message, message_at)| {
        message.parts.iter().zip(0u32..).filter_map(move |(part, part_at)| match part {
            Part::Text(text) => Some(Text { text, role: &message.role, source, message: message_at, part: part_at }),
            _ => None,
        })
    })
}

/// The value of the attribute of that key.
pub fn attribute<'a>(attributes: &'a [Attribute], key: &str) -> Option<&'a AttributeValue> {
    attributes.iter().find(|attribute| attribute.key == key).map(|attribute| &attribute.value)
}

/// A parsed JSON value; [`AttributeValue::json`] makes it.
pub type Json = serde_json::Value;

impl AttributeValue {
    /// The value as JSON, whatever its case. None where a `json` text does not parse.
    pub fn json(&self) -> Option<Json> {
        match self {
            Self::Text(text) => Some(Json::from(text.as_str())),
            Self::Integer(integer) => Some(Json::from(*integer)),
            Self::Number(number) => Some(Json::from(*number)),
            Self::Boolean(boolean) => Some(Json::from(*boolean)),
            Self::Json(text) => serde_json::from_str(text).ok(),
        }
    }

    /// The text of a text value.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}
