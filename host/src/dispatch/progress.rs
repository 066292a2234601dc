//! How far a binding has come, where stretches of the log end out of order.

use std::collections::BTreeMap;

use crate::record::Seq;

/// The low-water mark of one binding, and the stretches that are done above it.
#[derive(Debug)]
pub(super) struct Progress {
    low: Seq,
    /// First and last place of each stretch above `low`; no two touch `low` or overlap.
    done: BTreeMap<Seq, Seq>,
}

impl Progress {
    pub(super) fn new(low: Seq) -> Self {
        Self { low, done: BTreeMap::new() }
    }

    /// Everything up to here is done.
    pub(super) fn low(&self) -> Seq {
        self.low
    }

    /// Notes that the places from `first` to `last` are done. Gives the low-water mark if that raised it.
    pub(super) fn finish(&mut self, first: Seq, last: Seq) -> Option<Seq> {
        self.done.insert(first, last);
        let before = self.low;
        while let Some(entry) = self.done.first_entry()
            && *entry.key() == self.low.next()
        {
            self.low = entry.remove();
        }
        (self.low > before).then_some(self.low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(stretches: &[(u64, u64)], expected: &[Option<u64>]) {
        let mut progress = Progress::new(Seq(10));
        let raised: Vec<_> =
            stretches.iter().map(|(first, last)| progress.finish(Seq(*first), Seq(*last)).map(|low| low.0)).collect();
        assert_eq!(raised, expected, "{stretches:?}");
    }

    #[test]
    fn only_rises_over_what_has_no_gap() {
        check(&[(11, 20)], &[Some(20)]);
        check(&[(21, 30), (11, 20)], &[None, Some(30)]);
        check(&[(31, 40), (21, 30), (41, 41), (11, 20)], &[None, None, None, Some(41)]);
        check(&[(11, 11), (13, 13), (12, 12)], &[Some(11), None, Some(13)]);
    }
}
