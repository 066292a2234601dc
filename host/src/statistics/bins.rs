//! A histogram that finds its own scale. Knows nothing of what is counted.

use std::collections::BTreeMap;

/// Bins on either side of zero.
const SIDE: i64 = 8;
/// The finest width is two to this power, which is far from the smallest number.
const FINEST: i32 = -1000;

/// Counts in bins of one width, a power of two that doubles where a value would stand outside. Edges are exact then and
/// two bins make one without a rest, so that what comes out does not depend on the order of what goes in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bins {
    /// Of the width; none before the first value.
    exponent: Option<i32>,
    /// By the lower edge in widths.
    counts: BTreeMap<i64, u64>,
}

/// How many values lie from `from` up to but not including `to`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bin {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) count: u64,
}

impl Bins {
    /// Counts a finite value.
    pub(crate) fn record(&mut self, value: f64) {
        let mut exponent = self.exponent.unwrap_or(FINEST);
        if self.exponent.is_none() {
            // Three binary digits of it fill one side.
            exponent = (binary_exponent(value) - 3).max(FINEST);
        }
        while !(-SIDE..SIDE).contains(&place(value, exponent)) {
            exponent += 1;
        }
        let coarser = exponent - self.exponent.unwrap_or(exponent);
        if coarser > 0 {
            let counts = std::mem::take(&mut self.counts);
            for (at, count) in counts {
                // Shifting rounds down, below zero too.
                *self.counts.entry(at >> coarser.min(63)).or_default() += count;
            }
        }
        self.exponent = Some(exponent);
        *self.counts.entry(place(value, exponent)).or_default() += 1;
    }

    /// The bins from the lowest value to the highest, the empty ones between them too; at most 16.
    pub(crate) fn bins(&self) -> Vec<Bin> {
        let (Some(exponent), Some((first, _)), Some((last, _))) =
            (self.exponent, self.counts.first_key_value(), self.counts.last_key_value())
        else {
            return Vec::new();
        };
        let edge = |at: i64| (at as f64 * width(exponent)).clamp(f64::MIN, f64::MAX);
        let count = |at: &i64| self.counts.get(at).copied().unwrap_or_default();
        (*first..=*last).map(|at| Bin { from: edge(at), to: edge(at + 1), count: count(&at) }).collect()
    }
}

/// Two to that power, which is within the range of normal numbers.
fn width(exponent: i32) -> f64 {
    2f64.powi(exponent)
}

fn place(value: f64, exponent: i32) -> i64 {
    (value / width(exponent)).floor() as i64
}

/// The power of two at or below the value's magnitude.
fn binary_exponent(value: f64) -> i32 {
    let biased = (value.to_bits() >> 52) & 0x7ff;
    biased as i32 - 1023
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[f64], expected: &[(f64, f64, u64)]) {
        let expected: Vec<_> = expected.iter().map(|&(from, to, count)| Bin { from, to, count }).collect();
        let mut order = values.to_vec();
        for _ in values {
            let mut bins = Bins::default();
            order.iter().for_each(|value| bins.record(*value));
            assert_eq!(bins.bins(), expected, "{order:?}");
            order.rotate_left(1);
        }
    }

    #[test]
    fn the_scale_is_that_of_the_largest_whatever_the_order() {
        assert_eq!(Bins::default().bins(), []);
        check(&[0.5], &[(0.5, 0.625, 1)]);
        check(&[-1.0], &[(-1.0, -0.875, 1)]);
        check(
            &[1.0, 0.25, -0.1],
            &[(-0.25, 0.0, 1), (0.0, 0.25, 0), (0.25, 0.5, 1), (0.5, 0.75, 0), (0.75, 1.0, 0), (1.0, 1.25, 1)],
        );
        check(
            &[3.0, 100.0, -100.0, 3.0],
            &[
                (-112.0, -96.0, 1),
                (-96.0, -80.0, 0),
                (-80.0, -64.0, 0),
                (-64.0, -48.0, 0),
                (-48.0, -32.0, 0),
                (-32.0, -16.0, 0),
                (-16.0, 0.0, 0),
                (0.0, 16.0, 2),
                (16.0, 32.0, 0),
                (32.0, 48.0, 0),
                (48.0, 64.0, 0),
                (64.0, 80.0, 0),
                (80.0, 96.0, 0),
                (96.0, 112.0, 1),
            ],
        );
    }

    #[test]
    fn the_ends_of_the_range_of_numbers_are_bins_too() {
        let mut bins = Bins::default();
        for value in [f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, -5e-324] {
            bins.record(value);
        }
        let bins = bins.bins();
        assert_eq!(bins.iter().map(|bin| bin.count).sum::<u64>(), 5);
        assert!(bins.iter().all(|bin| bin.from.is_finite() && bin.to.is_finite() && bin.from < bin.to), "{bins:?}");
    }
}
