//! Counts of values in fixed buckets, for quantiles and for Prometheus. Knows nothing of what is measured.

use std::time::Duration;

/// The buckets of a histogram and how they are shown.
#[derive(Debug, PartialEq, Eq)]
pub struct Scale {
    /// The largest value of each bucket, rising. What is above the last has a bucket of its own.
    bounds: &'static [u64],
    /// Those of the bounds that are shown.
    shown: &'static [u64],
    /// How many of what is recorded make one of what is shown.
    per_unit: u32,
}

/// Durations, recorded in microseconds and shown in seconds, from 5 µs to 60 s. Quantiles are exact up to 10 µs and
/// at most a tenth too high above.
pub static DURATION: Scale = Scale {
    bounds: &MICROSECONDS,
    shown: &[
        5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000,
        1_000_000, 2_000_000, 5_000_000, 10_000_000, 20_000_000, 60_000_000,
    ],
    per_unit: 1_000_000,
};

/// Bytes of memory, from 64 KiB, which is a page of WebAssembly, to 1 GiB.
pub static MEMORY: Scale = Scale { bounds: &PAGES, shown: &PAGES, per_unit: 1 };

/// How many were taken at once, from 1 to 512.
pub static BATCH: Scale = Scale { bounds: &HANDFULS, shown: &HANDFULS, per_unit: 1 };

const HANDFULS: [u64; 10] = doubling(1);
const PAGES: [u64; 15] = doubling(64 << 10);
const MICROSECONDS: [u64; 10 + 7 * 45] = microseconds();

const fn doubling<const N: usize>(first: u64) -> [u64; N] {
    let mut bounds = [first; N];
    let mut at = 1;
    while at < N {
        bounds[at] = bounds[at - 1] * 2;
        at += 1;
    }
    bounds
}

/// One by one up to 10, then 45 to each power of ten, up to 100 seconds.
const fn microseconds<const N: usize>() -> [u64; N] {
    let mut bounds = [1; N];
    let (mut at, mut power) = (1, 1);
    while at < N {
        let last = bounds[at - 1];
        if last == 100 * power {
            power *= 10;
        }
        let step = match last / power {
            0..30 => 1,
            30..60 => 2,
            _ => 4,
        };
        bounds[at] = last + if last < 10 { 1 } else { step * power };
        at += 1;
    }
    bounds
}

/// How often which values came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram {
    scale: &'static Scale,
    counts: Box<[u64]>,
    sum: u64,
    greatest: u64,
}

impl Histogram {
    /// An empty one.
    pub fn new(scale: &'static Scale) -> Self {
        let counts = vec![0; scale.bounds.len() + 1].into_boxed_slice();
        Self { scale, counts, sum: 0, greatest: 0 }
    }

    /// Counts a value, which takes some nanoseconds.
    pub fn record(&mut self, value: u64) {
        let bucket = self.scale.bounds.partition_point(|bound| *bound < value);
        self.counts[bucket] += 1;
        self.sum = self.sum.saturating_add(value);
        self.greatest = self.greatest.max(value);
    }

    /// Counts a duration, on the scale of [`DURATION`].
    pub fn record_duration(&mut self, duration: Duration) {
        self.record(u64::try_from((duration.as_nanos() + 500) / 1000).unwrap_or(u64::MAX));
    }

    /// How many values came.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Of 1 value in `share`, from 0 to 1, at most this much was recorded; 0 where nothing came.
    pub fn quantile(&self, share: f64) -> u64 {
        let rank = (share * self.count() as f64).ceil().max(1.0);
        let mut below = 0;
        let bucket = self.counts.iter().position(|count| {
            below += count;
            below as f64 >= rank
        });
        let bound = bucket.and_then(|bucket| self.scale.bounds.get(bucket)).copied().unwrap_or(u64::MAX);
        bound.min(self.greatest)
    }

    /// The sum of all values, in the unit that is shown.
    pub fn shown_sum(&self) -> f64 {
        self.scale.show(self.sum)
    }

    /// The upper bound of each bucket that is shown and how many values came in it and not in the one before; the
    /// last has no bound.
    pub fn shown_buckets(&self) -> Vec<(f64, u64)> {
        let mut buckets = Vec::with_capacity(self.scale.shown.len() + 1);
        let mut counts = self.scale.bounds.iter().zip(&self.counts).peekable();
        for shown in self.scale.shown {
            let mut count = 0;
            while let Some((_, more)) = counts.next_if(|(bound, _)| *bound <= shown) {
                count += more;
            }
            buckets.push((self.scale.show(*shown), count));
        }
        let within: u64 = buckets.iter().map(|(_, count)| count).sum();
        buckets.push((f64::INFINITY, self.count() - within));
        buckets
    }
}

impl Scale {
    fn show(&self, value: u64) -> f64 {
        value as f64 / f64::from(self.per_unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bound_that_is_shown_is_one_that_is_counted_by() {
        for scale in [&DURATION, &MEMORY, &BATCH] {
            assert!(scale.bounds.is_sorted_by(|one, next| one < next), "{scale:?}");
            for shown in scale.shown {
                assert!(scale.bounds.contains(shown), "{shown} of {scale:?}");
            }
        }
        assert_eq!(DURATION.bounds.last(), Some(&100_000_000));
        assert_eq!(MEMORY.bounds.last(), Some(&(1 << 30)));
        assert_eq!(BATCH.bounds.last(), Some(&512));
    }

    #[test]
    fn values_are_found_again_where_they_belong() {
        let mut durations = Histogram::new(&DURATION);
        assert_eq!((durations.count(), durations.quantile(0.5)), (0, 0));
        for value in [0, 5, 6, 10, 11, 1_000, 60_000_000, 60_000_001, u64::MAX] {
            durations.record(value);
        }
        let buckets = durations.shown_buckets();
        let count = |bound: f64| buckets.iter().find(|bucket| bucket.0 == bound).map(|bucket| bucket.1);
        assert_eq!(count(0.000_005), Some(2));
        assert_eq!(count(0.000_01), Some(2));
        assert_eq!(count(0.000_02), Some(1));
        assert_eq!(count(0.001), Some(1));
        assert_eq!(count(60.0), Some(1));
        assert_eq!(count(f64::INFINITY), Some(2));
        assert_eq!(buckets.iter().map(|bucket| bucket.1).sum::<u64>(), durations.count());
    }

    #[test]
    fn quantiles_are_at_most_a_tenth_too_high() {
        for value in [1, 6, 10, 11, 23, 29, 58, 99, 812, 5_500, 123_456, 9_999_999, 80_000_000, 3_600_000_000] {
            let mut durations = Histogram::new(&DURATION);
            // The greatest is known exactly, so that what is asked for must not be it.
            (0..99).for_each(|_| durations.record(value));
            durations.record(u64::MAX / 2);
            let found = durations.quantile(0.5);
            if value <= 100_000_000 {
                assert!((value..=value + value / 10).contains(&found), "{value} was found as {found}");
            } else {
                assert_eq!(found, u64::MAX / 2);
            }
            assert_eq!(durations.quantile(1.0), u64::MAX / 2);
        }
    }
}
