//! Says in words what carried the score of a window; knows nothing of the other windows.

use std::fmt::Write as _;
use std::ops::Range;

use crate::judge::Judgement;
use crate::model::{self, DIMENSIONS, Kind};
use crate::tokens::{Sink, Token, pair, walk};

/// Words that an explanation quotes at most.
const QUOTED: usize = 3;
/// Characters of a word that it quotes at most.
const LETTERS: usize = 24;
/// Bytes of the shortest word that tells a reviewer anything.
const SHORTEST: usize = 3;

/// One sentence for the reviewer.
pub(crate) fn explain(text: &str, judgement: &Judgement) -> String {
    let window = &text[judgement.range.clone()];
    let mut parts = Parts::default();
    walk(window, &mut parts);
    parts.tokens.retain(|part| (part.weight > 0 || part.telling) && part.range.len() >= SHORTEST);
    // A stable sort: of equals the first in the text comes first.
    parts.tokens.sort_by_key(|part| std::cmp::Reverse((part.telling, part.weight)));
    let mut sentence = format!("P(hate) {:.2}", judgement.probability);
    match (judgement.dimension(), parts.mentioned) {
        (dimension, true) if judgement.dimension != DIMENSIONS.len() - 1 => {
            let _ = write!(sentence, ": it speaks of a group ({dimension})");
        }
        _ => sentence.push_str(": it names no group"),
    }
    let contexts: Vec<&str> = judgement.contexts().collect();
    if !contexts.is_empty() {
        let _ = write!(sentence, " in the context of {}", contexts.join(", "));
    }
    for (at, part) in parts.tokens.iter().take(QUOTED).enumerate() {
        sentence.push_str(if at == 0 { "; strongest words: " } else { ", " });
        quote(&mut sentence, &window[part.range.clone()], part.slur);
    }
    sentence
}

/// Slurs and profanity keep their first letter only: the span has the rest for those who must read it.
fn quote(sentence: &mut String, word: &str, slur: bool) {
    sentence.push('"');
    if slur {
        sentence.extend(word.chars().take(1));
        sentence.push_str("***");
    } else {
        sentence.extend(word.chars().filter(|c| !c.is_control()).take(LETTERS));
    }
    sentence.push('"');
}

struct Part {
    weight: i32,
    range: Range<usize>,
    /// A slur or a word of a hostile context: quoted first.
    telling: bool,
    slur: bool,
}

#[derive(Default)]
struct Parts {
    tokens: Vec<Part>,
    last: Option<u32>,
    mentioned: bool,
}

impl Sink for Parts {
    fn token(&mut self, token: &Token<'_>, range: Range<usize>) {
        let hash = token.hash();
        let mut weight = model::weight(hash);
        if let Some(last) = self.last.replace(hash) {
            // What two tokens weigh together belongs to both.
            let together = model::weight(pair(last, hash)) / 2;
            weight += together;
            if let Some(before) = self.tokens.last_mut() {
                before.weight += together;
            }
        }
        let (telling, slur) = match token {
            Token::Word(word) => {
                weight += word.grams().map(model::weight).sum::<i32>();
                let slur = matches!(word.kind, Kind::Slur { .. });
                self.mentioned |= slur;
                let hostile = matches!(word.kind, Kind::Context(..=model::SEXISM | model::PROFANITY));
                (slur || hostile, slur || matches!(word.kind, Kind::Context(model::SEXISM | model::PROFANITY)))
            }
            Token::Mention { .. } => {
                self.mentioned = true;
                // Never quoted: the dimension says it already.
                weight = 0;
                (false, false)
            }
        };
        self.tokens.push(Part { weight, range, telling, slur });
    }

    fn tokens(&self) -> u32 {
        // A window is never cut again.
        0
    }

    fn cut(&mut self) {}
}
