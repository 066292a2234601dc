//! The price list as genai-prices writes it, read strictly: what this does not know fails the build.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    pub id: String,
    pub provider_match: Option<Clause>,
    pub model_match: Option<Clause>,
    #[serde(default)]
    pub fallback_model_providers: Vec<String>,
    pub models: Vec<Model>,
    #[serde(rename = "name")]
    _name: IgnoredAny,
    #[serde(rename = "description")]
    _description: Option<IgnoredAny>,
    #[serde(rename = "pricing_urls")]
    _pricing_urls: Option<IgnoredAny>,
    #[serde(rename = "price_comments")]
    _price_comments: Option<IgnoredAny>,
    #[serde(rename = "api_pattern")]
    _api_pattern: IgnoredAny,
    #[serde(rename = "extractors")]
    _extractors: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    pub id: String,
    #[serde(rename = "match")]
    pub matches: Clause,
    #[serde(deserialize_with = "periods")]
    pub prices: Vec<Period>,
    #[serde(rename = "name")]
    _name: Option<IgnoredAny>,
    #[serde(rename = "description")]
    _description: Option<IgnoredAny>,
    #[serde(rename = "context_window")]
    _context_window: Option<IgnoredAny>,
    #[serde(rename = "price_comments")]
    _price_comments: Option<IgnoredAny>,
    #[serde(rename = "deprecated")]
    _deprecated: Option<IgnoredAny>,
}

/// What a provider's or a model's name has to be like.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clause {
    Equals(String),
    StartsWith(String),
    EndsWith(String),
    Contains(String),
    Regex(String),
    Or(Vec<Clause>),
    And(Vec<Clause>),
}

/// Prices by the list's key for the unit, and when they hold.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    #[serde(default)]
    pub constraint: Constraint,
    pub prices: BTreeMap<String, Value>,
}

/// Either nothing, or a first day, or two times of day.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct Constraint {
    pub start_date: Option<String>,
    pub start_time: Option<String>,
    pub end_time: Option<String>,
}

/// A price that depends on how many tokens of input the call had.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tiered {
    pub base: Value,
    pub tiers: Vec<Tier>,
}

/// The price for calls of more than `start` tokens of input.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    pub start: u64,
    pub price: Value,
}

/// A model's prices are either one set, or a list of sets with constraints.
fn periods<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Period>, D::Error> {
    use serde::de::Error;
    match Value::deserialize(deserializer)? {
        Value::Array(periods) if periods.is_empty() => Err(D::Error::custom("a model without prices")),
        Value::Array(periods) => {
            periods.into_iter().map(|period| serde_json::from_value(period).map_err(D::Error::custom)).collect()
        }
        Value::Object(prices) => {
            Ok(vec![Period { constraint: Constraint::default(), prices: prices.into_iter().collect() }])
        }
        other => Err(D::Error::custom(format!("prices are {other}"))),
    }
}
