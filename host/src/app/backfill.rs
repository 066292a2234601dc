//! `tribunal backfill`: has a running server judge what was recorded before a binding was loaded, and watches it.

use std::io::{stderr, stdout};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use clap::{ArgGroup, Args};
use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};

use super::client::Client;
use super::{Failure, say};
use crate::config::Config;
use crate::record::{Rate, Time};

/// How often a backfill is looked at.
const PERIOD: Duration = Duration::from_millis(500);
/// How long a server that does not answer is waited for: it may be restarting.
const PATIENCE: Duration = Duration::from_secs(30);
/// Of a process that was ended by ^C.
const INTERRUPTED: u8 = 130;

/// What has nothing to do with how a backfill is made.
const OTHERS: [&str; 3] = ["list", "cancel", "watch"];

/// What to do.
#[derive(Args)]
#[command(group = ArgGroup::new("what").required(true).args(["plugin", "list", "cancel", "watch"]))]
pub(super) struct BackfillArgs {
    /// The binding that judges, by its name in the configuration.
    #[arg(long)]
    plugin: Option<String>,
    /// Only what was started at this moment (RFC 3339) or later.
    #[arg(long, conflicts_with_all = OTHERS)]
    from: Option<Time>,
    /// Only what was started before this moment (RFC 3339).
    #[arg(long, conflicts_with_all = OTHERS)]
    to: Option<Time>,
    /// Only that for which this CEL expression holds.
    #[arg(long, conflicts_with_all = OTHERS)]
    filter: Option<String>,
    /// How many evaluations a second at most.
    #[arg(long, conflicts_with_all = OTHERS)]
    rate: Option<Rate>,
    /// Say what would be done, and do nothing.
    #[arg(long, conflicts_with_all = OTHERS, conflicts_with = "detach")]
    dry_run: bool,
    /// Do not watch it.
    #[arg(long, conflicts_with_all = OTHERS)]
    detach: bool,
    /// List every backfill, newest first.
    #[arg(long)]
    list: bool,
    /// End the backfill of that number; what it judged stays.
    #[arg(long, value_name = "ID")]
    cancel: Option<i64>,
    /// Watch the backfill of that number.
    #[arg(long, value_name = "ID")]
    watch: Option<i64>,
    /// The server; by default where the configuration listens.
    #[arg(long)]
    url: Option<String>,
}

#[derive(Serialize)]
struct New {
    plugin: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<Rate>,
    dry_run: bool,
}

#[derive(Deserialize)]
struct Estimate {
    interactions: u64,
    evaluations: u64,
    reckoned: bool,
    expected_seconds: Option<f64>,
    expected_model_calls: Option<f64>,
    expected_cost_usd: Option<f64>,
}

#[derive(Deserialize)]
struct Backfill {
    id: i64,
    plugin: String,
    status: String,
    progress: Progress,
    evaluated: u64,
    passed_over: u64,
    running: Option<Running>,
}

#[derive(Deserialize)]
struct Running {
    evaluations_per_second: f64,
    expected_end: Option<Time>,
    breaker: Breaker,
}

#[derive(Deserialize)]
struct Breaker {
    state: String,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Progress {
    done: u64,
    all: u64,
    share: f64,
}

#[derive(Deserialize)]
struct List {
    items: Vec<Backfill>,
}

pub(super) fn backfill(args: BackfillArgs, config: &Config) -> Result<ExitCode, Failure> {
    let BackfillArgs { plugin, from, to, filter, rate, dry_run, detach, list, cancel, watch: watched, url } = args;
    let client = Client::new(url, config)?;
    if let Some(plugin) = plugin {
        let new = New { plugin, from, to, filter, rate, dry_run };
        return if dry_run { estimate(&client, &new) } else { create(&client, &new, detach) };
    }
    if let Some(id) = cancel {
        let ended: Backfill = client.post(&format!("/v1/backfills/{id}/cancel"), &())?;
        say(&mut stdout(), &summary(&ended));
    }
    if let Some(id) = watched {
        return watch(&client, id);
    }
    if list {
        let List { items } = client.get("/v1/backfills")?;
        items.iter().for_each(|item| say(&mut stdout(), &summary(item)));
    }
    Ok(ExitCode::SUCCESS)
}

fn estimate(client: &Client, new: &New) -> Result<ExitCode, Failure> {
    let Estimate { interactions, evaluations, reckoned, expected_seconds, expected_model_calls, expected_cost_usd } =
        client.post("/v1/backfills", new)?;
    let asked = expected_model_calls.zip(expected_cost_usd).map(|(calls, cost)| {
        format!(", with about {} calls to models for at most {cost:.4} USD", HumanCount(calls.round() as u64))
    });
    let asked = asked.unwrap_or_default();
    let about = if reckoned { "about " } else { "" };
    let time = expected_seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .map_or("for how long is not known, as it has judged nothing yet".to_owned(), |time| {
            format!("for some {}", HumanDuration(time.max(Duration::from_secs(1))))
        });
    let (evaluations, interactions) = (HumanCount(evaluations), HumanCount(interactions));
    let line =
        format!("{about}{evaluations} of {interactions} interactions would be judged, {time}{asked}; nothing was done");
    say(&mut stdout(), &line);
    Ok(ExitCode::SUCCESS)
}

fn create(client: &Client, new: &New, detach: bool) -> Result<ExitCode, Failure> {
    let made: Backfill = client.post("/v1/backfills", new)?;
    if !detach {
        return watch(client, made.id);
    }
    say(&mut stdout(), &summary(&made));
    say(&mut stderr(), &how_to_go_on(made.id));
    Ok(ExitCode::SUCCESS)
}

/// Shows how far it comes until it has ended or somebody presses ^C, which does not end it.
fn watch(client: &Client, id: i64) -> Result<ExitCode, Failure> {
    let interrupted = interruption()?;
    let path = format!("/v1/backfills/{id}");
    let mut backfill: Backfill = client.get(&path)?;
    let style = ProgressStyle::with_template("{prefix} {wide_bar} {human_pos}/{human_len} {msg}")?;
    let bar = ProgressBar::new(backfill.progress.all).with_style(style);
    bar.set_prefix(format!("backfill {id} of {}", backfill.plugin));
    let mut answered = Instant::now();
    while matches!(backfill.status.as_str(), "running" | "waiting") {
        bar.set_position(backfill.progress.done);
        bar.set_message(state(&backfill));
        match interrupted.recv_timeout(PERIOD) {
            Ok(()) => {
                bar.finish_and_clear();
                say(&mut stderr(), &format!("backfill {id} goes on. {}", how_to_go_on(id)));
                return Ok(ExitCode::from(INTERRUPTED));
            }
            Err(RecvTimeoutError::Timeout) => {}
            // Nobody listens for ^C any more.
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(PERIOD),
        }
        match client.get(&path) {
            Ok(now) => (backfill, answered) = (now, Instant::now()),
            Err(error) if answered.elapsed() > PATIENCE => return Err(error),
            Err(_) => bar.set_message("the server does not answer"),
        }
    }
    bar.finish_and_clear();
    say(&mut stdout(), &summary(&backfill));
    Ok(if backfill.status == "done" { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn state(backfill: &Backfill) -> String {
    if backfill.status == "waiting" {
        return "waiting until its binding is loaded again".to_owned();
    }
    let Some(running) = &backfill.running else { return String::new() };
    if running.breaker.state != "closed" {
        let reason = running.breaker.reason.as_deref().unwrap_or_default();
        return format!("held back, as its plugin keeps failing: {reason}");
    }
    let speed = format!("{}/s", HumanCount(running.evaluations_per_second.round() as u64));
    match running.expected_end {
        Some(end) => format!("{speed}, {} left", HumanDuration(end.since(Time::now()))),
        None => speed,
    }
}

fn summary(backfill: &Backfill) -> String {
    let Backfill { id, plugin, status, progress, evaluated, passed_over, .. } = backfill;
    let (evaluated, passed_over) = (HumanCount(*evaluated), HumanCount(*passed_over));
    let percent = progress.share * 100.0;
    format!("backfill {id} of {plugin}: {status}, {percent:.1} %, {evaluated} judged, {passed_over} passed over")
}

fn how_to_go_on(id: i64) -> String {
    format!("`tribunal backfill --watch {id}` watches it, `tribunal backfill --cancel {id}` ends it")
}

/// Gets a message at ^C.
fn interruption() -> Result<Receiver<()>, Failure> {
    let (told, interrupted) = channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    crate::spawn("interruption", move || {
        if runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
            // Whoever watched may have seen the end just now.
            let _ = told.send(());
        }
    });
    Ok(interrupted)
}
