//! Tells a misspelling from a word that the dictionary does not have; knows nothing of documents.
//!
//! An unknown word is called misspelt only where one slip of a finger makes it a common English word, and where it
//! is not likely a term: a compound or a derivation of known words, a British spelling.

use super::lexicon::Lexicon;

const SHORTEST: usize = 5;
const LONGEST: usize = 20;

/// Prefixes that make words the dictionary does not list.
const PREFIXES: [&str; 24] = [
    "un", "re", "de", "non", "pre", "sub", "over", "inter", "anti", "multi", "co", "micro", "bio", "cyber", "geo",
    "auto", "hyper", "meta", "mis", "nano", "neuro", "out", "post", "super",
];

/// The word that was probably meant. `word` holds lower-case ASCII letters only.
pub(super) fn correction(lexicon: &Lexicon, word: &str) -> Option<String> {
    let is_candidate = (SHORTEST..=LONGEST).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_lowercase());
    if !is_candidate || lexicon.entry(word).is_some() || is_term(lexicon, word) {
        return None;
    }
    let mut best: Option<(u8, String)> = None;
    each_edit(word, |rank, candidate| {
        let is_better = best.as_ref().is_none_or(|(before, _)| rank < *before);
        if is_better && lexicon.entry(candidate).is_some_and(|entry| entry.is_lower && entry.metadata.common) {
            best = Some((rank, candidate.to_owned()));
        }
    });
    best.map(|(_, candidate)| candidate)
}

/// Whether the word is made of known words in a way that dictionaries don't list in full.
fn is_term(lexicon: &Lexicon, word: &str) -> bool {
    let known = |part: &str| lexicon.entry(part).is_some();
    let known_part = |part: &str| part.len() >= 3 && known(part);
    let is_compound = (3..=word.len() - 3).any(|at| known_part(&word[..at]) && known_part(&word[at..]));
    let is_derived =
        PREFIXES.iter().any(|prefix| word.strip_prefix(prefix).is_some_and(|rest| rest.len() >= 4 && known(rest)));
    let stem = |ending: &str| word.strip_suffix(ending).is_some_and(known_part);
    // What another letter at the end makes of a known word is a plural or a name more often than a slip.
    let is_inflected =
        ["s", "es", "d", "ed", "r", "er", "ly", "y", "ing", "like", "able", "ness"].into_iter().any(stem)
            || word.strip_suffix("ing").is_some_and(|rest| known(&format!("{rest}e")));
    let is_british = word.match_indices('s').any(|(at, _)| known(&format!("{}z{}", &word[..at], &word[at + 1..])));
    is_compound || is_derived || is_inflected || is_british
}

/// Every text that one slip makes of the word, with a rank: the lower, the more usual the slip.
fn each_edit(word: &str, mut visit: impl FnMut(u8, &str)) {
    let bytes = word.as_bytes();
    let mut edited = String::with_capacity(word.len() + 1);
    let mut try_parts = |rank: u8, parts: [&str; 3]| {
        edited.clear();
        parts.iter().for_each(|part| edited.push_str(part));
        visit(rank, &edited);
    };
    const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz";
    let letters = || (0..LETTERS.len()).map(|at| &LETTERS[at..=at]);
    // The first letter is seldom wrong, and names often differ from words in it.
    for at in 1..word.len() {
        let (head, tail) = word.split_at(at);
        if at + 1 < word.len() && bytes[at] != bytes[at + 1] {
            try_parts(0, [head, &tail[1..2], &format!("{}{}", &tail[..1], &tail[2..])]);
        }
        try_parts(if bytes[at] == bytes[at - 1] { 0 } else { 2 }, [head, &tail[1..], ""]);
        for letter in letters() {
            try_parts(
                if letter.as_bytes()[0] == bytes[at - 1] || letter.as_bytes()[0] == bytes[at] { 0 } else { 1 },
                [head, letter, tail],
            );
            try_parts(
                if is_vowel(bytes[at]) && is_vowel(letter.as_bytes()[0]) { 1 } else { 3 },
                [head, letter, &tail[1..]],
            );
        }
    }
    for letter in letters() {
        try_parts(1, [word, letter, ""]);
    }
}

fn is_vowel(byte: u8) -> bool {
    matches!(byte, b'a' | b'e' | b'i' | b'o' | b'u' | b'y')
}

#[cfg(test)]
mod tests {
    use super::{Lexicon, correction};

    #[test]
    fn corrections() {
        let lexicon = Lexicon::new();
        let check = |word: &str, expected: Option<&str>| {
            assert_eq!(correction(&lexicon, word).as_deref(), expected, "{word}");
        };
        check("becuase", Some("because"));
        check("recieve", Some("receive"));
        check("goverment", Some("government"));
        check("seperate", Some("separate"));
        check("comittee", Some("committee"));
        check("succes", Some("success"));
        for right in [
            "because",
            "neighbour",
            "synthesise",
            "keyring",
            "timezones",
            "headshot",
            "systemd",
            "teh",
            "naïve",
            "",
            "xqzwvkj",
        ] {
            check(right, None);
        }
    }
}
