//! Measures by embeddings alone whether the answer fits the question, and both fit what the assistant is for; knows nothing of
//! whether either is right.
//!
//! `README.md` says what the numbers mean and on which data the thresholds were chosen.

mod config;
mod likeness;
mod scope;
mod verdicts;

use tribunal_sdk::{ErrorClassifier, Failure, Finding, Interaction, Plugin, Score, Scorer, embed};

pub use config::Config;
use config::Settings;

/// The plugin.
#[derive(Debug)]
pub struct Relevance {
    settings: Settings,
}

/// Whoever turns texts into vectors of length 1: a model, or a test.
pub type Embed<'a> = &'a dyn Fn(&[String]) -> Result<Vec<Vec<f32>>, Failure>;

impl Plugin for Relevance {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, String> {
        Settings::try_from(config).map(|settings| Self { settings })
    }

    fn config_schema() -> Option<String> {
        Some(include_str!("../config.schema.json").to_owned())
    }
}

// Each kind asks the same, and the host gives the same answer to the same request.
impl Scorer for Relevance {
    fn evaluate(&self, interaction: &Interaction) -> Result<Vec<Score>, Failure> {
        self.scores(interaction, &|texts| embed(&self.settings.model, texts))
    }
}

impl ErrorClassifier for Relevance {
    fn evaluate(&self, interaction: &Interaction) -> Result<Vec<Finding>, Failure> {
        self.findings(interaction, &|texts| embed(&self.settings.model, texts))
    }
}

impl Relevance {
    /// How near question, answer and scope lie to each other; nothing where two of them are missing.
    pub fn scores(&self, interaction: &Interaction, embed: Embed<'_>) -> Result<Vec<Score>, Failure> {
        Ok(verdicts::scores(&likeness::measured(&self.settings, interaction, embed)?))
    }

    /// What lies too far from each other.
    pub fn findings(&self, interaction: &Interaction, embed: Embed<'_>) -> Result<Vec<Finding>, Failure> {
        let measured = likeness::measured(&self.settings, interaction, embed)?;
        Ok(verdicts::findings(&self.settings, interaction, &measured))
    }
}

tribunal_sdk::export!(Relevance: Scorer, ErrorClassifier);
