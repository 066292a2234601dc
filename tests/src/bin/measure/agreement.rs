//! Measures how far `judge` agrees with people when it asks each of some models, by `tribunal plugin measure`; knows nothing of
//! how it judges.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use serde_json::{Value as Json, json};
use tribunal::config::Config;
use tribunal::record::Source;
use tribunal_tests::{LanguageModel, binary, root};

use crate::data::{Answered, Data, HaluEvalLabels};
use crate::report::{figure, table};

/// So many rows that people found right, and as many that they found made up in part.
const EACH: usize = 40;
/// The longest answer: the smallest of models has to read it.
const LONGEST: usize = 600;

/// With SmolLM2 on this machine, and with each model of a provider in that configuration.
pub(crate) fn measure(data: &Data, models: Option<&Path>) -> anyhow::Result<String> {
    let folder = tempfile::tempdir()?;
    let (labels, own) = (folder.path().join("labels.jsonl"), folder.path().join("tribunal.toml"));
    fs::write(&labels, labelled(&data.halueval))?;
    let small = LanguageModel::start();
    fs::write(
        &own,
        format!(
            "[models.smollm2]\nprovider = \"openai-compatible\"\nbase_url = \"{}/v1\"\nmodel = \"SmolLM2-135M-Instruct\"\n\
             timeout = \"120s\"\nmax_concurrent = 2\n",
            small.url
        ),
    )?;
    let mut lines = vec![line(&labels, &own, "smollm2", "SmolLM2-135M-Instruct", true)?];
    if let Some(path) = models {
        for model in Config::read(path)?.models {
            if matches!(model.source, Source::Remote(_)) {
                lines.push(line(&labels, path, model.alias.as_str(), &model.model, false)?);
            }
        }
    }
    let header = ["model", "rows", "failed", "ROC AUC", "agrees, other half", "precision", "recall"];
    Ok(format!(
        "## judge\n\n\"Is what the answer says true and free of made-up facts?\", 1 to 10, on rows of HaluEval's TEST half with at \
         most {LONGEST} bytes: the first {EACH} in which people found nothing made up, which the score should find, and the first \
         {EACH} others. The threshold is chosen on one half of them and tried on the other.{}\n\n{}",
        if models.is_some() { "" } else { " `make measure MODELS=FILE` adds the models of that configuration." },
        table(&header, lines)
    ))
}

fn labelled(rows: &[Answered<HaluEvalLabels>]) -> String {
    let fits = |row: &&Answered<HaluEvalLabels>| row.is_test() && row.completion.len() < LONGEST;
    let some = |made_up: bool| {
        let of_sort = rows.iter().filter(fits).filter(move |row| row.labels.hallucination == made_up);
        of_sort.take(EACH).map(move |row| {
            let interaction = json!({
                "provider": row.provider, "model": row.model,
                "input": [{"role": "user", "content": row.prompt}],
                "output": [{"role": "assistant", "content": row.completion}],
            });
            format!("{}\n", json!({"interaction": interaction, "label": !made_up}))
        })
    };
    some(false).chain(some(true)).collect()
}

fn line(labels: &Path, models: &Path, alias: &str, name: &str, bounds: bool) -> anyhow::Result<Vec<String>> {
    let criterion = json!({
        "name": "accuracy", "description": "Is what the answer says true and free of made-up facts?",
        "scale": {"min": 1, "max": 10},
    });
    let config = json!({"model": alias, "bounds": bounds, "max_characters": 1500, "criteria": [criterion]});
    let mut command = Command::new(binary());
    command.args(["plugin", "measure", "--json", "--show", "0", "--verdict", "accuracy", "--deadline", "60m"]);
    command.arg(root().join("target/plugins/judge.wasm")).arg("--labels").arg(labels).arg("--models").arg(models);
    command.args(["--config", &config.to_string()]).stderr(Stdio::inherit());
    let output = command.output().context("cannot run tribunal")?;
    if !output.status.success() {
        bail!("{name} was not measured: {}", String::from_utf8_lossy(&output.stdout));
    }
    let found: Json = serde_json::from_slice(&output.stdout)?;
    let (quality, tried) = (&found["quality"], &found["quality"]["tried_on"]);
    let count = |name: &str| tried[name].as_f64().unwrap_or_default();
    let agrees = (count("true_positives") + count("true_negatives")) / count("rows");
    Ok(vec![
        name.to_owned(),
        found["rows"].to_string(),
        found["failed"].to_string(),
        figure(quality["roc_auc"].as_f64()),
        figure(Some(agrees).filter(|share| share.is_finite())),
        figure(tried["precision"].as_f64()),
        figure(tried["recall"].as_f64()),
    ])
}
