//! Where in the answer a stretch of text stands; knows nothing of what is wrong with it.

use std::ops::Range;

use tribunal_sdk::{Interaction, Message, Part, Span, TextSource};

/// One text part of the answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) text: &'a str,
    message: u32,
    part: u32,
}

impl<'a> Place<'a> {
    /// The span of these bytes of the text; none where the range is empty.
    pub(crate) fn span(&self, range: Range<usize>) -> Option<Span> {
        if self.text.get(range.clone())?.is_empty() {
            return None;
        }
        let offset = |at: usize| u32::try_from(at).ok();
        Some(Span {
            source: TextSource::Output,
            message: self.message,
            part: self.part,
            start: offset(range.start)?,
            end: offset(range.end)?,
        })
    }

    /// The span of the whole text.
    pub(crate) fn whole(&self) -> Option<Span> {
        self.span(0..self.text.len())
    }
}

/// The choices of the answer with their index.
pub(crate) fn choices(interaction: &Interaction) -> impl Iterator<Item = (u32, &Message)> {
    (0..).zip(&interaction.output)
}

/// The text parts of one choice.
pub(crate) fn texts(index: u32, message: &Message) -> impl Iterator<Item = Place<'_>> {
    (0..).zip(&message.parts).filter_map(move |(part, content)| match content {
        Part::Text(text) => Some(Place { text, message: index, part }),
        _ => None,
    })
}

/// Whether the choice asks for a tool or holds something that is not text, such as an image.
pub(crate) fn has_more_than_text(message: &Message) -> bool {
    message.parts.iter().any(|part| matches!(part, Part::ToolCall(_) | Part::ToolResult(_) | Part::Other(_)))
}
