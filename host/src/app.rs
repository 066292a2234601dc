//! Composition: the commands, and the order in which things start and stop.

mod backfill;
mod check;
mod cli;
mod client;
mod compare;
mod import;
mod load;
mod plugin;
mod prices;
mod reload;
mod replay;
mod requests;
mod retention;
mod retry;
mod serve;
mod telemetry;
mod verdict_diff;

use std::io::Write;

pub use cli::run;

/// Why a command failed, in one sentence for the user.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Writes a line for the user. Where nobody reads it any more, there is nothing to do about it.
fn say(out: &mut dyn Write, line: &str) {
    let _ = writeln!(out, "{line}");
}
