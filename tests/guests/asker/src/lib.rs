//! Scores with what a model answers, word for word.

use tribunal_sdk::{Failure, Interaction, Json, Plugin, Prompt, Score, Scorer, embed};

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    model: String,
    /// How often it asks, each time with another seed.
    #[serde(default = "once")]
    times: u32,
    schema: Option<Json>,
    /// Asks for vectors.
    #[serde(default)]
    embeds: bool,
    /// Says what failed as a score.
    #[serde(default)]
    catches: bool,
    /// A text, each byte turned around by `TURNED`: how often it stands in the plugin's memory is a score.
    #[serde(default)]
    search: Vec<u8>,
}

const TURNED: u8 = 0x55;

/// How often the text that `turned` stands for is in this memory. The text itself is not there for the search.
fn found(turned: &[u8]) -> usize {
    #[cfg(target_family = "wasm")]
    let size = core::arch::wasm32::memory_size(0) * 65_536;
    #[cfg(not(target_family = "wasm"))]
    let size = 0;
    // SAFETY: a guest may read all of its memory; the first byte is left out, as nothing lies at no address.
    let memory = |at: usize| unsafe { core::ptr::read_volatile(at as *const u8) };
    let is_here = |at: &usize| turned.iter().enumerate().all(|(place, byte)| memory(at + place) == byte ^ TURNED);
    (1..size.saturating_sub(turned.len())).filter(is_here).count()
}

fn once() -> u32 {
    1
}

struct Asker(Config);

impl Plugin for Asker {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, String> {
        Ok(Self(config))
    }
}

impl Asker {
    fn ask(&self, text: &str, seed: u32) -> Result<Score, Failure> {
        let Config { model, schema, embeds, .. } = &self.0;
        if *embeds {
            let vectors = embed(model, &[text.to_owned(), "something else".to_owned()])?;
            let likeness: f32 = vectors[0].iter().zip(&vectors[1]).map(|(one, other)| one * other).sum();
            return Ok(Score::number("likeness", f64::from(likeness)));
        }
        let mut prompt = Prompt::new().system("Judge.").user(text).temperature(0.0).max_tokens(20).seed(seed);
        prompt.top_logprobs = 2;
        if let Some(schema) = schema {
            prompt = prompt.schema(schema);
        }
        let completion = prompt.ask(model)?;
        let first = completion.first_token.first().map_or(String::new(), |first| format!(" {}", first.token));
        let tokens = (completion.input_tokens.unwrap_or(0), completion.output_tokens.unwrap_or(0));
        let because = format!("{}, {} and {} tokens{first}", completion.model, tokens.0, tokens.1);
        Ok(Score::label(&format!("answer{seed}"), &completion.text).because(because))
    }
}

impl Scorer for Asker {
    fn evaluate(&self, interaction: &Interaction) -> Result<Vec<Score>, Failure> {
        let text = interaction.answer();
        let ask = |seed| match self.ask(&text, seed) {
            Err(failure) if self.0.catches => Ok(Score::label("failed", &failure.code).because(failure.message)),
            asked => asked,
        };
        let mut scores = (0..self.0.times).map(ask).collect::<Result<Vec<_>, _>>()?;
        let search = &self.0.search;
        if !search.is_empty() {
            scores.push(Score::number("found", found(search) as f64));
            // To show that a search finds what is there.
            let text: Vec<u8> = search.iter().map(|byte| byte ^ TURNED).collect();
            core::hint::black_box(&text);
            scores.push(Score::number("found-once-it-is-there", found(search) as f64));
            drop(text);
        }
        Ok(scores)
    }
}

tribunal_sdk::export!(Asker: Scorer);
