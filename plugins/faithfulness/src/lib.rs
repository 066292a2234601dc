//! Checks which claims of an answer the context documents support, by asking a language model; knows nothing of what is true.
//!
//! `README.md` says what is asked, and what counts as support.

mod check;
mod claims;
mod config;
mod locate;
mod verdicts;

use exhibits::{Exhibits, Shown, fill, is_blank};
use tribunal_sdk::{Completion, ErrorClassifier, Failure, Finding, Interaction, Json, Plugin, Prompt, Score, Scorer};

use check::Checked;
pub use config::Config;
use config::Settings;

const SYSTEM: &str = include_str!("../prompts/system.txt");
const USER: &str = include_str!("../prompts/user.txt");

/// The plugin.
#[derive(Debug)]
pub struct Faithfulness {
    settings: Settings,
}

/// Whoever answers prompts: a model, or a test.
pub type Ask<'a> = &'a dyn Fn(&Prompt) -> Result<Completion, Failure>;

impl Plugin for Faithfulness {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, String> {
        Settings::try_from(config).map(|settings| Self { settings })
    }

    fn config_schema() -> Option<String> {
        Some(include_str!("../config.schema.json").to_owned())
    }
}

// Each kind asks the same, and the host gives the same answer to the same request.
impl Scorer for Faithfulness {
    fn evaluate(&self, interaction: &Interaction) -> Result<Vec<Score>, Failure> {
        self.scores(interaction, &|prompt| prompt.ask(&self.settings.model))
    }
}

impl ErrorClassifier for Faithfulness {
    fn evaluate(&self, interaction: &Interaction) -> Result<Vec<Finding>, Failure> {
        self.findings(interaction, &|prompt| prompt.ask(&self.settings.model))
    }
}

impl Faithfulness {
    /// The share of claims that are supported; nothing where there is nothing to check.
    pub fn scores(&self, interaction: &Interaction, ask: Ask<'_>) -> Result<Vec<Score>, Failure> {
        Ok(self.checked(interaction, ask)?.and_then(|checked| verdicts::score(&checked)).into_iter().collect())
    }

    /// A finding for each claim that is not supported.
    pub fn findings(&self, interaction: &Interaction, ask: Ask<'_>) -> Result<Vec<Finding>, Failure> {
        let checked = self.checked(interaction, ask)?;
        Ok(checked.map(|checked| verdicts::findings(interaction, &checked)).unwrap_or_default())
    }

    /// The claims of the answer and what the documents say of each; none where there are no documents, or no answer.
    fn checked(&self, interaction: &Interaction, ask: Ask<'_>) -> Result<Option<Checked>, Failure> {
        let is_there = interaction.context.iter().any(|document| !is_blank(&document.text));
        if !is_there || is_blank(&exhibits::answer(interaction)) {
            return Ok(None);
        }
        let claims = claims::of(&self.settings, interaction, ask)?;
        check::against_documents(&self.settings, interaction, claims, ask).map(Some)
    }
}

/// A prompt that shows texts and sets a task, before them and again after them.
fn prompt(settings: &Settings, exhibits: &Exhibits, task: &str, schema: &Json) -> Prompt {
    let Shown { code, text } = exhibits.shown();
    let values = [("code", code.as_str()), ("exhibits", &text), ("task", task.trim_end())];
    Prompt::new()
        .system(fill(SYSTEM, &values).trim_end())
        .user(fill(USER, &values).trim_end())
        .schema(schema)
        .temperature(0.0)
        .seed(0)
        .max_tokens(settings.max_tokens)
}

/// The answer as the type that the schema describes.
fn parsed<T: serde::de::DeserializeOwned>(completion: &Completion) -> Result<T, Failure> {
    let answer = serde_json::from_str(&completion.text);
    answer.map_err(|error| Failure::new("model-answer", format!("the answer of the model: {error}")))
}

tribunal_sdk::export!(Faithfulness: Scorer, ErrorClassifier);
