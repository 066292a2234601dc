//! Splits an answer into claims; knows nothing of documents.

use std::collections::BTreeSet;

use exhibits::{Exhibits, answer, fill, is_blank, question};
use serde::Deserialize;
use tribunal_sdk::{Failure, Interaction, Json};

use crate::config::Settings;
use crate::{Ask, parsed, prompt};

const TASK: &str = include_str!("../prompts/claims.txt");

/// The longest claim and the longest quote in characters, where the schema bounds them.
const LONGEST_CLAIM: usize = 300;
const LONGEST_QUOTE: usize = 400;

/// One statement of the answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Claim {
    /// In the words of the model.
    pub(crate) claim: String,
    /// What it says is the place in the answer.
    pub(crate) quote: String,
}

/// The claims of an answer.
#[derive(Debug)]
pub(crate) struct Claims {
    pub(crate) list: Vec<Claim>,
    /// What a reviewer has to know of them.
    pub(crate) notes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    claims: Vec<Claim>,
}

pub(crate) fn of(settings: &Settings, interaction: &Interaction, ask: Ask<'_>) -> Result<Claims, Failure> {
    let mut exhibits = Exhibits::default();
    exhibits.show("question", &question(interaction), settings.max_characters);
    exhibits.show("answer", &answer(interaction), settings.max_characters);
    let task = fill(TASK, &[("most", &settings.max_claims.to_string())]);
    let completion = ask(&prompt(settings, &exhibits, &task, &schema(settings)))?;
    let Answer { claims: mut list } = parsed(&completion)?;
    // A weak model says the same again and again.
    let mut seen = BTreeSet::new();
    list.retain(|claim| !is_blank(&claim.claim) && seen.insert(claim.claim.trim().to_lowercase()));
    let mut notes: Vec<_> = exhibits.cuts().into_iter().collect();
    if list.len() > settings.max_claims {
        notes.push(format!("Of {} claims the first {} were checked.", list.len(), settings.max_claims));
        list.truncate(settings.max_claims);
    }
    Ok(Claims { list, notes })
}

/// A model writes keys in their order here, which is sorted: it states the claim before it looks for the place.
fn schema(settings: &Settings) -> Json {
    let text = |longest: usize| match settings.bounds {
        true => serde_json::json!({"type": "string", "maxLength": longest}),
        false => serde_json::json!({"type": "string"}),
    };
    let claim = serde_json::json!({
        "type": "object",
        "properties": {"claim": text(LONGEST_CLAIM), "quote": text(LONGEST_QUOTE)},
        "required": ["claim", "quote"],
        "additionalProperties": false,
    });
    let mut claims = serde_json::json!({"type": "array", "items": claim});
    if settings.bounds {
        claims["maxItems"] = settings.max_claims.into();
    }
    serde_json::json!({
        "type": "object",
        "properties": {"claims": claims},
        "required": ["claims"],
        "additionalProperties": false,
    })
}
