//! How far a plugin's verdicts agree with labels that people gave.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::json::{parsed, read_lines};
use super::rig::recorded;
use crate::record::{Interaction, NewInteraction, Outcome, Value, Verdict, VerdictKind};
use crate::statistics::{Hits, best_threshold, roc_auc};

/// A labelled interaction.
#[derive(Debug)]
pub struct Row {
    /// What is judged.
    pub interaction: Interaction,
    /// What people say of it.
    pub label: Label,
}

/// What people say of an interaction.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(untagged, expecting = "a label is true, false or a word")]
pub enum Label {
    /// That it is so, or is not.
    YesNo(bool),
    /// One of a few words.
    Word(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    interaction: NewInteraction,
    label: Label,
}

/// Reads labelled rows, one on each line, or says which line is none.
pub fn read_rows(path: &Path) -> Result<Vec<Row>, String> {
    let row = |Written { interaction, label }| Row { interaction: recorded(interaction), label };
    let lines = read_lines(path, |line| parsed(line).map(row))?;
    let rows: Vec<_> = lines.into_iter().map(|(_, row)| row).collect();
    if rows.is_empty() {
        return Err(format!("{} has no row", path.display()));
    }
    if rows.iter().any(|row| std::mem::discriminant(&row.label) != std::mem::discriminant(&rows[0].label)) {
        return Err(format!("{}: some labels are true or false and some are words", path.display()));
    }
    Ok(rows)
}

/// What a plugin said of a row.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Said {
    /// A number: a score's value, 1 or 0 for one that is true or false, or how sure it was of a finding.
    Number(f64),
    /// A score's label.
    Word(String),
    /// That there is no such finding.
    NotFound,
    /// Nothing: the evaluation failed, or the score was not there.
    Nothing,
}

/// Which verdict of the plugin is compared: that of the wanted name, or the first one there is. Where there is none, why.
pub fn verdict_name(outcomes: &[Outcome], wanted: Option<String>) -> Result<String, String> {
    let names: BTreeSet<_> = named(outcomes).map(|verdict| verdict.name.as_str()).collect();
    let list = names.iter().copied().collect::<Vec<_>>().join(", ");
    match wanted {
        Some(wanted) if names.contains(wanted.as_str()) => Ok(wanted),
        Some(wanted) if !names.is_empty() => Err(format!("no evaluation gave {wanted:?}; what they gave: {list}")),
        _ => match (named(outcomes).next(), outcomes.iter().find_map(Outcome::failure)) {
            (Some(first), _) => Ok(first.name.clone()),
            (None, Some(failure)) => Err(format!(
                "no evaluation gave a verdict; one failed with {}: {}",
                failure.reason.as_str(),
                failure.message
            )),
            (None, None) => Err("no evaluation gave a verdict, and none failed".to_owned()),
        },
    }
}

/// What each outcome says under that name, which one of them has.
pub fn said(outcomes: &[Outcome], name: &str) -> Vec<Said> {
    let is_finding = named(outcomes).any(|verdict| verdict.name == name && verdict.kind != VerdictKind::Score);
    outcomes.iter().map(|outcome| says(outcome, name, is_finding)).collect()
}

fn named(outcomes: &[Outcome]) -> impl Iterator<Item = &Verdict> {
    let verdicts = outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::Succeeded(verdicts) => Some(verdicts),
        Outcome::Failed(_) => None,
    });
    verdicts.flatten()
}

fn says(outcome: &Outcome, name: &str, is_finding: bool) -> Said {
    let Outcome::Succeeded(verdicts) = outcome else { return Said::Nothing };
    let of_name = |verdict: &&Verdict| verdict.name == name;
    match verdicts.iter().find(of_name) {
        Some(Verdict { value: Some(Value::Number(number)), .. }) => Said::Number(*number),
        Some(Verdict { value: Some(Value::Boolean(yes)), .. }) => Said::Number(f64::from(u8::from(*yes))),
        Some(Verdict { value: Some(Value::Label(word)), .. }) => Said::Word(word.clone()),
        Some(Verdict { kind: VerdictKind::Score, .. }) => Said::Nothing,
        // Findings: the surest of them; none is a judgement too.
        Some(_) => {
            Said::Number(verdicts.iter().filter(of_name).filter_map(|found| found.confidence).fold(0.0, f64::max))
        }
        None if is_finding => Said::NotFound,
        None => Said::Nothing,
    }
}

/// How good the plugin is.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Quality {
    /// Of labels that are true or false.
    YesNo(Box<YesNo>),
    /// Of labels that are words.
    Words(Words),
}

/// Scores against labels that are true or false.
#[derive(Debug, Serialize)]
pub struct YesNo {
    /// The probability that a row labelled true has the higher score of two; over all rows.
    pub roc_auc: Option<f64>,
    /// The threshold: as it was given, or that with the highest F1 on the first half of the rows.
    pub threshold: Option<f64>,
    /// How good it is there.
    pub chosen_on: Counts,
    /// How good it is on the other half, which had no say in it.
    pub tried_on: Counts,
    /// Over all rows.
    pub all: Counts,
}

/// Judgements by a threshold.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the usual terms")]
pub struct Counts {
    pub rows: usize,
    pub true_positives: usize,
    pub false_positives: usize,
    pub false_negatives: usize,
    pub true_negatives: usize,
    pub precision: Option<f64>,
    pub recall: Option<f64>,
    pub f1: Option<f64>,
}

impl Counts {
    fn of(pairs: impl Iterator<Item = (bool, bool)>) -> Self {
        let hits: Hits = pairs.collect();
        let both = hits.both;
        Self {
            rows: hits.rows,
            true_positives: both,
            false_positives: hits.judged - both,
            false_negatives: hits.labelled - both,
            true_negatives: hits.rows + both - hits.judged - hits.labelled,
            precision: hits.precision(),
            recall: hits.recall(),
            f1: hits.f1(),
        }
    }
}

/// Words against words.
#[derive(Debug, Serialize)]
pub struct Words {
    /// The share of rows on which both are the same.
    pub accuracy: f64,
    /// By label: how good the plugin is at it.
    pub by_label: BTreeMap<String, Counts>,
    /// By label, and then by what the plugin said, how many rows; `–` is nothing.
    pub confusion: BTreeMap<String, BTreeMap<String, usize>>,
}

/// Compares labels with what was said. None where there is nothing to compare: words were wanted and numbers came, or the
/// other way round. The threshold is chosen on one half of the rows where it is not given.
pub fn quality(rows: &[Row], said: &[Said], threshold: Option<f64>) -> Option<Quality> {
    match rows.first()?.label {
        Label::YesNo(_) => yes_no(rows, said, threshold).map(|found| Quality::YesNo(Box::new(found))),
        Label::Word(_) => words(rows, said).map(Quality::Words),
    }
}

/// Whether plugin and label agree on a row, by that threshold.
pub fn agrees(label: &Label, said: &Said, threshold: Option<f64>) -> bool {
    match label {
        Label::YesNo(labelled) => is_judged(said, threshold) == *labelled,
        Label::Word(word) => matches!(said, Said::Word(other) if other == word),
    }
}

fn is_judged(said: &Said, threshold: Option<f64>) -> bool {
    matches!((said, threshold), (Said::Number(number), Some(threshold)) if *number >= threshold)
}

fn yes_no(rows: &[Row], said: &[Said], threshold: Option<f64>) -> Option<YesNo> {
    if said.iter().any(|said| matches!(said, Said::Word(_))) {
        return None;
    }
    let labelled = |row: &Row| row.label == Label::YesNo(true);
    let half = |of: bool| rows.iter().zip(said).filter(move |(row, _)| is_first_half(row) == of);
    let scored = |(row, said): (&Row, &Said)| match said {
        Said::Number(number) => Some((*number, labelled(row))),
        Said::NotFound => Some((f64::NEG_INFINITY, labelled(row))),
        Said::Word(_) | Said::Nothing => None,
    };
    let chosen: Vec<_> = half(true).filter_map(scored).collect();
    let threshold = threshold.or_else(|| best_threshold(&chosen));
    let judged = |(row, said): (&Row, &Said)| (labelled(row), is_judged(said, threshold));
    Some(YesNo {
        roc_auc: roc_auc(&rows.iter().zip(said).filter_map(scored).collect::<Vec<_>>()),
        threshold,
        chosen_on: Counts::of(half(true).map(judged)),
        tried_on: Counts::of(half(false).map(judged)),
        all: Counts::of(rows.iter().zip(said).map(judged)),
    })
}

/// The halves do not depend on the order of the rows, and a prompt is in one of them alone.
fn is_first_half(row: &Row) -> bool {
    let posted = &row.interaction.posted;
    let prompt = serde_json::to_vec(if posted.input.is_empty() { &posted.output } else { &posted.input });
    Sha256::digest(prompt.unwrap_or_default())[0] % 2 == 0
}

fn words(rows: &[Row], said: &[Said]) -> Option<Words> {
    if said.iter().any(|said| matches!(said, Said::Number(_))) {
        return None;
    }
    let label = |row: &Row| match &row.label {
        Label::Word(word) => word.clone(),
        Label::YesNo(yes) => yes.to_string(),
    };
    let word = |said: &Said| match said {
        Said::Word(word) => word.clone(),
        Said::Number(_) | Said::NotFound | Said::Nothing => "–".to_owned(),
    };
    let pairs: Vec<_> = rows.iter().map(label).zip(said.iter().map(word)).collect();
    let mut confusion = BTreeMap::<String, BTreeMap<String, usize>>::new();
    for (label, word) in &pairs {
        *confusion.entry(label.clone()).or_default().entry(word.clone()).or_default() += 1;
    }
    let by_label = confusion
        .keys()
        .map(|label| (label.clone(), Counts::of(pairs.iter().map(|(is, said)| (is == label, said == label)))))
        .collect();
    let same = pairs.iter().filter(|(label, word)| label == word).count();
    Some(Words { accuracy: same as f64 / pairs.len() as f64, by_label, confusion })
}
