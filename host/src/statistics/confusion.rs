//! Which answers of one rater meet which of another. Knows nothing of what is answered.

use std::collections::HashMap;

use super::{kappa, share};

/// Answers beyond these are counted together.
const MOST: usize = 100;

/// Counts pairs of answers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Confusion {
    pairs: u64,
    equal: u64,
    answers: HashMap<String, usize>,
    /// By the numbers of the answers of a and b.
    cells: HashMap<(usize, usize), u64>,
    left_out: u64,
}

impl Confusion {
    /// Counts a pair.
    pub(crate) fn record(&mut self, a: &str, b: &str) {
        self.pairs += 1;
        self.equal += u64::from(a == b);
        match (self.number(a), self.number(b)) {
            (Some(a), Some(b)) => *self.cells.entry((a, b)).or_default() += 1,
            _ => self.left_out += 1,
        }
    }

    fn number(&mut self, answer: &str) -> Option<usize> {
        if let Some(number) = self.answers.get(answer) {
            return Some(*number);
        }
        let number = self.answers.len();
        (number < MOST).then(|| {
            self.answers.insert(answer.to_owned(), number);
            number
        })
    }

    /// How many pairs.
    pub(crate) fn pairs(&self) -> u64 {
        self.pairs
    }

    /// How many pairs of the same answer.
    pub(crate) fn equal(&self) -> u64 {
        self.equal
    }

    /// The share of those.
    pub(crate) fn equal_share(&self) -> Option<f64> {
        share(self.equal, self.pairs)
    }

    /// How many pairs are in no cell, because there are too many different answers.
    pub(crate) fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Cohen's kappa; none where it is not defined, or pairs are left out.
    pub(crate) fn kappa(&self) -> Option<f64> {
        let mut given = vec![(0, 0); self.answers.len()];
        for (&(a, b), count) in &self.cells {
            given[a].0 += count;
            given[b].1 += count;
        }
        if self.left_out > 0 { None } else { kappa(self.pairs, self.equal, given) }
    }

    /// How often each answer of a met each of b, the most frequent first.
    pub(crate) fn cells(&self) -> Vec<(&str, &str, u64)> {
        let mut names = vec![""; self.answers.len()];
        for (answer, number) in &self.answers {
            names[*number] = answer;
        }
        let mut cells: Vec<_> = self.cells.iter().map(|(&(a, b), count)| (names[a], names[b], *count)).collect();
        cells.sort_unstable_by(|one, other| other.2.cmp(&one.2).then_with(|| one.cmp(other)));
        cells
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_table() {
        let mut confusion = Confusion::default();
        let table = [("x", "x", 4), ("x", "y", 1), ("y", "y", 3), ("z", "x", 1), ("z", "z", 1)];
        for (a, b, count) in table {
            (0..count).for_each(|_| confusion.record(a, b));
        }
        assert_eq!((confusion.pairs(), confusion.equal()), (10, 8));
        // Chance is 0.5 * 0.5 + 0.3 * 0.4 + 0.2 * 0.1.
        assert!(confusion.kappa().is_some_and(|kappa| (kappa - (0.8 - 0.39) / 0.61).abs() < 1e-12));
        let cells = [("x", "x", 4), ("y", "y", 3), ("x", "y", 1), ("z", "x", 1), ("z", "z", 1)];
        assert_eq!(confusion.cells(), cells);
    }

    #[test]
    fn more_answers_than_are_kept_are_counted() {
        let mut confusion = Confusion::default();
        (0..150).for_each(|at| confusion.record(&at.to_string(), &at.to_string()));
        assert_eq!((confusion.equal(), confusion.left_out(), confusion.kappa()), (150, 50, None));
        assert_eq!(confusion.cells().len(), 100);
    }
}
