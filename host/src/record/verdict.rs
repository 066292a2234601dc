//! What a plugin said of an interaction.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// One named judgement inside an evaluation. Which fields are set depends on `kind`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, utoipa::ToSchema)]
pub struct Verdict {
    /// What sort of judgement it is.
    pub kind: VerdictKind,
    /// The score's name, the finding's category, the bias finding's dimension, or `cost`.
    pub name: String,
    /// A score's value; for a cost the amount in units of the currency, rounded to a double.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// A score's label, or the code of a finding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// How bad a finding is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// How sure the plugin is of a finding, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// Where in the interaction a finding stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
    /// Why, for the reviewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
    /// The cost, exactly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// Anything else the plugin said.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    pub attributes: Map<String, Json>,
}

/// The sorts of judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictKind {
    /// From a scorer.
    Score,
    /// From an error classifier.
    Finding,
    /// From a bias check.
    BiasFinding,
    /// From a pricing adapter.
    Cost,
}

/// The value of a score.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum Value {
    /// True or false.
    Boolean(bool),
    /// Finite.
    Number(f64),
    /// One of a few words.
    Label(String),
}

/// How bad a finding is, mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Asks for nothing.
    Info,
    /// A blemish.
    Low,
    /// Should be looked at.
    Medium,
    /// Should be mended.
    High,
    /// Asks for somebody now.
    Critical,
}

impl Severity {
    /// The severity as users read and write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// The side of an interaction that a text stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TextSource {
    /// What the model was given.
    Input,
    /// What the model answered.
    Output,
}

/// A stretch of one text part, in bytes of its UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
pub struct Span {
    /// Which side.
    pub source: TextSource,
    /// Index into `input` or `output`.
    pub message: u32,
    /// Index into the message's parts; 0 where the content is a plain string.
    pub part: u32,
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

/// What a call cost.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, utoipa::ToSchema)]
pub struct Cost {
    /// ISO 4217.
    pub currency: String,
    /// Billionths of the currency.
    pub amount_billionths: u64,
    /// What it is made of.
    pub items: Vec<CostItem>,
    /// The prices used, with their date.
    pub price_list: String,
}

/// One line of a cost.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, utoipa::ToSchema)]
pub struct CostItem {
    /// The bucket of usage, or another unit.
    pub name: String,
    /// How many units.
    pub quantity: u64,
    /// Billionths of the currency for one million units.
    pub unit_price_billionths_per_million: u64,
    /// Billionths of the currency.
    pub amount_billionths: u64,
}
