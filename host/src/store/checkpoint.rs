//! Moves what is written from the write-ahead log into the database, beside the writer, so that no commit waits
//! for it.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use super::queue::Queue;
use super::schema;

/// How often the size of the write-ahead log is looked at.
const PERIOD: Duration = Duration::from_millis(250);
/// From this size on it is emptied, in bytes.
const LARGE: u64 = 32 << 20;

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
                if wal_size(&path) >= LARGE
                    && let Err(error) = empty(&path, &mut connection, &queue)
                {
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

fn wal_size(path: &Path) -> u64 {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    std::fs::metadata(PathBuf::from(wal)).map_or(0, |metadata| metadata.len())
}

/// Most of it is moved while the writer goes on; the writer itself moves what came since, which is little, and can
/// then begin the write-ahead log anew.
fn empty(path: &Path, connection: &mut Option<Connection>, queue: &Queue) -> rusqlite::Result<()> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(schema::open_checkpointer(path)?),
    };
    for _ in 0..2 {
        passive(connection)?;
    }
    let (done, finished) = channel();
    let pushed = queue.push_task(Box::new(move |connection| {
        // Whoever asked waits below, or has stopped.
        let _ = done.send(passive(connection));
    }));
    match pushed {
        Ok(()) => finished.recv().unwrap_or(Ok(())),
        Err(_) => Ok(()),
    }
}

fn passive(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}
