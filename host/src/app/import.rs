//! `tribunal import`: sends JSONL files to a running server.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, stderr, stdin, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;

use super::cli::{Failure, say};
use crate::config::Config;

/// A post is sent when it has this many bytes.
const POST_BYTES: usize = 1 << 20;
/// Or this many lines.
const POST_LINES: usize = 500;
/// How long a server that is busy or cannot write is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the server answers.
#[derive(Deserialize)]
struct Answer {
    recorded: u64,
    duplicates: u64,
    rejected: Vec<Rejected>,
}

#[derive(Deserialize)]
struct Rejected {
    index: usize,
    error: Problem,
}

#[derive(Deserialize)]
struct Problem {
    detail: String,
    field: Option<String>,
}

#[derive(Default)]
struct Totals {
    recorded: u64,
    duplicates: u64,
    rejected: u64,
}

pub(super) fn import(files: &[PathBuf], url: Option<String>, config: &Config) -> Result<ExitCode, Failure> {
    let url = url.unwrap_or_else(|| format!("http://{}", config.listen));
    let endpoint = format!("{}/v1/interactions", url.trim_end_matches('/'));
    let client = reqwest::blocking::Client::builder().timeout(PATIENCE).build()?;
    let mut totals = Totals::default();
    for path in files {
        import_file(&client, &endpoint, path, &mut totals)?;
    }
    let Totals { recorded, duplicates, rejected } = totals;
    say(&mut stdout(), &format!("{recorded} recorded, {duplicates} there already, {rejected} rejected"));
    Ok(if rejected == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn import_file(
    client: &reqwest::blocking::Client,
    endpoint: &str,
    path: &Path,
    totals: &mut Totals,
) -> Result<(), Failure> {
    let cannot_read = |error| format!("cannot read {}: {error}", path.display());
    let (input, size): (Box<dyn Read>, u64) = if path == Path::new("-") {
        (Box::new(stdin()), 0)
    } else {
        let file = File::open(path).map_err(cannot_read)?;
        let size = file.metadata().map_err(cannot_read)?.len();
        (Box::new(file), size)
    };
    let style = "{wide_msg} {bar:30} {bytes}/{total_bytes} {eta}";
    let progress = ProgressBar::new(size).with_style(ProgressStyle::with_template(style)?);
    progress.set_message(path.display().to_string());
    let mut lines = BufReader::with_capacity(1 << 16, input);
    let mut post = Vec::with_capacity(POST_BYTES + (1 << 16));
    let (mut first, mut count) = (1, 0);
    loop {
        let read = lines.read_until(b'\n', &mut post).map_err(cannot_read)?;
        count += usize::from(read > 0);
        progress.inc(read as u64);
        if count > 0 && (read == 0 || post.len() >= POST_BYTES || count >= POST_LINES) {
            let answer = send(client, endpoint, &post)?;
            totals.recorded += answer.recorded;
            totals.duplicates += answer.duplicates;
            totals.rejected += answer.rejected.len() as u64;
            for Rejected { index, error } in answer.rejected {
                let field = error.field.map(|field| format!("{field}: ")).unwrap_or_default();
                let line = format!("{}:{}: {field}{}", path.display(), first + index, error.detail);
                progress.suspend(|| say(&mut stderr(), &line));
            }
            post.clear();
            first += count;
            count = 0;
        }
        if read == 0 {
            progress.finish_and_clear();
            return Ok(());
        }
    }
}

/// Sends one post, again and again while the server is busy.
fn send(client: &reqwest::blocking::Client, endpoint: &str, post: &[u8]) -> Result<Answer, Failure> {
    let began = std::time::Instant::now();
    loop {
        let response =
            client.post(endpoint).header("content-type", "application/x-ndjson").body(post.to_vec()).send().map_err(
                |error| format!("cannot reach {endpoint}: {}; is the server running?", crate::report(&error)),
            )?;
        let status = response.status();
        if status.is_success() {
            return Ok(response.json()?);
        }
        let busy = matches!(status.as_u16(), 429 | 503);
        if !busy || began.elapsed() > PATIENCE {
            let detail = response.json::<Problem>().map(|problem| problem.detail).unwrap_or_default();
            return Err(format!("{endpoint} answered {status}: {detail}").into());
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}
