//! The prices of calls to models: by the pricing adapters that are loaded, as those of any interaction.

use std::cell::RefCell;

use crate::dispatch::Bench;
use crate::plugin::Evaluator;
use crate::record::{Interaction, Kind, Outcome, Prices, Usd};

/// A call that costs more is none that anybody made: what is said of it is no price.
const MOST: Usd = Usd::from_billionths(1_000_000 * 1_000_000_000);

/// The loaded pricing adapters.
pub(super) struct Adapters {
    bench: Bench,
}

impl Adapters {
    pub(super) fn new(bench: Bench) -> Self {
        Self { bench }
    }
}

impl Prices for Adapters {
    /// What the first adapter says, by name, that knows what the call costs in US dollars.
    fn cost(&self, call: &Interaction) -> Option<Usd> {
        thread_local! {
            static EVALUATOR: RefCell<Evaluator> = RefCell::default();
        }
        let mut adapters = self.bench.sound_plugins();
        adapters.retain(|plugin| plugin.kinds().any(|kind| kind == Kind::PricingAdapter) && !plugin.asks_models());
        adapters.sort_by(|one, other| one.binding().name.as_str().cmp(other.binding().name.as_str()));
        EVALUATOR.with_borrow_mut(|evaluator| {
            adapters.iter().find_map(|adapter| {
                let Outcome::Succeeded(verdicts) = evaluator.evaluate(adapter, call).outcome else { return None };
                let costs = verdicts.into_iter().filter_map(|verdict| verdict.cost);
                let dollars = costs.filter(|cost| cost.currency == "USD");
                dollars.map(|cost| Usd::from_billionths(cost.amount_billionths)).find(|cost| *cost <= MOST)
            })
        })
    }
}
