//! `tribunal plugin run`: one evaluation, printed.

use std::io::{Read, stdin, stdout};
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value as Json, json};

use super::LimitArgs;
use crate::app::{Failure, say};
use crate::author::{Rig, parsed, recorded};
use crate::plugin::Evaluator;
use crate::record::{ModelCall, NewInteraction, Outcome, Usage};

pub(super) fn run(path: &Path, interaction: &Path, config: &str, limits: LimitArgs) -> Result<ExitCode, Failure> {
    let posted = read(interaction)?;
    let (interaction, config) = (recorded(posted), object(config)?);
    // Whoever looks at one call wants to see that one, whatever comes of others.
    let load = |rig: Rig| rig.load_untried(&config).map_err(|error| crate::report(&error));
    let mut evaluator = Evaluator::default();
    let evaluation = evaluator.evaluate(&load(limits.rig(path)?)?, &interaction);
    // Counting makes a call slower, so it is another one.
    let fuel = evaluator.fuel(&load(limits.counting_rig(path)?)?, &interaction);
    let mut shown = match &evaluation.outcome {
        Outcome::Succeeded(verdicts) => json!({"outcome": "succeeded", "verdicts": verdicts}),
        Outcome::Failed(failure) => json!({
            "outcome": "failed",
            "reason": failure.reason.as_str(),
            "message": failure.message,
            "transient": failure.transient,
        }),
    };
    shown["logs"] = serde_json::to_value(&evaluation.logs)?;
    if !evaluation.model_calls.is_empty() {
        shown["model_calls"] = evaluation.model_calls.iter().map(model_call).collect();
    }
    shown["duration_us"] = evaluation.duration_us.into();
    shown["fuel"] = fuel.into();
    shown["peak_memory_bytes"] = evaluation.peak_memory.0.into();
    say(&mut stdout(), &serde_json::to_string_pretty(&shown)?);
    Ok(if evaluation.outcome.reason().is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn model_call(call: &ModelCall) -> Json {
    json!({
        "alias": call.alias,
        "input_tokens": call.usage.as_ref().map(Usage::all_input),
        "output_tokens": call.usage.as_ref().map(Usage::all_output),
        "duration_us": u64::try_from(call.took.as_micros()).unwrap_or(u64::MAX),
        "cached": call.cached,
        "failure": call.failure,
    })
}

fn read(path: &Path) -> Result<NewInteraction, Failure> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        stdin().read_to_string(&mut text).map(drop)
    } else {
        std::fs::read_to_string(path).map(|read| text = read)
    };
    read.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(parsed(&text).map_err(|wrong| format!("{}: {wrong}", path.display()))?)
}

/// A config as the host hands it over: an object, its keys sorted.
pub(super) fn object(config: &str) -> Result<String, Failure> {
    match serde_json::from_str(config) {
        Ok(object @ Json::Object(_)) => Ok(object.to_string()),
        Ok(_) => Err("`--config` is a JSON object, such as '{\"threshold\": 0.5}'".into()),
        Err(error) => Err(format!("`--config` is a JSON object, such as '{{\"threshold\": 0.5}}': {error}").into()),
    }
}
