//! What an evaluation said when it was stored and what it says now: counted, and in words. Knows nothing of where
//! either comes from.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value as Json;

use crate::record::{BindingDigest, ComponentDigest, Interaction, InteractionId, Name, Outcome, Reason, Time};
use crate::store::StoredEvaluation;

/// One evaluation, then and now.
pub(super) enum Comparison {
    /// The same verdicts to the byte, or a failure of the same sort.
    Equal,
    /// One of the two ended at its deadline or for want of a model's answer and the other did not, which a plugin has no say
    /// in.
    Circumstance,
    /// Anything else.
    Different(Box<Difference>),
}

/// An evaluation that came out otherwise.
#[derive(Debug, Serialize)]
pub(super) struct Difference {
    interaction: InteractionId,
    started_at: Time,
    stored: Side,
    again: Side,
}

/// One side of a difference.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Side {
    /// As JSON.
    Verdicts(String),
    /// The reason.
    Failure(String),
}

impl Side {
    fn new(failure: Option<&str>, verdicts: Option<String>) -> Self {
        match failure {
            Some(reason) => Self::Failure(reason.to_owned()),
            None => Self::Verdicts(verdicts.unwrap_or_else(|| "[]".to_owned())),
        }
    }

    fn is_circumstance(&self) -> bool {
        let Self::Failure(reason) = self else { return false };
        matches!(Reason::parse(reason), Some(Reason::Deadline | Reason::ModelUnavailable | Reason::BudgetSpent))
    }

    fn in_words(&self) -> String {
        match self {
            Self::Verdicts(json) => json.clone(),
            Self::Failure(reason) => format!("failed: {reason}"),
        }
    }
}

impl Comparison {
    pub(super) fn of(stored: &StoredEvaluation, interaction: &Interaction, again: &Outcome) -> Self {
        let stored = Side::new(stored.failure.as_deref(), stored.verdicts.clone());
        let again = Side::new(again.reason().map(Reason::as_str), again.verdicts_json());
        if stored == again {
            Self::Equal
        } else if stored.is_circumstance() || again.is_circumstance() {
            Self::Circumstance
        } else {
            let (interaction, started_at) = (interaction.id.clone(), interaction.started_at);
            Self::Different(Box::new(Difference { interaction, started_at, stored, again }))
        }
    }
}

/// Comparisons, counted, with the earliest differences.
pub(super) struct Totals {
    equal: u64,
    circumstance: u64,
    different: u64,
    /// Earliest first, no more than `most`.
    shown: Vec<Difference>,
    most: usize,
}

impl Totals {
    pub(super) fn new(most: usize) -> Self {
        Self { equal: 0, circumstance: 0, different: 0, shown: Vec::new(), most }
    }

    pub(super) fn count(&mut self, comparison: Comparison) {
        match comparison {
            Comparison::Equal => self.equal += 1,
            Comparison::Circumstance => self.circumstance += 1,
            Comparison::Different(difference) => {
                self.different += 1;
                self.show(*difference);
            }
        }
    }

    /// Each thread comes to its own in their order, so what is full stays as it is.
    fn show(&mut self, difference: Difference) {
        if self.shown.len() < self.most {
            self.shown.push(difference);
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.equal += other.equal;
        self.circumstance += other.circumstance;
        self.different += other.different;
        self.shown.extend(other.shown);
        self.shown.sort_by(|one, two| (one.started_at, &one.interaction).cmp(&(two.started_at, &two.interaction)));
        self.shown.truncate(self.most);
    }

    fn total(&self) -> u64 {
        self.equal + self.circumstance + self.different
    }

    /// Whether there was anything to compare, and all of it was equal.
    pub(super) fn all_equal(&self) -> bool {
        self.equal > 0 && self.equal == self.total()
    }

    /// Of a hundred, rounded down to two places: 100 says that all are equal.
    fn percentage(&self) -> f64 {
        let hundredths = u128::from(self.equal) * 10_000 / u128::from(self.total().max(1));
        hundredths as f64 / 100.0
    }

    /// For people.
    pub(super) fn lines(&self) -> Vec<String> {
        let (total, equal, percentage) = (self.total(), self.equal, self.percentage());
        if total == 0 {
            return vec!["no evaluation of it is stored in that range".to_owned()];
        }
        let mut lines = vec![format!("{total} evaluations, {equal} equal to the byte: {percentage} %")];
        if self.circumstance > 0 {
            let count = self.circumstance;
            lines.push(format!(
                "{count} ended at their deadline or without a model's answer then or now, which is not the plugin's doing"
            ));
        }
        if self.different > 0 {
            lines.push(format!("{} different; the first of them:", self.different));
        }
        for Difference { interaction, started_at, stored, again } in &self.shown {
            lines.push(format!("  interaction {interaction}, started at {started_at}"));
            lines.push(format!("    stored  {}", stored.in_words()));
            lines.push(format!("    again   {}", again.in_words()));
        }
        lines
    }

    /// For machines.
    pub(super) fn json(
        &self,
        name: &Name,
        binding: BindingDigest,
        sha256: ComponentDigest,
        threads: usize,
        took: Duration,
    ) -> Json {
        serde_json::json!({
            "plugin": name,
            "binding": binding,
            "sha256": sha256,
            "evaluations": self.total(),
            "equal": self.equal,
            "equal_percent": self.percentage(),
            "circumstance": self.circumstance,
            "different": self.different,
            "differences": self.shown,
            "threads": threads,
            "seconds": took.as_secs_f64(),
        })
    }
}
