//! Answers that the contract forbids, or that are more than the limits allow; knows nothing of attacks before the answer.

use serde::Deserialize;
use tribunal_sdk::{Attribute, AttributeValue, Failure, Finding, Interaction, Score, Severity, Span, TextSource};

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer {
    /// One verdict more than a binding may give by default.
    TooManyVerdicts,
    /// A name of a megabyte.
    LongName,
    /// Two scores of one name, which is a megabyte.
    TwiceTheSameName,
    /// An explanation larger than the whole output may be by default, and smaller than what may cross to the host.
    LongExplanation,
    /// A failure with a message of a megabyte.
    LongFailure,
    /// A name that is empty.
    NoName,
    /// A name with control characters.
    ControlCharacters,
    /// A score that is no number.
    Nan,
    /// A score without bound.
    Infinite,
    /// A text that is not UTF-8.
    InvalidUtf8,
    /// An attribute that is no number.
    NanAttribute,
    /// An attribute whose JSON is none.
    BrokenJson,
    /// An attribute whose JSON is nested ten thousand times.
    DeepJson,
    /// A span beyond the end of its text.
    SpanOutside,
    /// A span that ends before it starts.
    SpanBackwards,
    /// A span that starts inside a character.
    SpanInCharacter,
    /// A span of a message that there is not.
    SpanOfNothing,
    /// A confidence above 1.
    Certain,
}

const MEGABYTE: usize = 1 << 20;

impl Answer {
    pub(crate) fn scores(self) -> Result<Vec<Score>, Failure> {
        let fine = Score::number("fine", 1.0);
        let attributed = |value| Score { attributes: vec![Attribute { key: "key".into(), value }], ..fine.clone() };
        Ok(match self {
            Self::TooManyVerdicts => (0..257).map(|at| Score::number(&format!("score-{at}"), 0.0)).collect(),
            Self::LongName => vec![Score::number(&"n".repeat(MEGABYTE), 0.0)],
            Self::TwiceTheSameName => vec![fine.clone(), Score::label("label", "x"), fine],
            Self::LongExplanation => vec![fine.because("e".repeat(300 << 10))],
            Self::LongFailure => return Err(Failure::new("internal", "f".repeat(MEGABYTE))),
            Self::NoName => vec![Score::number("", 0.0)],
            Self::ControlCharacters => vec![Score::number("a\u{1b}[2J", 0.0)],
            Self::Nan => vec![Score::number("nan", f64::NAN)],
            Self::Infinite => vec![Score::number("infinite", f64::INFINITY)],
            Self::InvalidUtf8 => vec![Score::number(&not_utf8(), 0.0)],
            Self::NanAttribute => vec![attributed(AttributeValue::Number(f64::NAN))],
            Self::BrokenJson => vec![attributed(AttributeValue::Json("{\"a\": ".into()))],
            Self::DeepJson => vec![attributed(AttributeValue::Json("[".repeat(10_000)))],
            _ => Vec::new(),
        })
    }

    pub(crate) fn findings(self, interaction: &Interaction) -> Vec<Finding> {
        let finding = Finding::new("format", "hostile", Severity::Low);
        let span = |message, start, end| Span { source: TextSource::Output, message, part: 0, start, end };
        let length = interaction.output_texts().next().map_or(0, |text| text.len() as u32);
        match self {
            Self::SpanOutside => vec![finding.at(span(0, length - 1, length + 1))],
            Self::SpanBackwards => vec![finding.at(span(0, 2, 1))],
            // The answer starts with a character of three bytes.
            Self::SpanInCharacter => vec![finding.at(span(0, 1, 3))],
            Self::SpanOfNothing => vec![finding.at(span(u32::MAX, 0, 1))],
            Self::Certain => vec![finding.confidence(1.5)],
            _ => Vec::new(),
        }
    }
}

/// What no safe Rust makes.
fn not_utf8() -> String {
    // SAFETY: there is none, which is the point: nothing here reads the text before the host does.
    unsafe { String::from_utf8_unchecked(vec![b'a', 0xff, b'b']) }
}
