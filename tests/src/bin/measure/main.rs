//! How good the compiled plugins are: runs them over rows that people labelled, with the host's own engine, and
//! reports in Markdown. Knows nothing of a server.

mod agreement;
mod answer_errors;
mod bias;
#[path = "../../../../plugins/answer-errors/tests/support/corrupt.rs"]
mod corrupt;
mod data;
mod embedder;
mod judge;
mod maths;
mod refusal;
mod relevance;
mod report;

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Parser, ValueEnum};
use tribunal::plugin::Engine;

use data::Data;

/// Measures the plugins of target/plugins against human labels.
#[derive(Parser)]
#[command(name = "measure")]
struct Arguments {
    /// The folder with xstest.jsonl, moderation.jsonl and halueval.jsonl; examples/labels has a small sample
    data_dir: PathBuf,
    /// The plugins to measure [default: all]
    plugins: Vec<Measured>,
    /// A configuration whose models judge too, beside a small one on this machine
    #[arg(long)]
    models: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Measured {
    Refusal,
    Bias,
    AnswerErrors,
    Relevance,
    Judge,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let data = Data::read(&arguments.data_dir)?;
    let cache = tempfile::tempdir().context("cannot make a folder for compiled plugins")?;
    let engine = Engine::start(cache.path())?;

    let mut out = std::io::stdout();
    writeln!(out, "{}", report::head(&arguments.data_dir, &data))?;
    for measured in Measured::value_variants() {
        if arguments.plugins.is_empty() || arguments.plugins.contains(measured) {
            let section = match measured {
                Measured::Refusal => refusal::measure(&engine, &data)?,
                Measured::Bias => bias::measure(&engine, &data)?,
                Measured::AnswerErrors => answer_errors::measure(&engine, &data)?,
                Measured::Relevance => relevance::measure(&engine, &data)?,
                Measured::Judge => agreement::measure(&data, arguments.models.as_deref())?,
            };
            writeln!(out, "{section}")?;
        }
    }
    Ok(())
}
