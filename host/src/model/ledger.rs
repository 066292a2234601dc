//! What may be spent on models and what was: exact, however many calls are under way at once.
//!
//! What a request may cost at most is held back before it is sent, and what it did cost takes its place once it is answered. A
//! request that would not fit beside what is held back waits until that is known.

use std::collections::{BTreeMap, HashMap};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;
use tokio::time::timeout_at;

use crate::record::{Budget, Hour, ModelFailure, ModelFailureKind, Name, Period, Time, Usd};
use crate::store::Spent;

/// Who pays.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Payer {
    /// What is spent on the model of that alias.
    Model(Name),
    /// What the binding of that name spends.
    Binding(Name),
}

/// What every payer spent, and may spend.
#[derive(Default)]
pub(super) struct Ledger {
    accounts: Mutex<HashMap<Payer, Account>>,
    /// Something that was held back is known.
    settled: Notify,
}

#[derive(Default)]
struct Account {
    budget: Option<Budget>,
    /// Of this month.
    hours: BTreeMap<Hour, Usd>,
    held: Usd,
}

/// How a budget stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetView {
    /// The budget.
    pub budget: Budget,
    /// What was spent in the period that it is.
    pub spent: Usd,
    /// What requests under way may cost at most.
    pub held: Usd,
    /// When the next period begins.
    pub renews_at: Time,
}

impl Account {
    fn view(&self, budget: Budget, now: Hour) -> BudgetView {
        let (first, next) = budget.per.around(now);
        let spent = self.hours.range(first..next).map(|(_, spent)| *spent).sum();
        BudgetView { budget, spent, held: self.held, renews_at: next.begin() }
    }
}

/// Why a request is not sent yet.
enum Refusal {
    /// It would not fit though nothing else was under way.
    Spent(ModelFailure),
    /// It may fit once more is known.
    NotYet,
}

impl Ledger {
    fn accounts(&self) -> MutexGuard<'_, HashMap<Payer, Account>> {
        // Nothing that holds the lock can panic halfway through a change.
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts these budgets in the place of those that were there. What was spent stays.
    pub(super) fn set(&self, budgets: impl IntoIterator<Item = (Payer, Budget)>) {
        let mut accounts = self.accounts();
        accounts.values_mut().for_each(|account| account.budget = None);
        for (payer, budget) in budgets {
            accounts.entry(payer).or_default().budget = Some(budget);
        }
        drop(accounts);
        // More may be allowed now.
        self.settled.notify_waiters();
    }

    /// Takes over what was spent before the start.
    pub(super) fn carry_over(&self, spent: Vec<Spent>) {
        let mut accounts = self.accounts();
        for Spent { binding, alias, hour, cost } in spent {
            for payer in [Payer::Model(alias), Payer::Binding(binding)] {
                let hour = accounts.entry(payer).or_default().hours.entry(hour).or_default();
                *hour = *hour + cost;
            }
        }
    }

    /// The budget of that payer as it stands, where there is one.
    pub(super) fn view(&self, payer: &Payer) -> Option<BudgetView> {
        let accounts = self.accounts();
        let account = accounts.get(payer)?;
        account.budget.map(|budget| account.view(budget, Hour::of(Time::now())))
    }

    /// Every budget of a binding as it stands, by name.
    pub(super) fn views_of_bindings(&self) -> Vec<(Name, BudgetView)> {
        let now = Hour::of(Time::now());
        let accounts = self.accounts();
        let view = |(payer, account): (&Payer, &Account)| match payer {
            Payer::Binding(name) => Some((name.clone(), account.view(account.budget?, now))),
            Payer::Model(_) => None,
        };
        let mut views: Vec<_> = accounts.iter().filter_map(view).collect();
        views.sort_by(|(one, _), (other, _)| one.cmp(other));
        views
    }

    /// Whether any of these has a budget.
    pub(super) fn is_limited(&self, payers: &[Payer]) -> bool {
        let accounts = self.accounts();
        payers.iter().any(|payer| accounts.get(payer).is_some_and(|account| account.budget.is_some()))
    }

    /// Holds back what a request may cost at most, once every payer's budget allows it.
    pub(super) async fn hold<'a>(
        &'a self,
        payers: &'a [Payer],
        most: Usd,
        until: Instant,
    ) -> Result<Hold<'a>, ModelFailure> {
        loop {
            let mut settled = pin!(self.settled.notified());
            settled.as_mut().enable();
            match self.try_hold(payers, most, Hour::of(Time::now())) {
                Ok(()) => return Ok(Hold { ledger: self, payers, most }),
                Err(Refusal::Spent(failure)) => return Err(failure),
                Err(Refusal::NotYet) => {
                    if timeout_at(until.into(), settled).await.is_err() {
                        let message = "requests under way held back what is left of the budget";
                        return Err(ModelFailure::new(ModelFailureKind::ModelUnavailable, message));
                    }
                }
            }
        }
    }

    fn try_hold(&self, payers: &[Payer], most: Usd, now: Hour) -> Result<(), Refusal> {
        let mut accounts = self.accounts();
        for payer in payers {
            let Some(account) = accounts.get(payer) else { continue };
            let Some(budget) = account.budget else { continue };
            let BudgetView { spent, held, renews_at, .. } = account.view(budget, now);
            if spent + most > budget.limit {
                return Err(Refusal::Spent(spent_failure(payer, budget, spent, most, renews_at)));
            }
            if spent + held + most > budget.limit {
                return Err(Refusal::NotYet);
            }
        }
        for payer in payers {
            let account = accounts.entry(payer.clone()).or_default();
            account.held = account.held + most;
        }
        Ok(())
    }

    fn settle(&self, payers: &[Payer], held: Usd, cost: Usd, now: Hour) {
        let mut accounts = self.accounts();
        let (month, _) = Period::Month.around(now);
        for payer in payers {
            let account = accounts.entry(payer.clone()).or_default();
            account.held = account.held - held;
            if cost > Usd::ZERO {
                account.hours = account.hours.split_off(&month);
                let hour = account.hours.entry(now).or_default();
                *hour = *hour + cost;
            }
        }
        drop(accounts);
        self.settled.notify_waiters();
    }
}

fn spent_failure(payer: &Payer, budget: Budget, spent: Usd, most: Usd, renews_at: Time) -> ModelFailure {
    let whose = match payer {
        Payer::Model(alias) => format!("the model {alias}"),
        Payer::Binding(binding) => format!("the plugin {binding}"),
    };
    let message = format!(
        "of the budget of {whose}, {budget}, {} is left and this request may cost {most}; it renews at {}",
        budget.limit - spent,
        String::from(renews_at),
    );
    ModelFailure { again_at: Some(renews_at), ..ModelFailure::new(ModelFailureKind::BudgetSpent, message) }
}

/// What is held back for one request. Dropped, nothing was spent.
pub(super) struct Hold<'a> {
    ledger: &'a Ledger,
    payers: &'a [Payer],
    pub(super) most: Usd,
}

impl Hold<'_> {
    /// The request has cost that.
    pub(super) fn settle(mut self, cost: Usd) {
        self.ledger.settle(self.payers, self.most, cost, Hour::of(Time::now()));
        self.payers = &[];
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        if !self.payers.is_empty() {
            self.ledger.settle(self.payers, self.most, Usd::ZERO, Hour::of(Time::now()));
        }
    }
}
