//! Scores with what a model answers.

use tribunal_sdk::{Completion, Failure, Interaction, Json, Plugin, Prompt, Score, Scorer, embed};

const SCHEMA: &str = r#"{"type": "object", "required": ["score"], "properties": {"score": {"type": "integer"}}}"#;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    #[serde(default = "judge")]
    model: String,
}

fn judge() -> String {
    "judge".to_owned()
}

struct Judge(Config);

impl Plugin for Judge {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, String> {
        Ok(Self(config))
    }
}

impl Scorer for Judge {
    fn evaluate(&self, interaction: &Interaction) -> Result<Vec<Score>, Failure> {
        let Some(text) = interaction.output_texts().next() else { return Ok(Vec::new()) };
        let model = &self.0.model;
        let mut scores = Vec::new();

        let plain = Prompt::new().user(&text);
        if let Err(failure) = plain.ask("nobody") {
            scores.push(Score::label("caught", &failure.code).because(failure.message));
            scores.push(Score::boolean("may_pass", failure.transient));
        }

        let free = plain.ask(model)?;
        scores.push(Score::label("free", &free.text).because(about(&free)));

        let schema: Json = SCHEMA.parse().expect("it is JSON");
        let prompt = Prompt::new().system("How helpful is this answer, from 1 to 5?").user(&text).schema(&schema);
        let answer = prompt.temperature(0.0).max_tokens(20).seed(7).top_logprobs(2).ask(model)?;
        let score = answer.text.parse::<Json>().expect("it satisfies the schema")["score"].as_f64();
        scores.push(Score::number("helpful", score.unwrap_or_default()).because(about(&answer)));
        for first in &answer.first_token {
            scores.push(Score::number("first", first.logprob).because(&first.token));
        }

        let vectors = embed(model, &[text.to_string(), "Grüße, 🐈".to_owned()])?;
        let products = vectors[0].iter().zip(&vectors[1]).map(|(one, other)| f64::from(*one) * f64::from(*other));
        scores.push(Score::number("likeness", products.sum()));
        Ok(scores)
    }
}

fn about(answer: &Completion) -> String {
    let reason = answer.finish_reason.as_deref().unwrap_or("none");
    let (given, made) = (answer.input_tokens.unwrap_or(0), answer.output_tokens.unwrap_or(0));
    format!("{}: {reason}, {given} and {made} tokens", answer.model)
}

tribunal_sdk::export!(Judge: Scorer);
