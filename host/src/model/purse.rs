//! What one call to a model costs: held back before each try, paid after it.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::ledger::{Hold, Ledger, Payer};
use super::own;
use crate::record::{ModelAnswer, ModelDefinition, ModelFailure, ModelFailureKind, ModelRequest, Prices, Usage, Usd};

/// What pays for one call.
pub(super) struct Purse<'a> {
    ledger: &'a Ledger,
    prices: Option<&'a dyn Prices>,
    payers: [Payer; 2],
    model: &'a ModelDefinition,
    request: &'a ModelRequest,
    paid: Mutex<Option<Usd>>,
}

impl<'a> Purse<'a> {
    pub(super) fn new(
        ledger: &'a Ledger,
        prices: Option<&'a dyn Prices>,
        payers: [Payer; 2],
        model: &'a ModelDefinition,
        request: &'a ModelRequest,
    ) -> Self {
        Self { ledger, prices, payers, model, request, paid: Mutex::new(None) }
    }

    /// What a call that used this costs, where anybody knows.
    fn price(&self, usage: Usage) -> Option<Usd> {
        self.prices?.cost(&own::priced(own::call(self.model, self.request, Some(usage))))
    }

    /// Holds back what the next try may cost at most, where there is a budget.
    pub(super) async fn hold(&self, until: Instant) -> Result<Hold<'_>, ModelFailure> {
        if !self.ledger.is_limited(&self.payers) {
            return self.ledger.hold(&self.payers, Usd::ZERO, until).await;
        }
        let most = self.price(own::most_usage(self.request, self.model.max_output_tokens));
        let most = most.ok_or_else(|| {
            let message = format!(
                "there is a budget for {}, and no pricing adapter that is loaded knows what {:?} of {} costs; \
                 load one that does, or give `pricing` the price in its `overrides`",
                self.model.alias,
                self.model.model,
                self.model.source.provider()
            );
            ModelFailure::new(ModelFailureKind::ModelUnavailable, message)
        })?;
        self.ledger.hold(&self.payers, most, until).await
    }

    /// Pays for an answer: what it used, or what was held back where it does not say.
    pub(super) fn pay(&self, hold: Hold<'_>, answer: &ModelAnswer) {
        let cost = answer.usage().and_then(|usage| self.price(usage.clone()));
        self.settle(hold, cost);
    }

    /// Pays what was held back for a try that may have cost anything up to that.
    pub(super) fn pay_most(&self, hold: Hold<'_>) {
        self.settle(hold, None);
    }

    fn settle(&self, hold: Hold<'_>, cost: Option<Usd>) {
        let cost = cost.or(Some(hold.most).filter(|most| *most > Usd::ZERO));
        hold.settle(cost.unwrap_or_default());
        if let Some(cost) = cost {
            let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
            *paid = Some(paid.unwrap_or_default() + cost);
        }
    }

    /// What was paid, where it is known.
    pub(super) fn paid(self) -> Option<Usd> {
        self.paid.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
