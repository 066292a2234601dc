//! Harper's rules that are run, and what keeps each from calling right English wrong; knows nothing of findings.
//!
//! Harper is made for writers, who wave a wrong hint away. Nobody waves here, so of its 300 rules only those are run
//! that were never or hardly ever wrong on texts without errors, most of them only where the surroundings are plain.

use std::cell::RefCell;
use std::sync::Arc;

use harper_core::linting::{
    AnA, CapitalizePersonalPronouns, CorrectNumberSuffix, DespiteOf, HopHope, ItsContraction, Lint, Linter, ModalOf,
    MultipleSequentialPronouns, RepeatedWords, SentenceCapitalization, TheMy, WasAloud,
};
use harper_core::{Dialect, Document};

use super::document::Block;
use super::lexicon::Lexicon;

/// One of harper's rules.
pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) confidence: f64,
    /// Harper takes its rules mutably, for caches that none of these has.
    linter: RefCell<Box<dyn Linter>>,
    holds: fn(&Surroundings) -> bool,
}

impl Rule {
    /// What the rule finds in the block.
    pub(super) fn lints(&self, block: &Block, lexicon: &Lexicon) -> Vec<Lint> {
        let mut lints = self.lint(&block.document);
        lints.retain(|lint| {
            let (before, after) = block.around(lint.span);
            (self.holds)(&Surroundings { before, word: block.word(lint.span), after, block, lexicon })
        });
        lints
    }

    fn lint(&self, document: &Document) -> Vec<Lint> {
        self.linter.borrow_mut().lint(document)
    }
}

/// What a lint is about, and the text around it in its block.
struct Surroundings<'a> {
    before: &'a str,
    word: &'a str,
    after: &'a str,
    block: &'a Block<'a>,
    lexicon: &'a Lexicon,
}

/// The rules, built once.
pub(super) fn all(lexicon: &Arc<Lexicon>) -> Vec<Rule> {
    fn rule(
        name: &'static str,
        confidence: f64,
        linter: impl Linter + 'static,
        holds: fn(&Surroundings) -> bool,
    ) -> Rule {
        Rule { name, confidence, linter: RefCell::new(Box::new(linter)), holds }
    }
    let capitals = SentenceCapitalization::new(lexicon.clone(), Dialect::American);
    vec![
        rule("an-a", 0.9, AnA, is_plain_article),
        rule("repeated-words", 0.85, RepeatedWords::default(), is_plain_repetition),
        rule("sentence-capitalization", 0.8, capitals, is_plain_sentence_start),
        rule("capitalize-personal-pronouns", 0.85, CapitalizePersonalPronouns, is_plain_pronoun),
        rule("correct-number-suffix", 0.9, CorrectNumberSuffix, |_| true),
        rule("modal-of", 0.9, ModalOf::default(), |_| true),
        rule("its-contraction", 0.8, ItsContraction::default(), |_| true),
        rule("despite-of", 0.9, DespiteOf::default(), |_| true),
        rule("the-my", 0.9, TheMy::default(), |_| true),
        rule("multiple-sequential-pronouns", 0.7, MultipleSequentialPronouns::default(), |at| {
            !at.word.contains("IT") && !at.word.contains("US")
        }),
        rule("hop-hope", 0.8, HopHope::default(), |_| true),
        rule("was-aloud", 0.9, WasAloud::default(), |_| true),
    ]
}

/// An article straight before a word in lower case whose first sound is beyond doubt.
///
/// Harper also flags `a RAID array` (spelt out or spoken?), `an urn`, `vitamins A and C` and `Plan A is`.
fn is_plain_article(at: &Surroundings) -> bool {
    let Some(after) = at.after.strip_prefix(' ') else { return false };
    let length = after.bytes().take_while(u8::is_ascii_lowercase).count();
    let (next, rest) = after.split_at(length);
    let is_whole = next.len() >= 3 && !rest.starts_with(|c: char| c.is_alphanumeric());
    let Some(entry) = at.lexicon.entry(next) else { return false };
    let is_function_word =
        entry.metadata.preposition || entry.metadata.conjunction.is_some() || entry.metadata.is_linking_verb();
    let opens_a_label = at.word == "A" && !starts_sentence(at.before);
    if !is_whole || is_function_word || opens_a_label {
        return false;
    }
    let first = next.as_bytes()[0];
    if at.word.len() == 1 {
        matches!(first, b'a' | b'e' | b'i' | b'o')
            && !["eu", "ew", "one", "once", "ou"].iter().any(|sound| next.starts_with(sound))
    } else {
        !matches!(first, b'a' | b'e' | b'i' | b'o' | b'u' | b'h' | b'x')
    }
}

/// Twice the same word in the same letters, and none that people repeat on purpose.
fn is_plain_repetition(at: &Surroundings) -> bool {
    const ON_PURPOSE: [&str; 34] = [
        "very", "really", "so", "no", "yes", "far", "much", "many", "more", "never", "again", "bye", "ha", "knock",
        "blah", "boo", "tut", "there", "now", "too", "well", "that", "had", "is", "over", "on", "row", "ho", "la",
        "na", "dada", "cha", "pretty", "long",
    ];
    let mut words = at.word.split_ascii_whitespace();
    let (Some(first), Some(second), None) = (words.next(), words.next(), words.next()) else { return false };
    let is_word = second.len() >= 2 && second.bytes().all(|byte| byte.is_ascii_lowercase());
    // Three in a row are a chant.
    let neighbours = [at.before.split_ascii_whitespace().next_back(), at.after.split_ascii_whitespace().next()];
    let is_chant = neighbours
        .into_iter()
        .flatten()
        .any(|word| word.trim_end_matches(|c: char| !c.is_alphabetic()).eq_ignore_ascii_case(second));
    is_word && first.eq_ignore_ascii_case(second) && !ON_PURPOSE.contains(&second) && !is_chant && !at.block.is_heading
}

/// A word of English after the full stop of a sentence, or a small word that opens a whole paragraph of sentences.
///
/// Harper also flags `systemd will start`, lines of verse, what follows `Jr.` and the rest of a broken list item.
fn is_plain_sentence_start(at: &Surroundings) -> bool {
    let is_known = at.lexicon.entry(at.word).is_some_and(|entry| entry.is_lower && entry.metadata.common);
    if !is_known || at.block.is_heading || at.word.len() == 1 || at.after.starts_with(['-', '.', '_', '/']) {
        return false;
    }
    if at.before.is_empty() {
        let opens =
            ["the", "this", "these", "there", "it", "we", "you", "they", "he", "she", "if", "when", "in", "however"];
        let sentences = at.block.text.matches(". ").count();
        return at.block.start == 0 && opens.contains(&at.word) && sentences >= 1 && at.block.text.ends_with('.');
    }
    let before = at.before.trim_end_matches(' ');
    let Some(sentence) = before.strip_suffix(['.', '?']) else { return false };
    let last = sentence.rsplit(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    let is_abbreviation = [
        "etc", "vs", "approx", "incl", "eg", "ie", "resp", "esp", "viz", "cf", "al", "ca", "dept", "est", "min", "max",
    ]
    .contains(&last);
    before.len() < at.before.len()
        && last.len() >= 3
        && !is_abbreviation
        && at.lexicon.entry(last).is_some_and(|entry| entry.is_lower)
        && !at.before.contains('\n')
}

/// `i` between words, before a verb that goes with it.
///
/// Harper also flags the `i` of `for i in range` and `when i reaches 5`.
fn is_plain_pronoun(at: &Surroundings) -> bool {
    let is_prose = (at.before.is_empty() || at.before.ends_with(' ')) && !at.before.ends_with("= ");
    if at.word.len() > 1 {
        return is_prose;
    }
    const VERBS: [&str; 36] = [
        "am",
        "was",
        "have",
        "had",
        "do",
        "don't",
        "did",
        "didn't",
        "can",
        "can't",
        "could",
        "couldn't",
        "will",
        "won't",
        "would",
        "should",
        "must",
        "may",
        "might",
        "think",
        "know",
        "want",
        "need",
        "like",
        "love",
        "hope",
        "feel",
        "believe",
        "understand",
        "see",
        "say",
        "said",
        "went",
        "got",
        "just",
        "also",
    ];
    let next = at.after.strip_prefix(' ').and_then(|after| after.split_ascii_whitespace().next()).unwrap_or_default();
    is_prose && VERBS.contains(&next.trim_end_matches([',', '.', '?', '!']))
}

/// Whether a sentence starts after this text.
fn starts_sentence(before: &str) -> bool {
    let before = before.trim_end();
    before.is_empty() || before.ends_with(['.', '!', '?', ':', '\n', '"', '“'])
}
