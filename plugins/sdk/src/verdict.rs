//! Making verdicts and failures: short constructors, and one method for each optional field.

use crate::{BiasFinding, Failure, Finding, Score, ScoreValue, Severity, Span};

impl Score {
    /// A score that is a finite number.
    ///
    /// ```
    /// # use tribunal_sdk::Score;
    /// let score = Score::number("words", 12.0);
    /// ```
    pub fn number(name: &str, value: f64) -> Self {
        Self::new(name, ScoreValue::Number(value))
    }

    /// A score that is true or false.
    ///
    /// ```
    /// # use tribunal_sdk::Score;
    /// let score = Score::boolean("within_limit", true);
    /// ```
    pub fn boolean(name: &str, value: bool) -> Self {
        Self::new(name, ScoreValue::Boolean(value))
    }

    /// A score that is one of a few words.
    ///
    /// ```
    /// # use tribunal_sdk::Score;
    /// let score = Score::label("tone", "friendly");
    /// ```
    pub fn label(name: &str, value: &str) -> Self {
        Self::new(name, ScoreValue::Label(value.to_owned()))
    }

    fn new(name: &str, value: ScoreValue) -> Self {
        Self { name: name.to_owned(), value, explanation: None, attributes: Vec::new() }
    }

    /// With a sentence for the reviewer.
    ///
    /// ```
    /// # use tribunal_sdk::Score;
    /// let score = Score::boolean("within_limit", false).because("212 words, at most 200 are wanted");
    /// ```
    #[must_use]
    pub fn because(mut self, explanation: impl Into<String>) -> Self {
        self.explanation = Some(explanation.into());
        self
    }
}

macro_rules! finding {
    ($finding:ident, $new:literal) => {
        impl $finding {
            /// Where in the interaction it stands.
            ///
            /// ```
            #[doc = concat!("# use tribunal_sdk::{", stringify!($finding), ", Interaction, Severity};")]
            /// let interaction = Interaction::example("Who are you?", "Noone.");
            /// let text = interaction.output_texts().next().unwrap();
            #[doc = concat!("let finding = ", $new, ".at(text.span(0..5));")]
            /// ```
            #[must_use]
            pub fn at(mut self, span: impl Into<Option<Span>>) -> Self {
                self.span = span.into();
                self
            }

            /// How sure the plugin is, from 0 to 1; 1 unless set.
            ///
            /// ```
            #[doc = concat!("# use tribunal_sdk::{", stringify!($finding), ", Severity};")]
            #[doc = concat!("let finding = ", $new, ".confidence(0.8);")]
            /// ```
            #[must_use]
            pub fn confidence(mut self, confidence: f64) -> Self {
                self.confidence = confidence;
                self
            }

            /// With a sentence for the reviewer.
            ///
            /// ```
            #[doc = concat!("# use tribunal_sdk::{", stringify!($finding), ", Severity};")]
            #[doc = concat!("let finding = ", $new, ".because(\"it is written otherwise\");")]
            /// ```
            #[must_use]
            pub fn because(mut self, explanation: impl Into<String>) -> Self {
                self.explanation = Some(explanation.into());
                self
            }
        }
    };
}

finding!(Finding, "Finding::new(\"grammatical\", \"spelling\", Severity::Low)");
finding!(BiasFinding, "BiasFinding::new(\"gender\", Severity::Low)");

impl Finding {
    /// An error of that category and code, certain and without a span.
    ///
    /// ```
    /// # use tribunal_sdk::{Finding, Severity};
    /// let finding = Finding::new("out-of-scope", "medical-advice", Severity::High);
    /// assert_eq!(finding.confidence, 1.0);
    /// ```
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
    ///
    /// ```
    /// # use tribunal_sdk::{BiasFinding, Severity};
    /// let finding = BiasFinding::new("age", Severity::Medium);
    /// assert!(finding.span.is_none());
    /// ```
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
    /// A failure that trying again would not mend; set `transient` where it may.
    ///
    /// ```
    /// # use tribunal_sdk::{Failure, Interaction, Score};
    /// fn evaluate(interaction: &Interaction) -> Result<Vec<Score>, Failure> {
    ///     if interaction.call.operation == "embeddings" {
    ///         return Err(Failure::new("unsupported", "there is no answer to score"));
    ///     }
    ///     Ok(vec![])
    /// }
    /// ```
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), transient: false }
    }
}
