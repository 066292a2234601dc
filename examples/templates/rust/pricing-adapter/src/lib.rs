//! Prices tokens by a fixed list.

use tribunal_sdk::{Call, Cost, CostItem, Failure, Plugin, PricingAdapter};

const MILLION: u64 = 1_000_000;
/// The largest price, and the most tokens, so that products fit.
const MOST: u64 = MILLION * MILLION;

/// Prices are billionths of the currency for a million tokens.
#[derive(serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    currency: String,
    input_price: u64,
    output_price: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { currency: "USD".to_owned(), input_price: 150_000_000, output_price: 600_000_000 }
    }
}

struct ExamplePlugin(Config);

impl Plugin for ExamplePlugin {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, String> {
        if config.currency.len() != 3 || !config.currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err("\"currency\" must be three capital letters".to_owned());
        }
        for (key, price) in [("input_price", config.input_price), ("output_price", config.output_price)] {
            if price > MOST {
                return Err(format!("\"{key}\" must be a whole number from 0 to {MOST}"));
            }
        }
        Ok(Self(config))
    }

    fn config_schema() -> Option<String> {
        Some(include_str!("../config.schema.json").to_owned())
    }
}

impl PricingAdapter for ExamplePlugin {
    fn evaluate(&self, call: &Call) -> Result<Option<Cost>, Failure> {
        let Self(config) = self;
        let Some(usage) = &call.usage else { return Ok(None) };
        let input = [usage.input_tokens, usage.cache_read_tokens, usage.cache_write_tokens];
        let output = [usage.output_tokens, usage.reasoning_tokens];
        let lines = [
            ("input_tokens", sum(&input)?, config.input_price),
            ("output_tokens", sum(&output)?, config.output_price),
        ];
        // In millionths of billionths, so that nothing is rounded before the end.
        let exact = lines.map(|(_, quantity, price)| u128::from(quantity) * u128::from(price));
        let items = lines.iter().zip(exact).map(|((name, quantity, unit_price), exact)| CostItem {
            name: (*name).to_owned(),
            quantity: *quantity,
            unit_price: *unit_price,
            amount: rounded(exact),
        });
        Ok(Some(Cost {
            currency: config.currency.clone(),
            amount: rounded(exact.iter().sum()),
            items: items.collect(),
            price_list: "example-plugin 0.1.0".to_owned(),
            attributes: Vec::new(),
        }))
    }
}

fn sum(counts: &[u64]) -> Result<u64, Failure> {
    let sum = counts.iter().try_fold(0u64, |sum, count| sum.checked_add(*count));
    sum.filter(|sum| *sum <= MOST).ok_or_else(|| Failure::new("invalid-input", "more than 10^12 tokens"))
}

/// Millionths, to the nearest whole number, and from the middle to the even one.
fn rounded(millionths: u128) -> u64 {
    let million = u128::from(MILLION);
    let (whole, rest) = (millionths / million, millionths % million);
    let up = rest * 2 > million || (rest * 2 == million && whole % 2 == 1);
    u64::try_from(whole + u128::from(up)).expect("prices and counts are bounded")
}

tribunal_sdk::export!(ExamplePlugin: PricingAdapter);
