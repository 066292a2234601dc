//! Reads from an interaction what was asked, what was said and what the provider declared; judges no words.

use std::borrow::Cow;

use tribunal_sdk::{Interaction, Message, Part};

/// Words by which providers say, in place of an answer or after it, that they or their model refused.
const DECLARED: [&str; 7] = [
    "content-filter",
    "content_filter",
    "refusal",
    "safety",
    "guardrail_intervened",
    "prohibited_content",
    "blocklist",
];

/// Characters of a refusal part's text that are quoted at most.
const QUOTED: usize = 120;

/// Why the interaction is a refusal whatever its text says: a content filter or a part of kind `refusal`.
pub(crate) fn declared(interaction: &Interaction) -> Option<String> {
    if let Some(error) = interaction.call.error.as_ref().filter(|error| is_declared(&error.kind)) {
        return Some(format!("The call failed with `{}`.", error.kind));
    }
    if let Some(reason) = interaction.call.finish_reasons.iter().find(|reason| is_declared(reason)) {
        return Some(format!("The finish reason is `{}`.", shortened(reason)));
    }
    let mut parts = interaction.output.iter().flat_map(|message| &message.parts);
    parts.find_map(|part| match part {
        Part::Other(other) if other.kind == "refusal" => Some(match refusal_text(&other.json) {
            Some(text) => format!("The model marked it as a refusal: “{}”", shortened(&text)),
            None => "The model marked it as a refusal.".to_owned(),
        }),
        _ => None,
    })
}

fn is_declared(word: &str) -> bool {
    DECLARED.iter().any(|declared| declared.eq_ignore_ascii_case(word))
}

/// The text of `{"type": "refusal", "refusal": "…"}`.
fn refusal_text(json: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Refusal {
        refusal: String,
    }
    let refusal: Refusal = serde_json::from_str(json).ok()?;
    (!refusal.refusal.trim().is_empty()).then_some(refusal.refusal)
}

fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(QUOTED) {
        Some((at, _)) => Cow::Owned(format!("{}…", &text[..at])),
        None => Cow::Borrowed(text),
    }
}

/// The last text that the user wrote, or nothing.
pub(crate) fn question(interaction: &Interaction) -> &str {
    interaction.input_texts().filter(|text| text.role() == "user").last().map_or("", |text| text.as_str())
}

/// The text of one answer without a block of thoughts before it; none where it is blank.
pub(crate) fn said(message: &Message) -> Option<Cow<'_, str>> {
    let mut texts = message.parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.as_str()),
        _ => None,
    });
    let mut said = Cow::Borrowed(texts.next()?);
    for text in texts {
        let said = said.to_mut();
        said.push('\n');
        said.push_str(text);
    }
    let said = match said {
        Cow::Borrowed(text) => Cow::Borrowed(without_thoughts(text)),
        Cow::Owned(text) => Cow::Owned(without_thoughts(&text).to_owned()),
    };
    (!said.trim().is_empty()).then_some(said)
}

/// Models served without a reasoning parser write their thoughts into the answer.
fn without_thoughts(text: &str) -> &str {
    let Some(thoughts) = text.trim_start().strip_prefix("<think>") else {
        return text;
    };
    thoughts.split_once("</think>").map_or(text, |(_, answer)| answer)
}
