//! Clauses to flat rules: alternatives of tests that must all hold. Knows nothing of prices.
//!
//! Texts are folded to lower case here, as the names that are tested are; a regular expression is not, because
//! genai-prices does not fold those.

use crate::list::Clause;

/// One test of a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    pub kind: &'static str,
    pub text: String,
    /// How many digits follow the text, for the kinds that want digits.
    pub digits: u8,
}

/// Tests that must all hold.
pub type Rule = Vec<Test>;

/// The alternatives of a clause, in its order.
pub fn rules(clause: &Clause) -> Vec<Rule> {
    let one = |kind, text: &str| vec![vec![Test { kind, text: text.to_lowercase(), digits: 0 }]];
    match clause {
        Clause::Equals(text) => one("Equals", text),
        Clause::StartsWith(text) => one("StartsWith", text),
        Clause::EndsWith(text) => one("EndsWith", text),
        Clause::Contains(text) => one("Contains", text),
        Clause::Regex(pattern) => regex(pattern),
        Clause::Or(clauses) => clauses.iter().flat_map(rules).collect(),
        Clause::And(clauses) => clauses.iter().map(rules).fold(vec![vec![]], |sofar, alternatives| {
            let joined =
                |rule: &Rule| alternatives.iter().map(|more| [rule.as_slice(), more].concat()).collect::<Vec<_>>();
            sofar.iter().flat_map(joined).collect()
        }),
    }
}

/// A regular expression as tests without one: literals, `[abc]`, `(?:a|b)`, then digits, between anchors.
///
/// # Panics
///
/// Where the expression has anything else: it would not be matched faithfully.
fn regex(pattern: &str) -> Vec<Rule> {
    let (from_start, rest) = strip(pattern, |pattern| pattern.strip_prefix('^'));
    let (to_end, rest) = strip(rest, |pattern| pattern.strip_suffix('$'));
    let (literal, digits) = match rest.split_once(r"\d") {
        None => (rest, 0),
        Some((literal, "")) => (literal, 1),
        Some((literal, times)) => {
            let times = times.strip_prefix('{').and_then(|times| times.strip_suffix('}'));
            (literal, times.and_then(|times| times.parse().ok()).unwrap_or_else(|| unknown(pattern)))
        }
    };
    let kind = match (from_start, to_end, digits) {
        (true, true, 0) => "Equals",
        (true, false, 0) => "StartsWith",
        (false, true, 0) => "EndsWith",
        (false, false, 0) => "Contains",
        (true, true, 1..) => "EqualsDigits",
        (true, false, 1..) => "StartsWithDigits",
        (false, _, 1..) => unknown(pattern),
    };
    expand(literal, pattern).into_iter().map(|text| vec![Test { kind, text, digits }]).collect()
}

fn strip<'a>(text: &'a str, stripped: impl Fn(&'a str) -> Option<&'a str>) -> (bool, &'a str) {
    stripped(text).map_or((false, text), |rest| (true, rest))
}

fn unknown(pattern: &str) -> ! {
    panic!("the regular expression {pattern:?} can't be translated: teach build/rules.rs");
}

/// All the texts that a pattern without anchors and repetitions stands for.
fn expand(literal: &str, pattern: &str) -> Vec<String> {
    let mut texts = vec![String::new()];
    let mut rest = literal;
    while let Some(first) = rest.chars().next() {
        let (alternatives, after) = if let Some(after) = rest.strip_prefix(r"\.") {
            (vec![".".to_owned()], after)
        } else if let Some(group) = rest.strip_prefix("(?:") {
            let (inside, after) = group.split_once(')').unwrap_or_else(|| unknown(pattern));
            (inside.split('|').map(|text| plain(text, pattern)).collect(), after)
        } else if let Some(class) = rest.strip_prefix('[') {
            let (inside, after) = class.split_once(']').unwrap_or_else(|| unknown(pattern));
            if inside.contains('-') {
                unknown(pattern);
            }
            (plain(inside, pattern).chars().map(String::from).collect(), after)
        } else {
            let after = &rest[first.len_utf8()..];
            (vec![plain(&rest[..first.len_utf8()], pattern)], after)
        };
        texts = texts.iter().flat_map(|text| alternatives.iter().map(move |more| format!("{text}{more}"))).collect();
        rest = after;
    }
    texts
}

/// The text, where every character of it stands for itself.
fn plain(text: &str, pattern: &str) -> String {
    let is_plain =
        |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || "-_/: ".contains(character);
    if !text.chars().all(is_plain) {
        unknown(pattern);
    }
    text.to_owned()
}
