//! Finds answers that were cut off: by the finish reason, by an end in mid-sentence, by what was opened and never
//! closed; knows nothing of the answer's sense.

use std::ops::Range;

use tribunal_sdk::{Finding, Interaction, Message, Severity};

use crate::lines::{Kind, Line, Lines};
use crate::place::{self, Place};
use crate::{Findings, excerpt};

/// Finish reasons that say "cut off": lower case, with hyphens.
const CUT_OFF: [&str; 9] = [
    "length",
    "max-tokens",
    "max-output-tokens",
    "max-completion-tokens",
    "max-length",
    "max-new-tokens",
    "model-length",
    "token-limit",
    "model-context-window-exceeded",
];

/// Words that no English sentence ends with: articles, possessives, conjunctions.
const NEVER_LAST: [&str; 21] = [
    "a", "an", "the", "and", "or", "but", "because", "my", "your", "their", "its", "our", "if", "while", "whose",
    "than", "although", "unless", "whereas", "nor", "every",
];
/// Words that seldom end a sentence and often a list item (`something to wait for`).
const SELDOM_LAST: [&str; 24] = [
    "of", "to", "from", "with", "for", "into", "at", "as", "is", "are", "was", "were", "be", "been", "has", "have",
    "can", "will", "would", "should", "that", "which", "who", "by",
];

pub(crate) fn check(interaction: &Interaction, findings: &mut Findings) {
    let reasons = &interaction.call.finish_reasons;
    for (index, message) in place::choices(interaction) {
        let reason = reasons.get(index as usize).or(reasons.last()).map(String::as_str);
        check_choice(index, message, reason, findings);
    }
    // A cut before the first word leaves no choice to hang the finding on.
    if interaction.output.is_empty()
        && let Some(reason) = reasons.iter().find(|reason| is_cut_off(reason))
    {
        findings.push(by_reason(reason, None));
    }
}

fn check_choice(index: u32, message: &Message, reason: Option<&str>, findings: &mut Findings) {
    let last = place::texts(index, message).last();
    let cut = reason.filter(|reason| is_cut_off(reason));
    if let Some(reason) = cut {
        findings.push(by_reason(reason, last));
    }
    let mut open = false;
    let mut last_reading = None;
    for place in place::texts(index, message) {
        let reading = last_reading.insert(Reading::new(place.text));
        if let Some(start) = reading.open_fence {
            open = true;
            findings.push(unclosed(place, start, "The code fence that opens here is never closed."));
        } else if cut.is_none()
            && let Some(start) = open_bracket(place.text)
        {
            open = true;
            findings.push(unclosed(place, start, "The JSON that starts here is never closed."));
        }
    }
    let ends_in_text = !place::has_more_than_text(message);
    if cut.is_none()
        && !open
        && ends_in_text
        && let (Some(last), Some(reading)) = (last, last_reading)
    {
        mid_sentence(last, &reading, reason, findings);
    }
}

fn is_cut_off(reason: &str) -> bool {
    // The longest of them has 29 bytes.
    reason.len() < 40 && CUT_OFF.contains(&reason.to_ascii_lowercase().replace(['_', ' '], "-").as_str())
}

fn by_reason(reason: &str, last: Option<Place>) -> Finding {
    let end = last.and_then(|place| place.span(tail(place.text)));
    Finding::new("truncated", "finish-reason", Severity::Medium)
        .at(end)
        .because(format!("The model stopped at its limit of tokens (finish reason {}).", excerpt::start(reason)))
}

fn unclosed(place: Place, start: usize, why: &str) -> Finding {
    Finding::new("truncated", "unclosed", Severity::Medium)
        .confidence(0.9)
        .at(place.span(start..place.text.trim_end().len()))
        .because(why)
}

/// The last few words.
fn tail(text: &str) -> Range<usize> {
    let text = text.trim_end();
    excerpt::end_at(text)..text.len()
}

fn mid_sentence(place: Place, reading: &Reading, reason: Option<&str>, findings: &mut Findings) {
    let Some(confidence) = reading.mid_sentence() else { return };
    // A provider that says it came to a stop is to be believed more than punctuation.
    let said_stop = reason.is_some_and(|reason| matches!(reason, "stop" | "end_turn" | "end-turn" | "STOP"));
    let confidence = if said_stop { confidence - 0.2 } else { confidence };
    let text = place.text.trim_end();
    let finding = Finding::new("truncated", "mid-sentence", Severity::Low)
        .confidence((confidence * 100.0_f64).round() / 100.0)
        .at(place.span(tail(text)))
        .because(format!("The answer ends in mid-sentence: {}", excerpt::end(&text[last_line_start(text)..])));
    findings.push(finding);
}

fn last_line_start(text: &str) -> usize {
    text.rfind('\n').map_or(0, |at| at + 1)
}

/// Where JSON opens that is not closed, if the text is meant to be JSON and nothing else.
fn open_bracket(text: &str) -> Option<usize> {
    let start = text.len() - text.trim_start().len();
    let json = &text.as_bytes()[start..];
    let next = json.iter().skip(1).find(|byte| !byte.is_ascii_whitespace());
    // `{name}` and `[1]` open prose too; `{"` and `[{` do not.
    match (json.first()?, next?) {
        (b'{', b'"') | (b'[', b'{' | b'[') => {}
        (b'[', b'"') if json.len() > 2 => {}
        _ => return None,
    }
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                // Whatever follows, this JSON is whole.
                if depth == 0 {
                    return None;
                }
            }
            _ => {}
        }
    }
    Some(start)
}

/// What the lines of a text tell about its end.
struct Reading<'a> {
    text: &'a str,
    open_fence: Option<usize>,
    last: Option<Line>,
    /// Lines of prose that end in a letter or a comma and are too short to be paragraphs: verses.
    verses: usize,
    items: usize,
    /// List items before the last line that end with a full stop.
    stopped_items: usize,
}

/// A line of prose that is longer than this is a paragraph, not a verse, a title or an address. In bytes.
const PARAGRAPH: usize = 90;

impl<'a> Reading<'a> {
    fn new(text: &'a str) -> Self {
        let mut reading = Self { text, open_fence: None, last: None, verses: 0, items: 0, stopped_items: 0 };
        let mut lines = Lines::new(text);
        for line in lines.by_ref().filter(|line| line.kind != Kind::Blank) {
            if let Some(before) = reading.last.replace(line) {
                reading.count(before);
            }
        }
        reading.open_fence = lines.open_fence();
        reading
    }

    fn count(&mut self, line: Line) {
        let content = &self.text[line.range()];
        let stops = content.ends_with(['.', '!', '?']);
        match line.kind {
            Kind::Item => {
                self.items += 1;
                self.stopped_items += usize::from(stops);
            }
            Kind::Prose if content.len() < PARAGRAPH && !stops && !content.ends_with(':') => self.verses += 1,
            _ => {}
        }
    }

    /// How sure it is that the text ends in mid-sentence; none where it does not look so.
    fn mid_sentence(&self) -> Option<f64> {
        let last = self.last.filter(|line| matches!(line.kind, Kind::Prose | Kind::Item))?;
        let content = &self.text[last.range()];
        let end = content.chars().next_back()?;
        if !(end.is_ascii_alphanumeric() || end == ',') || !content.is_ascii() && !is_mostly_latin(content) {
            return None;
        }
        let word = content.rsplit(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        let words = content.split_ascii_whitespace().take(12).count();
        let is_tag =
            content.rsplit(' ').next().is_some_and(|last| last.starts_with(['#', '@']) || last.contains("://"));
        if words < 3 || is_tag {
            return None;
        }
        if is_in(&NEVER_LAST, word) {
            return Some(0.95);
        }
        let is_item = last.kind == Kind::Item;
        if is_in(&SELDOM_LAST, word) && (!is_item || words >= 8) {
            return Some(0.85);
        }
        if self.verses >= 2 {
            return None;
        }
        let has_sentences = has_sentence_end(content);
        match (end, is_item) {
            (',', _) => (words >= 6).then_some(0.8),
            (_, true) => self.item_breaks_off(words, has_sentences).then_some(0.6),
            // Sentences before it in the same paragraph show that full stops are in use here.
            (_, false) if has_sentences && words >= 8 => Some(0.75),
            (_, false) => (content.len() >= PARAGRAPH).then_some(0.6),
        }
    }

    /// Whether every item before the last one was ended with a full stop, and the last is not.
    fn item_breaks_off(&self, words: usize, has_sentences: bool) -> bool {
        words >= 4 && (has_sentences || (self.items >= 2 && self.stopped_items == self.items))
    }
}

fn is_in(words: &[&str], word: &str) -> bool {
    words.iter().any(|listed| listed.eq_ignore_ascii_case(word))
}

fn is_mostly_latin(text: &str) -> bool {
    text.chars().filter(char::is_ascii).count() * 10 >= text.chars().count() * 9
}

/// Whether a sentence ends inside the line: a full stop after a word in lower case, then a capital.
fn has_sentence_end(line: &str) -> bool {
    let bytes = line.as_bytes();
    bytes.windows(4).any(|four| {
        four[0].is_ascii_lowercase()
            && matches!(four[1], b'.' | b'!' | b'?')
            && four[2] == b' '
            && four[3].is_ascii_uppercase()
    })
}
