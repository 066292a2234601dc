//! What was taken for what; knows nothing of plugins.

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
    fn a_confusion_has_a_row_for_each_label() {
        let counts = confusion::<2, 3>([(0, 0), (0, 2), (1, 1), (0, 2)].into_iter());
        assert_eq!(counts, [[1, 0, 2], [0, 1, 0]]);
    }
}
