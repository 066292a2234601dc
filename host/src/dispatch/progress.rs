//! How far a binding has come, where stretches of the log end out of order.

use std::collections::BTreeMap;

use super::lane::Stretch;
use crate::record::Seq;
use crate::store::Tallies;

/// The low-water mark of one binding, and the stretches that are done above it.
#[derive(Debug)]
pub(super) struct Progress {
    low: Seq,
    /// Each stretch above `low` by its first place: its last, and what was not evaluated of it, which leaves no row and
    /// so is told to the store together with the cursor only. No two touch `low` or overlap.
    done: BTreeMap<Seq, (Seq, Tallies)>,
}

impl Progress {
    pub(super) fn new(low: Seq) -> Self {
        Self { low, done: BTreeMap::new() }
    }

    /// Everything up to here is done.
    pub(super) fn low(&self) -> Seq {
        self.low
    }

    /// Whether nothing is done above what is missing.
    pub(super) fn is_whole(&self) -> bool {
        self.done.is_empty()
    }

    /// Notes that a stretch is done. Gives the low-water mark if that raised it, and what was not evaluated up to there.
    pub(super) fn finish(&mut self, stretch: Stretch, skipped: Tallies) -> Option<(Seq, Tallies)> {
        self.done.insert(stretch.first, (stretch.last, skipped));
        let (before, mut passed) = (self.low, Tallies::default());
        while let Some(entry) = self.done.first_entry()
            && *entry.key() == self.low.next()
        {
            let (last, skipped) = entry.remove();
            self.low = last;
            passed += skipped;
        }
        (self.low > before).then_some((self.low, passed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each stretch has as many filtered interactions as places.
    fn check(stretches: &[(u64, u64)], expected: &[Option<(u64, u64)>]) {
        let mut progress = Progress::new(Seq(10));
        let raised: Vec<_> = stretches
            .iter()
            .map(|(first, last)| {
                let stretch = Stretch { first: Seq(*first), last: Seq(*last) };
                let skipped = Tallies { filtered: stretch.len(), ..Tallies::default() };
                progress.finish(stretch, skipped).map(|(low, passed)| (low.0, passed.filtered))
            })
            .collect();
        assert_eq!(raised, expected, "{stretches:?}");
    }

    #[test]
    fn only_rises_over_what_has_no_gap() {
        check(&[(11, 20)], &[Some((20, 10))]);
        check(&[(21, 30), (11, 20)], &[None, Some((30, 20))]);
        check(&[(31, 40), (21, 30), (41, 41), (11, 20)], &[None, None, None, Some((41, 31))]);
        check(&[(11, 11), (13, 13), (12, 12)], &[Some((11, 1)), None, Some((13, 2))]);
    }
}
