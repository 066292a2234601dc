//! `tribunal import`: sends JSONL files to a running server.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, stderr, stdin, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};

use super::client::{self, Client, Problem};
use super::{Failure, say};
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

#[derive(Default)]
struct Totals {
    recorded: u64,
    duplicates: u64,
    rejected: u64,
}

pub(super) fn import(files: &[PathBuf], url: Option<String>, config: &Config) -> Result<ExitCode, Failure> {
    let client = Client::new(url, config)?;
    let mut totals = Totals::default();
    for path in files {
        import_file(&client, path, &mut totals)?;
    }
    let Totals { recorded, duplicates, rejected } = totals;
    say(&mut stdout(), &format!("{recorded} recorded, {duplicates} there already, {rejected} rejected"));
    Ok(if rejected == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Lines that are sent together.
#[derive(Default)]
struct Post {
    body: Vec<u8>,
    /// How many lines of the file were sent before.
    before: usize,
    lines: usize,
}

fn import_file(client: &Client, path: &Path, totals: &mut Totals) -> Result<(), Failure> {
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
    let mut input = BufReader::with_capacity(1 << 16, input);
    let mut ids = Ids::default();
    let (mut post, mut line) = (Post::default(), Vec::new());
    loop {
        line.clear();
        let read = input.read_until(b'\n', &mut line).map_err(cannot_read)?;
        let is_full = post.lines >= POST_LINES || post.body.len() + line.len() > POST_BYTES;
        if post.lines > 0 && (read == 0 || is_full) {
            let answer = send(client, &post)?;
            totals.recorded += answer.recorded;
            totals.duplicates += answer.duplicates;
            totals.rejected += answer.rejected.len() as u64;
            for Rejected { index, error } in answer.rejected {
                let field = error.field.map(|field| format!("{field}: ")).unwrap_or_default();
                let text = format!("{}:{}: {field}{}", path.display(), post.before + index + 1, error.detail);
                progress.suspend(|| say(&mut stderr(), &text));
            }
            post = Post { before: post.before + post.lines, ..Post::default() };
        }
        if read == 0 {
            progress.finish_and_clear();
            return Ok(());
        }
        ids.push(&line, &mut post.body);
        post.lines += 1;
        progress.inc(read as u64);
    }
}

/// Gives an id to each line that has none, made of its text and of how often that text was there before. So the same
/// file has the same ids at every run.
#[derive(Default)]
struct Ids {
    seen: HashMap<u128, u64>,
}

/// All that is read of a line; what else is wrong with it, the server says.
#[derive(Deserialize)]
struct Identified {
    id: Option<IgnoredAny>,
}

impl Ids {
    fn push(&mut self, line: &[u8], body: &mut Vec<u8>) {
        let rest = line
            .trim_ascii_start()
            .strip_prefix(b"{")
            .filter(|_| serde_json::from_slice::<Identified>(line).is_ok_and(|identified| identified.id.is_none()));
        let Some(rest) = rest else { return body.extend_from_slice(line) };
        let digest = Sha256::digest(line.trim_ascii());
        let text = u128::from_be_bytes(*digest.first_chunk().expect("32 bytes"));
        let times = self.seen.entry(text).or_default();
        let id = text.wrapping_add(u128::from(*times));
        *times += 1;
        let comma = if rest.trim_ascii_start().starts_with(b"}") { "" } else { "," };
        body.extend_from_slice(format!("{{\"id\":\"import-{id:032x}\"{comma}").as_bytes());
        body.extend_from_slice(rest);
    }
}

/// Sends one post, again and again while the server is busy.
fn send(client: &Client, post: &Post) -> Result<Answer, Failure> {
    let endpoint = &client.url("/v1/interactions");
    let began = std::time::Instant::now();
    loop {
        let request = client.http.post(endpoint).header("content-type", "application/x-ndjson").body(post.body.clone());
        let response = client::send(request)?;
        let status = response.status();
        if status.is_success() {
            return Ok(response.json()?);
        }
        let busy = matches!(status.as_u16(), 429 | 503);
        if busy && began.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_secs(1));
            continue;
        }
        let problem = response.json::<Problem>();
        return match problem {
            // A line that is too long for a post of its own.
            Ok(error) if status.as_u16() == 413 && post.lines == 1 => {
                Ok(Answer { recorded: 0, duplicates: 0, rejected: vec![Rejected { index: 0, error }] })
            }
            problem => {
                let detail = problem.map(|problem| problem.detail).unwrap_or_default();
                Err(format!("{endpoint} answered {status}: {detail}").into())
            }
        };
    }
}
