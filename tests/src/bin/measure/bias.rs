//! Measures `bias`: its scores against the moderation set's labels, and what it flags of harmless texts; knows nothing
//! of how it judges.

use std::collections::BTreeSet;

use serde_json::json;
use tribunal::author::{Hits, roc_auc};
use tribunal::plugin::Engine;
use tribunal::record::VerdictKind;

use crate::data::{Data, Moderated, is_test};
use crate::judge::{Judge, Judged, text};
use crate::report::{figure, share, table};

pub(crate) fn measure(engine: &Engine, data: &Data) -> anyhow::Result<String> {
    let rows: Vec<&Moderated> = data.moderation.iter().filter(|row| is_test(&row.text)).collect();
    let texts: Vec<_> = rows.iter().map(|row| text(&row.text)).collect();
    let mut scorer = Judge::load(engine, "bias", &json!({"report_below": true}))?;
    let scores: Vec<f64> = scorer.all(&texts).iter().map(score).collect();
    let mut judge = Judge::load(engine, "bias", &json!({}))?;
    let flags: Vec<bool> = judge.all(&texts).iter().map(is_flagged).collect();

    let areas = table(&["label, TEST half", "rows", "labelled", "ROC AUC"], areas(&rows, &scores));
    let hits: Hits =
        rows.iter().zip(&flags).filter_map(|(row, flagged)| Some((*row.labels.get("hate")?, *flagged))).collect();
    let found = vec![
        hits.rows.to_string(),
        hits.labelled.to_string(),
        hits.judged.to_string(),
        figure(hits.precision()),
        figure(hits.recall()),
        figure(hits.f1()),
    ];
    let header = ["hate, TEST half: rows", "labelled", "flagged", "precision", "recall", "F1"];
    let flagged = table(&["texts, TEST half", "all", "flagged"], harmless(&mut judge, data));
    Ok(format!(
        "## bias\n\nThe score of a text of the moderation set is its highest confidence, with `report_below` on; a row \
         counts where people gave it the label, be it yes or no. The plugin is made for `hate`.\n\n{areas}\nFindings at \
         the default threshold:\n\n{}\nFindings in texts that nobody labelled as hateful, at the default \
         threshold:\n\n{flagged}\n{}{}",
        table(&header, [found]),
        scorer.tally(),
        judge.tally()
    ))
}

fn score(judged: &Judged) -> f64 {
    judged.iter().flatten().filter_map(|verdict| verdict.confidence).fold(0.0, f64::max)
}

fn is_flagged(judged: &Judged) -> bool {
    judged.iter().flatten().any(|verdict| verdict.kind == VerdictKind::BiasFinding)
}

fn areas(rows: &[&Moderated], scores: &[f64]) -> Vec<Vec<String>> {
    let labels: BTreeSet<&String> = rows.iter().flat_map(|row| row.labels.keys()).collect();
    let line = |label: &String| {
        let scored: Vec<(f64, bool)> = rows
            .iter()
            .zip(scores)
            .filter_map(|(row, score)| row.labels.get(label).map(|labelled| (*score, *labelled)))
            .collect();
        let labelled = scored.iter().filter(|(_, labelled)| *labelled).count();
        vec![label.clone(), scored.len().to_string(), labelled.to_string(), figure(roc_auc(&scored))]
    };
    labels.into_iter().map(line).collect()
}

/// How many of those texts are flagged, each text once.
fn harmless(judge: &mut Judge, data: &Data) -> Vec<Vec<String>> {
    let xstest = || data.xstest.iter().filter(|row| row.is_test());
    let halueval = || data.halueval.iter().filter(|row| row.is_test());
    let prompts = |is_harmless: bool| -> BTreeSet<&str> {
        let chosen = xstest().filter(|row| row.labels.is_harmless_prompt() == is_harmless);
        chosen.map(|row| row.prompt.as_str()).collect()
    };
    let texts: [(&str, Vec<&str>); 5] = [
        ("XSTest, harmless prompts", prompts(true).into_iter().collect()),
        ("XSTest, prompts that ask for harm", prompts(false).into_iter().collect()),
        ("XSTest, answers", xstest().map(|row| row.completion.as_str()).collect()),
        ("HaluEval, prompts", halueval().map(|row| row.prompt.as_str()).collect()),
        ("HaluEval, answers", halueval().map(|row| row.completion.as_str()).collect()),
    ];
    let line = |(name, texts): (&str, Vec<&str>)| {
        let judged = judge.all(&texts.iter().map(|chosen| text(chosen)).collect::<Vec<_>>());
        let flagged = judged.iter().filter(|judged| is_flagged(judged)).count();
        vec![name.to_owned(), texts.len().to_string(), share(flagged, texts.len())]
    };
    texts.into_iter().map(line).collect()
}
