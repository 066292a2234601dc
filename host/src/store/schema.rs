//! The database's tables and how it is opened.

use std::fs::{File, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::StoreError;

/// How the tables came to be: each batch takes a database from its place in this list to the next, and `user_version`
/// counts those that were run. A released batch never changes.
const BATCHES: [&str; 3] = [TABLES, OPERATION, MODELS];

const TABLES: &str = "
-- Words that many rows share (models, providers, verdict names, …), so that rows and indexes hold integers.
CREATE TABLE names (
    id INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
) STRICT;

-- The hot columns of the log. Lists and metrics read these and never the payload.
CREATE TABLE interactions (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    started_at INTEGER NOT NULL,          -- nanoseconds since 1970
    recorded_at INTEGER NOT NULL,
    project INTEGER NOT NULL,             -- names.id, as are the next four
    operation INTEGER NOT NULL,
    provider INTEGER NOT NULL,
    model INTEGER NOT NULL,
    requested_model INTEGER,
    prompt INTEGER,
    prompt_version TEXT,
    session TEXT,
    user TEXT,
    duration_ms REAL,
    time_to_first_token_ms REAL,
    input_tokens INTEGER,
    output_tokens INTEGER,
    cache_read_tokens INTEGER,
    cache_write_tokens INTEGER,
    reasoning_tokens INTEGER,
    error INTEGER                         -- names.id of the error's kind
) STRICT;
-- Each ends in (started_at, seq), the order of every list; seq is the rowid and so part of every index.
CREATE INDEX interactions_started ON interactions (started_at);
CREATE INDEX interactions_project ON interactions (project, started_at);
CREATE INDEX interactions_provider ON interactions (provider, started_at);
CREATE INDEX interactions_model ON interactions (model, started_at);
CREATE INDEX interactions_prompt ON interactions (prompt, started_at) WHERE prompt IS NOT NULL;
CREATE INDEX interactions_session ON interactions (session, started_at) WHERE session IS NOT NULL;
CREATE INDEX interactions_user ON interactions (user, started_at) WHERE user IS NOT NULL;
CREATE INDEX interactions_error ON interactions (started_at) WHERE error IS NOT NULL;

-- What was posted, as JSON, compressed with zstd.
CREATE TABLE payloads (
    seq INTEGER PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE bindings (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    plugin TEXT NOT NULL,                 -- the plugin's own name
    version TEXT NOT NULL,
    component BLOB NOT NULL,              -- sha256
    kinds TEXT NOT NULL,                  -- JSON
    definition TEXT NOT NULL,             -- JSON
    loaded_at INTEGER NOT NULL,           -- first loaded
    start INTEGER NOT NULL,               -- what stands before and at this seq was loaded later
    cursor INTEGER NOT NULL               -- everything up to this seq is done
) STRICT;

CREATE TABLE evaluations (
    binding INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    failure TEXT,                         -- reason, or null where it succeeded
    message TEXT,
    duration_us INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    verdicts TEXT,                        -- JSON array, or null where there are none
    logs TEXT,                            -- likewise
    PRIMARY KEY (binding, seq)
) STRICT, WITHOUT ROWID;

-- What of verdicts and failures can be searched for. The rest stands in the evaluation.
CREATE TABLE judgements (
    binding INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    place INTEGER NOT NULL,               -- in the evaluation; -1 for a failure
    name INTEGER NOT NULL,                -- names.id; of the reason for a failure
    value REAL,                           -- a boolean is 0 or 1
    label INTEGER,                        -- names.id
    severity INTEGER,                     -- 0 (info) to 4 (critical)
    PRIMARY KEY (binding, started_at, seq, place)
) STRICT, WITHOUT ROWID;

-- How often each binding came to each outcome, kept in step with the cursor.
CREATE TABLE tallies (
    binding INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (binding, outcome)
) STRICT, WITHOUT ROWID;
";

/// What operating plugins needs: contracts, shadows, the price of a call in epochs, retries and backfills.
const OPERATION: &str = "
ALTER TABLE bindings ADD COLUMN contract TEXT NOT NULL DEFAULT '0.1.0';   -- version of the WIT package
ALTER TABLE bindings ADD COLUMN shadow INTEGER NOT NULL DEFAULT 0;        -- 1: left out of default lists
ALTER TABLE evaluations ADD COLUMN epochs INTEGER NOT NULL DEFAULT 0;     -- ticks of the deadline's clock that it took
ALTER TABLE evaluations ADD COLUMN retry_at INTEGER;                      -- when it is tried again, where it is
CREATE INDEX evaluations_retry ON evaluations (binding, retry_at) WHERE retry_at IS NOT NULL;

-- Cursors over a range of the log that was there before its binding.
CREATE TABLE backfills (
    id INTEGER PRIMARY KEY,
    binding INTEGER NOT NULL,
    selection TEXT NOT NULL,              -- JSON: what of the range is judged
    rate REAL NOT NULL,                   -- evaluations a second at most
    first INTEGER NOT NULL,               -- seq
    last INTEGER NOT NULL,                -- seq
    cursor INTEGER NOT NULL,              -- everything of the range up to this seq is done
    evaluated INTEGER NOT NULL DEFAULT 0, -- evaluations that it brought
    status TEXT NOT NULL,                 -- running, cancelled or done
    created_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;
";

/// What plugins ask of models.
const MODELS: &str = "
-- What was asked and answered. The same request to the same model is answered from here.
CREATE TABLE model_exchanges (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,          -- sha256 of alias, model and request
    alias INTEGER NOT NULL,               -- names.id
    body BLOB NOT NULL,                   -- JSON, compressed with zstd
    usable INTEGER NOT NULL,              -- 1: the answer is given again
    made_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    hits INTEGER NOT NULL DEFAULT 0       -- how often it was given again
) STRICT;
CREATE INDEX model_exchanges_used ON model_exchanges (alias, used_at);

-- Which evaluation rests on what.
CREATE TABLE model_calls (
    binding INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    place INTEGER NOT NULL,               -- in the evaluation
    alias INTEGER NOT NULL,               -- names.id
    exchange BLOB NOT NULL,               -- model_exchanges.digest, for as long as it is kept
    input_tokens INTEGER,
    output_tokens INTEGER,
    cost INTEGER,                         -- billionths of a US dollar
    duration_us INTEGER NOT NULL,
    cached INTEGER NOT NULL,              -- 1: answered with what was kept
    failure TEXT,
    PRIMARY KEY (binding, seq, place)
) STRICT, WITHOUT ROWID;

-- What was asked in each hour, by whom, and what it cost: of every request that was made, whatever became of it.
CREATE TABLE model_usage (
    hour INTEGER NOT NULL,                -- since 1970
    alias INTEGER NOT NULL,               -- names.id
    binding INTEGER NOT NULL,             -- names.id of the binding's name
    calls INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    cached INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cost INTEGER NOT NULL,                -- billionths of a US dollar, as far as it is known
    unpriced INTEGER NOT NULL,            -- calls that were answered, and whose cost nobody knows
    PRIMARY KEY (hour, alias, binding)
) STRICT, WITHOUT ROWID;
";

/// Takes the database for this process.
pub(super) fn lock(path: &Path) -> Result<File, StoreError> {
    let lock_path = path.with_added_extension("lock");
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|source| StoreError::File { path: folder.to_owned(), source })?;
    }
    let file = File::create(&lock_path).map_err(|source| StoreError::File { path: lock_path.clone(), source })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(StoreError::File { path: lock_path, source }),
    }
}

pub(super) fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    let query = |source| StoreError::Query { operation: "open the database", source };
    // What is said to models is nobody else's business. SQLite gives its other files the same mode.
    let file = |source| StoreError::File { path: path.to_owned(), source };
    File::options().create(true).append(true).mode(0o600).open(path).map_err(file)?;
    let connection = Connection::open(path).map_err(query)?;
    settings(&connection).map_err(query)?;
    // What is acknowledged survives the machine, not just the process. Checkpoints have a thread of their own.
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;")
        .map_err(query)?;
    let done = version(&connection, path)?;
    for (batch, version) in BATCHES.iter().skip(done).zip(done + 1..) {
        let batch = format!("BEGIN IMMEDIATE; {batch} PRAGMA user_version = {version}; COMMIT;");
        connection.execute_batch(&batch).map_err(query)?;
    }
    Ok(connection)
}

/// How many batches the database has been through, which are not more than are known.
fn version(connection: &Connection, path: &Path) -> Result<usize, StoreError> {
    let found: i64 = connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(|source| StoreError::Query { operation: "open the database", source })?;
    match usize::try_from(found) {
        Ok(done) if done <= BATCHES.len() => Ok(done),
        _ => Err(StoreError::TooNew { path: path.to_owned(), found, known: BATCHES.len() as i64 }),
    }
}

/// Makes sure that the database is as this version has it.
pub(super) fn check_version(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let is_current = version(connection, path)? == BATCHES.len();
    if is_current { Ok(()) } else { Err(StoreError::TooOld { path: path.to_owned() }) }
}

/// For a process beside the one that has the lock.
pub(super) fn open_read_only(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    settings(&connection)?;
    Ok(connection)
}

pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI,
    )?;
    settings(&connection)?;
    connection.execute_batch("PRAGMA query_only = ON;")?;
    Ok(connection)
}

fn settings(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.execute_batch("PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY;")
}

pub(super) fn open_checkpointer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    settings(&connection)?;
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;")?;
    Ok(connection)
}
