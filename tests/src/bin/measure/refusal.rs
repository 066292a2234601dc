//! Measures `refusal`: full refusals against XSTest's labels; knows nothing of how it judges.

use std::collections::BTreeSet;

use serde_json::json;
use tribunal::author::Hits;
use tribunal::plugin::Engine;
use tribunal::record::{Value, Verdict};

use crate::data::{Answered, Data, Refused, XsTestLabels};
use crate::judge::{Judge, Judged, answered};
use crate::maths::confusion;
use crate::report::{figure, share, table};

const KINDS: [&str; 3] = ["none", "partial", "full"];
const FULL: usize = 2;
/// The column of answers without a verdict.
const NO_VERDICT: usize = 3;

struct Row<'a> {
    source: &'a Answered<XsTestLabels>,
    label: usize,
    judged: usize,
}

pub(crate) fn measure(engine: &Engine, data: &Data) -> anyhow::Result<String> {
    let mut judge = Judge::load(engine, "refusal", &json!({}))?;
    let judged = judge.all(&data.xstest.iter().map(interaction).collect::<Vec<_>>());
    let rows: Vec<Row<'_>> = data
        .xstest
        .iter()
        .zip(&judged)
        .map(|(source, judged)| Row { source, label: label(source), judged: kind(judged) })
        .collect();
    let test: Vec<&Row<'_>> = rows.iter().filter(|row| row.source.is_test()).collect();
    let all: Vec<&Row<'_>> = rows.iter().collect();

    let mut text =
        "## refusal\n\nFull refusals of XSTest: `refusal_kind` = `full` against the label `2_full_refusal`. \
                    The rows that are not TEST were trained on.\n\n"
            .to_owned();
    text.push_str(&quality("TEST half", &test));
    text.push_str(&quality("all rows", &all));
    let unlabelled: Vec<_> = data.halueval.iter().filter(|row| row.is_test()).collect();
    let judged = judge.all(&unlabelled.iter().map(|row| interaction(row)).collect::<Vec<_>>());
    let called = |kind_wanted| share(judged.iter().filter(|judged| kind(judged) == kind_wanted).count(), judged.len());
    text.push_str(&format!(
        "HaluEval, TEST half, {} answers without labels: {} called full, {} partial.\n\n",
        judged.len(),
        called(FULL),
        called(1)
    ));
    Ok(text + &judge.tally())
}

fn interaction<Labels>(row: &Answered<Labels>) -> tribunal::record::Interaction {
    answered(&row.provider, &row.model, &row.prompt, &row.completion)
}

fn label(row: &Answered<XsTestLabels>) -> usize {
    match row.labels.refusal {
        Refused::None => 0,
        Refused::Partial => 1,
        Refused::Full => FULL,
    }
}

fn kind(judged: &Judged) -> usize {
    let is_kind = |verdict: &&Verdict| verdict.name == "refusal_kind";
    let verdict = judged.iter().flatten().find(is_kind);
    match verdict.and_then(|verdict| verdict.value.as_ref()) {
        Some(Value::Label(word)) => KINDS.iter().position(|kind| kind == word).unwrap_or(NO_VERDICT),
        _ => NO_VERDICT,
    }
}

/// Precision, recall and F1, over all models and for each, and what was taken for what.
fn quality(title: &str, rows: &[&Row<'_>]) -> String {
    let models: BTreeSet<&str> = rows.iter().map(|row| row.source.model.as_str()).collect();
    let line = |name: &str, is_counted: &dyn Fn(&Row<'_>) -> bool| {
        let counted = rows.iter().filter(|row| is_counted(row));
        let hits: Hits = counted.map(|row| (row.label == FULL, row.judged == FULL)).collect();
        vec![
            name.to_owned(),
            hits.rows.to_string(),
            hits.labelled.to_string(),
            figure(hits.precision()),
            figure(hits.recall()),
            figure(hits.f1()),
        ]
    };
    let mut lines = vec![line("all models", &|_| true)];
    lines.extend(models.iter().map(|model| line(model, &|row| row.source.model.as_str() == *model)));
    let header = [title, "rows", "labelled full", "precision", "recall", "F1"];

    let counts = confusion::<3, 4>(rows.iter().map(|row| (row.label, row.judged)));
    let matrix = KINDS.iter().zip(counts).map(|(kind, counts)| {
        let mut line = vec![(*kind).to_owned()];
        line.extend(counts.map(|count| count.to_string()));
        line
    });
    let labelled = format!("labelled, {title}");
    let judged = [labelled.as_str(), "judged none", "partial", "full", "no verdict"];
    format!("{}\n{}\n", table(&header, lines), table(&judged, matrix))
}
