//! How two raters of the same things differ, counted one thing after the other in memory that does not grow with their
//! number. Knows nothing of what is rated, or by whom.

mod bins;
mod confusion;
mod differences;
mod quality;
mod quantiles;

pub(crate) use confusion::Confusion;
pub(crate) use differences::Differences;
pub(crate) use quality::best_threshold;
pub use quality::{Hits, ratio, roc_auc};

/// A share of a whole; none of nothing.
pub(crate) fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Cohen's kappa: how much more often two raters agree than they would by chance, if each gave what it gives as often as
/// it does but regardless of the thing. 1 is agreement always, 0 no more than by chance. `given` is how often each rater
/// gave each answer. None where nothing was rated, or where chance alone agrees always.
pub(crate) fn kappa(rated: u64, equal: u64, given: impl IntoIterator<Item = (u64, u64)>) -> Option<f64> {
    let observed = share(equal, rated)?;
    let chance: f64 = given.into_iter().filter_map(|(a, b)| Some(share(a, rated)? * share(b, rated)?)).sum();
    (chance < 1.0).then(|| (observed - chance) / (1.0 - chance))
}

/// How often each of two raters gave something at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Presence {
    pub(crate) both: u64,
    pub(crate) only_a: u64,
    pub(crate) only_b: u64,
}

impl Presence {
    /// Counts one thing of which at least one rater gave it.
    pub(crate) fn record(&mut self, a: bool, b: bool) {
        match (a, b) {
            (true, true) => self.both += 1,
            (true, false) => self.only_a += 1,
            (false, true) => self.only_b += 1,
            (false, false) => {}
        }
    }

    /// Of that many rated things, those to which neither gave it.
    pub(crate) fn neither(&self, rated: u64) -> u64 {
        rated.saturating_sub(self.both + self.only_a + self.only_b)
    }

    /// The share of that many rated things on which they agree, both ways.
    pub(crate) fn agreement(&self, rated: u64) -> Option<f64> {
        share(self.both + self.neither(rated), rated)
    }

    /// Cohen's kappa over that many rated things.
    pub(crate) fn kappa(&self, rated: u64) -> Option<f64> {
        let (a, b) = (self.both + self.only_a, self.both + self.only_b);
        kappa(rated, self.both + self.neither(rated), [(a, b), (rated.saturating_sub(a), rated.saturating_sub(b))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Equal to six digits, or both none.
    fn close(got: Option<f64>, expected: Option<f64>) {
        let same = match (got, expected) {
            (Some(got), Some(expected)) => (got - expected).abs() < 1e-6,
            (got, expected) => got == expected,
        };
        assert!(same, "got {got:?}, expected {expected:?}");
    }

    #[test]
    fn kappa_of_known_tables() {
        // 20 and 15 of 50 agree; chance is 0.5 * 0.6 + 0.5 * 0.4.
        let applications = Presence { both: 20, only_a: 5, only_b: 10 };
        close(applications.agreement(50), Some(0.7));
        close(applications.kappa(50), Some(0.4));
        // The same observed agreement of 60 of 100, with different margins.
        close(Presence { both: 45, only_a: 15, only_b: 25 }.kappa(100), Some(0.130_434_8));
        close(Presence { both: 25, only_a: 35, only_b: 5 }.kappa(100), Some(0.259_259_3));
        // Never together, half each.
        close(Presence { both: 0, only_a: 5, only_b: 5 }.kappa(10), Some(-1.0));
        // Chance alone agrees always, or nothing was rated.
        close(Presence { both: 10, only_a: 0, only_b: 0 }.kappa(10), None);
        close(Presence::default().kappa(10), None);
        close(Presence::default().kappa(0), None);
        close(Presence::default().agreement(0), None);
    }
}
