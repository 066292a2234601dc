//! Checks claims against documents; knows nothing of the answer that they come from.

use std::collections::BTreeMap;

use exhibits::Exhibits;
use serde::Deserialize;
use tribunal_sdk::{Failure, Interaction, Json};

use crate::claims::{Claim, Claims};
use crate::config::Settings;
use crate::locate::Plain;
use crate::{Ask, parsed, prompt};

const TASK: &str = include_str!("../prompts/check.txt");

/// The longest claim that is handed on, and the longest piece of evidence where the schema bounds it, in characters.
const LONGEST_CLAIM: usize = 600;
const LONGEST_EVIDENCE: usize = 300;

/// What documents say of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Support {
    Supported,
    Contradicted,
    NotMentioned,
    /// It is said to be supported by words that stand in no document.
    #[serde(skip)]
    Unproven,
}

/// A claim and what documents say of it.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) claim: Claim,
    pub(crate) support: Support,
    pub(crate) evidence: String,
    /// Whether the evidence stands in a document.
    pub(crate) is_found: bool,
}

/// All claims of an answer.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) verdicts: Vec<Verdict>,
    /// What a reviewer has to know of them.
    pub(crate) notes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    evidence: String,
    verdict: Support,
}

pub(crate) fn against_documents(
    settings: &Settings,
    interaction: &Interaction,
    claims: Claims,
    ask: Ask<'_>,
) -> Result<Checked, Failure> {
    let mut documents = Exhibits::default();
    let named = interaction.context.iter().zip(1..);
    let named = named.map(|(document, at)| (format!("document {at}"), document.text.as_str()));
    documents.show_all(named, settings.max_characters);
    let Claims { list, mut notes } = claims;
    notes.extend(documents.cuts());
    let plain: Vec<_> = interaction.context.iter().map(|document| Plain::folded(&document.text)).collect();
    let mut verdicts = Vec::with_capacity(list.len());
    for batch in list.chunks(settings.batch) {
        let mut exhibits = documents.clone();
        exhibits.show("claims", &numbered(batch), usize::MAX);
        let completion = ask(&prompt(settings, &exhibits, TASK, &schema(settings, batch.len())))?;
        let mut entries: BTreeMap<String, Entry> = parsed(&completion)?;
        for (claim, at) in batch.iter().zip(0..) {
            let entry = entries.remove(&key(at));
            let entry = entry.ok_or_else(|| Failure::new("model-answer", format!("{} is not answered", key(at))))?;
            verdicts.push(verdict(settings, claim.clone(), entry, &plain));
        }
    }
    Ok(Checked { verdicts, notes })
}

fn verdict(settings: &Settings, claim: Claim, entry: Entry, documents: &[Plain]) -> Verdict {
    let Entry { evidence, verdict } = entry;
    let is_found = documents.iter().any(|document| document.quotes(&evidence));
    let support = match verdict {
        Support::Supported if settings.require_evidence && !is_found => Support::Unproven,
        other => other,
    };
    Verdict { claim, support, evidence, is_found }
}

/// The name of the claim at that place of a batch. Two digits, since keys go to the model sorted.
fn key(at: usize) -> String {
    format!("claim_{:02}", at + 1)
}

/// One claim a line: none of them can pass for another, as what ends a line is a space in them.
fn numbered(batch: &[Claim]) -> String {
    let lines = batch.iter().zip(0..).map(|(claim, at)| {
        let words: Vec<_> = claim.claim.split_whitespace().collect();
        let short: String = words.join(" ").chars().take(LONGEST_CLAIM).collect();
        format!("{}: {short}", key(at))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Every claim has its place, so none is passed over; the evidence comes before the verdict, in the order of the keys.
fn schema(settings: &Settings, count: usize) -> Json {
    let mut evidence = serde_json::json!({"type": "string"});
    if settings.bounds {
        evidence["maxLength"] = LONGEST_EVIDENCE.into();
    }
    let entry = serde_json::json!({
        "type": "object",
        "properties": {
            "evidence": evidence,
            "verdict": {"type": "string", "enum": ["supported", "contradicted", "not-mentioned"]},
        },
        "required": ["evidence", "verdict"],
        "additionalProperties": false,
    });
    let keys: Vec<_> = (0..count).map(key).collect();
    let properties: BTreeMap<_, _> = keys.iter().map(|key| (key.clone(), entry.clone())).collect();
    serde_json::json!({
        "type": "object",
        "properties": properties,
        "required": keys,
        "additionalProperties": false,
    })
}
