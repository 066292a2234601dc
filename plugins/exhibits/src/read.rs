//! Reads from an interaction what was asked, what was said and what the assistant was told; judges nothing.

use std::borrow::Cow;

use tribunal_sdk::{Interaction, Message, Part};

use crate::is_blank;

/// The last message of the user, or nothing.
pub fn question(interaction: &Interaction) -> Cow<'_, str> {
    let last = interaction.input.iter().rev().find(|message| message.role == "user");
    last.map_or(Cow::Borrowed(""), text)
}

/// What the operator of the assistant told it, all of it.
pub fn system_prompt(interaction: &Interaction) -> String {
    let told = interaction.input.iter().filter(|message| is_instruction(message)).map(text);
    told.collect::<Vec<_>>().join("\n\n")
}

/// Every message of the input but the system's, oldest first: who speaks, and what.
pub fn turns(interaction: &Interaction) -> impl DoubleEndedIterator<Item = (&'static str, Cow<'_, str>)> {
    let turns = interaction.input.iter().filter(|message| !is_instruction(message));
    turns.map(|message| {
        let speaker = match message.role.as_str() {
            "user" => "user",
            "assistant" => "assistant",
            "tool" => "tool",
            // A role is whatever was posted.
            _ => "other",
        };
        (speaker, text(message))
    })
}

/// The whole answer, its messages joined by line feeds, without a block of thoughts at the beginning of one.
pub fn answer(interaction: &Interaction) -> Cow<'_, str> {
    let mut messages = interaction.output.iter().map(said).filter(|said| !is_blank(said));
    let Some(first) = messages.next() else {
        return Cow::Borrowed("");
    };
    messages.fold(first, |mut answer, next| {
        let whole = answer.to_mut();
        whole.push('\n');
        whole.push_str(&next);
        answer
    })
}

fn is_instruction(message: &Message) -> bool {
    matches!(message.role.as_str(), "system" | "developer")
}

/// The texts of a message, joined by line feeds.
fn text(message: &Message) -> Cow<'_, str> {
    let mut texts = message.parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.as_str()),
        _ => None,
    });
    let first = Cow::Borrowed(texts.next().unwrap_or_default());
    texts.fold(first, |mut all, text| {
        let whole = all.to_mut();
        whole.push('\n');
        whole.push_str(text);
        all
    })
}

/// Models served without a reasoning parser write their thoughts into the answer.
fn said(message: &Message) -> Cow<'_, str> {
    match text(message) {
        Cow::Borrowed(text) => Cow::Borrowed(without_thoughts(text)),
        Cow::Owned(text) => Cow::Owned(without_thoughts(&text).to_owned()),
    }
}

fn without_thoughts(text: &str) -> &str {
    let Some(thoughts) = text.trim_start().strip_prefix("<think>") else {
        return text;
    };
    thoughts.split_once("</think>").map_or(text, |(_, answer)| answer)
}
