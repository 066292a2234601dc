//! Says what a call cost, from published price lists.
//!
//! The list is that of genai-prices, turned into static tables by the build. A model that it does not know has no
//! cost, which is not the same as a cost of 0.

pub mod config;
pub mod table;
pub mod unit;

mod bill;
mod date;
mod decimal;
mod lookup;

use tribunal_sdk::{Call, Cost, Failure, Plugin, PricingAdapter};

use config::{Config, Overrides};

const NANOSECONDS_A_DAY: u64 = 86_400 * 1_000_000_000;

/// The plugin.
#[derive(Debug)]
pub struct Pricing {
    overrides: Overrides,
    match_by_model: bool,
}

impl Plugin for Pricing {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, String> {
        Ok(Self { overrides: Overrides::new(&config.overrides)?, match_by_model: config.match_by_model })
    }
}

impl PricingAdapter for Pricing {
    fn evaluate(&self, call: &Call) -> Result<Option<Cost>, Failure> {
        let Some(usage) = &call.usage else {
            return Ok(None);
        };
        let listed = lookup::find(&call.provider, &call.model, self.match_by_model);
        let listed_as = listed.map(|listed| table::model_id(listed.model));
        let day = call.started_at / NANOSECONDS_A_DAY;
        if let Some(own) = self.overrides.find(&call.provider, &call.model, listed_as, day) {
            return bill::cost(usage, &own.rates, own.price_list.clone()).map(Some);
        }
        let (Some(listed), Some(id)) = (listed, listed_as) else {
            return Ok(None);
        };
        let rates = table::rates(listed.model, call.started_at, bill::input(usage));
        let price_list = [table::LIST, listed.provider, id].join(" / ");
        bill::cost(usage, &rates, price_list).map(Some)
    }
}

tribunal_sdk::export!(Pricing: PricingAdapter);
