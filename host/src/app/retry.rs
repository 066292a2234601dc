//! `tribunal retry`: has a running server make failed evaluations again.

use std::io::stdout;
use std::process::ExitCode;

use clap::Args;
use indicatif::HumanCount;
use serde::{Deserialize, Serialize};

use super::client::Client;
use super::{Failure, say};
use crate::config::Config;
use crate::record::Time;

/// Which.
#[derive(Args, Serialize)]
pub(super) struct RetryArgs {
    /// The binding, by its name in the configuration.
    #[arg(long)]
    plugin: String,
    /// Only those that failed for this reason, such as `model-refused`.
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
    /// Only of what was started at this moment (RFC 3339) or later.
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Time>,
    /// Only of what was started before this moment (RFC 3339).
    #[arg(long)]
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Time>,
    /// Say how many have failed, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// The server; by default where the configuration listens.
    #[arg(long)]
    #[serde(skip)]
    url: Option<String>,
}

#[derive(Deserialize)]
struct Retried {
    failed: u64,
    retrying: u64,
}

pub(super) fn retry(args: &RetryArgs, config: &Config) -> Result<ExitCode, Failure> {
    let client = Client::new(args.url.clone(), config)?;
    let Retried { failed, retrying } = client.post("/v1/retries", args)?;
    let (failed_count, plugin) = (HumanCount(failed), &args.plugin);
    let words = match failed - retrying {
        _ if args.dry_run => format!("{failed_count} evaluations of {plugin} have failed; nothing was done"),
        0 => format!("{failed_count} failed evaluations of {plugin} are made again; GET /v1/plugins has how many wait"),
        left => format!(
            "{} failed evaluations of {plugin} are made again; ask again when they are done, as there is no room for {} more",
            HumanCount(retrying),
            HumanCount(left)
        ),
    };
    say(&mut stdout(), &words);
    Ok(ExitCode::SUCCESS)
}
