//! Scores the number of words of the answer.

use tribunal_sdk::{Failure, Interaction, NoConfig, Plugin, Score, Scorer};

struct Length;

impl Plugin for Length {
    type Config = NoConfig;

    fn configure(_: NoConfig) -> Result<Self, String> {
        Ok(Self)
    }
}

impl Scorer for Length {
    fn evaluate(&self, interaction: &Interaction) -> Result<Vec<Score>, Failure> {
        let words: usize = interaction.output_texts().map(|text| text.split_ascii_whitespace().count()).sum();
        Ok(vec![Score::number("words", words as f64)])
    }
}

tribunal_sdk::export!(Length: Scorer);
