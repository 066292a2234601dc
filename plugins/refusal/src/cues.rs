//! Finds the phrases of `cues.txt` in words; knows nothing of what they weigh.

use crate::words::{Word, join, words};

/// Every class of phrases but `idle`, which counts for nothing. The model's features stand in this order.
#[rustfmt::skip]
pub const CLASSES: [&str; 26] = [
    "cannot", "apology", "condole", "as-ai", "opinion", "no-access", "wrong", "harm", "condemn", "premise",
    "nonsense", "instead", "offer", "encourage", "steps", "comply", "however", "note", "closing", "crisis",
    "because", "asks-why", "asks-justify", "asks-people", "asks-text", "asks-private",
];

/// The bit of a class in a mask of classes.
///
/// # Panics
///
/// Where there is no such class: at compile time, as it is only used in constants.
pub const fn bit(class: &str) -> u32 {
    let mut at = 0;
    while at < CLASSES.len() {
        if same(CLASSES[at].as_bytes(), class.as_bytes()) {
            return 1 << at;
        }
        at += 1;
    }
    panic!("no such class")
}

const fn same(left: &[u8], right: &[u8]) -> bool {
    let mut at = 0;
    while at < left.len() && at < right.len() && left[at] == right[at] {
        at += 1;
    }
    at == left.len() && at == right.len()
}

/// A phrase that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cue {
    /// An index into [`CLASSES`].
    pub class: u8,
    /// The index of its first word.
    pub first: usize,
    /// The index of its last word.
    pub last: usize,
}

/// The phrases, by the hash of each of their beginnings.
#[derive(Debug)]
pub struct Cues {
    /// In the order of their hashes.
    slots: Vec<Slot>,
    /// For the upper ten bits of a hash, where its slots begin; one more for where the last end.
    buckets: Vec<u16>,
    pairs: Vec<Pair>,
    /// One bit for each first word, by the low bits of its hash: most words end here.
    first: [u64; 64],
}

/// What the words so far are. Codes are an index plus 1, and 0 is none; without any, a longer phrase goes on.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    hash: u32,
    class: u8,
    opens: u8,
    closes: u8,
}

/// A phrase in two halves with up to `gap` words between them.
#[derive(Debug, Clone, Copy)]
struct Pair {
    class: u8,
    gap: usize,
}

/// How many pairs there can be.
const PAIRS: usize = 16;

/// The code of the class `idle` in a slot.
const IDLE: u8 = u8::MAX;

impl Cues {
    /// Reads the phrases.
    ///
    /// # Panics
    ///
    /// Where the lines do not follow their own rules, which a test would have shown.
    pub fn parse(lines: &str) -> Self {
        let mut table = Table { slots: Vec::with_capacity(SLOTS), pairs: Vec::new(), first: [0; 64] };
        for line in lines.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (class, pattern) = line.split_once(": ").expect("a class and a phrase");
            let class = match CLASSES.iter().position(|known| *known == class) {
                Some(at) => at as u8,
                None if class == "idle" => IDLE - 1,
                None => panic!("no such class: {class}"),
            };
            table.line(class, pattern);
        }
        table.build()
    }

    /// Calls `found` for each phrase in these words, by the place of its first word.
    pub fn find(&self, words: &[Word], mut found: impl FnMut(Cue)) {
        // For each pair the word after its first half, and where that half began.
        let mut open = [(usize::MAX, 0); PAIRS];
        let mut at = 0;
        while at < words.len() {
            if !self.may_begin(words[at].hash) || words[at].quoted {
                at += 1;
                continue;
            }
            at += self.find_at(words, at, &mut open, &mut found);
        }
    }

    fn may_begin(&self, hash: u32) -> bool {
        self.first[(hash >> 6 & 63) as usize] >> (hash & 63) & 1 == 1
    }

    /// Finds what begins at one word; how many words to go on by.
    fn find_at(
        &self,
        words: &[Word],
        at: usize,
        open: &mut [(usize, usize); PAIRS],
        found: &mut impl FnMut(Cue),
    ) -> usize {
        let mut hits = [(Slot::default(), 0); 4];
        let mut count = 0;
        let mut hash = 0;
        for (last, word) in words.iter().enumerate().skip(at) {
            hash = join(hash, word.hash);
            let slot = self.slot(hash).filter(|_| word.sentence == words[at].sentence);
            let Some(slot) = slot else { break };
            if slot.class == IDLE {
                return last + 1 - at;
            }
            if slot.class | slot.opens | slot.closes != 0 && count < hits.len() {
                hits[count] = (slot, last);
                count += 1;
            }
        }
        for &(slot, last) in &hits[..count] {
            if slot.class != 0 {
                found(Cue { class: slot.class - 1, first: at, last });
            }
            if slot.closes != 0 {
                let pair = self.pairs[usize::from(slot.closes - 1)];
                let (after, first) = open[usize::from(slot.closes - 1)];
                if after <= at && at - after <= pair.gap && words[first].sentence == words[at].sentence {
                    found(Cue { class: pair.class, first, last });
                }
            }
            if slot.opens != 0 {
                open[usize::from(slot.opens - 1)] = (last + 1, at);
            }
        }
        1
    }

    fn slot(&self, hash: u32) -> Option<Slot> {
        let bucket = (hash >> 22) as usize;
        let slots = &self.slots[usize::from(self.buckets[bucket])..usize::from(self.buckets[bucket + 1])];
        slots.iter().find(|slot| slot.hash == hash).copied()
    }
}

/// The phrases while they are read.
struct Table {
    slots: Vec<Slot>,
    pairs: Vec<Pair>,
    first: [u64; 64],
}

/// A little more than the slots of `cues.txt`.
const SLOTS: usize = 2_304;

impl Table {
    fn line(&mut self, class: u8, pattern: &str) {
        let Some((left, right)) = pattern.split_once(" ..") else {
            let code = class + 1;
            return expand(pattern, |phrase| self.phrase(phrase, |slot| &mut slot.class, code));
        };
        let (gap, right) = right.split_once(' ').expect("a gap and a phrase");
        self.pairs.push(Pair { class, gap: gap.parse().expect("a number of words") });
        let code = self.pairs.len() as u8;
        assert!(usize::from(code) <= PAIRS, "too many pairs");
        expand(left, |phrase| self.phrase(phrase, |slot| &mut slot.opens, code));
        expand(right, |phrase| self.phrase(phrase, |slot| &mut slot.closes, code));
    }

    fn phrase(&mut self, phrase: &str, field: fn(&mut Slot) -> &mut u8, code: u8) {
        let mut hash = 0;
        let mut slot = None;
        for word in words(phrase) {
            if hash == 0 {
                self.first[(word.hash >> 6 & 63) as usize] |= 1 << (word.hash & 63);
            }
            hash = join(hash, word.hash);
            slot = Some(self.slot(hash));
        }
        let field = field(slot.expect("a phrase has words"));
        assert!(*field == 0 || *field == code, "`{phrase}` stands in two lines of cues.txt");
        *field = code;
    }

    /// The slot of that hash. Kept in order all along: a list with doubles would not fit into the plugin's arena.
    fn slot(&mut self, hash: u32) -> &mut Slot {
        let at = self.slots.binary_search_by_key(&hash, |slot| slot.hash).unwrap_or_else(|at| {
            self.slots.insert(at, Slot { hash, ..Slot::default() });
            at
        });
        &mut self.slots[at]
    }

    fn build(self) -> Cues {
        let begin = |bucket: u32| self.slots.partition_point(|slot| slot.hash >> 22 < bucket) as u16;
        let buckets = (0..=1024).map(begin).collect();
        Cues { slots: self.slots, buckets, pairs: self.pairs, first: self.first }
    }
}

/// Calls `each` for every phrase that the pattern stands for.
fn expand(pattern: &str, mut each: impl FnMut(&str)) {
    let mut phrases = vec![String::new()];
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        let (choices, after) = after.split_once('}').expect("a closing brace");
        let mut choices: Vec<&str> = choices.split('|').collect();
        choices.sort_unstable();
        choices.dedup();
        phrases = phrases
            .iter()
            .flat_map(|phrase| choices.iter().map(move |choice| format!("{phrase}{before}{choice}")))
            .collect();
        rest = after;
    }
    for phrase in phrases {
        each(&(phrase + rest));
    }
}
