//! Makes one error in a text, by rule. Knows nothing of what finds it.

use std::ops::Range;

/// What a word becomes after the word before it, where the two allow the error.
type Change = fn(word: &str, before: &str) -> Option<String>;

/// A sort of error.
pub(crate) type Corruption = (&'static str, Change);

/// A text with one error.
pub(crate) struct Corrupted {
    pub(crate) text: String,
    pub(crate) place: Range<usize>,
}

pub(crate) const CORRUPTIONS: [Corruption; 8] = [
    ("`a` for `an`, `an` for `a`", |word, _| swapped(word, &[("a", "an")])),
    ("verb that does not agree with a pronoun", |word, before| {
        let is_pronoun = matches!(before, "He" | "She" | "It" | "They" | "We" | "You" | "I");
        is_pronoun.then(|| swapped(word, &[("is", "are"), ("has", "have"), ("was", "were"), ("does", "do")]))?
    }),
    ("a word twice", |word, _| is_plain(word, 2).then(|| format!("{word} {word}"))),
    ("no capital after a full stop", |word, before| {
        let is_capital = word.starts_with(|first: char| first.is_ascii_uppercase());
        (before.ends_with('.') && is_capital && is_plain(&word[1..], 1)).then(|| word.to_ascii_lowercase())
    }),
    ("two letters swapped", |word, _| {
        let (start, end) = word.split_at_checked(word.len() / 2)?;
        let (last, first) = (start.chars().next_back()?, end.chars().next()?);
        let swaps = is_plain(word, 5) && last != first;
        swaps.then(|| format!("{}{first}{last}{}", &start[..start.len() - 1], &end[1..]))
    }),
    ("a letter left out", |word, _| {
        let at = word.len() / 2;
        is_plain(word, 6).then(|| format!("{}{}", &word[..at], &word[at + 1..]))
    }),
    ("a letter doubled", |word, _| {
        let at = word.len() / 2;
        is_plain(word, 6).then(|| format!("{}{}", &word[..=at], &word[at..]))
    }),
    ("`i` for `I`", |word, _| (word == "I").then(|| "i".to_owned())),
];

fn swapped(word: &str, pairs: &[(&str, &str)]) -> Option<String> {
    pairs.iter().find_map(|(one, other)| match word {
        _ if word == *one => Some((*other).to_owned()),
        _ if word == *other => Some((*one).to_owned()),
        _ => None,
    })
}

/// Small ASCII letters only, and at least so many.
fn is_plain(word: &str, least: usize) -> bool {
    word.len() >= least && word.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// The text with one such error outside code. Which of the words that allow it is taken depends on the seed.
pub(crate) fn corrupted(text: &str, seed: usize, change: Change) -> Option<Corrupted> {
    let mut before = "";
    let mut changes = Vec::new();
    let mut in_code = false;
    for word in text.split_ascii_whitespace() {
        let start = word.as_ptr() as usize - text.as_ptr() as usize;
        in_code ^= word.matches('`').count() % 2 == 1;
        let bare = word.trim_end_matches([',', '.', ';', ':', '!', '?']);
        if !in_code && let Some(changed) = change(bare, before) {
            changes.push((start..start + bare.len(), changed));
        }
        before = word;
    }
    // A prime spreads neighbouring seeds over the text.
    let (bare, changed) = changes.get(seed.wrapping_mul(7_919) % changes.len().max(1))?;
    let text = format!("{}{changed}{}", &text[..bare.start], &text[bare.end..]);
    Some(Corrupted { text, place: bare.start..bare.start + changed.len() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

    use super::*;

    #[test]
    fn each_rule_makes_one_error() {
        let text = "It was a cold morning. Nobody `spoke out loud`, but I left.";
        let check = |name: &str, expected: &str, place: &str| {
            let (_, change) = CORRUPTIONS.iter().find(|(found, _)| *found == name).unwrap();
            let made = corrupted(text, 0, *change).unwrap();
            assert_eq!((made.text.as_str(), &made.text[made.place]), (expected, place), "{name}");
        };
        check(CORRUPTIONS[0].0, "It was an cold morning. Nobody `spoke out loud`, but I left.", "an");
        check(CORRUPTIONS[1].0, "It were a cold morning. Nobody `spoke out loud`, but I left.", "were");
        check("a word twice", "It was was a cold morning. Nobody `spoke out loud`, but I left.", "was was");
        check(CORRUPTIONS[3].0, "It was a cold morning. nobody `spoke out loud`, but I left.", "nobody");
        check("two letters swapped", "It was a cold monring. Nobody `spoke out loud`, but I left.", "monring");
        check("a letter left out", "It was a cold moring. Nobody `spoke out loud`, but I left.", "moring");
        check("a letter doubled", "It was a cold mornning. Nobody `spoke out loud`, but I left.", "mornning");
        check(CORRUPTIONS[7].0, "It was a cold morning. Nobody `spoke out loud`, but i left.", "i");
        assert!(CORRUPTIONS.iter().all(|(_, change)| corrupted("Nix – é", 3, *change).is_none()));
    }
}
