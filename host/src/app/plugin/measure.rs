//! `tribunal plugin measure`: verdicts beside labels that people gave.

use std::io::stdout;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use indicatif::ProgressBar;
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::{LimitArgs, run};
use crate::app::{Failure, say};
use crate::author::{Counts, Label, Quality, Row, Said, Words, YesNo, agrees, quality, read_rows, said, verdict_name};
use crate::plugin::{Evaluator, Plugin};
use crate::record::{ModelCall, Outcome, Usage};

/// How much of an answer is shown.
const SHOWN: usize = 100;

/// What is measured, and against what.
#[derive(Args)]
pub(in crate::app) struct MeasureArgs {
    /// The plugin.
    file: PathBuf,
    /// The labelled rows, a .jsonl file.
    #[arg(long)]
    labels: PathBuf,
    /// The verdict that is compared: the name of a score, or the category of a finding. By default the first there is.
    #[arg(long)]
    verdict: Option<String>,
    /// The plugin's config, as JSON.
    #[arg(long, default_value = "{}")]
    config: String,
    /// Judge by this threshold, rather than by the best on one half of the rows. A finding that is not there is below all.
    #[arg(long)]
    threshold: Option<f64>,
    /// How many rows on which plugin and label differ are shown.
    #[arg(long, default_value_t = 10)]
    show: usize,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    limits: LimitArgs,
}

/// How many rows at once are put before a plugin that waits for models.
const AT_ONCE: usize = 16;

/// What the plugin says of each row, and what it asked of models.
fn judged(plugin: &Plugin, rows: &[Row]) -> Result<(Vec<Outcome>, Asked), Failure> {
    let bar = ProgressBar::new(rows.len() as u64);
    let threads = if plugin.asks_models() { AT_ONCE } else { 1 };
    let judge = |rows: &[Row]| {
        let mut evaluator = Evaluator::default();
        let of = |row: &Row| evaluator.evaluate(plugin, &row.interaction);
        bar.wrap_iter(rows.iter()).map(of).collect::<Vec<_>>()
    };
    let parts: Vec<_> = std::thread::scope(|scope| {
        let parts = rows.chunks(rows.len().div_ceil(threads).max(1));
        let threads: Vec<_> = parts.map(|part| scope.spawn(|| judge(part))).collect();
        threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
    });
    bar.finish_and_clear();
    let parts = parts.into_iter().collect::<Result<Vec<_>, _>>().map_err(|_| "a thread of the measurement panicked")?;
    let (mut outcomes, mut asked) = (Vec::new(), Asked::default());
    for evaluation in parts.into_iter().flatten() {
        evaluation.model_calls.iter().for_each(|call| asked.add(call));
        outcomes.push(evaluation.outcome);
    }
    Ok((outcomes, asked))
}

/// What was asked of models.
#[derive(Debug, Default, Serialize)]
struct Asked {
    calls: u64,
    /// Those that were answered with what was answered before.
    cached: u64,
    input_tokens: u64,
    output_tokens: u64,
}

impl Asked {
    fn add(&mut self, call: &ModelCall) {
        let made = call.usage.as_ref().filter(|_| !call.cached);
        self.calls += u64::from(!call.cached);
        self.cached += u64::from(call.cached);
        self.input_tokens += made.map_or(0, Usage::all_input);
        self.output_tokens += made.map_or(0, Usage::all_output);
    }
}

pub(super) fn measure(args: MeasureArgs) -> Result<ExitCode, Failure> {
    let MeasureArgs { file, labels, verdict, config, threshold, show, json, limits } = args;
    let rows = read_rows(&labels)?;
    let plugin = limits.rig(&file)?.load(&run::object(&config)?).map_err(|error| crate::report(&*error))?;
    let (outcomes, asked) = judged(&plugin, &rows)?;
    let failures: Vec<_> = outcomes.iter().filter_map(Outcome::failure).collect();
    let name = verdict_name(&outcomes, verdict)?;
    let said = said(&outcomes, &name);
    let found = quality(&rows, &said, threshold).ok_or_else(|| {
        format!("the labels and the verdict {name:?} are of different sorts: true and false go with numbers, words with labels")
    })?;
    let judged_by = match &found {
        Quality::YesNo(found) => found.threshold,
        Quality::Words(_) => None,
    };
    let differing: Vec<_> =
        rows.iter().zip(&said).filter(|(row, said)| !agrees(&row.label, said, judged_by)).take(show).collect();
    let mut out = stdout();
    if json {
        let shown: Vec<_> = differing.iter().map(|(row, said)| difference(row, said)).collect();
        let mut whole = json!({"verdict": name, "rows": rows.len(), "failed": failures.len(), "quality": found, "differing": shown});
        if plugin.asks_models() {
            whole["asked_of_models"] = serde_json::to_value(&asked)?;
        }
        say(&mut out, &serde_json::to_string_pretty(&whole)?);
        return Ok(ExitCode::SUCCESS);
    }
    say(&mut out, &format!("{} rows, verdict {name:?}, {} evaluations failed", rows.len(), failures.len()));
    if plugin.asks_models() {
        let Asked { calls, cached, input_tokens, output_tokens } = asked;
        let words = format!(
            "{calls} requests to models, with {input_tokens} tokens of prompts and {output_tokens} of answers; {cached} were \
             answered with what was answered before"
        );
        say(&mut out, &words);
    }
    if let Some(failure) = failures.first() {
        say(&mut out, &format!("the first of them with {}: {}", failure.reason.as_str(), failure.message));
    }
    match &found {
        Quality::YesNo(found) => tell_yes_no(found, threshold.is_some()),
        Quality::Words(found) => tell_words(found),
    }
    for (row, said) in differing {
        say(&mut out, &difference(row, said).to_string());
    }
    Ok(ExitCode::SUCCESS)
}

fn difference(row: &Row, said: &Said) -> Json {
    let posted = &row.interaction.posted;
    let text = serde_json::to_string(if posted.output.is_empty() { &posted.input } else { &posted.output });
    let text = text.unwrap_or_default();
    let end = text.floor_char_boundary(SHOWN);
    json!({"id": posted.id, "label": Json::from(&row.label), "said": said, "text": text[..end]})
}

impl From<&Label> for Json {
    fn from(label: &Label) -> Self {
        match label {
            Label::YesNo(yes) => Self::from(*yes),
            Label::Word(word) => Self::from(word.as_str()),
        }
    }
}

fn figure(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"))
}

fn tell_yes_no(found: &YesNo, is_given: bool) {
    let mut out = stdout();
    say(&mut out, &format!("ROC AUC    {}", figure(found.roc_auc)));
    let how = if is_given { "as given" } else { "the best F1 on the first half" };
    say(&mut out, &format!("threshold  {} ({how})\n", figure(found.threshold)));
    say(&mut out, "                 rows  precision  recall     F1    true+  false+  false-   true-");
    for (what, counts) in [("first half", &found.chosen_on), ("other half", &found.tried_on), ("all rows", &found.all)]
    {
        say(&mut out, &line(what, counts));
    }
}

fn line(what: &str, counts: &Counts) -> String {
    let [precision, recall, f1] = [counts.precision, counts.recall, counts.f1].map(figure);
    let Counts { rows, true_positives, false_positives, false_negatives, true_negatives, .. } = counts;
    format!(
        "{what:<14} {rows:>6}  {precision:>9}  {recall:>6}  {f1:>5}  {true_positives:>7} {false_positives:>7} \
         {false_negatives:>7} {true_negatives:>7}"
    )
}

fn tell_words(found: &Words) {
    let mut out = stdout();
    say(&mut out, &format!("accuracy   {:.3}\n", found.accuracy));
    say(&mut out, "label            rows  precision  recall     F1    true+  false+  false-   true-");
    for (label, counts) in &found.by_label {
        say(&mut out, &line(label, counts));
    }
    say(&mut out, "\nlabelled, and what was said of those:");
    for (label, words) in &found.confusion {
        let words: Vec<_> = words.iter().map(|(word, count)| format!("{count} {word}")).collect();
        say(&mut out, &format!("{label:<14} {}", words.join(", ")));
    }
}
