//! Finds pronouns whose verb does not agree with them (`they was`); knows nothing of harper's rules.
//!
//! Harper 0.40 has no rule for it. Only pronouns that open a clause are looked at: `does she have` and `let it be`
//! are right.

use harper_core::{Span, TokenKind, TokenStringExt};

use super::document::Block;

/// Verbs after `he`, `she` and `it`, and how they should be.
const SINGULAR: [(&str, &str); 38] = [
    ("have", "has"),
    ("haven't", "hasn't"),
    ("do", "does"),
    ("don't", "doesn't"),
    ("are", "is"),
    ("aren't", "isn't"),
    ("am", "is"),
    ("go", "goes"),
    ("want", "wants"),
    ("need", "needs"),
    ("like", "likes"),
    ("make", "makes"),
    ("take", "takes"),
    ("get", "gets"),
    ("know", "knows"),
    ("think", "thinks"),
    ("say", "says"),
    ("work", "works"),
    ("live", "lives"),
    ("use", "uses"),
    ("seem", "seems"),
    ("look", "looks"),
    ("believe", "believes"),
    ("feel", "feels"),
    ("keep", "keeps"),
    ("give", "gives"),
    ("help", "helps"),
    ("start", "starts"),
    ("try", "tries"),
    ("tell", "tells"),
    ("ask", "asks"),
    ("provide", "provides"),
    ("include", "includes"),
    ("require", "requires"),
    ("contain", "contains"),
    ("mean", "means"),
    ("allow", "allows"),
    ("offer", "offers"),
];

/// Verbs after `they`, `we` and `you`.
const PLURAL: [(&str, &str); 8] = [
    ("was", "were"),
    ("wasn't", "weren't"),
    ("is", "are"),
    ("isn't", "aren't"),
    ("has", "have"),
    ("hasn't", "haven't"),
    ("does", "do"),
    ("doesn't", "don't"),
];

/// Verbs after `I`.
const FIRST: [(&str, &str); 5] = [("is", "am"), ("are", "am"), ("has", "have"), ("does", "do"), ("doesn't", "don't")];

/// Words after which a pronoun opens a clause.
const OPENERS: [&str; 8] = ["because", "but", "and", "although", "while", "since", "so", "when"];

/// The verbs that disagree, and how they should be.
pub(super) fn disagreements(block: &Block) -> Vec<(Span, &'static str)> {
    let mut found = Vec::new();
    for sentence in block.document.get_tokens().iter_sentences() {
        let mut before: Option<&str> = None;
        for three in sentence.windows(3) {
            let [pronoun, space, verb] = three else { continue };
            if pronoun.kind.is_whitespace() {
                continue;
            }
            if matches!(pronoun.kind, TokenKind::Punctuation(_)) {
                before = None;
                continue;
            }
            let word = block.word(pronoun.span);
            let opens = before.is_none_or(|before| OPENERS.iter().any(|opener| opener.eq_ignore_ascii_case(before)));
            before = Some(word);
            if opens && matches!(space.kind, TokenKind::Space(_)) && matches!(verb.kind, TokenKind::Word(_)) {
                let right = right_form(word, &block.word(verb.span).replace('’', "'"));
                found.extend(right.map(|right| (verb.span, right)));
            }
        }
    }
    found
}

fn right_form(pronoun: &str, verb: &str) -> Option<&'static str> {
    let forms: &[(&str, &str)] = match pronoun {
        "He" | "he" | "She" | "she" | "It" | "it" => &SINGULAR,
        "They" | "they" | "We" | "we" | "You" | "you" => &PLURAL,
        "I" => &FIRST,
        _ => return None,
    };
    forms.iter().find(|(wrong, _)| *wrong == verb).map(|(_, right)| *right)
}
