//! Finds stretches of the answer that run in a loop; knows nothing of what they say.
//!
//! A text is read as words and numbers, without punctuation, code, tables and the numbers of list items, so that
//! `1. Go on.` and `2. Go on.` are the same line and `Day 1: 20 °C` and `Day 2: 21 °C` are not. For each run of four words the place where it stood last gives a candidate for the loop's length,
//! which is then followed for as long as it holds. Each word is looked at a fixed number of times.

use std::ops::Range;

use tribunal_sdk::{Finding, Interaction, Severity};

use crate::lines::{Kind, Lines};
use crate::place::{self, Place};
use crate::{Findings, excerpt};

/// Words in a row whose earlier place is remembered.
const GRAM: usize = 4;
/// Places that are remembered; a power of two. A loop of more words than about this is not seen.
const REMEMBERED: usize = 1 << 10;
/// How often a loop has to run: a refrain is sung three times.
const MIN_ROUNDS: usize = 4;
/// How many words the looping stretch has to have.
const MIN_WORDS: usize = 30;
/// How often a character has to stand in a row.
const MIN_CHARACTERS: usize = 200;

pub(crate) fn check(interaction: &Interaction, findings: &mut Findings) {
    for (index, message) in place::choices(interaction) {
        for place in place::texts(index, message) {
            if findings.full() {
                return;
            }
            check_text(place, findings);
        }
    }
}

fn check_text(place: Place, findings: &mut Findings) {
    // Records of JSON have the same keys, whatever else they hold.
    let is_json = place.text.trim_start().starts_with(['{', '[']);
    if !is_json {
        let words = words(place.text);
        for found in loops(&words) {
            let (range, round) = found.bytes(&words);
            // A row of zeros is data.
            if place.text[round.clone()].contains(char::is_alphabetic) {
                findings.push(looping(place, range, round, found.rounds()));
            }
        }
    }
    if let Some((start, end)) = longest_row(place.text) {
        let what = place.text[start..].chars().next().unwrap_or_default();
        let finding =
            Finding::new("repetition", "loop", Severity::Medium).confidence(0.9).at(place.span(start..end)).because(
                format!("The character {what:?} stands {} times in a row.", place.text[start..end].chars().count()),
            );
        findings.push(finding);
    }
}

fn looping(place: Place, range: Range<usize>, round: Range<usize>, rounds: usize) -> Finding {
    let is_most = range.len() * 2 > place.text.len();
    Finding::new("repetition", "loop", if is_most { Severity::High } else { Severity::Medium })
        .confidence(if rounds >= 8 { 0.98 } else { 0.85 })
        .at(place.span(range))
        .because(format!("The answer says the same {rounds} times in a row: {}", excerpt::start(&place.text[round])))
}

/// One word: what it is and where it stands.
#[derive(Debug, Clone, Copy)]
struct Word {
    hash: u32,
    start: u32,
    end: u32,
}

/// The words of the text's prose. A letter of a script without spaces counts as a word.
fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::with_capacity(text.len() / 5);
    for line in Lines::new(text).filter(|line| matches!(line.kind, Kind::Prose | Kind::Item | Kind::Heading)) {
        push_words(&text[line.range()], line.content, &mut words);
    }
    words
}

fn push_words(line: &str, offset: usize, words: &mut Vec<Word>) {
    let mut word = Growing { start: None, hash: BASIS };
    let bytes = line.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte.is_ascii() {
            if byte.is_ascii_alphanumeric() {
                word.grow(at, u32::from(byte | 0x20));
            } else {
                word.end(at, offset, words);
            }
            at += 1;
            continue;
        }
        let Some(c) = line[at..].chars().next() else { break };
        if c.is_alphanumeric() && c >= '\u{2e80}' {
            word.end(at, offset, words);
            word.grow(at, u32::from(c));
            word.end(at + c.len_utf8(), offset, words);
        } else if c.is_alphanumeric() {
            word.grow(at, u32::from(c));
        } else {
            word.end(at, offset, words);
        }
        at += c.len_utf8();
    }
    word.end(line.len(), offset, words);
}

/// Where a hash starts from (FNV-1a).
const BASIS: u32 = 0x811c_9dc5;

/// A word that is being read.
struct Growing {
    start: Option<usize>,
    hash: u32,
}

impl Growing {
    fn grow(&mut self, at: usize, c: u32) {
        self.start.get_or_insert(at);
        self.hash = (self.hash ^ c).wrapping_mul(0x0100_0193);
    }

    fn end(&mut self, at: usize, offset: usize, words: &mut Vec<Word>) {
        let Some(start) = self.start.take() else { return };
        let position = |at: usize| u32::try_from(offset + at).unwrap_or(u32::MAX);
        words.push(Word { hash: self.hash, start: position(start), end: position(at) });
        self.hash = BASIS;
    }
}

/// Words `start..end` in which each word is the one `period` words earlier.
#[derive(Debug, PartialEq, Eq)]
struct Loop {
    start: usize,
    end: usize,
    period: usize,
}

impl Loop {
    fn rounds(&self) -> usize {
        (self.end - self.start) / self.period
    }

    /// The bytes of the whole stretch and of its first round.
    fn bytes(&self, words: &[Word]) -> (Range<usize>, Range<usize>) {
        let start = words[self.start].start as usize;
        let end = |last: usize| words[last - 1].end as usize;
        (start..end(self.end), start..end(self.start + self.period))
    }

    fn is_long_enough(&self) -> bool {
        self.rounds() >= MIN_ROUNDS && self.end - self.start >= MIN_WORDS
    }
}

fn loops(words: &[Word]) -> Vec<Loop> {
    let mut found = Vec::new();
    if words.len() < MIN_WORDS {
        return found;
    }
    let mut places = vec![u32::MAX; REMEMBERED];
    let mut current: Option<Loop> = None;
    for at in GRAM..=words.len() {
        if let Some(running) = &mut current {
            // `at - 1` is the word that was just read.
            if words[at - 1].hash == words[at - 1 - running.period].hash {
                running.end = at;
            } else {
                found.extend(current.take().filter(Loop::is_long_enough));
            }
        }
        let gram = &words[at - GRAM..at];
        let key = gram.iter().fold(0u32, |key, word| key.rotate_left(7).wrapping_mul(0x9e37_79b1) ^ word.hash);
        let slot = &mut places[(key.wrapping_mul(0x9e37_79b1) >> 16) as usize % REMEMBERED];
        let before = std::mem::replace(slot, u32::try_from(at).unwrap_or(u32::MAX)) as usize;
        let is_same = before < at && words[before - GRAM..before].iter().zip(gram).all(|(a, b)| a.hash == b.hash);
        if current.is_none() && is_same {
            current = Some(Loop { start: before - GRAM, end: at, period: at - before });
        }
    }
    found.extend(current.filter(Loop::is_long_enough));
    found
}

/// The longest row of one letter or white-space character; lines drawn with `-`, `=` or `.` are no loop.
fn longest_row(text: &str) -> Option<(usize, usize)> {
    if !may_hold_row(text.as_bytes()) {
        return None;
    }
    let (mut longest, mut start, mut count, mut last) = (None, 0, 0usize, '\0');
    let mut most = MIN_CHARACTERS - 1;
    for (at, c) in text.char_indices() {
        if c != last {
            (start, count, last) = (at, 0, c);
        }
        count += 1;
        if count > most && (c.is_alphanumeric() || c.is_whitespace()) {
            most = count;
            longest = Some((start, at + c.len_utf8()));
        }
    }
    longest
}

/// Whether somewhere bytes recur at the distance of one character. A row has to cover one of the places looked at.
fn may_hold_row(bytes: &[u8]) -> bool {
    const PROBE: usize = 16;
    let recurs = |window: &[u8], by: usize| window[..PROBE] == window[by..by + PROBE];
    let windows = (0..bytes.len()).step_by(MIN_CHARACTERS / 2).filter_map(|at| bytes.get(at..at + PROBE + 4));
    windows.into_iter().any(|window| (1..=4).any(|by| recurs(window, by)))
}
