//! What is compared of a stored verdict, and how far two evaluations of one interaction are apart. Knows nothing of SQL.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::record::{Severity, VerdictKind};

/// What a verdict says and in what form. Verdicts of two sides are compared where form and name are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Form {
    Number,
    Boolean,
    Label,
    Finding,
    BiasFinding,
    Cost,
}

/// One verdict as far as it is compared.
#[derive(Debug)]
pub(super) struct Said<'a> {
    pub(super) form: Form,
    /// The verdict's name; of a cost its currency, since amounts of different ones do not compare.
    pub(super) name: Cow<'a, str>,
    /// The code of a finding, the label of a score.
    pub(super) label: Option<Cow<'a, str>>,
    /// The value of a number, the confidence of a finding, the amount of a cost in units of its currency.
    pub(super) number: f64,
    pub(super) truth: bool,
    pub(super) severity: Severity,
    pub(super) billionths: u64,
}

/// A verdict as it is stored; what is left out here is not compared.
#[derive(Deserialize)]
struct Stored<'a> {
    kind: VerdictKind,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    #[serde(borrow)]
    label: Option<Text<'a>>,
    severity: Option<Severity>,
    confidence: Option<f64>,
    #[serde(borrow)]
    cost: Option<StoredCost<'a>>,
}

#[derive(Deserialize)]
struct StoredCost<'a> {
    #[serde(borrow)]
    currency: Cow<'a, str>,
    amount_billionths: u64,
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Said<'a> {
    /// The verdicts of a stored JSON array, in the order in which two sides are compared.
    pub(super) fn read(verdicts: &'a str) -> serde_json::Result<Vec<Self>> {
        let stored: Vec<Stored<'a>> = serde_json::from_str(verdicts)?;
        let mut said = stored.into_iter().map(Self::of).collect::<Result<Vec<_>, _>>()?;
        said.sort_by(|one, other| (one.key(), one.code()).cmp(&(other.key(), other.code())));
        Ok(said)
    }

    fn of(stored: Stored<'a>) -> serde_json::Result<Self> {
        let Stored { kind, name, value, label, severity, confidence, cost } = stored;
        let mut said = Self {
            form: Form::Number,
            name,
            label: label.map(|Text(label)| label),
            number: confidence.unwrap_or(1.0),
            truth: false,
            severity: severity.unwrap_or(Severity::Info),
            billionths: 0,
        };
        said.form = match (kind, cost) {
            (VerdictKind::Score, _) => {
                let value = value.map_or("null", RawValue::get);
                match value.as_bytes().first() {
                    Some(b't' | b'f') => {
                        said.truth = value == "true";
                        Form::Boolean
                    }
                    Some(b'"') => Form::Label,
                    _ => {
                        said.number = serde_json::from_str(value)?;
                        Form::Number
                    }
                }
            }
            (VerdictKind::Finding, _) => Form::Finding,
            (VerdictKind::BiasFinding, _) => Form::BiasFinding,
            (VerdictKind::Cost, Some(cost)) => {
                said.name = cost.currency;
                said.billionths = cost.amount_billionths;
                said.number = cost.amount_billionths as f64 / 1e9;
                Form::Cost
            }
            (VerdictKind::Cost, None) => return Err(serde::de::Error::missing_field("cost")),
        };
        Ok(said)
    }

    pub(super) fn key(&self) -> (Form, &str) {
        (self.form, &self.name)
    }

    /// Of a finding; empty for one without, and for all others.
    pub(super) fn code(&self) -> &str {
        match self.form {
            Form::Finding | Form::BiasFinding => self.label.as_deref().unwrap_or_default(),
            Form::Number | Form::Boolean | Form::Label | Form::Cost => "",
        }
    }
}

/// Goes through two sorted lists together: `each` gets what stands under one key in either, which is empty in one where
/// only the other has it.
pub(super) fn side_by_side<'s, T, K: Ord>(
    mut a: &'s [T],
    mut b: &'s [T],
    key: impl Fn(&'s T) -> K,
    mut each: impl FnMut(&'s [T], &'s [T]),
) {
    loop {
        let next = match (a.first().map(&key), b.first().map(&key)) {
            (Some(a), Some(b)) => a.min(b),
            (Some(only), None) | (None, Some(only)) => only,
            (None, None) => return,
        };
        let of = |side: &'s [T]| side.iter().take_while(|item| key(item) <= next).count();
        let (of_a, of_b) = (of(a), of(b));
        each(&a[..of_a], &b[..of_b]);
        (a, b) = (&a[of_a..], &b[of_b..]);
    }
}

/// The worst severity and the highest confidence of some findings.
pub(super) fn worst(findings: &[Said<'_>]) -> (Severity, f64) {
    let severity = findings.iter().map(|said| said.severity).max().unwrap_or(Severity::Info);
    (severity, findings.iter().map(|said| said.number).fold(0.0, f64::max))
}

/// How far what stands under one form and name is apart, from 0 where it is the same: 1 where only one side says it, and for
/// findings that for each code.
pub(super) fn distance(a: &[Said<'_>], b: &[Said<'_>]) -> f64 {
    let ([first, ..], [second, ..]) = (a, b) else {
        return codes(if a.is_empty() { b } else { a }) as f64;
    };
    match first.form {
        Form::Number => apart(first.number, second.number, 1.0),
        Form::Cost => apart(first.number, second.number, f64::MIN_POSITIVE),
        Form::Boolean => f64::from(u8::from(first.truth != second.truth)),
        Form::Label => f64::from(u8::from(first.label != second.label)),
        Form::Finding | Form::BiasFinding => {
            let mut sum = 0.0;
            side_by_side(a, b, Said::code, |a, b| {
                let ((severity_a, sure_a), (severity_b, sure_b)) = (worst(a), worst(b));
                sum += if a.is_empty() || b.is_empty() {
                    1.0
                } else {
                    let steps = (severity_a as i32 - severity_b as i32).abs();
                    (f64::from(steps) / 4.0).max((sure_a - sure_b).abs())
                };
            });
            sum
        }
    }
}

/// How many codes stand in a sorted list.
fn codes(said: &[Said<'_>]) -> usize {
    said.chunk_by(|one, other| one.code() == other.code()).count()
}

/// The difference of two numbers as a share of the larger, or of `least` where both are smaller; at most 1.
fn apart(a: f64, b: f64, least: f64) -> f64 {
    let larger = a.abs().max(b.abs()).max(least);
    // Halves, so that the difference of the two largest numbers is a number.
    ((b / 2.0 - a / 2.0).abs() / (larger / 2.0)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(a: &str, b: &str, expected: f64) {
        let (a, b) = (Said::read(a).expect("verdicts"), Said::read(b).expect("verdicts"));
        let mut sum = 0.0;
        side_by_side(&a, &b, Said::key, |a, b| sum += distance(a, b));
        assert!((sum - expected).abs() < 1e-12, "{a:?} and {b:?} are {sum} apart, not {expected}");
    }

    fn score(value: &str) -> String {
        format!(r#"[{{"kind":"score","name":"s","value":{value}}}]"#)
    }

    fn findings(of: &[(&str, &str, f64)]) -> String {
        let finding = |(code, severity, sure): &(&str, &str, f64)| {
            format!(r#"{{"kind":"finding","name":"c","label":"{code}","severity":"{severity}","confidence":{sure}}}"#)
        };
        format!("[{}]", of.iter().map(finding).collect::<Vec<_>>().join(","))
    }

    fn cost(currency: &str, amount: u64) -> String {
        format!(
            r#"[{{"kind":"cost","name":"cost","value":1,"label":"{currency}","cost":{{"currency":"{currency}","amount_billionths":{amount},"items":[],"price_list":"p"}}}}]"#
        )
    }

    #[test]
    fn what_is_said_is_as_far_apart_as_it_says() {
        check("[]", "[]", 0.0);
        check("[]", &score("0.5"), 1.0);
        check(&score("0.25"), &score("0.75"), 0.5);
        check(&score("100"), &score("50"), 0.5);
        check(&score("-1"), &score("1"), 1.0);
        check(&score("-1.7e308"), &score("1.7e308"), 1.0);
        check(&score("true"), &score("false"), 1.0);
        check(&score("true"), &score("true"), 0.0);
        // A number and a label of one name are two verdicts, each given by one side.
        check(&score("1"), r#"[{"kind":"score","name":"s","value":"a","label":"a"}]"#, 2.0);
        check(&cost("USD", 1), &cost("USD", 4), 0.75);
        check(&cost("USD", 0), &cost("USD", 0), 0.0);
        check(&cost("USD", 1), &cost("EUR", 1), 2.0);
        let two = findings(&[("x", "low", 1.0), ("y", "low", 0.5)]);
        check(&two, &findings(&[("y", "high", 0.5), ("z", "info", 1.0)]), 2.5);
        check(&two, &findings(&[("x", "low", 1.0), ("x", "info", 0.2), ("y", "low", 0.8)]), 0.3);
        check(&two, "[]", 2.0);
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        for broken in ["", "{}", &score("null"), &score("\"a"), r#"[{"kind":"cost","name":"cost"}]"#] {
            assert!(Said::read(broken).is_err(), "{broken}");
        }
    }
}
