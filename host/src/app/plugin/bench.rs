//! `tribunal plugin bench`: what a call of a plugin costs.

use std::io::{stderr, stdout};
use std::num::NonZero;
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::json;

use super::{LimitArgs, run};
use crate::app::{self, load, say};
use crate::author::{read_interactions, recorded};
use crate::plugin::{Evaluator, Plugin, WarmInstance};
use crate::record::{Failure, Interaction, Outcome};

/// How long each figure is measured.
const TIME: Duration = Duration::from_secs(2);
/// And at most so often.
const CALLS: usize = 100_000;

#[derive(Serialize)]
struct Figures {
    size_bytes: usize,
    /// Taking it apart, compiling, configuring, and the snapshot.
    prepare_ms: f64,
    fresh_us: Quantiles,
    /// None where the instance did not stay usable.
    warm_us: Option<Quantiles>,
    threads: usize,
    fresh_calls_per_second: f64,
    peak_memory_bytes: usize,
    snapshot: bool,
    failed: usize,
}

#[derive(Serialize)]
struct Quantiles {
    p50: f64,
    p99: f64,
}

pub(super) fn bench(
    path: &Path,
    interactions: Option<&Path>,
    config: &str,
    json: bool,
    limits: LimitArgs,
) -> Result<ExitCode, app::Failure> {
    let interactions = match interactions {
        Some(path) => read_interactions(path)?,
        None => vec![made_up()?],
    };
    // What was compiled before would hide what that takes.
    let mut rig = limits.rig_on(load::engine_without_cache()?, path, limits.models()?)?;
    let began = Instant::now();
    let plugin = rig.load(&run::object(config)?).map_err(|error| crate::report(&*error))?;
    let prepare_ms = began.elapsed().as_secs_f64() * 1e3;

    // What fails is not measured: it would ask a model again and again.
    for interaction in &interactions {
        if let Outcome::Failed(Failure { reason, message, .. }) =
            Evaluator::default().evaluate(&plugin, interaction).outcome
        {
            return Err(format!("a call fails with {}: {message}", reason.as_str()).into());
        }
    }

    let (mut peak_memory_bytes, mut failed, mut failure, mut evaluator) = (0, 0, None, Evaluator::default());
    let fresh_us = timed(&interactions, |interaction| {
        let evaluation = evaluator.evaluate(&plugin, interaction);
        peak_memory_bytes = peak_memory_bytes.max(evaluation.peak_memory.0);
        if let Outcome::Failed(why) = evaluation.outcome {
            failed += 1;
            failure = Some(why);
        }
        true
    });
    let warm_us = WarmInstance::new(&plugin)
        .ok()
        .and_then(|mut instance| timed(&interactions, |interaction| instance.evaluate(interaction)));
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let figures = Figures {
        size_bytes: rig.file().inspection()?.size,
        prepare_ms,
        fresh_us: fresh_us.ok_or("no call")?,
        warm_us,
        threads,
        fresh_calls_per_second: throughput(&plugin, &interactions, threads),
        peak_memory_bytes,
        snapshot: plugin.no_snapshot().is_none(),
        failed,
    };
    if json {
        say(&mut stdout(), &serde_json::to_string_pretty(&figures)?);
    } else {
        tell(&figures);
    }
    if let Some(Failure { reason, message, .. }) = failure {
        say(&mut stderr(), &format!("error: {failed} calls failed, the last with {}: {message}", reason.as_str()));
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(figures: &Figures) {
    let mut out = stdout();
    let micros = |Quantiles { p50, p99 }: &Quantiles| format!("p50 {p50:.1} µs, p99 {p99:.1} µs");
    say(&mut out, &format!("size        {} bytes", figures.size_bytes));
    say(&mut out, &format!("prepared    in {:.0} ms, once", figures.prepare_ms));
    say(&mut out, &format!("fresh call  {}", micros(&figures.fresh_us)));
    let warm = figures.warm_us.as_ref().map_or("its instances cannot be used again".to_owned(), micros);
    say(&mut out, &format!("warm call   {warm}"));
    let (rate, threads) = (figures.fresh_calls_per_second, figures.threads);
    say(&mut out, &format!("throughput  {rate:.0} fresh calls/s on {threads} threads"));
    say(&mut out, &format!("memory      {} KiB at most", figures.peak_memory_bytes >> 10));
    say(
        &mut out,
        &format!("snapshot    {}", if figures.snapshot { "yes" } else { "no: each call configures it anew" }),
    );
}

/// None where a call says that it cannot go on, or there is none.
fn timed(interactions: &[Interaction], mut call: impl FnMut(&Interaction) -> bool) -> Option<Quantiles> {
    let began = Instant::now();
    let mut times = Vec::new();
    for interaction in interactions.iter().cycle().take(CALLS) {
        let before = Instant::now();
        if !call(interaction) {
            return None;
        }
        times.push(before.elapsed().as_secs_f64() * 1e6);
        if began.elapsed() > TIME {
            break;
        }
    }
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times.get(((times.len() as f64 * share) as usize).min(times.len().checked_sub(1)?)).copied();
    Some(Quantiles { p50: at(0.5)?, p99: at(0.99)? })
}

fn throughput(plugin: &Plugin, interactions: &[Interaction], threads: usize) -> f64 {
    let began = Instant::now();
    let work = || {
        let mut evaluator = Evaluator::default();
        let calls = interactions.iter().cycle().take_while(|_| began.elapsed() < TIME);
        calls.map(|interaction| drop(evaluator.evaluate(plugin, interaction))).count()
    };
    let calls: usize = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap_or(0)).sum()
    });
    calls as f64 / began.elapsed().as_secs_f64()
}

/// An interaction with an answer of 1 KB.
fn made_up() -> Result<Interaction, app::Failure> {
    let sentence = "The plugin is called with this answer again and again, to see how long it takes. ";
    let posted = json!({
        "provider": "openai",
        "model": "gpt-4.1-mini",
        "input": [{"role": "user", "content": "How long does it take?"}],
        "output": [{"role": "assistant", "content": &sentence.repeat(13)[..1024]}],
        "usage": {"input_tokens": 6, "output_tokens": 230},
        "finish_reasons": ["stop"],
    });
    Ok(recorded(serde_json::from_value(posted)?))
}
