//! Moves what is written from the write-ahead log into the database, beside the writer, so that no commit waits
//! for it.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use super::queue::Queue;
use super::schema;

/// How often the write-ahead log is looked at.
const PERIOD: Duration = Duration::from_millis(250);
/// With this many pages (of 4 KiB) to move, they are moved.
const MANY: i64 = 8 << 10;
/// With no more than this many left, the writer moves them itself.
const FEW: i64 = 128;
/// The most that is tried to come to so few; a writer at full speed makes new ones all the while.
const ROUNDS: usize = 8;

/// Owns the thread: dropping it stops and joins it.
pub(super) struct Checkpointer {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    pub(super) fn start(path: &Path, queue: Arc<Queue>) -> Self {
        let (stop, stopped) = channel();
        let path = path.to_owned();
        let thread = crate::spawn("checkpoint", move || {
            let mut connection = None;
            while stopped.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
                if let Err(error) = empty(&path, &mut connection, &queue) {
                    tracing::warn!(%error, "cannot empty the write-ahead log");
                }
            }
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It does not panic, and the store closes whether it did or not.
            let _ = thread.join();
        }
    }
}

/// Where there is much, most of it is moved while the writer goes on; the writer itself moves what came since, which
/// is little, and can then begin the write-ahead log anew.
fn empty(path: &Path, connection: &mut Option<Connection>, queue: &Queue) -> rusqlite::Result<()> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(schema::open_checkpointer(path)?),
    };
    if left(connection, "NOOP")? < MANY {
        return Ok(());
    }
    for _ in 0..ROUNDS {
        left(connection, "PASSIVE")?;
        if left(connection, "NOOP")? <= FEW {
            break;
        }
    }
    let (done, finished) = channel();
    let pushed = queue.push_task(Box::new(move |connection| {
        // Whoever asked waits below, or has stopped.
        let _ = done.send(left(connection, "PASSIVE").map(drop));
    }));
    match pushed {
        Ok(()) => finished.recv().unwrap_or(Ok(())),
        Err(_) => Ok(()),
    }
}

/// Runs a checkpoint and gives the number of pages of the write-ahead log that are still to be moved.
pub(super) fn left(connection: &Connection, mode: &str) -> rusqlite::Result<i64> {
    let pragma = format!("PRAGMA wal_checkpoint({mode})");
    connection.query_row(&pragma, [], |row| Ok(row.get::<_, i64>(1)? - row.get::<_, i64>(2)?))
}
