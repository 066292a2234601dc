//! The operator's config, parsed once into valid settings; knows nothing of prompts.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::rubric::{Criterion, Verdicts};

/// The config as the operator writes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    model: String,
    criteria: Vec<Written>,
    #[serde(default)]
    compare: bool,
    #[serde(default = "one")]
    samples: u32,
    temperature: Option<f64>,
    fields: Option<Vec<Field>>,
    #[serde(default = "usual_characters")]
    max_characters: usize,
    #[serde(default = "usual_tokens")]
    max_tokens: u32,
    #[serde(default)]
    bounds: bool,
}

/// One criterion as the operator writes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    description: String,
    scale: Option<Scale>,
    labels: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scale {
    min: i32,
    max: i32,
    #[serde(default)]
    anchors: BTreeMap<String, String>,
}

/// What of the interaction the judge is shown, in the order in which it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Field {
    /// What the assistant was told.
    System,
    /// All that was said before the answer.
    Conversation,
    /// The user's last message.
    Question,
    /// The documents that the answer should rest on.
    Context,
    /// The answer that was hoped for.
    Reference,
    /// What the assistant answered.
    Answer,
}

/// The config, valid.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The model's alias.
    pub(crate) model: String,
    pub(crate) criteria: Vec<Criterion>,
    pub(crate) samples: u32,
    pub(crate) temperature: f64,
    /// In the order of `Field`.
    pub(crate) fields: BTreeSet<Field>,
    /// The most characters of one field.
    pub(crate) max_characters: usize,
    pub(crate) max_tokens: u32,
    /// Whether the schema bounds the reasoning.
    pub(crate) bounds: bool,
}

const MOST_SAMPLES: u32 = 16;
/// The most calls to models that a host allows one evaluation.
const MOST_CALLS: usize = 256;
const MOST_CHARACTERS: usize = 1_000_000;
/// Each value of a scale stands in the schema.
const MOST_STEPS: i64 = 100;
/// What several samples are drawn with. Between always the same and anything at all.
const USUAL_TEMPERATURE: f64 = 0.7;

fn one() -> u32 {
    1
}

fn usual_characters() -> usize {
    8_000
}

fn usual_tokens() -> u32 {
    1_024
}

impl TryFrom<Config> for Settings {
    type Error = String;

    fn try_from(config: Config) -> Result<Self, String> {
        let Config { model, criteria, compare, samples, temperature, fields, max_characters, max_tokens, bounds } =
            config;
        if model.is_empty() {
            return Err("config: `model` is empty; it is the name of a [models.NAME] table".to_owned());
        }
        if !(1..=MOST_SAMPLES).contains(&samples) {
            return Err(format!("config: `samples` is {samples}, and may be 1 to {MOST_SAMPLES}"));
        }
        let temperature = temperature.unwrap_or(if samples == 1 { 0.0 } else { USUAL_TEMPERATURE });
        if !(0.0..=2.0).contains(&temperature) {
            return Err(format!("config: `temperature` is {temperature}, and may be 0 to 2"));
        }
        if !(1..=MOST_CHARACTERS).contains(&max_characters) {
            return Err(format!("config: `max_characters` is {max_characters}, and may be 1 to {MOST_CHARACTERS}"));
        }
        if max_tokens == 0 {
            return Err("config: `max_tokens` is 0, which leaves no answer".to_owned());
        }
        let calls = criteria.len() * samples as usize * if compare { 2 } else { 1 };
        if criteria.is_empty() || calls > MOST_CALLS {
            return Err(format!(
                "config: `criteria` and `samples` make {calls} calls for one interaction, of 1 to {MOST_CALLS}"
            ));
        }
        let usual: &[Field] = if compare { &[Field::Question] } else { &[Field::Question, Field::Answer] };
        let mut fields: BTreeSet<_> = fields.unwrap_or_else(|| usual.to_vec()).into_iter().collect();
        if compare {
            // They are the two that are compared.
            fields.remove(&Field::Answer);
            fields.remove(&Field::Reference);
        } else if fields.is_empty() {
            return Err("config: `fields` is empty, so there is nothing to judge".to_owned());
        }
        let criteria = criteria.into_iter().map(|written| written.resolve(compare)).collect::<Result<Vec<_>, _>>()?;
        let mut names = BTreeSet::new();
        for name in criteria.iter().flat_map(|criterion| criterion.score_names(samples)) {
            if !names.insert(name.clone()) {
                return Err(format!("config: `criteria`: two scores would be named `{name}`"));
            }
        }
        Ok(Self { model, criteria, samples, temperature, fields, max_characters, max_tokens, bounds })
    }
}

impl Written {
    fn resolve(self, compare: bool) -> Result<Criterion, String> {
        let Self { name, description, scale, labels } = self;
        let wrong = |what: &str| format!("config: criterion `{name}`: {what}");
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
            return Err(wrong("a name is 1 to 64 of a-z, 0-9, -, _ and ."));
        }
        if description.trim().is_empty() {
            return Err(wrong("`description` is empty, and is all that the judge knows of it"));
        }
        let verdicts = match (compare, scale, labels) {
            (true, None, None) => Verdicts::Better,
            (true, ..) => return Err(wrong("a comparison ends in win, tie or loss: leave out `scale` and `labels`")),
            (false, Some(scale), None) => scale.resolve().map_err(|what| wrong(&what))?,
            (false, None, Some(labels)) => resolve_labels(labels).map_err(|what| wrong(&what))?,
            (false, ..) => return Err(wrong("give either `scale` or `labels`")),
        };
        Ok(Criterion { name, description: description.trim().to_owned(), verdicts })
    }
}

impl Scale {
    fn resolve(self) -> Result<Verdicts, String> {
        let Self { min, max, anchors } = self;
        let steps = i64::from(max) - i64::from(min);
        if !(1..=MOST_STEPS).contains(&steps) {
            return Err(format!("`scale` goes from {min} to {max}, and may have 1 to {MOST_STEPS} steps"));
        }
        let anchors = anchors.into_iter().map(|(value, text)| match value.parse() {
            Ok(at) if (min..=max).contains(&at) => Ok((at, text)),
            _ => Err(format!("`anchors` has `{value}`, which is no whole number from {min} to {max}")),
        });
        let mut anchors = anchors.collect::<Result<Vec<(i32, String)>, _>>()?;
        anchors.sort_by_key(|(at, _)| *at);
        Ok(Verdicts::Scale { min, max, anchors })
    }
}

fn resolve_labels(labels: Vec<String>) -> Result<Verdicts, String> {
    let fits = |label: &String| (1..=64).contains(&label.len()) && !label.chars().any(char::is_control);
    if let Some(label) = labels.iter().find(|label| !fits(label)) {
        return Err(format!("the label {label:?} has not 1 to 64 bytes, or has control characters"));
    }
    let different: BTreeSet<_> = labels.iter().collect();
    if different.len() != labels.len() || !(2..=32).contains(&labels.len()) {
        return Err("`labels` has to be 2 to 32 different ones".to_owned());
    }
    Ok(Verdicts::Labels(labels))
}
