//! Words, group mentions and windows of a text, with their hashes; knows nothing of weights.
//!
//! `train/text.py` does the same for the training and must agree to the bit. A run of group words (`Muslim women`,
//! `black people`) becomes one token that says only "a group" or "groups": which group it is can't change a score.

use std::ops::Range;

use crate::model::{self, Kind};

/// A window ends at a sentence's end once it has so many tokens …
const MIN_TOKENS: u32 = 6;
/// … and anywhere once it has so many.
const MAX_TOKENS: u32 = 64;
/// Letters of a word whose 4-grams count; the rest of an overlong word counts in its hash only.
const MAX_LETTERS: usize = 32;

/// One token of a window.
#[derive(Debug)]
pub(crate) enum Token<'w> {
    /// A word that is no mention of a group.
    Word(&'w Word),
    /// A run of group words; the dimensions are a set of bits.
    Mention { many: bool, dimensions: u16 },
}

impl Token<'_> {
    pub(crate) fn hash(&self) -> u32 {
        match self {
            Self::Word(word) => word.hash,
            Self::Mention { many: false, .. } => const { mix(fnv(FNV_START, 1)) },
            Self::Mention { many: true, .. } => const { mix(fnv(FNV_START, 2)) },
        }
    }
}

/// A word in lower case without apostrophes, or a single character beyond ASCII.
#[derive(Debug, Clone)]
pub(crate) struct Word {
    pub(crate) hash: u32,
    pub(crate) kind: Kind,
    letters: [u8; MAX_LETTERS],
    length: usize,
    pub(crate) range: Range<usize>,
}

impl Word {
    /// The hashes of the word's 4-grams, with a space at each end.
    #[inline]
    pub(crate) fn grams(&self) -> impl Iterator<Item = u32> {
        let mut gram = u32::from(b' ');
        self.letters[..self.length].iter().chain(b" ").enumerate().filter_map(move |(at, &letter)| {
            gram = gram << 8 | u32::from(letter);
            (at >= 2).then(|| mix(gram ^ 0x5bd1_e995))
        })
    }
}

/// What takes the tokens of a text.
pub(crate) trait Sink {
    /// Takes the next token of the window, which stands at that range.
    fn token(&mut self, token: &Token<'_>, range: Range<usize>);
    /// How many tokens the window has.
    fn tokens(&self) -> u32;
    /// Ends the window.
    fn cut(&mut self);
}

/// The hash of two tokens that follow each other.
#[inline]
pub(crate) fn pair(first: u32, second: u32) -> u32 {
    mix(first.wrapping_mul(0x9e37_79b1).wrapping_add(second))
}

/// Hands the text's tokens to the sink, window by window.
pub(crate) fn walk(text: &str, sink: &mut impl Sink) {
    let mut walker = Walker { sink, waiting: Waiting::Nothing };
    let mut boundary = false;
    let mut at = 0;
    let bytes = text.as_bytes();
    while at < bytes.len() {
        match class(bytes[at]) {
            Class::Letter => {
                let word = read_word(text, at);
                at = word.range.end;
                walker.word(word, boundary);
                boundary = false;
            }
            Class::Beyond => {
                let character = text[at..].chars().next().map_or(1, char::len_utf8);
                if character == 1 || &text[at..at + character] != "\u{2019}" {
                    walker.word(single(text, at..at + character), boundary);
                    boundary = false;
                }
                at += character;
            }
            Class::End => {
                boundary = true;
                at += 1;
            }
            Class::Apostrophe | Class::Other => at += 1,
        }
    }
    walker.flush();
    if walker.sink.tokens() > 0 {
        walker.sink.cut();
    }
}

/// What may yet be joined by the next word.
enum Waiting {
    Nothing,
    Colour(Word),
    Group { many: bool, dimensions: u16, range: Range<usize> },
}

struct Walker<'s, S> {
    sink: &'s mut S,
    waiting: Waiting,
}

impl<S: Sink> Walker<'_, S> {
    fn word(&mut self, word: Word, boundary: bool) {
        if boundary {
            self.flush();
        }
        let tokens = self.sink.tokens();
        if boundary && tokens >= MIN_TOKENS || tokens >= MAX_TOKENS {
            self.flush();
            self.sink.cut();
        }
        match word.kind {
            Kind::Group { dimension, many } => self.join(many, 1 << dimension, word.range),
            Kind::Person { many } if !matches!(self.waiting, Waiting::Nothing) => self.join(many, 0, word.range),
            Kind::Colour => {
                self.flush();
                self.waiting = Waiting::Colour(word);
            }
            _ => {
                self.flush();
                self.sink.token(&Token::Word(&word), word.range.clone());
            }
        }
    }

    /// Makes what waits one mention with this word; the last word says whether it is in the plural.
    fn join(&mut self, many: bool, dimension: u16, range: Range<usize>) {
        const RACE: u16 = 1 << 1;
        let (before, start) = match &self.waiting {
            Waiting::Nothing => (0, range.start),
            Waiting::Colour(word) => (RACE, word.range.start),
            Waiting::Group { dimensions, range, .. } => (*dimensions, range.start),
        };
        self.waiting = Waiting::Group { many, dimensions: before | dimension, range: start..range.end };
    }

    fn flush(&mut self) {
        match std::mem::replace(&mut self.waiting, Waiting::Nothing) {
            Waiting::Nothing => {}
            Waiting::Colour(word) => self.sink.token(&Token::Word(&word), word.range.clone()),
            Waiting::Group { many, dimensions, range } => self.sink.token(&Token::Mention { many, dimensions }, range),
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Class {
    Letter,
    Apostrophe,
    /// Ends a sentence.
    End,
    /// Part of a character beyond ASCII.
    Beyond,
    Other,
}

const CLASSES: [Class; 256] = {
    let mut classes = [Class::Other; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => Class::Letter,
            b'\'' => Class::Apostrophe,
            b'.' | b'!' | b'?' | b'\n' => Class::End,
            0x80.. => Class::Beyond,
            _ => Class::Other,
        };
        byte += 1;
    }
    classes
};

fn class(byte: u8) -> Class {
    CLASSES[byte as usize]
}

const TYPOGRAPHIC_APOSTROPHE: &[u8] = "\u{2019}".as_bytes();

/// The word that starts here; its range ends after its last letter.
fn read_word(text: &str, start: usize) -> Word {
    let bytes = text.as_bytes();
    let (mut at, mut end) = (start, start);
    let mut hash = FNV_START;
    let mut letters = [0; MAX_LETTERS];
    let mut length = 0;
    while let Some(&byte) = bytes.get(at) {
        match class(byte) {
            Class::Letter => {
                // In ASCII this bit turns capitals into small letters and leaves digits as they are.
                let letter = byte | 0x20;
                hash = fnv(hash, letter);
                if length < MAX_LETTERS {
                    letters[length] = letter;
                    length += 1;
                }
                at += 1;
                end = at;
            }
            Class::Apostrophe => at += 1,
            Class::Beyond if bytes[at..].starts_with(TYPOGRAPHIC_APOSTROPHE) => at += TYPOGRAPHIC_APOSTROPHE.len(),
            _ => break,
        }
    }
    let hash = mix(hash);
    Word { hash, kind: model::kind(hash), letters, length, range: start..end }
}

/// A character beyond ASCII as a word.
fn single(text: &str, range: Range<usize>) -> Word {
    let bytes = &text.as_bytes()[range.clone()];
    let hash = mix(bytes.iter().fold(FNV_START, |hash, &byte| fnv(hash, byte)));
    let mut letters = [0; MAX_LETTERS];
    letters[..bytes.len()].copy_from_slice(bytes);
    Word { hash, kind: model::kind(hash), letters, length: bytes.len(), range }
}

const FNV_START: u32 = 0x811c_9dc5;

const fn fnv(hash: u32, byte: u8) -> u32 {
    (hash ^ byte as u32).wrapping_mul(0x0100_0193)
}

/// Spreads a hash over all its bits: low ones choose a slot, high ones are checked.
const fn mix(hash: u32) -> u32 {
    let hash = (hash ^ hash >> 15).wrapping_mul(0x2c1b_3c6d);
    let hash = (hash ^ hash >> 12).wrapping_mul(0x297a_2d39);
    hash ^ hash >> 15
}
