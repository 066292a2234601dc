//! The operator's config, parsed once into valid settings; knows nothing of vectors.

use serde::Deserialize;

/// The config as the operator writes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    model: String,
    #[serde(default)]
    topics: Vec<String>,
    #[serde(default = "usual_relevance")]
    min_relevance: f64,
    #[serde(default = "usual_scope")]
    min_scope: f64,
    #[serde(default = "usual_characters")]
    max_characters: usize,
}

/// The config, valid.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The model's alias.
    pub(crate) model: String,
    /// What the assistant is for. Where there is none, its system prompt says it.
    pub(crate) topics: Vec<String>,
    /// From which likeness on an answer fits its question.
    pub(crate) min_relevance: f64,
    /// From which margin on something is in scope.
    pub(crate) min_scope: f64,
    /// The most characters of a question or an answer that are looked at.
    pub(crate) max_characters: usize,
}

/// One text of a request is kept for the prompt that every assistant has.
const MOST_TOPICS: usize = 255;
const LONGEST_TOPIC: usize = 1_000;
const MOST_CHARACTERS: usize = 100_000;

fn usual_relevance() -> f64 {
    0.1
}

fn usual_scope() -> f64 {
    0.02
}

fn usual_characters() -> usize {
    4_000
}

impl TryFrom<Config> for Settings {
    type Error = String;

    fn try_from(config: Config) -> Result<Self, String> {
        let Config { model, topics, min_relevance, min_scope, max_characters } = config;
        if model.is_empty() {
            return Err("config: `model` is empty; it is the name of a [models.NAME] table".to_owned());
        }
        if topics.len() > MOST_TOPICS {
            return Err(format!("config: `topics` has {} topics, and may have {MOST_TOPICS}", topics.len()));
        }
        if topics.iter().any(|topic| topic.trim().is_empty() || topic.len() > LONGEST_TOPIC) {
            return Err(format!("config: `topics` has one that is empty or longer than {LONGEST_TOPIC} bytes"));
        }
        for (key, value, least) in [("min_relevance", min_relevance, -1.0), ("min_scope", min_scope, -2.0)] {
            if !(least..=-least).contains(&value) {
                return Err(format!("config: `{key}` is {value}, and may be {least} to {}", -least));
            }
        }
        if !(1..=MOST_CHARACTERS).contains(&max_characters) {
            return Err(format!("config: `max_characters` is {max_characters}, and may be 1 to {MOST_CHARACTERS}"));
        }
        Ok(Self { model, topics, min_relevance, min_scope, max_characters })
    }
}
