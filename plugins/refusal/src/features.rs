//! Turns an answer and its question into features; knows nothing of what they weigh.

use std::ops::Range;

use crate::cues::{CLASSES, Cue, Cues, bit};
use crate::words::words;

/// Bytes of the answer that count as its opening.
const OPENING: usize = 600;
/// Bytes at the end of a longer answer that are read as well.
const ENDING: usize = 240;
/// Bytes of the question that are read.
const QUESTION: usize = 200;
/// Bytes of the answer in which its shape is looked at: lists, paragraphs, code.
const SHAPE: usize = 2_048;
/// Bytes of an answer that has room for little more than a refusal.
const SHORT: usize = 300;

/// Where a phrase stands. The opening includes the first sentence.
pub const ZONES: [&str; 4] = ["first", "opening", "ending", "question"];
const FIRST: usize = 0;
const HEAD: usize = 1;
const END: usize = 2;
const ASKED: usize = 3;

/// What is seen besides phrases: the answer's shape, then which phrases come together.
#[rustfmt::skip]
pub const SHAPES: [&str; 16] = [
    "list", "code", "paragraphs", "refuses", "refuses-and-short", "refuses-and-list", "refuses-and-steps",
    "refuses-and-offer", "refuses-and-nonsense", "refuses-and-reason", "refuses-and-private", "refuses-and-text",
    "justify-and-premise", "justify-and-opinion", "condoles-not-refuses", "refuses-and-however",
];

/// What a question can ask for.
const ASKS: u32 = bit("asks-why") | bit("asks-justify") | bit("asks-people") | bit("asks-text") | bit("asks-private");
/// Which classes count in which of [`ZONES`]: a question's topic says nothing of whether it was answered.
const COUNTED: [u32; 4] =
    [!ASKS, !ASKS, bit("cannot") | bit("offer") | bit("steps") | bit("closing") | bit("crisis"), ASKS];

/// How many features there are.
pub const COUNT: usize = ZONES.len() * CLASSES.len() + SHAPES.len();

/// What was seen of an answer.
#[derive(Debug, Default)]
pub struct Features {
    /// For each zone the classes of phrases in it, a bit each.
    zones: [u32; ZONES.len()],
    /// A bit for each of [`SHAPES`].
    shapes: u32,
    /// The first phrase of each class and zone of the answer.
    phrases: Vec<Phrase>,
}

/// A phrase of the answer.
#[derive(Debug, Clone)]
pub struct Phrase {
    /// Index of the feature that it sets.
    pub feature: usize,
    /// Its bytes in the answer.
    pub bytes: Range<usize>,
}

impl Features {
    /// Looks at an answer and the question before it. Reads no more than 3 KB however long they are.
    pub fn of(cues: &Cues, answer: &str, question: &str) -> Self {
        let mut features = Self::default();
        let head = &answer[..answer.floor_char_boundary(OPENING)];
        features.read(cues, head, 0, HEAD);
        if answer.len() > OPENING {
            let from = answer.ceil_char_boundary(OPENING.max(answer.len() - ENDING));
            features.read(cues, &answer[from..], from, END);
        }
        features.read(cues, &question[..question.floor_char_boundary(QUESTION)], 0, ASKED);
        features.shapes = features.shapes(answer);
        features
    }

    /// The features that are set, by index.
    pub fn set(&self) -> impl Iterator<Item = usize> {
        let zones = self.zones.iter().enumerate().map(|(zone, mask)| (zone * CLASSES.len(), *mask));
        zones.chain([(ZONES.len() * CLASSES.len(), self.shapes)]).flat_map(|(base, mut mask)| {
            std::iter::from_fn(move || {
                let at = (mask != 0).then(|| mask.trailing_zeros() as usize)?;
                mask &= mask - 1;
                Some(base + at)
            })
        })
    }

    /// The phrases of the answer.
    pub fn phrases(&self) -> &[Phrase] {
        &self.phrases
    }

    fn read(&mut self, cues: &Cues, text: &str, offset: usize, zone: usize) {
        let words = words(text);
        cues.find(&words, |Cue { class, first, last }| {
            let bytes = offset + words[first].start as usize..offset + words[last].end as usize;
            if zone == HEAD && words[first].sentence == 0 {
                self.saw(class, FIRST, bytes.clone());
            }
            self.saw(class, zone, bytes);
        });
    }

    fn saw(&mut self, class: u8, zone: usize, bytes: Range<usize>) {
        let bit = COUNTED[zone] & 1 << class;
        if bit == 0 {
            return;
        }
        if self.zones[zone] & bit == 0 && zone != ASKED {
            self.phrases.push(Phrase { feature: zone * CLASSES.len() + usize::from(class), bytes });
        }
        self.zones[zone] |= bit;
    }

    /// The answer's shape and which phrases come together, as bits of [`SHAPES`].
    fn shapes(&self, answer: &str) -> u32 {
        let head = |classes: u32| self.zones[HEAD] & classes != 0;
        let asked = |classes: u32| self.zones[ASKED] & classes != 0;
        let [list, code, paragraphs] = shape(answer);
        let refuses = head(const { bit("cannot") | bit("no-access") | bit("opinion") });
        let justify = asked(const { bit("asks-justify") });
        let seen = [
            list,
            code,
            paragraphs,
            refuses,
            refuses && answer.len() < SHORT,
            refuses && list,
            refuses && head(const { bit("steps") }),
            refuses && head(const { bit("offer") }),
            refuses && head(const { bit("nonsense") }),
            refuses && head(const { bit("wrong") | bit("harm") }),
            refuses && asked(const { bit("asks-private") }),
            refuses && asked(const { bit("asks-text") }),
            justify && head(const { bit("premise") | bit("wrong") | bit("condemn") }),
            justify && head(const { bit("opinion") }),
            head(const { bit("condole") }) && !refuses,
            refuses && answer.len() >= SHORT && head(const { bit("however") }),
        ];
        seen.iter().enumerate().map(|(at, seen)| u32::from(*seen) << at).sum()
    }
}

/// Whether the answer has a list, code, and more than two paragraphs.
fn shape(answer: &str) -> [bool; 3] {
    let text = &answer[..answer.floor_char_boundary(SHAPE)];
    let (mut items, mut blank, mut code) = (0, 0, false);
    for line in text.split('\n') {
        match line.as_bytes().trim_ascii_start() {
            [] => blank += 1,
            [b'-' | b'*', b' ', ..] => items += 1,
            [digit, b'.' | b')', ..] | [digit, _, b'.' | b')', ..] if digit.is_ascii_digit() => items += 1,
            [b'`', b'`', b'`', ..] => code = true,
            _ => {}
        }
    }
    [items > 1, code, blank > 1]
}

/// The features' names, in their order.
pub fn names() -> Vec<String> {
    let phrases = ZONES.iter().flat_map(|zone| CLASSES.iter().map(move |class| format!("{zone}:{class}")));
    phrases.chain(SHAPES.iter().map(|&shape| shape.to_owned())).collect()
}
