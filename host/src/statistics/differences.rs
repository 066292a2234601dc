//! How two series of numbers differ, pair by pair. Knows nothing of what the numbers are.

use super::bins::{Bin, Bins};
use super::quantiles::Quantiles;
use super::share;

/// Counts pairs. Means and moments are kept as they stand after each pair (Welford), which neither overflows nor loses
/// small differences among large sums.
#[derive(Debug, Clone, Default)]
pub(crate) struct Differences {
    pairs: u64,
    equal: u64,
    mean_a: f64,
    mean_b: f64,
    mean: f64,
    mean_absolute: f64,
    /// Sums of the squares of what a and b are off their means, and of the products.
    squares_a: f64,
    squares_b: f64,
    products: f64,
    bins: Bins,
    magnitudes: Quantiles,
}

impl Differences {
    /// Counts a pair of finite numbers.
    pub(crate) fn record(&mut self, a: f64, b: f64) {
        self.pairs += 1;
        let count = self.pairs as f64;
        // Two finite numbers can be further apart than there are numbers.
        let difference = (b - a).clamp(f64::MIN, f64::MAX);
        self.mean += (difference - self.mean) / count;
        self.mean_absolute += (difference.abs() - self.mean_absolute) / count;
        let (off_a, off_b) = (a - self.mean_a, b - self.mean_b);
        self.mean_a += off_a / count;
        self.mean_b += off_b / count;
        self.squares_a += off_a * (a - self.mean_a);
        self.squares_b += off_b * (b - self.mean_b);
        self.products += off_a * (b - self.mean_b);
        self.magnitudes.record(difference.abs());
        if difference == 0.0 {
            self.equal += 1;
        } else {
            self.bins.record(difference);
        }
    }

    /// How many pairs.
    pub(crate) fn pairs(&self) -> u64 {
        self.pairs
    }

    /// How many pairs of equal numbers.
    pub(crate) fn equal(&self) -> u64 {
        self.equal
    }

    /// The share of those.
    pub(crate) fn equal_share(&self) -> Option<f64> {
        share(self.equal, self.pairs)
    }

    /// The mean of b - a.
    pub(crate) fn mean(&self) -> Option<f64> {
        self.defined(self.mean)
    }

    /// The mean of |b - a|.
    pub(crate) fn mean_absolute(&self) -> Option<f64> {
        self.defined(self.mean_absolute)
    }

    /// What at least that share of the |b - a| does not exceed; at most 1/128 too large where the magnitudes are not
    /// scattered over more than thirty powers of two.
    pub(crate) fn quantile(&self, share: f64) -> Option<f64> {
        self.magnitudes.quantile(share)
    }

    /// The largest |b - a|.
    pub(crate) fn largest(&self) -> Option<f64> {
        self.magnitudes.largest()
    }

    /// Pearson's correlation; none where one series is constant.
    pub(crate) fn correlation(&self) -> Option<f64> {
        let scale = self.squares_a.sqrt() * self.squares_b.sqrt();
        let correlation = self.products / scale;
        (scale > 0.0 && correlation.is_finite()).then(|| correlation.clamp(-1.0, 1.0))
    }

    /// The b - a that are not zero, in bins.
    pub(crate) fn bins(&self) -> Vec<Bin> {
        self.bins.bins()
    }

    fn defined(&self, mean: f64) -> Option<f64> {
        (self.pairs > 0 && mean.is_finite()).then_some(mean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: Option<f64>, expected: f64) {
        assert!(got.is_some_and(|got| (got - expected).abs() < 1e-12), "got {got:?}, expected {expected}");
    }

    /// Expected values by Python's `statistics` (`fmean`, `correlation`).
    #[test]
    fn known_values() {
        let a = [43.0, 21.0, 25.0, 42.0, 57.0, 59.0];
        let b = [99.0, 65.0, 79.0, 75.0, 87.0, 81.0];
        let mut differences = Differences::default();
        a.into_iter().zip(b).for_each(|(a, b)| differences.record(a, b));
        close(differences.mean(), 39.833_333_333_333_336);
        close(differences.mean_absolute(), 39.833_333_333_333_336);
        close(differences.correlation(), 0.529_808_901_890_174_4);
        assert_eq!((differences.equal(), differences.largest()), (0, Some(56.0)));

        let mut differences = Differences::default();
        [(0.5, 0.5), (0.25, 0.75), (1.0, 0.0), (0.0, 0.0)].into_iter().for_each(|(a, b)| differences.record(a, b));
        close(differences.mean(), -0.125);
        close(differences.mean_absolute(), 0.375);
        close(differences.equal_share(), 0.5);
        close(differences.correlation(), -0.227_710_017_021_324_4);
    }

    #[test]
    fn what_is_not_defined_is_none() {
        let none = Differences::default();
        assert_eq!((none.mean(), none.correlation(), none.quantile(0.5), none.equal_share()), (None, None, None, None));
        let mut constant = Differences::default();
        (0..5).for_each(|at| constant.record(0.1, f64::from(at)));
        assert_eq!(constant.correlation(), None);
        let mut extreme = Differences::default();
        extreme.record(f64::MIN, f64::MAX);
        extreme.record(f64::MAX, f64::MIN);
        assert_eq!((extreme.largest(), extreme.correlation()), (Some(f64::MAX), None));
        assert!(extreme.mean().is_none_or(f64::is_finite));
    }
}
