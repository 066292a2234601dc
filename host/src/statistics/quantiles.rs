//! Quantiles in bounded memory. Knows nothing of what is counted.

use std::collections::BTreeMap;

/// More buckets than these are made coarser.
const MOST: usize = 4_096;
/// What is left of a number once this many bits are dropped: its exponent and seven binary digits.
const SHIFT: u32 = 45;

/// Counts values of 0 or more by their first binary digits, which for such numbers order like the numbers. Values of one
/// bucket are less than 1/128 apart, as a share of them; where values are so scattered that this would take too many
/// buckets, twice that, and so on.
#[derive(Debug, Clone)]
pub(crate) struct Quantiles {
    shift: u32,
    count: u64,
    buckets: BTreeMap<u64, Bucket>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    count: u64,
    largest: f64,
}

impl Default for Quantiles {
    fn default() -> Self {
        Self { shift: SHIFT, count: 0, buckets: BTreeMap::new() }
    }
}

impl Quantiles {
    /// Counts a finite value of 0 or more.
    pub(crate) fn record(&mut self, value: f64) {
        self.count += 1;
        self.add(value.to_bits() >> self.shift, Bucket { count: 1, largest: value });
        while self.buckets.len() > MOST {
            self.shift += 1;
            for (key, bucket) in std::mem::take(&mut self.buckets) {
                self.add(key >> 1, bucket);
            }
        }
    }

    fn add(&mut self, key: u64, more: Bucket) {
        let bucket = self.buckets.entry(key).or_insert(Bucket { count: 0, largest: 0.0 });
        bucket.count += more.count;
        bucket.largest = bucket.largest.max(more.largest);
    }

    /// The value that at least that share of the values does not exceed: the largest of its bucket, so one that was
    /// counted and never too small. None where there are no values.
    pub(crate) fn quantile(&self, share: f64) -> Option<f64> {
        let wanted = (share * self.count as f64).ceil().max(1.0) as u64;
        let mut passed = 0;
        self.buckets.values().find_map(|bucket| {
            passed += bucket.count;
            (passed >= wanted).then_some(bucket.largest)
        })
    }

    /// The largest value, exactly.
    pub(crate) fn largest(&self) -> Option<f64> {
        self.buckets.last_key_value().map(|(_, bucket)| bucket.largest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_up_to_256_are_exact() {
        let mut quantiles = Quantiles::default();
        assert_eq!((quantiles.quantile(0.5), quantiles.largest()), (None, None));
        (0..=200).rev().for_each(|value| quantiles.record(f64::from(value)));
        for (share, expected) in [(0.0, 0.0), (0.5, 100.0), (0.9, 180.0), (0.99, 198.0), (1.0, 200.0)] {
            assert_eq!(quantiles.quantile(share), Some(expected), "{share}");
        }
    }

    #[test]
    fn memory_is_bounded_and_the_error_known() {
        let mut quantiles = Quantiles::default();
        // Over sixty powers of two, 100 values to each.
        let values: Vec<f64> = (0..6_000).map(|at| 2f64.powf(f64::from(at) / 100.0 - 30.0)).collect();
        values.iter().for_each(|value| quantiles.record(*value));
        assert!(quantiles.buckets.len() <= MOST && quantiles.shift > SHIFT);
        for share in [0.1, 0.5, 0.9, 0.99] {
            let exact = values[(share * 6_000.0) as usize - 1];
            let got = quantiles.quantile(share).expect("values");
            assert!(got >= exact && got <= exact * (1.0 + 1.0 / 32.0), "{share}: {got} for {exact}");
        }
        assert_eq!(quantiles.largest(), values.last().copied());
    }
}
