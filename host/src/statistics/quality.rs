//! How good yes-or-no judgements are: precision, recall, F1, the area under the ROC curve. Knows nothing of what is judged.

/// Yes-or-no judgements, counted by what the label says.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hits {
    /// Rows.
    pub rows: usize,
    /// Rows labelled so.
    pub labelled: usize,
    /// Rows judged so.
    pub judged: usize,
    /// Rows labelled and judged so.
    pub both: usize,
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
    pub fn precision(&self) -> Option<f64> {
        ratio(self.both, self.judged)
    }

    /// The share of what is labelled so that was judged so.
    pub fn recall(&self) -> Option<f64> {
        ratio(self.both, self.labelled)
    }

    /// The harmonic mean of both.
    pub fn f1(&self) -> Option<f64> {
        ratio(2 * self.both, self.judged + self.labelled)
    }
}

/// None where there is no whole.
pub fn ratio(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// The probability that a row labelled yes has a higher score than one labelled no, where equal scores count half.
/// None where all labels are the same.
pub fn roc_auc(scored: &[(f64, bool)]) -> Option<f64> {
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

/// The threshold whose judgements, every score that reaches it, have the highest F1; the highest of those where several do.
/// None where nothing is labelled yes. A score of minus infinity is judged no by all thresholds.
pub(crate) fn best_threshold(scored: &[(f64, bool)]) -> Option<f64> {
    let mut sorted = scored.to_vec();
    sorted.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    let labelled = sorted.iter().filter(|(_, labelled)| *labelled).count();
    let (mut judged, mut both, mut best) = (0, 0, None);
    for tied in sorted.chunk_by(|(one, _), (other, _)| one == other) {
        judged += tied.len();
        both += tied.iter().filter(|(_, labelled)| *labelled).count();
        let f1 = ratio(2 * both, judged + labelled);
        if both > 0 && tied[0].0.is_finite() && best.is_none_or(|(_, highest)| f1 > highest) {
            best = Some((tied[0].0, f1));
        }
    }
    best.map(|(threshold, _)| threshold)
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
    fn the_best_threshold_has_the_highest_f1() {
        assert_eq!(best_threshold(&[]), None);
        assert_eq!(best_threshold(&[(0.4, false)]), None);
        assert_eq!(best_threshold(&[(0.4, false), (0.3, true), (f64::NEG_INFINITY, true)]), Some(0.3));
        assert_eq!(best_threshold(&[(f64::NEG_INFINITY, true)]), None);
        assert_eq!(best_threshold(&[(0.9, true), (0.4, false)]), Some(0.9));
        // From 0.3 on: 3 of 4 are right and all are found, F1 6/7; from 0.8 on 2 of 2, F1 4/5.
        let scored = [(0.9, true), (0.8, true), (0.5, false), (0.3, true), (0.1, false)];
        assert_eq!(best_threshold(&scored), Some(0.3));
    }
}
