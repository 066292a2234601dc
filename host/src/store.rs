//! The log of interactions, the cursors that read it, and the verdicts beside it, in one SQLite database. The only
//! user of rusqlite; knows nothing of HTTP or of how a plugin is called.
//!
//! One thread writes. What is posted and what was evaluated waits in its queue, and everything that waits is
//! written in one transaction that is durable before anybody is told. Readers have connections of their own.

mod backfills;
mod checkpoint;
mod compare;
mod evaluations;
mod find;
mod interactions;
mod list;
mod models;
mod names;
mod payload;
mod query;
mod queue;
mod read;
mod reader;
mod replay;
mod retries;
mod schema;
mod tail;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::ErrorCode;

pub use backfills::{BackfillCount, BackfillId, BackfillRow, BackfillStatus, BackfillStretch, NewBackfill, Selection};
pub use compare::{
    Categories, CategoryPair, ComparedBinding, ComparedCode, ComparedVerdict, Comparison, ComparisonError,
    ComparisonRequest, DifferingInteraction, Given, HistogramBin, Numbers, SaidOf, Totals,
};
pub use evaluations::{BindingId, EvaluationBatch, RegisteredBinding, Tallies};
pub use find::{FindError, FoundBinding};
pub use interactions::{NewRecord, Recorded};
pub use list::{InteractionFilter, InteractionRow, OutcomeFilter, Page, Position, VerdictFilter, VerdictRow};
pub use models::{KeptExchange, ModelCallRow, ModelMean, ModelUsage, NewExchange, Spent};
pub use queue::WriterStats;
pub use read::{BindingRow, EvaluationRow, StoredInteraction};
pub use reader::StoreReader;
pub use replay::{EvaluationPlace, EvaluationRange, StoredEvaluation};
pub use retries::{FailedFilter, Retry};

use crate::record::Seq;

/// A handle on the store. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Arc<queue::Queue>,
    tail: Arc<tail::Tail>,
    readers: read::Readers,
    // Stopped and joined in this order when the last handle goes.
    _checkpointer: checkpoint::Checkpointer,
    _writer: writer::Writer,
    _lock: std::fs::File,
}

/// What the operator decides about the store.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Bytes of records that may wait to be written.
    pub max_backlog: usize,
}

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it open.
    #[error("another process is using {}", path.display())]
    InUse {
        /// The database.
        path: PathBuf,
    },
    /// The file could not be opened or locked.
    #[error("cannot open {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// It was written by a newer version of this program.
    #[error("{} has schema version {found}, and this program knows up to {known}: use a newer one", path.display())]
    TooNew {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest that is known.
        known: i64,
    },
    /// It was written by an older version, and this is only read.
    #[error("{} is of an older version: start `tribunal serve` on it once", path.display())]
    TooOld {
        /// The database.
        path: PathBuf,
    },
    /// Too much waits to be written; try again in a moment.
    #[error("too much is waiting to be written")]
    Busy,
    /// Nothing can be written at the moment, such as on a full disk. Nothing of it was kept.
    #[error("the store cannot be written: {0}")]
    Unavailable(String),
    /// A search over too many bindings.
    #[error("this would search the verdicts of more than {most} bindings: name one with `plugin`")]
    TooBroad {
        /// The most that are searched.
        most: usize,
    },
    /// A query failed.
    #[error("cannot {operation}")]
    Query {
        /// What was asked for.
        operation: &'static str,
        /// The database's reason.
        #[source]
        source: rusqlite::Error,
    },
    /// What is stored cannot be read back.
    #[error("interaction {seq:?} is damaged: {reason}")]
    Damaged {
        /// Its place in the log.
        seq: Seq,
        /// What is wrong.
        reason: String,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

impl Store {
    /// Opens the database, making it where there is none.
    pub fn open(path: &Path, options: &StoreOptions) -> Result<Self, StoreError> {
        let lock = schema::lock(path)?;
        let connection = schema::open_writer(path)?;
        let head = interactions::head(&connection)
            .map_err(|source| StoreError::Query { operation: "find the end of the log", source })?;
        let tail = Arc::new(tail::Tail::new(head));
        let queue = Arc::new(queue::Queue::new(options.max_backlog));
        let readers = read::Readers::new(path);
        let writer = writer::Writer::start(connection, Arc::clone(&queue), Arc::clone(&tail), head);
        let checkpointer = checkpoint::Checkpointer::start(path, Arc::clone(&queue));
        let shared = Shared { queue, tail, readers, _checkpointer: checkpointer, _writer: writer, _lock: lock };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The last place of the log.
    pub fn head(&self) -> Seq {
        self.shared.tail.head()
    }

    /// Blocks until the log is longer than that, or `wait` has passed, and gives its last place.
    pub fn wait_beyond(&self, seq: Seq, wait: std::time::Duration) -> Seq {
        self.shared.tail.wait_beyond(seq, wait)
    }

    /// Whether the last attempt to write succeeded.
    pub fn is_writable(&self) -> bool {
        self.shared.queue.is_writable()
    }

    /// What the writer has done so far.
    pub fn writer_stats(&self) -> WriterStats {
        self.shared.queue.stats()
    }

    /// Runs a small piece of work on the writer's connection and waits for what it gives.
    fn write<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&mut rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = std::sync::mpsc::channel();
        self.shared.queue.push_task(Box::new(move |connection| {
            // Whoever asked waits below.
            let _ = reply.send(work(connection));
        }))?;
        let done = answer.recv().map_err(|_| StoreError::Closed)?;
        done.map_err(|source| match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull | ErrorCode::ReadOnly | ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => {
                StoreError::Unavailable(format!("cannot {operation}: {source}"))
            }
            _ => StoreError::Query { operation, source },
        })
    }

    /// Takes nothing more, writes what waits, and comes back when all of it is durable or cannot be written.
    pub fn close(&self) {
        self.shared.queue.close();
        self.shared.queue.wait_drained();
    }
}
