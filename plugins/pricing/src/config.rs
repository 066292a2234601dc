//! The binding's config: the operator's own prices, checked once. Knows nothing of the list's prices.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

use crate::date;
use crate::decimal::{Billionths, Decimal};
use crate::lookup::{canonical_provider, lower};
use crate::table::Rate;
use crate::unit::Unit;

/// The largest price, in billionths: a million dollars for a million tokens.
const MAX_PRICE: u64 = 1_000_000 * 1_000_000_000;

/// How the plugin is set up.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The operator's own prices. They win over the list.
    pub overrides: Vec<OverrideConfig>,
    /// Whether a provider that the list does not know is told from the model's name.
    pub match_by_model: bool,
}

/// Prices for a model, as they stand in the config: US dollars for a million tokens.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverrideConfig {
    provider: String,
    model: String,
    #[serde(default)]
    input: Option<Price>,
    #[serde(default)]
    output: Option<Price>,
    #[serde(default)]
    cache_read: Option<Price>,
    #[serde(default)]
    cache_write: Option<Price>,
    /// The first day, `2026-03-13`, from its start in UTC.
    #[serde(default)]
    from: Option<String>,
}

/// A price in billionths, from a JSON number or a decimal string.
#[derive(Debug, Clone, Copy)]
struct Price(u64);

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PriceVisitor)
    }
}

struct PriceVisitor;

impl Visitor<'_> for PriceVisitor {
    type Value = Price;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a price in dollars for a million tokens: from 0 to 1000000, at most 9 decimals, as a number or a string",
        )
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Price, E> {
        match Decimal::parse(text).and_then(Decimal::billionths) {
            Some(Billionths::Exact(price)) if price <= MAX_PRICE => Ok(Price(price)),
            _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Price, E> {
        self.visit_str(&number.to_string())
    }

    /// The shortest text that reads as this float is the decimal that was written, up to 15 digits.
    fn visit_f64<E: Error>(self, number: f64) -> Result<Price, E> {
        self.visit_str(&number.to_string())
    }
}

/// Prices for a model, checked.
#[derive(Debug)]
pub(crate) struct Override {
    provider: String,
    model: String,
    /// Days after 1970-01-01.
    from_day: u32,
    pub(crate) rates: Vec<Rate>,
    /// Names these prices in a cost.
    pub(crate) price_list: String,
}

impl Override {
    fn new(config: &OverrideConfig) -> Result<Self, String> {
        let provider = config.provider.trim();
        let model = config.model.trim();
        if provider.is_empty() || model.is_empty() {
            return Err("provider and model: expected a name".to_owned());
        }
        let from_day = match &config.from {
            None => 0,
            Some(from) => {
                date::day(from).ok_or_else(|| format!("from: expected a day such as 2026-03-13, got {from:?}"))?
            }
        };
        let prices = [
            (Unit::INPUT, config.input),
            (Unit::OUTPUT, config.output),
            (Unit::CACHE_READ, config.cache_read),
            (Unit::CACHE_WRITE, config.cache_write),
        ];
        let rates: Vec<Rate> =
            prices.into_iter().filter_map(|(unit, price)| Some(Rate { unit, price: price?.0 })).collect();
        if config.input.is_none() && config.output.is_none() {
            return Err("expected a price for input, for output or for both".to_owned());
        }
        if config.input.is_none() && (config.cache_read.is_some() || config.cache_write.is_some()) {
            return Err("cache_read and cache_write: expected a price for input as well".to_owned());
        }
        let since = config.from.as_ref().map(|from| format!(" {from}")).unwrap_or_default();
        Ok(Self {
            provider: canonical_provider(provider).into_owned(),
            model: lower(model).into_owned(),
            from_day,
            rates,
            price_list: format!("overrides{since} / {provider} / {model}"),
        })
    }
}

/// The operator's own prices.
#[derive(Debug)]
pub(crate) struct Overrides(Vec<Override>);

impl Overrides {
    /// Checks them. Two for the same model from the same day are refused.
    pub(crate) fn new(config: &[OverrideConfig]) -> Result<Self, String> {
        let mut seen = BTreeSet::new();
        let mut overrides = Vec::with_capacity(config.len());
        for (at, config) in config.iter().enumerate() {
            let named = |problem: String| format!("config: overrides[{at}]: {problem}");
            let one = Override::new(config).map_err(named)?;
            if !seen.insert((one.provider.clone(), one.model.clone(), one.from_day)) {
                return Err(named("there is one for this provider, model and day already".to_owned()));
            }
            overrides.push(one);
        }
        // The latest first: the first that holds is the one in force.
        overrides.sort_by_key(|one| std::cmp::Reverse(one.from_day));
        Ok(Self(overrides))
    }

    /// The prices in force for a model on a day: those for its own name, or else those for the name that the list
    /// knows it by.
    pub(crate) fn find(&self, provider: &str, model: &str, listed_as: Option<&str>, day: u64) -> Option<&Override> {
        if self.0.is_empty() {
            return None;
        }
        let (provider, model, listed_as) = (canonical_provider(provider), lower(model), listed_as.map(lower));
        let find = |name: &str| {
            let holds =
                |one: &&Override| one.model == name && one.provider == provider && u64::from(one.from_day) <= day;
            self.0.iter().find(holds)
        };
        find(&model).or_else(|| find(&listed_as?))
    }
}
