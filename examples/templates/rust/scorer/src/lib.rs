//! Counts the words of an answer.

use tribunal_sdk::{Failure, Interaction, Plugin, Score, Scorer};

#[derive(serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    max_words: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { max_words: 200 }
    }
}

struct ExamplePlugin {
    max_words: u32,
}

impl Plugin for ExamplePlugin {
    type Config = Config;

    fn configure(Config { max_words }: Config) -> Result<Self, String> {
        if !(1..=1_000_000).contains(&max_words) {
            return Err("\"max_words\" must be a whole number from 1 to 1000000".to_owned());
        }
        Ok(Self { max_words })
    }

    fn config_schema() -> Option<String> {
        Some(include_str!("../config.schema.json").to_owned())
    }
}

impl Scorer for ExamplePlugin {
    fn evaluate(&self, interaction: &Interaction) -> Result<Vec<Score>, Failure> {
        if interaction.output.is_empty() {
            return Ok(Vec::new());
        }
        let words: usize = interaction.output_texts().map(|text| text.split_ascii_whitespace().count()).sum();
        let max = self.max_words;
        let within = Score::boolean("within_limit", words <= max as usize);
        Ok(vec![
            Score::number("words", words as f64),
            within.because(format!("{words} words, at most {max} are wanted")),
        ])
    }
}

tribunal_sdk::export!(ExamplePlugin: Scorer);
