//! What a case expects, and how what came differs from it.

use std::fmt;

use regex::Regex;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

/// What is expected of an evaluation; one of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Expect {
    /// Verdicts in this order and no others. Of each, only the fields that are named are looked at.
    Verdicts(Vec<Json>),
    /// The verdicts to the last field.
    Exactly(Vec<Json>),
    /// At least these verdicts.
    Contains(Vec<Json>),
    /// That the plugin fails: its `reason`, `message` and whether it is `transient`.
    Failure(Json),
    /// That the plugin does not take the config: the text that it is refused with.
    Refused(Json),
}

/// One difference between what is expected and what came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Where, such as `verdicts[0].value`.
    pub at: String,
    /// What is expected there, in words or as JSON.
    pub expected: String,
    /// What came, as JSON; none where nothing did.
    pub got: Option<String>,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.at)?;
        writeln!(f, "  - expected {}", self.expected)?;
        write!(f, "  + got      {}", self.got.as_deref().unwrap_or("nothing"))
    }
}

/// What came of a case: an object with `verdicts`, `failure` or `refused`.
pub(super) type Came = Map<String, Json>;

impl Expect {
    /// Every difference; none where it came as expected.
    pub(super) fn differences(&self, came: &Came) -> Vec<Mismatch> {
        let mut found = Vec::new();
        match self {
            Self::Verdicts(patterns) => {
                each("verdicts", &Json::Array(patterns.clone()), came.get("verdicts"), &mut found);
            }
            Self::Exactly(verdicts) => match came.get("verdicts") {
                Some(Json::Array(got)) => {
                    each("verdicts", &Json::Array(verdicts.clone()), came.get("verdicts"), &mut found);
                    for (at, (verdict, got)) in verdicts.iter().zip(got).enumerate() {
                        unexpected_keys(&format!("verdicts[{at}]"), verdict, got, &mut found);
                    }
                }
                other => each("verdicts", &Json::Array(verdicts.clone()), other, &mut found),
            },
            Self::Contains(patterns) => {
                let got = came.get("verdicts");
                let verdicts = got.and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
                for pattern in patterns {
                    let is_there = verdicts.iter().any(|verdict| {
                        let mut differences = Vec::new();
                        each("", pattern, Some(verdict), &mut differences);
                        differences.is_empty()
                    });
                    if !is_there {
                        found.push(mismatch("verdicts", format!("one like {pattern}"), got));
                    }
                }
            }
            Self::Failure(pattern) => each("failure", pattern, came.get("failure"), &mut found),
            Self::Refused(pattern) => each("refused", pattern, came.get("refused"), &mut found),
        }
        // What came instead explains more than that nothing came.
        if let [Mismatch { got: None, .. }] = found.as_mut_slice()
            && let Some((what, value)) = came.iter().next()
        {
            found[0].got = Some(format!("{what}: {value}"));
        }
        found
    }

    /// What is wrong with the expectation itself.
    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            Self::Verdicts(patterns) | Self::Contains(patterns) => patterns.iter().try_for_each(check),
            Self::Exactly(_) => Ok(()),
            Self::Failure(pattern) | Self::Refused(pattern) => check(pattern),
        }
    }
}

/// The fields that came and are not expected.
fn unexpected_keys(at: &str, expected: &Json, got: &Json, found: &mut Vec<Mismatch>) {
    match (expected, got) {
        (Json::Object(expected), Json::Object(got)) => {
            for (key, value) in got {
                let at = format!("{at}.{key}");
                match expected.get(key) {
                    Some(expected) => unexpected_keys(&at, expected, value, found),
                    None => found.push(mismatch(&at, "nothing".to_owned(), Some(value))),
                }
            }
        }
        (Json::Array(expected), Json::Array(got)) => {
            for (index, (expected, got)) in expected.iter().zip(got).enumerate() {
                unexpected_keys(&format!("{at}[{index}]"), expected, got, found);
            }
        }
        _ => {}
    }
}

fn mismatch(at: &str, expected: String, got: Option<&Json>) -> Mismatch {
    Mismatch { at: at.to_owned(), expected, got: got.map(Json::to_string) }
}

/// Compares what came with a pattern: a value, or an object of predicates whose names begin with a dollar sign.
fn each(at: &str, pattern: &Json, got: Option<&Json>, found: &mut Vec<Mismatch>) {
    match (pattern, got) {
        (Json::Object(predicates), _) if is_predicate(predicates) => {
            for (name, operand) in predicates {
                match Predicate::parse(name, operand) {
                    Ok(predicate) if predicate.holds(got) => {}
                    Ok(predicate) => found.push(mismatch(at, predicate.to_string(), got)),
                    Err(wrong) => found.push(mismatch(at, wrong, got)),
                }
            }
        }
        (Json::Object(fields), Some(Json::Object(there))) => {
            for (key, pattern) in fields {
                each(&format!("{at}.{key}"), pattern, there.get(key), found);
            }
        }
        (Json::Array(patterns), Some(Json::Array(items))) if patterns.len() == items.len() => {
            for (index, (pattern, item)) in patterns.iter().zip(items).enumerate() {
                each(&format!("{at}[{index}]"), pattern, Some(item), found);
            }
        }
        (Json::Array(patterns), Some(Json::Array(items))) => {
            found.push(mismatch(
                at,
                format!("{} of them, {pattern}", patterns.len()),
                Some(&Json::from(items.clone())),
            ));
        }
        (pattern, Some(got)) if are_equal(pattern, got) => {}
        _ => found.push(mismatch(at, pattern.to_string(), got)),
    }
}

/// 1 and 1.0 are one number.
fn are_equal(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Number(one), Json::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        _ => one == other,
    }
}

fn is_predicate(object: &Map<String, Json>) -> bool {
    !object.is_empty() && object.keys().all(|key| key.starts_with('$'))
}

/// Whether every predicate in a pattern is one.
fn check(pattern: &Json) -> Result<(), String> {
    match pattern {
        Json::Object(object) if is_predicate(object) => {
            object.iter().try_for_each(|(name, operand)| Predicate::parse(name, operand).map(drop))
        }
        Json::Object(object) => object.values().try_for_each(check),
        Json::Array(items) => items.iter().try_for_each(check),
        _ => Ok(()),
    }
}

/// What can be asked of a value.
enum Predicate<'a> {
    Above(f64),
    AtLeast(f64),
    Below(f64),
    AtMost(f64),
    Near(f64, f64),
    Matches(Regex),
    Contains(&'a str),
    OneOf(&'a [Json]),
    Absent(bool),
}

impl<'a> Predicate<'a> {
    fn parse(name: &str, operand: &'a Json) -> Result<Self, String> {
        let number = || operand.as_f64().ok_or_else(|| format!("`{name}` wants a number"));
        let text = || operand.as_str().ok_or_else(|| format!("`{name}` wants a text"));
        Ok(match name {
            "$gt" => Self::Above(number()?),
            "$ge" => Self::AtLeast(number()?),
            "$lt" => Self::Below(number()?),
            "$le" => Self::AtMost(number()?),
            "$near" => {
                let pair = operand.as_array().map(Vec::as_slice).unwrap_or_default();
                match pair.iter().map(Json::as_f64).collect::<Option<Vec<_>>>().as_deref() {
                    Some([value, tolerance]) => Self::Near(*value, *tolerance),
                    _ => {
                        return Err(
                            "`$near` wants a number and how far from it is near, such as [0.5, 0.01]".to_owned()
                        );
                    }
                }
            }
            "$matches" => Self::Matches(Regex::new(text()?).map_err(|error| format!("`$matches`: {error}"))?),
            "$contains" => Self::Contains(text()?),
            "$in" => Self::OneOf(operand.as_array().ok_or("`$in` wants a list")?),
            "$absent" => Self::Absent(operand.as_bool().ok_or("`$absent` wants true or false")?),
            _ => {
                return Err(format!(
                    "there is no `{name}`; there are $gt, $ge, $lt, $le, $near, $matches, $contains, $in and $absent"
                ));
            }
        })
    }

    fn holds(&self, got: Option<&Json>) -> bool {
        let number = got.and_then(Json::as_f64);
        let text = got.and_then(Json::as_str);
        match self {
            Self::Above(bound) => number.is_some_and(|number| number > *bound),
            Self::AtLeast(bound) => number.is_some_and(|number| number >= *bound),
            Self::Below(bound) => number.is_some_and(|number| number < *bound),
            Self::AtMost(bound) => number.is_some_and(|number| number <= *bound),
            Self::Near(value, tolerance) => number.is_some_and(|number| (number - value).abs() <= *tolerance),
            Self::Matches(pattern) => text.is_some_and(|text| pattern.is_match(text)),
            Self::Contains(part) => text.is_some_and(|text| text.contains(part)),
            Self::OneOf(values) => got.is_some_and(|got| values.iter().any(|value| are_equal(value, got))),
            Self::Absent(absent) => got.is_none() == *absent,
        }
    }
}

impl fmt::Display for Predicate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Above(bound) => write!(f, "a number above {bound}"),
            Self::AtLeast(bound) => write!(f, "a number of at least {bound}"),
            Self::Below(bound) => write!(f, "a number below {bound}"),
            Self::AtMost(bound) => write!(f, "a number of at most {bound}"),
            Self::Near(value, tolerance) => write!(f, "a number within {tolerance} of {value}"),
            Self::Matches(pattern) => write!(f, "a text that matches {pattern}"),
            Self::Contains(part) => write!(f, "a text that contains {part:?}"),
            Self::OneOf(values) => write!(f, "one of {}", Json::from(values.to_vec())),
            Self::Absent(true) => f.write_str("nothing"),
            Self::Absent(false) => f.write_str("anything"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn differences(expect: Json, came: Json) -> Vec<String> {
        let expect: Expect = serde_json::from_value(expect).expect("an expectation");
        expect.check().expect("a valid one");
        let Json::Object(came) = came else { unreachable!("an object") };
        expect.differences(&came).iter().map(|one| format!("{}: {}", one.at, one.expected)).collect()
    }

    #[test]
    fn what_is_named_is_compared() {
        let came = json!({"verdicts": [{"name": "words", "value": 3.0}, {"name": "fine", "value": true}]});
        let check = |expect: Json, wanted: &[&str]| assert_eq!(differences(expect, came.clone()), wanted);
        check(json!({"verdicts": [{"value": 3}, {"name": "fine"}]}), &[]);
        check(json!({"verdicts": [{"value": {"$gt": 2, "$lt": 3}}, {}]}), &["verdicts[0].value: a number below 3"]);
        check(json!({"verdicts": [{"value": 3}]}), &["verdicts: 1 of them, [{\"value\":3}]"]);
        check(json!({"contains": [{"name": "fine", "value": true}]}), &[]);
        check(json!({"contains": [{"name": "other"}]}), &["verdicts: one like {\"name\":\"other\"}"]);
        check(json!({"exactly": [{"name": "words", "value": 3}, {"name": "fine"}]}), &["verdicts[1].value: nothing"]);
        check(json!({"failure": {"reason": "trap"}}), &["failure: {\"reason\":\"trap\"}"]);
        check(json!({"verdicts": [{"label": {"$absent": true}}, {"name": {"$matches": "^f"}}]}), &[]);
        check(json!({"verdicts": [{"name": {"$in": ["words"]}}, {"name": {"$contains": "in"}}]}), &[]);
        check(json!({"verdicts": [{"value": {"$near": [2.9, 0.2]}}, {}]}), &[]);
    }

    #[test]
    fn predicates_that_are_none_are_named() {
        let wrong = |expect: Json| {
            let expect: Expect = serde_json::from_value(expect).expect("an expectation");
            expect.check().expect_err("it has a predicate that is none")
        };
        assert!(wrong(json!({"verdicts": [{"value": {"$above": 1}}]})).contains("there is no `$above`"));
        assert!(wrong(json!({"verdicts": [{"value": {"$gt": "1"}}]})).contains("`$gt` wants a number"));
        assert!(wrong(json!({"refused": {"$matches": "("}})).contains("`$matches`"));
    }
}
