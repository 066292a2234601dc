//! Precision, recall, F1 and the area under the ROC curve; knows nothing of plugins.

/// Yes-or-no judgements, counted by what the label says.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Hits {
    pub(crate) rows: usize,
    pub(crate) labelled: usize,
    pub(crate) judged: usize,
    both: usize,
}

impl FromIterator<(bool, bool)> for Hits {
    /// Of pairs of label and judgement.
    fn from_iter<I: IntoIterator<Item = (bool, bool)>>(pairs: I) -> Self {
        let mut hits = Self::default();
        for (labelled, judged) in pairs {
            hits.rows += 1;
            hits.labelled += usize::from(labelled);
            hits.judged += usize::from(judged);
            hits.both += usize::from(labelled && judged);
        }
        hits
    }
}

impl Hits {
    /// The share of what was judged so that is labelled so.
    pub(crate) fn precision(&self) -> Option<f64> {
        ratio(self.both, self.judged)
    }

    /// The share of what is labelled so that was judged so.
    pub(crate) fn recall(&self) -> Option<f64> {
        ratio(self.both, self.labelled)
    }

    /// The harmonic mean of both.
    pub(crate) fn f1(&self) -> Option<f64> {
        ratio(2 * self.both, self.judged + self.labelled)
    }
}

/// None where there is no whole.
pub(crate) fn ratio(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// The probability that a row labelled yes has a higher score than one labelled no, where equal scores count half.
/// None where all labels are the same.
pub(crate) fn roc_auc(scored: &[(f64, bool)]) -> Option<f64> {
    let mut sorted = scored.to_vec();
    sorted.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let (mut below, mut twice_won) = (0, 0);
    for tied in sorted.chunk_by(|(one, _), (other, _)| one == other) {
        let yes = tied.iter().filter(|(_, labelled)| *labelled).count();
        let no = tied.len() - yes;
        twice_won += yes * (2 * below + no);
        below += no;
    }
    ratio(twice_won, 2 * below * (sorted.len() - below))
}

/// How often each label (the row) met each judgement (the column), both as numbers.
pub(crate) fn confusion<const LABELS: usize, const JUDGEMENTS: usize>(
    pairs: impl Iterator<Item = (usize, usize)>,
) -> [[usize; JUDGEMENTS]; LABELS] {
    let mut counts = [[0; JUDGEMENTS]; LABELS];
    pairs.for_each(|(label, judgement)| counts[label][judgement] += 1);
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_are_counted_by_their_label() {
        let check = |pairs: &[(bool, bool)], precision, recall, f1| {
            let hits: Hits = pairs.iter().copied().collect();
            assert_eq!((hits.precision(), hits.recall(), hits.f1()), (precision, recall, f1), "{pairs:?}");
            assert_eq!(hits.rows, pairs.len());
        };
        check(&[], None, None, None);
        check(&[(false, false)], None, None, None);
        check(&[(true, false)], None, Some(0.0), Some(0.0));
        check(&[(false, true)], Some(0.0), None, Some(0.0));
        check(&[(true, true), (false, false)], Some(1.0), Some(1.0), Some(1.0));
        // 2 of 3 judged are right, 2 of 4 labelled are found: 2 · (2/3 · 1/2) / (2/3 + 1/2) = 4/7.
        let pairs = [(true, true), (true, true), (false, true), (true, false), (true, false), (false, false)];
        check(&pairs, Some(2.0 / 3.0), Some(0.5), Some(4.0 / 7.0));
    }

    #[test]
    fn the_area_is_the_chance_to_be_ranked_right() {
        let check = |yes: &[f64], no: &[f64], expected: Option<f64>| {
            let rows: Vec<_> = yes.iter().map(|at| (*at, true)).chain(no.iter().map(|at| (*at, false))).collect();
            assert_eq!(roc_auc(&rows), expected, "{yes:?} against {no:?}");
            let reversed: Vec<_> = rows.into_iter().rev().collect();
            assert_eq!(roc_auc(&reversed), expected, "{yes:?} against {no:?}, in reverse");
        };
        check(&[], &[], None);
        check(&[0.3, 0.9], &[], None);
        check(&[], &[0.1], None);
        check(&[0.9, 0.8], &[0.2, 0.1], Some(1.0));
        check(&[0.1], &[0.2, 0.9], Some(0.0));
        check(&[0.5, 0.5], &[0.5], Some(0.5));
        // Of nine pairs six are right and one is tied.
        check(&[0.9, 0.4, 0.3], &[0.4, 0.2, 0.1], Some(7.5 / 9.0));
        check(&[0.9, 0.4, 0.1], &[0.4, 0.2, 0.1], Some(6.0 / 9.0));
    }

    #[test]
    fn a_confusion_has_a_row_for_each_label() {
        let counts = confusion::<2, 3>([(0, 0), (0, 2), (1, 1), (0, 2)].into_iter());
        assert_eq!(counts, [[1, 0, 2], [0, 1, 0]]);
    }
}
