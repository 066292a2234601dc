//! `tribunal replay`: makes stored evaluations again, from the plugin's own file and nothing of the compile cache, and
//! says how many verdicts are equal to the byte. Reads beside a running server, writes nothing and asks nobody: models answer
//! what they answered then.

use std::io::stdout;
use std::path::Path;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::verdict_diff::{Comparison, Totals};
use super::{Failure, load, say};
use crate::config::{self, Config};
use crate::plugin::{Archive, Evaluator, Plugin, PluginFile};
use crate::record::{Ask, Asked, Binding, ComponentDigest, ModelCall, ModelFailure, ModelFailureKind, Models, Time};
use crate::store::{EvaluationPlace, EvaluationRange, StoreError, StoreReader, StoredEvaluation};

/// What to replay, and how to say what came of it.
#[derive(Args)]
pub(super) struct ReplayArgs {
    /// The binding: its name, which is the one of that name that judged last, or the beginning of its digest.
    #[arg(long)]
    binding: String,
    /// Only interactions started at this moment or later, in RFC 3339.
    #[arg(long)]
    from: Option<Time>,
    /// Only interactions started before this moment, in RFC 3339.
    #[arg(long)]
    to: Option<Time>,
    /// How many threads evaluate; by default one for each processor.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// How many of the evaluations that differ are shown, earliest first.
    #[arg(long, default_value_t = 5)]
    show: usize,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn replay(config: &Config, args: &ReplayArgs) -> Result<ExitCode, Failure> {
    let reader = StoreReader::open(&config.data)?;
    let stored = reader.binding_find(&args.binding)??;
    let binding = Binding::restore(&reader.binding_definition(stored.id)?, stored.digest)?;
    let name = binding.name.clone();
    let file = find_file(&config.data, &config.plugins, binding.component)?;
    let recorded = Recorded(Mutex::new(StoreReader::open(&config.data)?));
    let engine = load::engine_without_cache()?.asking(Arc::new(recorded));
    let plugin = Plugin::load(&engine, &file, Arc::new(binding))?;
    drop(file);

    let range = EvaluationRange { binding: stored.id, from: args.from, to: args.to, last: reader.head()? };
    let count = reader.evaluation_count(&range)?;
    let progress = ProgressBar::new(count);
    progress.set_style(ProgressStyle::with_template("{wide_msg} {bar:30} {pos}/{len} {eta}")?);
    progress.set_message(format!("replaying {name}"));
    let source = Mutex::new(Source { reader, range, after: None, ended: false });
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    let threads = args.threads.map_or_else(processors, usize::from);
    let began = Instant::now();
    let totals = run(&source, &plugin, threads, args.show, &progress)?;
    progress.finish_and_clear();

    let sha256 = plugin.binding().component;
    if args.json {
        let report = totals.json(&name, stored.digest, sha256, threads, began.elapsed());
        say(&mut stdout(), &serde_json::to_string_pretty(&report)?);
    } else {
        say(&mut stdout(), &format!("binding {name}, digest {}, plugin sha256 {sha256}", stored.digest));
        totals.lines().iter().for_each(|line| say(&mut stdout(), line));
    }
    Ok(if totals.all_equal() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The plugin's file as it was when the binding was loaded: kept beside the database, else where the configuration
/// still has it.
fn find_file(data: &Path, plugins: &[config::Plugin], digest: ComponentDigest) -> Result<PluginFile, Failure> {
    let kept = match Archive::read(&load::archive_folder(data), digest) {
        Ok(file) => return Ok(file),
        Err(error) => crate::report(&error),
    };
    let mut configured =
        plugins.iter().filter_map(|plugin| PluginFile::read(&plugin.component, plugin.limits.size).ok());
    configured.find(|file| file.digest == digest).ok_or_else(|| {
        let no_other = "no plugin of the configuration has it either";
        format!("the plugin's file, of sha256 {digest}, is not there any more: {kept}; {no_other}").into()
    })
}

/// Answers plugins with what models answered.
struct Recorded(Mutex<StoreReader>);

impl Models for Recorded {
    fn ask<'a>(&'a self, ask: Ask<'a>) -> Pin<Box<dyn Future<Output = Asked> + Send + 'a>> {
        let reader = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = |message: String| Err(ModelFailure::new(ModelFailureKind::ModelUnavailable, message));
        let answer = match reader.exchange_find(ask.exchange) {
            Ok(Some(kept)) => kept.exchange.outcome(),
            Ok(None) => missing("what it answered is not kept any more".to_owned()),
            Err(error) => missing(crate::report(&error)),
        };
        let failure = answer.as_ref().err().map(|failure| failure.kind);
        let call = ModelCall { cached: true, failure, ..ModelCall::new(ask.model, ask.exchange) };
        Box::pin(std::future::ready((answer, call)))
    }
}

/// Evaluations in their order, for several threads.
struct Source {
    reader: StoreReader,
    range: EvaluationRange,
    after: Option<EvaluationPlace>,
    /// Whether there are no more, or reading them failed.
    ended: bool,
}

impl Source {
    fn next(&mut self) -> Result<Vec<StoredEvaluation>, StoreError> {
        if self.ended {
            return Ok(Vec::new());
        }
        let found = self.reader.evaluation_list(&self.range, self.after);
        let last = found.as_ref().ok().and_then(|found| found.last().map(StoredEvaluation::place));
        (self.after, self.ended) = (last, last.is_none());
        found
    }
}

fn run(
    source: &Mutex<Source>,
    plugin: &Plugin,
    threads: usize,
    show: usize,
    progress: &ProgressBar,
) -> Result<Totals, Failure> {
    let parts: Vec<_> = std::thread::scope(|scope| {
        let start = |_| scope.spawn(|| evaluate_all(source, plugin, show, progress));
        let threads: Vec<_> = (0..threads).map(start).collect();
        threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
    });
    let mut totals = Totals::new(show);
    for part in parts {
        totals.add(part.map_err(|_| "a thread of the replay panicked")??);
    }
    Ok(totals)
}

/// What each thread does: take a stretch, evaluate it, compare, until there is none.
fn evaluate_all(
    source: &Mutex<Source>,
    plugin: &Plugin,
    show: usize,
    progress: &ProgressBar,
) -> Result<Totals, StoreError> {
    let mut evaluator = Evaluator::default();
    let mut totals = Totals::new(show);
    // A thread that panicked holds nothing half done: its result says so.
    let source = || source.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let stretch = source().next()?;
        if stretch.is_empty() {
            return Ok(totals);
        }
        for stored in stretch {
            let interaction = stored.interaction().inspect_err(|_| source().ended = true)?;
            let again = evaluator.evaluate(plugin, &interaction).outcome;
            totals.count(Comparison::of(&stored, &interaction, &again));
            progress.inc(1);
        }
    }
}
