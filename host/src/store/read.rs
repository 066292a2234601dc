//! Reading single things back: an interaction with its evaluations, a stretch of the log, the bindings.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::value::RawValue;

use super::{BindingId, ModelCallRow, Store, StoreError, models, payload, schema};
use crate::record::{
    BindingDigest, ComponentDigest, ConfigDigest, Interaction, InteractionId, Kind, LogLine, Seq, Time,
};

/// Connections that read, made as they are needed and kept.
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), idle: Mutex::new(Vec::new()) }
    }

    /// Runs a query on a connection of its own. What fails is closed, not kept.
    pub(super) fn run<T>(
        &self,
        operation: &'static str,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let failed = |source| StoreError::Query { operation, source };
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle().pop();
        let connection = match kept {
            Some(connection) => connection,
            None => schema::open_reader(&self.path).map_err(failed)?,
        };
        let result = query(&connection).map_err(failed)?;
        idle().push(connection);
        Ok(result)
    }
}

/// An interaction with what was said of it.
#[derive(Debug)]
pub struct StoredInteraction {
    /// The interaction.
    pub interaction: Arc<Interaction>,
    /// By binding, oldest first.
    pub evaluations: Vec<EvaluationRow>,
}

/// A binding that was ever loaded.
#[derive(Debug, Clone)]
pub struct BindingRow {
    /// Its number.
    pub id: BindingId,
    /// Its digest.
    pub digest: BindingDigest,
    /// The operator's name for it.
    pub name: String,
    /// The plugin's own name.
    pub plugin: String,
    /// The plugin's own version.
    pub version: String,
    /// The sha256 of the plugin's file.
    pub component: ComponentDigest,
    /// What it judges.
    pub kinds: Vec<Kind>,
    /// When it was first loaded.
    pub loaded_at: Time,
    /// What stands at or before this place was loaded later than it.
    pub start: Seq,
    /// Everything up to here is done.
    pub cursor: Seq,
    /// Whether its verdicts are left out of lists that do not ask for them.
    pub shadow: bool,
    /// How often it came to each outcome.
    pub tallies: Vec<(String, u64)>,
}

/// One evaluation as it is read.
#[derive(Debug)]
pub struct EvaluationRow {
    /// The binding's number.
    pub binding_id: BindingId,
    /// The binding's name.
    pub plugin: String,
    /// The plugin's version.
    pub version: String,
    /// The binding's digest.
    pub binding: BindingDigest,
    /// Whether the binding is a shadow.
    pub shadow: bool,
    /// The plugin's digest.
    pub sha256: ComponentDigest,
    /// The digest of what it was configured with.
    pub config: ConfigDigest,
    /// The version of the contract that the plugin was built for.
    pub contract: String,
    /// The reason, where it failed.
    pub failure: Option<String>,
    /// What exactly.
    pub message: Option<String>,
    /// Microseconds of the call.
    pub duration_us: u32,
    /// Ticks of the deadline's clock that passed during it.
    pub epochs: u32,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried again, where it is.
    pub retry_at: Option<Time>,
    /// The verdicts, as stored.
    pub verdicts: Vec<Box<RawValue>>,
    /// The log lines.
    pub logs: Vec<LogLine>,
    /// What it asked of models.
    pub model_calls: Vec<ModelCallRow>,
}

impl Store {
    /// The interaction of that id.
    pub fn interaction_get(&self, id: &InteractionId) -> Result<Option<StoredInteraction>, StoreError> {
        let found = self.shared.readers.run("read an interaction", |connection| {
            let Some((interaction, body)) = connection
                .prepare_cached(
                    "SELECT i.seq, i.started_at, i.recorded_at, p.body, i.id
                     FROM interactions i JOIN payloads p USING (seq) WHERE i.id = ?1",
                )?
                .query_row(params![id.as_str()], header)
                .optional()?
            else {
                return Ok(None);
            };
            let mut select = connection.prepare_cached(
                "SELECT b.name, b.version, b.digest, b.component, e.failure, e.message, e.duration_us, e.attempts,
                        e.verdicts, e.logs, b.id, e.retry_at, b.shadow, e.epochs, b.contract, b.definition ->> 'config'
                 FROM bindings b JOIN evaluations e ON e.binding = b.id AND e.seq = ?1 ORDER BY b.id",
            )?;
            let mut evaluations =
                select.query_map(params![interaction.seq.0], evaluation)?.collect::<Result<Vec<_>, _>>()?;
            for row in &mut evaluations {
                row.model_calls = models::calls(connection, row.binding_id, interaction.seq)?;
            }
            Ok(Some((interaction, body, evaluations)))
        })?;
        let Some((header, body, evaluations)) = found else { return Ok(None) };
        Ok(Some(StoredInteraction { interaction: Arc::new(header.read(&body)?), evaluations }))
    }

    /// The interactions of the log from `first` to `last`, both included; fewer where the log ends before.
    pub fn log_read(&self, first: Seq, last: Seq) -> Result<Vec<Arc<Interaction>>, StoreError> {
        if let Some(recent) = self.shared.tail.range(first, last) {
            return Ok(recent);
        }
        let rows = self.shared.readers.run("read the log", |connection| {
            let mut select = connection.prepare_cached(
                "SELECT i.seq, i.started_at, i.recorded_at, p.body, i.id
                 FROM interactions i JOIN payloads p USING (seq) WHERE i.seq BETWEEN ?1 AND ?2 ORDER BY i.seq",
            )?;
            select.query_map(params![first.0, last.0], header)?.collect::<Result<Vec<_>, _>>()
        })?;
        rows.into_iter().map(|(header, body)| header.read(&body).map(Arc::new)).collect()
    }

    /// When the interaction at that place of the log was recorded; none beyond its end.
    pub fn recorded_at(&self, seq: Seq) -> Result<Option<Time>, StoreError> {
        if let Some(recent) = self.shared.tail.range(seq, seq) {
            return Ok(recent.first().map(|interaction| interaction.recorded_at));
        }
        self.shared.readers.run("read a time of the log", |connection| {
            let mut select = connection.prepare_cached("SELECT recorded_at FROM interactions WHERE seq = ?1")?;
            select.query_row(params![seq.0], |row| row.get(0).map(Time::from_nanoseconds)).optional()
        })
    }

    /// Every binding that was ever loaded, oldest first.
    pub fn binding_list(&self) -> Result<Vec<BindingRow>, StoreError> {
        self.shared.readers.run("list the bindings", |connection| {
            let mut tallies = connection.prepare_cached("SELECT outcome, count FROM tallies WHERE binding = ?1")?;
            let mut select = connection.prepare_cached(
                "SELECT id, digest, name, plugin, version, component, kinds, loaded_at, start, cursor, shadow
                 FROM bindings ORDER BY id",
            )?;
            let mut rows = select.query_map([], binding)?.collect::<Result<Vec<_>, _>>()?;
            for row in &mut rows {
                row.tallies = tallies
                    .query_map(params![row.id.0], |row| Ok((row.get(0)?, row.get(1)?)))?
                    .collect::<Result<_, _>>()?;
            }
            Ok(rows)
        })
    }
}

/// An interaction before its payload is read.
#[derive(Clone)]
pub(super) struct Header {
    pub(super) seq: Seq,
    id: String,
    pub(super) started_at: Time,
    recorded_at: Time,
}

impl Header {
    pub(super) fn read(self, body: &[u8]) -> Result<Interaction, StoreError> {
        let Self { seq, id, started_at, recorded_at } = self;
        let damaged = |reason| StoreError::Damaged { seq, reason };
        let id = id.parse().map_err(|error: crate::record::NameError| damaged(error.to_string()))?;
        let posted = payload::read(body).map_err(damaged)?;
        Ok(Interaction { seq, id, started_at, recorded_at, posted })
    }
}

pub(super) fn header(row: &Row<'_>) -> rusqlite::Result<(Header, Vec<u8>)> {
    let header = Header {
        seq: Seq(row.get(0)?),
        started_at: Time::from_nanoseconds(row.get(1)?),
        recorded_at: Time::from_nanoseconds(row.get(2)?),
        id: row.get(4)?,
    };
    Ok((header, row.get(3)?))
}

fn evaluation(row: &Row<'_>) -> rusqlite::Result<EvaluationRow> {
    let logs: Option<String> = row.get(9)?;
    Ok(EvaluationRow {
        plugin: row.get(0)?,
        version: row.get(1)?,
        binding: BindingDigest::from_bytes(row.get(2)?),
        sha256: ComponentDigest::from_bytes(row.get(3)?),
        config: ConfigDigest::of(row.get_ref(15)?.as_bytes()?),
        contract: row.get(14)?,
        failure: row.get(4)?,
        message: row.get(5)?,
        duration_us: row.get(6)?,
        epochs: row.get(13)?,
        attempts: row.get(7)?,
        verdicts: raw_array(row.get(8)?, 8)?,
        logs: match logs {
            Some(logs) => serde_json::from_str::<Vec<LogLine>>(&logs).map_err(|error| unreadable(9, error))?,
            None => Vec::new(),
        },
        model_calls: Vec::new(),
        binding_id: BindingId(row.get(10)?),
        retry_at: row.get::<_, Option<i64>>(11)?.map(Time::from_nanoseconds),
        shadow: row.get(12)?,
    })
}

/// The items of a stored JSON array, as they were stored.
pub(super) fn raw_array(text: Option<String>, column: usize) -> rusqlite::Result<Vec<Box<RawValue>>> {
    text.map_or(Ok(Vec::new()), |text| serde_json::from_str(&text).map_err(|error| unreadable(column, error)))
}

pub(super) fn unreadable(column: usize, error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
}

fn binding(row: &Row<'_>) -> rusqlite::Result<BindingRow> {
    let kinds: String = row.get(6)?;
    Ok(BindingRow {
        id: BindingId(row.get(0)?),
        digest: BindingDigest::from_bytes(row.get(1)?),
        name: row.get(2)?,
        plugin: row.get(3)?,
        version: row.get(4)?,
        component: ComponentDigest::from_bytes(row.get(5)?),
        kinds: serde_json::from_str(&kinds).map_err(|error| unreadable(6, error))?,
        loaded_at: Time::from_nanoseconds(row.get(7)?),
        start: Seq(row.get(8)?),
        cursor: Seq(row.get(9)?),
        shadow: row.get(10)?,
        tallies: Vec::new(),
    })
}
