//! Prints the features of labelled answers for `train.py`; knows nothing of learning.
//!
//! Reads one JSON object a line with `prompt` and `completion`, writes the indices of its features. The first
//! line it writes are the features' names.

use std::io::{BufRead, Write};

use refusal::{cues::Cues, features};

#[derive(serde::Deserialize)]
struct Row {
    prompt: String,
    completion: String,
}

fn main() -> std::io::Result<()> {
    let cues = Cues::parse(refusal::CUES);
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", features::names().join(" "))?;
    for line in std::io::stdin().lock().lines() {
        let row: Row = serde_json::from_str(&line?)?;
        let seen = features::Features::of(&cues, &row.completion, &row.prompt);
        writeln!(out, "{}", seen.set().map(|at| at.to_string()).collect::<Vec<_>>().join(" "))?;
    }
    Ok(())
}
