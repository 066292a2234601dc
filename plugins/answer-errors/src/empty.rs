//! Finds calls that succeeded and gave no answer; knows nothing of what an answer says.

use tribunal_sdk::{Finding, Interaction, Message, Part, Severity};

use crate::{Findings, place};

pub(crate) fn check(interaction: &Interaction, findings: &mut Findings) {
    let call = &interaction.call;
    // Embeddings and tools answer with something other than messages.
    if call.error.is_some() || matches!(call.operation.as_str(), "embeddings" | "execute-tool" | "execute_tool") {
        return;
    }
    if interaction.output.is_empty() {
        findings.push(no_messages(call.usage.as_ref().map_or(0, |usage| usage.output_tokens)));
    }
    for (index, message) in place::choices(interaction) {
        findings_of(index, message, findings);
    }
}

/// An answer that was paid for and is not here was rather lost on its way than never written.
fn no_messages(output_tokens: u64) -> Finding {
    if output_tokens == 0 {
        let finding = Finding::new("empty", "no-output", Severity::High);
        return finding.because("The call succeeded and there is no answer.");
    }
    Finding::new("empty", "no-output", Severity::Info).confidence(0.6).because(format!(
        "There is no answer though the provider counted {output_tokens} output tokens: \
         the application may not have recorded it."
    ))
}

fn findings_of(index: u32, message: &Message, findings: &mut Findings) {
    if place::has_more_than_text(message) {
        return;
    }
    let mut texts = place::texts(index, message).peekable();
    if texts.peek().is_none() {
        let only_reasoning = message.parts.iter().any(|part| matches!(part, Part::Reasoning(_)));
        let why = if only_reasoning { "There is reasoning and no answer." } else { "The answer has no content." };
        findings.push(Finding::new("empty", "no-output", Severity::High).because(why));
        return;
    }
    let mut span = None;
    for place in texts {
        if !place.text.chars().all(is_blank) {
            return;
        }
        span = span.or(place.whole());
    }
    let why = "The answer is empty or holds nothing but white space.";
    findings.push(Finding::new("empty", "blank", Severity::High).at(span).because(why));
}

/// White space, control characters and what takes no room on the screen.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}
