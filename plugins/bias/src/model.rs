//! The trained weights and their lookups; knows nothing of text.
//!
//! `model.bin` is written by `train/train.py`, little-endian: 8 numbers, the weights of the tags, those of the
//! threat model, the word table, the slots of the n-grams.

use std::array::from_fn;

/// The dimensions by index; the last one is for what no group word or slur names.
pub(crate) const DIMENSIONS: [&str; 11] = [
    "gender",
    "race-ethnicity",
    "religion",
    "nationality",
    "age",
    "disability",
    "sexual-orientation",
    "socioeconomic",
    "political",
    "appearance",
    "unspecified",
];

/// The contexts in the order of `train/contexts.txt`, as a reviewer reads them.
pub(crate) const CONTEXTS: [&str; 17] = [
    "violence",
    "expulsion",
    "inferiority",
    "crime",
    "conspiracy",
    "disgust",
    "burden",
    "supremacy",
    "sexism",
    "generalisation",
    "talk of them",
    "talk to you",
    "talk of us",
    "demands",
    "talk of prejudice",
    "praise",
    "profanity",
];

/// The context whose words name a dimension by themselves.
pub(crate) const SEXISM: usize = 8;
pub(crate) const PROFANITY: usize = 16;
const THEY: usize = 10;

/// Bits of a window's tags: what of interest it holds.
pub(crate) mod tag {
    pub(crate) const GROUP: usize = 0;
    pub(crate) const GROUPS: usize = 1;
    pub(crate) const SLUR: usize = 2;
    pub(crate) const FIRST_CONTEXT: usize = 3;
    /// The window speaks of somebody where it has one of these.
    pub(crate) const ABOUT: u32 = 1 << GROUP | 1 << GROUPS | 1 << SLUR;
}

const TAGS: usize = tag::FIRST_CONTEXT + CONTEXTS.len();
/// Each tag alone, then crossed with each of these.
const CROSSED: [usize; 4] = [tag::GROUP, tag::GROUPS, tag::SLUR, tag::FIRST_CONTEXT + THEY];
const TAG_FEATURES: usize = TAGS * (1 + CROSSED.len());

const WORDS: usize = 1 << 11;
/// Bytes of a word's entry: its kind, then the high bits of its hash.
const ENTRY: usize = 3;
const SLOTS: usize = 1 << 13;
const HEADER: usize = 8;
const NUMBERS: usize = HEADER + TAG_FEATURES + TAG_FEATURES + 1;

static BYTES: &[u8; 4 * NUMBERS + ENTRY * WORDS + 2 * SLOTS] = include_bytes!("model.bin");

/// What a word is apart from its spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing of interest.
    Plain,
    /// A neutral word for a group, in the plural or not.
    Group { dimension: usize, many: bool },
    /// A word of that context.
    Context(usize),
    /// A word such as `person`, which joins the group word before it.
    Person { many: bool },
    /// A colour: a group word only before a person or another group word.
    Colour,
    /// A slur against a group of that dimension.
    Slur { dimension: usize },
}

/// The numbers of the model, read once; the tables stay where they are.
#[derive(Debug)]
pub(crate) struct Model {
    scale: f64,
    bias: f64,
    /// Weights of the mean, the highest window and the share of the text about somebody, then the bias.
    second: [f64; 4],
    /// The score of the highest window where none is about somebody.
    pub(crate) floor: f64,
    /// What the highest window gives up to count as a text of its own.
    alone: f64,
    tags: [f64; TAG_FEATURES],
    threat: [f64; TAG_FEATURES + 1],
}

impl Model {
    pub(crate) fn new() -> Self {
        let number = |at: usize| f64::from(f32::from_le_bytes(from_fn(|byte| BYTES[4 * at + byte])));
        Self {
            scale: number(0),
            bias: number(1),
            second: from_fn(|at| number(2 + at)),
            floor: number(6),
            alone: number(7),
            tags: from_fn(|at| number(HEADER + at)),
            threat: from_fn(|at| number(HEADER + TAG_FEATURES + at)),
        }
    }

    /// The logit of one window from the sum of its n-grams.
    pub(crate) fn window(&self, ngrams: i32, tokens: u32, tags: u32) -> f64 {
        self.ngrams(ngrams) / f64::from(tokens + 1).sqrt() + sum_of_tags(&self.tags, tags) + self.bias
    }

    /// The weight of n-grams in the unit of the logit, before it is divided by the window's length.
    pub(crate) fn ngrams(&self, sum: i32) -> f64 {
        f64::from(sum) * self.scale
    }

    /// The probability that a text is hateful. Harmless text around the highest window can't hide it: it also
    /// counts as a text of its own, at a discount.
    pub(crate) fn probability(&self, mean: f64, highest: f64, share: f64) -> f64 {
        let [of_mean, of_highest, of_share, bias] = self.second;
        let logit = |mean, share| of_mean * mean + of_highest * highest + of_share * share + bias;
        let whole = logit(mean, share);
        logistic(if share > 0.0 { whole.max(logit(highest, 1.0) - self.alone) } else { whole })
    }

    /// The probability that a hateful window threatens or calls for violence.
    pub(crate) fn threat(&self, tags: u32) -> f64 {
        logistic(sum_of_tags(&self.threat, tags) + self.threat[TAG_FEATURES])
    }
}

fn sum_of_tags(weights: &[f64], tags: u32) -> f64 {
    let mut sum = 0.0;
    let mut left = tags;
    while left != 0 {
        let bit = left.trailing_zeros() as usize;
        left &= left - 1;
        sum += weights[bit];
        for (block, with) in CROSSED.iter().enumerate() {
            if tags >> with & 1 == 1 {
                sum += weights[TAGS * (block + 1) + bit];
            }
        }
    }
    sum
}

fn logistic(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

/// The quantised weight of the n-gram of that hash; 0 where the model does not know it.
#[inline]
pub(crate) fn weight(hash: u32) -> i32 {
    let at = 4 * NUMBERS + ENTRY * WORDS + 2 * (hash as usize & (SLOTS - 1));
    let same = BYTES[at] == (hash >> 24) as u8;
    if same { i32::from(BYTES[at + 1].cast_signed()) } else { 0 }
}

/// What the word of that hash is.
#[inline]
pub(crate) fn kind(hash: u32) -> Kind {
    let mut slot = hash as usize & (WORDS - 1);
    loop {
        let at = 4 * NUMBERS + ENTRY * slot;
        if BYTES[at] == 0 {
            return Kind::Plain;
        }
        if u32::from(u16::from_le_bytes([BYTES[at + 1], BYTES[at + 2]])) == hash >> 16 {
            return decode(BYTES[at]);
        }
        slot = (slot + 1) % WORDS;
    }
}

/// The numbers that `word_table` in `train/train.py` gives the kinds.
fn decode(kind: u8) -> Kind {
    let kind = usize::from(kind);
    match kind {
        1..=22 => Kind::Group { dimension: (kind - 1) / 2, many: kind.is_multiple_of(2) },
        23..=39 => Kind::Context(kind - 23),
        41 | 42 => Kind::Person { many: kind == 42 },
        43 => Kind::Colour,
        44..=54 => Kind::Slur { dimension: kind - 44 },
        _ => Kind::Plain,
    }
}
