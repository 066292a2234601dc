//! Tribunal: records what applications say to language models and what the models answer, puts every interaction
//! before sandboxed WebAssembly plugins, and keeps every verdict beside it.
//!
//! The modules are the architecture; `ARCHITECTURE.md` draws it.

pub mod api;
pub mod app;
pub mod author;
pub mod config;
pub mod dispatch;
pub mod histogram;
pub mod http;
pub mod ingest;
pub mod model;
pub mod plugin;
pub mod record;
mod statistics;
pub mod store;

/// The longest error that is told, in bytes. A plugin's file and a plugin's own words can be part of it.
const MAX_REPORT: usize = 4 << 10;

/// An error and its causes, in one line, cut at 4 KiB.
pub fn report(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    let mut text = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    text.truncate(text.floor_char_boundary(MAX_REPORT));
    text
}

/// Starts a thread with a name, which the system's tools show.
fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> std::thread::JoinHandle<()> {
    let builder = std::thread::Builder::new().name(name.to_owned());
    builder.spawn(work).expect("the system can start a thread")
}

/// Who goes before whom where there are not enough processors. Threads that have none of these, which take in what is
/// posted and make it durable, go first: ingest never waits for an evaluation.
#[derive(Debug, Clone, Copy)]
enum Priority {
    /// Evaluations that are soon done.
    Evaluation = 5,
    /// Work that takes long, or that nobody waits for.
    Leisure = 15,
}

impl Priority {
    /// Gives it to this thread, and to what this thread starts.
    fn take(self) {
        // On Linux this is the thread's own priority. Where it is not allowed, the work is done all the same.
        if let Err(error) = rustix::process::setpriority_process(None, self as i32) {
            tracing::debug!(%error, "cannot lower a thread's priority");
        }
    }
}
