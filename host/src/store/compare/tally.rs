//! Counts how two bindings' verdicts differ, one interaction after the other, in bounded memory. Knows nothing of SQL.

use std::collections::HashMap;

use super::answer::{Categories, CategoryPair, ComparedCode, ComparedVerdict, Given, HistogramBin, Numbers, Totals};
use super::said::{Form, Said, distance, side_by_side, worst};
use crate::record::VerdictKind;
use crate::statistics::{Confusion, Differences, Presence};

/// Names beyond these are not compared.
const MOST_NAMES: usize = 200;
/// Codes of a category beyond these are not told apart.
const MOST_CODES: usize = 100;
/// Cells of a table of answers beyond these are not listed.
const MOST_CELLS: usize = 100;

/// What an evaluation that is not there, or failed, said.
const NOTHING: &str = "[]";

/// One side's evaluation of an interaction, as stored.
#[derive(Debug, Default)]
pub(super) struct Evaluated {
    /// The reason, where it failed.
    pub(super) failure: Option<String>,
    /// The verdicts as JSON; empty where there are none.
    pub(super) verdicts: String,
}

impl Evaluated {
    fn outcome(&self) -> &str {
        self.failure.as_deref().unwrap_or("succeeded")
    }

    fn said(&self) -> serde_json::Result<Vec<Said<'_>>> {
        Said::read(if self.verdicts.is_empty() { NOTHING } else { &self.verdicts })
    }
}

/// Everything that is counted.
#[derive(Default)]
pub(super) struct Tally {
    outcomes: Confusion,
    compared: u64,
    /// By form, then by name.
    names: HashMap<Form, HashMap<String, NameTally>>,
    known: usize,
    left_out: u64,
}

/// What is counted under one form and name.
#[derive(Default)]
struct NameTally {
    given: Presence,
    numbers: Differences,
    categories: Confusion,
    same_severity: u64,
    codes: HashMap<String, Presence>,
    equal_amounts: u64,
    total_a: u64,
    total_b: u64,
}

impl Tally {
    /// Counts an interaction that both judged, and gives how far the two are apart on it.
    pub(super) fn record(&mut self, a: &Evaluated, b: &Evaluated) -> serde_json::Result<f64> {
        self.outcomes.record(a.outcome(), b.outcome());
        let is_compared = a.failure.is_none() && b.failure.is_none();
        self.compared += u64::from(is_compared);
        let said_a = a.said()?;
        // Most are the same to the letter.
        let said_b = if a.verdicts == b.verdicts { None } else { Some(b.said()?) };
        let said_b = said_b.as_deref().unwrap_or(&said_a);
        let mut apart = f64::from(u8::from(a.failure != b.failure));
        side_by_side(&said_a, said_b, Said::key, |a, b| {
            apart += distance(a, b);
            if is_compared {
                self.record_name(a, b);
            }
        });
        Ok(apart)
    }

    fn record_name(&mut self, a: &[Said<'_>], b: &[Said<'_>]) {
        let Some((form, name)) = a.first().or(b.first()).map(Said::key) else { return };
        let names = self.names.entry(form).or_default();
        match names.get_mut(name) {
            Some(tally) => tally.record(form, a, b),
            None if self.known < MOST_NAMES => {
                self.known += 1;
                names.entry(name.to_owned()).or_default().record(form, a, b);
            }
            None => self.left_out += 1,
        }
    }

    /// How many interactions both succeeded on.
    pub(super) fn compared(&self) -> u64 {
        self.compared
    }

    /// How often a verdict was given under a name that is not compared.
    pub(super) fn left_out(&self) -> u64 {
        self.left_out
    }

    /// How many interactions were counted.
    pub(super) fn both(&self) -> u64 {
        self.outcomes.pairs()
    }

    /// What came of them.
    pub(super) fn outcomes(&self) -> Categories {
        categories(&self.outcomes)
    }

    /// What was counted of verdicts, by form and name.
    pub(super) fn verdicts(&self) -> Vec<ComparedVerdict> {
        let names = self.names.iter().flat_map(|(form, names)| names.iter().map(|(name, tally)| (*form, name, tally)));
        let mut names: Vec<_> = names.collect();
        names.sort_unstable_by_key(|(form, name, _)| (*form, *name));
        names.into_iter().map(|(form, name, tally)| tally.answer(form, name, self.compared)).collect()
    }
}

impl NameTally {
    fn record(&mut self, form: Form, a: &[Said<'_>], b: &[Said<'_>]) {
        self.given.record(!a.is_empty(), !b.is_empty());
        if matches!(form, Form::Finding | Form::BiasFinding) {
            self.record_codes(a, b);
        }
        let ([first, ..], [second, ..]) = (a, b) else { return };
        match form {
            Form::Number => self.numbers.record(first.number, second.number),
            Form::Boolean => self.categories.record(truth(first), truth(second)),
            Form::Label => {
                let [a, b] = [first, second].map(|said| said.label.as_deref().unwrap_or_default());
                self.categories.record(a, b);
            }
            Form::Finding | Form::BiasFinding => {
                let ((severity_a, sure_a), (severity_b, sure_b)) = (worst(a), worst(b));
                self.same_severity += u64::from(severity_a == severity_b);
                self.numbers.record(sure_a, sure_b);
            }
            Form::Cost => {
                self.numbers.record(first.number, second.number);
                self.equal_amounts += u64::from(first.billionths == second.billionths);
                self.total_a = self.total_a.saturating_add(first.billionths);
                self.total_b = self.total_b.saturating_add(second.billionths);
            }
        }
    }

    fn record_codes(&mut self, a: &[Said<'_>], b: &[Said<'_>]) {
        side_by_side(a, b, Said::code, |a, b| {
            let code = a.first().or(b.first()).map_or("", Said::code);
            let known = self.codes.len();
            if let Some(given) = self.codes.get_mut(code) {
                given.record(!a.is_empty(), !b.is_empty());
            } else if !code.is_empty() && known < MOST_CODES {
                self.codes.entry(code.to_owned()).or_default().record(!a.is_empty(), !b.is_empty());
            }
        });
    }

    fn answer(&self, form: Form, name: &str, compared: u64) -> ComparedVerdict {
        let (kind, value) = match form {
            Form::Number => (VerdictKind::Score, Some("number")),
            Form::Boolean => (VerdictKind::Score, Some("boolean")),
            Form::Label => (VerdictKind::Score, Some("label")),
            Form::Finding => (VerdictKind::Finding, None),
            Form::BiasFinding => (VerdictKind::BiasFinding, None),
            Form::Cost => (VerdictKind::Cost, None),
        };
        let is_cost = form == Form::Cost;
        let is_finding = matches!(form, Form::Finding | Form::BiasFinding);
        let mut numbers = numbers(&self.numbers);
        if let (Some(numbers), true) = (&mut numbers, is_cost) {
            numbers.equal = self.equal_amounts;
            numbers.equal_share = self.equal_amounts as f64 / self.numbers.pairs() as f64;
        }
        ComparedVerdict {
            kind,
            name: if is_cost { "cost".to_owned() } else { name.to_owned() },
            value,
            currency: is_cost.then(|| name.to_owned()),
            given: given(&self.given, compared),
            numbers,
            categories: (self.categories.pairs() > 0).then(|| categories(&self.categories)),
            same_severity: is_finding.then_some(self.same_severity),
            codes: self.codes(compared),
            totals: is_cost.then_some(Totals { a_billionths: self.total_a, b_billionths: self.total_b }),
        }
    }

    fn codes(&self, compared: u64) -> Vec<ComparedCode> {
        let mut codes: Vec<_> = self.codes.iter().collect();
        codes.sort_unstable_by_key(|(code, given)| (u64::MAX - given.both - given.only_a - given.only_b, *code));
        codes.into_iter().map(|(code, of)| ComparedCode { code: code.clone(), given: given(of, compared) }).collect()
    }
}

fn truth(said: &Said<'_>) -> &'static str {
    if said.truth { "true" } else { "false" }
}

fn given(presence: &Presence, compared: u64) -> Given {
    Given {
        both: presence.both,
        only_a: presence.only_a,
        only_b: presence.only_b,
        neither: presence.neither(compared),
        agreement: presence.agreement(compared).unwrap_or(1.0),
        kappa: presence.kappa(compared),
    }
}

fn numbers(differences: &Differences) -> Option<Numbers> {
    Some(Numbers {
        equal: differences.equal(),
        equal_share: differences.equal_share()?,
        mean: differences.mean(),
        mean_absolute: differences.mean_absolute(),
        p50: differences.quantile(0.5)?,
        p90: differences.quantile(0.9)?,
        p99: differences.quantile(0.99)?,
        max: differences.largest()?,
        correlation: differences.correlation(),
        histogram: differences
            .bins()
            .into_iter()
            .map(|bin| HistogramBin { from: bin.from, to: bin.to, count: bin.count })
            .collect(),
    })
}

fn categories(confusion: &Confusion) -> Categories {
    let cells = confusion.cells();
    let unlisted: u64 = cells.iter().skip(MOST_CELLS).map(|(_, _, count)| count).sum();
    let pair =
        |(a, b, count): &(&str, &str, u64)| CategoryPair { a: (*a).to_owned(), b: (*b).to_owned(), count: *count };
    Categories {
        equal: confusion.equal(),
        equal_share: confusion.equal_share(),
        kappa: confusion.kappa(),
        pairs: cells.iter().take(MOST_CELLS).map(pair).collect(),
        left_out: confusion.left_out() + unlisted,
    }
}
