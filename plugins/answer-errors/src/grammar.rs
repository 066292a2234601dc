//! Finds spelling and grammar errors with harper; knows nothing of the other checks.

mod agreement;
mod document;
mod lexicon;
mod rules;
mod spelling;

use std::collections::BTreeMap;
use std::sync::Arc;

use harper_core::linting::{Lint, Suggestion};
use harper_core::{Span, TokenKind};
use tribunal_sdk::{Attribute, AttributeValue, Finding, Interaction, Severity};

use self::document::Block;
use self::lexicon::Lexicon;
use self::rules::Rule;
use crate::place::{self, Place};
use crate::{Findings, excerpt};

/// Harper's dictionary and rules.
pub(crate) struct Grammar {
    lexicon: Arc<Lexicon>,
    rules: Vec<Rule>,
}

impl Grammar {
    pub(crate) fn new() -> Self {
        let lexicon = Arc::new(Lexicon::new());
        let grammar = Self { rules: rules::all(&lexicon), lexicon };
        // The host keeps memory as it stands after this: room that a first text has taken is there for every call.
        grammar.errors(&WARM_UP.repeat(32));
        grammar
    }

    pub(crate) fn check(&self, interaction: &Interaction, findings: &mut Findings) {
        for (index, message) in place::choices(interaction) {
            for place in place::texts(index, message) {
                if findings.full() {
                    return;
                }
                for error in self.errors(place.text) {
                    findings.push(error.into_finding(place));
                }
            }
        }
    }

    /// The errors in a text, in its order.
    fn errors(&self, text: &str) -> Vec<Error> {
        let blocks = document::english_blocks(text, &self.lexicon);
        let mut errors = self.misspellings(&blocks);
        for block in &blocks {
            for rule in &self.rules {
                let lints = rule.lints(block, &self.lexicon);
                errors.extend(lints.into_iter().map(|lint| Error::by_harper(rule, block, &lint)));
            }
            let disagreements = agreement::disagreements(block);
            errors.extend(disagreements.into_iter().map(|(span, right)| Error::disagreement(block, span, right)));
        }
        errors.sort_by_key(|error| (error.start, error.end));
        errors
    }

    /// Unknown words that stand once in the text: who writes it twice means it.
    fn misspellings(&self, blocks: &[Block]) -> Vec<Error> {
        let mut unknown: BTreeMap<&str, (usize, &Block, Span)> = BTreeMap::new();
        for block in blocks.iter().filter(|block| !block.is_heading) {
            for token in block.document.get_tokens() {
                if matches!(token.kind, TokenKind::Word(None)) && stands_alone(block, token.span) {
                    unknown.entry(block.word(token.span)).or_insert((0, block, token.span)).0 += 1;
                }
            }
        }
        let once = unknown.into_iter().filter(|(_, (count, ..))| *count == 1);
        let misspelt = once.filter_map(|(word, (_, block, span))| {
            let correction = spelling::correction(&self.lexicon, word)?;
            Some(Error::misspelling(block, span, &correction))
        });
        misspelt.take(MOST_MISSPELLINGS).collect()
    }
}

const MOST_MISSPELLINGS: usize = 100;

/// Times 32, a text of 3 KB.
const WARM_UP: &str = "This texst is read once, so that a call on an answer of that length finds its memory ready. ";

/// Whether the word stands between white space and the marks of prose, not in a path, a name or a formula.
fn stands_alone(block: &Block, span: Span) -> bool {
    let (before, after) = block.around(span);
    let opens = |c: char| c.is_whitespace() || matches!(c, '(' | '"' | '“' | '\'' | '‘' | '—' | '*');
    let closes = |c: char| {
        c.is_whitespace() || matches!(c, ')' | '"' | '”' | '’' | '—' | ',' | ';' | ':' | '.' | '!' | '?' | '*')
    };
    let mut following = after.chars();
    let next = following.next();
    // A full stop inside a host name or file name has no space after it.
    let stops = !matches!(next, Some('.' | ':'))
        || following.next().is_none_or(|c| c.is_whitespace() || c == '"' || c == '”' || c == '*');
    before.chars().next_back().is_none_or(opens) && next.is_none_or(closes) && stops
}

/// One error in a text.
struct Error {
    start: usize,
    end: usize,
    code: String,
    rule: &'static str,
    confidence: f64,
    explanation: String,
    replacement: Option<String>,
}

impl Error {
    fn by_harper(rule: &Rule, block: &Block, lint: &Lint) -> Self {
        let range = block.bytes(lint.span);
        let replacement = lint.suggestions.iter().find_map(|suggestion| match suggestion {
            // Harper gives `AN` the case of `A`.
            Suggestion::ReplaceWith(with) if with[..] == ['A', 'N'] => Some("An".to_owned()),
            Suggestion::ReplaceWith(with) => Some(with.iter().collect::<String>()),
            _ => None,
        });
        let hint = replacement.as_ref().map(|with| format!(" Replace with “{with}”.")).unwrap_or_default();
        let stop = if lint.message.ends_with(['.', '?', '!']) { "" } else { "." };
        let explanation = format!("{}: {}{stop}{hint}", excerpt::start(block.word(lint.span)), lint.message);
        let code = kebab(&lint.lint_kind.to_string_key());
        Self {
            start: range.start,
            end: range.end,
            code,
            rule: rule.name,
            confidence: rule.confidence,
            explanation,
            replacement,
        }
    }

    fn misspelling(block: &Block, span: Span, correction: &str) -> Self {
        let explanation = format!("{}: did you mean “{correction}”?", excerpt::start(block.word(span)));
        Self::own(block, span, ("spelling", "spell-check", 0.8), explanation, correction)
    }

    fn disagreement(block: &Block, span: Span, right: &str) -> Self {
        let explanation = format!(
            "{}: the verb does not agree with its subject; it should be “{right}”.",
            excerpt::start(block.word(span))
        );
        Self::own(block, span, ("agreement", "agreement", 0.8), explanation, right)
    }

    fn own(
        block: &Block,
        span: Span,
        (code, rule, confidence): (&str, &'static str, f64),
        explanation: String,
        right: &str,
    ) -> Self {
        let range = block.bytes(span);
        let replacement = Some(right.to_owned());
        Self { start: range.start, end: range.end, code: code.to_owned(), rule, confidence, explanation, replacement }
    }

    fn into_finding(self, place: Place) -> Finding {
        let text = |key: &str, value: String| Attribute { key: key.to_owned(), value: AttributeValue::Text(value) };
        let mut finding = Finding::new("grammatical", &self.code, Severity::Low)
            .confidence(self.confidence)
            .at(place.span(self.start..self.end))
            .because(self.explanation);
        finding.attributes.push(text("rule", self.rule.to_owned()));
        finding.attributes.extend(self.replacement.map(|replacement| text("replacement", replacement)));
        finding
    }
}

/// `WordChoice` as `word-choice`.
fn kebab(camel: &str) -> String {
    let mut kebab = String::with_capacity(camel.len() + 2);
    for c in camel.chars() {
        if c.is_ascii_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(c.to_ascii_lowercase());
    }
    kebab
}
