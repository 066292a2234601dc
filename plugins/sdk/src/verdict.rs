//! Making verdicts and failures: short constructors, and one method for each optional field.

use crate::{BiasFinding, Failure, Finding, Score, ScoreValue, Severity, Span};

impl Score {
    /// A score that is a finite number.
    pub fn number(name: &str, value: f64) -> Self {
        Self::new(name, ScoreValue::Number(value))
    }

    /// A score that is true or false.
    pub fn boolean(name: &str, value: bool) -> Self {
        Self::new(name, ScoreValue::Boolean(value))
    }

    /// A score that is one of a few words.
    pub fn label(name: &str, value: &str) -> Self {
        Self::new(name, ScoreValue::Label(value.to_owned()))
    }

    fn new(name: &str, value: ScoreValue) -> Self {
        Self { name: name.to_owned(), value, explanation: None, attributes: Vec::new() }
    }

    /// With a sentence for the reviewer.
    #[must_use]
    pub fn because(mut self, explanation: impl Into<String>) -> Self {
        self.explanation = Some(explanation.into());
        self
    }
}

macro_rules! finding {
    ($finding:ident) => {
        impl $finding {
            /// Where in the interaction it stands.
            #[must_use]
            pub fn at(mut self, span: impl Into<Option<Span>>) -> Self {
                self.span = span.into();
                self
            }

            /// How sure the plugin is, from 0 to 1; 1 unless set.
            #[must_use]
            pub fn confidence(mut self, confidence: f64) -> Self {
                self.confidence = confidence;
                self
            }

            /// With a sentence for the reviewer.
            #[must_use]
            pub fn because(mut self, explanation: impl Into<String>) -> Self {
                self.explanation = Some(explanation.into());
                self
            }
        }
    };
}

finding!(Finding);
finding!(BiasFinding);

impl Finding {
    /// An error of that category and code, certain and without a span.
    pub fn new(category: &str, code: &str, severity: Severity) -> Self {
        Self {
            category: category.to_owned(),
            code: code.to_owned(),
            severity,
            confidence: 1.0,
            span: None,
            explanation: None,
            attributes: Vec::new(),
        }
    }
}

impl BiasFinding {
    /// A bias of that dimension, certain and without a span.
    pub fn new(dimension: &str, severity: Severity) -> Self {
        Self {
            dimension: dimension.to_owned(),
            severity,
            confidence: 1.0,
            span: None,
            explanation: None,
            attributes: Vec::new(),
        }
    }
}

impl Failure {
    /// A failure that trying again would not mend.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), transient: false }
    }
}
