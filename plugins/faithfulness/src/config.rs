//! The operator's config, parsed once into valid settings; knows nothing of prompts.

use std::ops::RangeInclusive;

use serde::Deserialize;

/// The config as the operator writes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    model: String,
    #[serde(default = "usual_claims")]
    max_claims: usize,
    #[serde(default = "usual_batch")]
    batch: usize,
    #[serde(default = "usual_characters")]
    max_characters: usize,
    #[serde(default = "usual_tokens")]
    max_tokens: u32,
    #[serde(default = "yes")]
    require_evidence: bool,
    #[serde(default)]
    bounds: bool,
}

/// The config, valid.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The model's alias.
    pub(crate) model: String,
    /// The most claims that are checked.
    pub(crate) max_claims: usize,
    /// How many are checked in one call.
    pub(crate) batch: usize,
    /// The most characters of the question, of the answer, and of all documents.
    pub(crate) max_characters: usize,
    pub(crate) max_tokens: u32,
    /// Whether what supports a claim has to stand in a document.
    pub(crate) require_evidence: bool,
    /// Whether schemas bound texts and lists.
    pub(crate) bounds: bool,
}

const CLAIMS: RangeInclusive<usize> = 1..=100;
const BATCH: RangeInclusive<usize> = 1..=20;
const CHARACTERS: RangeInclusive<usize> = 1..=1_000_000;

fn usual_claims() -> usize {
    30
}

fn usual_batch() -> usize {
    10
}

fn usual_characters() -> usize {
    20_000
}

fn usual_tokens() -> u32 {
    4_096
}

fn yes() -> bool {
    true
}

impl TryFrom<Config> for Settings {
    type Error = String;

    fn try_from(config: Config) -> Result<Self, String> {
        let Config { model, max_claims, batch, max_characters, max_tokens, require_evidence, bounds } = config;
        if model.is_empty() {
            return Err("config: `model` is empty; it is the name of a [models.NAME] table".to_owned());
        }
        let ranges = [
            ("max_claims", max_claims, CLAIMS),
            ("batch", batch, BATCH),
            ("max_characters", max_characters, CHARACTERS),
        ];
        for (key, value, range) in ranges {
            if !range.contains(&value) {
                return Err(format!("config: `{key}` is {value}, and may be {} to {}", range.start(), range.end()));
            }
        }
        if max_tokens == 0 {
            return Err("config: `max_tokens` is 0, which leaves no answer".to_owned());
        }
        Ok(Self { model, max_claims, batch, max_characters, max_tokens, require_evidence, bounds })
    }
}
