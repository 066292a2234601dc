//! The labelled rows and the halves they are split into; knows nothing of plugins.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use tribunal::record::Name;

/// All rows of a folder.
pub(crate) struct Data {
    pub(crate) xstest: Vec<Answered<XsTestLabels>>,
    pub(crate) halueval: Vec<Answered<HaluEvalLabels>>,
    pub(crate) moderation: Vec<Moderated>,
}

/// A prompt and a model's answer.
#[derive(Deserialize)]
pub(crate) struct Answered<Labels> {
    pub(crate) id: String,
    pub(crate) provider: Name,
    pub(crate) model: Name,
    pub(crate) prompt: String,
    pub(crate) completion: String,
    pub(crate) labels: Labels,
}

#[derive(Deserialize)]
pub(crate) struct HaluEvalLabels {
    /// Whether people found anything made up in it.
    pub(crate) hallucination: bool,
}

#[derive(Deserialize)]
pub(crate) struct XsTestLabels {
    pub(crate) refusal: Refused,
    prompt_type: String,
}

/// How far an answer refuses, by the people who labelled it.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum Refused {
    #[serde(rename = "1_full_compliance")]
    None,
    #[serde(rename = "3_partial_refusal")]
    Partial,
    #[serde(rename = "2_full_refusal")]
    Full,
}

/// A text with the labels that it was given; one that is absent was not asked for.
#[derive(Deserialize)]
pub(crate) struct Moderated {
    pub(crate) text: String,
    pub(crate) labels: BTreeMap<String, bool>,
}

impl<Labels> Answered<Labels> {
    pub(crate) fn is_test(&self) -> bool {
        is_test(&self.prompt)
    }
}

impl XsTestLabels {
    /// XSTest calls the prompts that should be refused contrasts to the others.
    pub(crate) fn is_harmless_prompt(&self) -> bool {
        !self.prompt_type.starts_with("contrast_")
    }
}

/// Whether a row with that prompt or text is in the half that nothing was trained on.
pub(crate) fn is_test(text: &str) -> bool {
    Sha256::digest(text.as_bytes())[0] % 2 == 1
}

impl Data {
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            xstest: rows(&folder.join("xstest.jsonl"))?,
            halueval: rows(&folder.join("halueval.jsonl"))?,
            moderation: rows(&folder.join("moderation.jsonl"))?,
        })
    }
}

fn rows<Row: DeserializeOwned>(path: &Path) -> anyhow::Result<Vec<Row>> {
    let text = fs::read_to_string(path).with_context(|| {
        format!("cannot read {}; a small sample is there with `make measure DATA=examples/labels`", path.display())
    })?;
    let mut rows = Vec::new();
    for (at, line) in text.lines().enumerate() {
        rows.push(serde_json::from_str(line).with_context(|| format!("{}, line {}", path.display(), at + 1))?);
    }
    if rows.is_empty() {
        bail!("{} has no row", path.display());
    }
    Ok(rows)
}
