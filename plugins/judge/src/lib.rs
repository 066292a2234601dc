//! Judges an interaction by the operator's own criteria, by asking a language model; knows nothing of any criterion.
//!
//! `README.md` says what can be asked and how what is judged is kept from speaking to the judge.

mod compare;
mod config;
mod prompt;
mod rubric;
mod samples;

use tribunal_sdk::{Completion, Failure, Interaction, Plugin, Prompt, Score, Scorer};

pub use config::Config;
use config::Settings;
use rubric::{Criterion, Verdicts};

/// The scorer.
#[derive(Debug)]
pub struct Judge {
    settings: Settings,
}

/// Whoever answers prompts: a model, or a test.
pub type Ask<'a> = &'a dyn Fn(&Prompt) -> Result<Completion, Failure>;

impl Plugin for Judge {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, String> {
        Settings::try_from(config).map(|settings| Self { settings })
    }

    fn config_schema() -> Option<String> {
        Some(include_str!("../config.schema.json").to_owned())
    }
}

impl Scorer for Judge {
    fn evaluate(&self, interaction: &Interaction) -> Result<Vec<Score>, Failure> {
        self.judge(interaction, &|prompt| prompt.ask(&self.settings.model))
    }
}

impl Judge {
    /// What whoever is asked makes of the interaction; nothing where it has not what is to be judged.
    pub fn judge(&self, interaction: &Interaction, ask: Ask<'_>) -> Result<Vec<Score>, Failure> {
        let mut scores = Vec::new();
        for criterion in &self.settings.criteria {
            let question = Question { settings: &self.settings, criterion, interaction, ask };
            scores.extend(match &criterion.verdicts {
                Verdicts::Scale { .. } => samples::on_scale(&question)?,
                Verdicts::Labels(labels) => samples::by_label(&question, labels)?,
                Verdicts::Better => compare::with_reference(&question)?,
            });
        }
        Ok(scores)
    }
}

/// One criterion, what is to be judged by it, and whom to ask.
#[derive(Clone, Copy)]
struct Question<'a> {
    settings: &'a Settings,
    criterion: &'a Criterion,
    interaction: &'a Interaction,
    ask: Ask<'a>,
}

tribunal_sdk::export!(Judge: Scorer);
