//! Backfills: cursors over a range of the log that was there before its binding.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::read::header;
use super::{BindingId, Store, StoreError};
use crate::record::{Interaction, Seq, Time};

/// A backfill's number in this database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackfillId(pub i64);

/// What of the log a backfill judges.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Selection {
    /// Started at this moment or later.
    pub from: Option<Time>,
    /// Started before this moment.
    pub to: Option<Time>,
    /// For which this CEL expression holds.
    pub filter: Option<String>,
}

/// A backfill to be made.
#[derive(Debug, Clone)]
pub struct NewBackfill {
    /// Who judges.
    pub binding: BindingId,
    /// What of the range.
    pub selection: Selection,
    /// Interactions a second at most.
    pub rate: Option<f64>,
    /// The first place of the range.
    pub first: Seq,
    /// The last place of the range.
    pub last: Seq,
}

/// How far a backfill has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BackfillStatus {
    /// It goes on where it stands whenever its binding is loaded.
    Running,
    /// Somebody ended it; what it judged stays.
    Cancelled,
    /// It came to the end of its range.
    Done,
}

impl BackfillStatus {
    const ALL: [Self; 3] = [Self::Running, Self::Cancelled, Self::Done];

    fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Cancelled => "cancelled",
            Self::Done => "done",
        }
    }
}

/// A backfill as it stands.
#[derive(Debug, Clone)]
pub struct BackfillRow {
    /// Its number.
    pub id: BackfillId,
    /// Who judges.
    pub binding: BindingId,
    /// What of the range.
    pub selection: Selection,
    /// Interactions a second at most.
    pub rate: Option<f64>,
    /// The first place of the range.
    pub first: Seq,
    /// The last place of the range.
    pub last: Seq,
    /// Everything of the range up to here is done.
    pub cursor: Seq,
    /// How many interactions it judged.
    pub evaluated: u64,
    /// How many it passed over: outside its selection, or judged before.
    pub passed_over: u64,
    /// How far it has come.
    pub status: BackfillStatus,
    /// When it was made.
    pub created_at: Time,
    /// When it ended.
    pub ended_at: Option<Time>,
}

/// What a batch of evaluations brings a backfill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filled {
    /// Whose cursor moves.
    pub backfill: BackfillId,
    /// How many interactions were passed over.
    pub passed_over: u64,
}

const COLUMNS: &str =
    "id, binding, selection, rate, first, last, cursor, evaluated, passed_over, status, created_at, ended_at";

/// What of a range a selection leaves, and what the binding has not judged.
const WANTED: &str = "i.seq BETWEEN ?1 AND ?2 AND i.started_at >= coalesce(?3, i.started_at)
    AND (?4 IS NULL OR i.started_at < ?4)
    AND NOT EXISTS (SELECT 1 FROM evaluations e WHERE e.binding = ?5 AND e.seq = i.seq)";

impl Store {
    /// Makes a backfill; one over nothing is done at once.
    pub fn backfill_create(&self, new: NewBackfill) -> Result<BackfillRow, StoreError> {
        self.write("make a backfill", move |connection| {
            let selection = serde_json::json!(new.selection).to_string();
            let status = if new.first > new.last { BackfillStatus::Done } else { BackfillStatus::Running };
            let now = Time::now().as_nanoseconds();
            connection.query_row(
                &format!(
                    "INSERT INTO backfills (binding, selection, rate, first, last, cursor, status, created_at, ended_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) RETURNING {COLUMNS}"
                ),
                params![
                    new.binding.0,
                    selection,
                    new.rate,
                    new.first.0,
                    new.last.0,
                    new.first.0 - 1,
                    status.as_str(),
                    now,
                    (status == BackfillStatus::Done).then_some(now)
                ],
                row,
            )
        })
    }

    /// Ends a backfill that runs, and gives it as it then stands. None where there is none of that number.
    pub fn backfill_cancel(&self, id: BackfillId) -> Result<Option<BackfillRow>, StoreError> {
        self.write("cancel a backfill", move |connection| {
            connection.execute(
                "UPDATE backfills SET status = 'cancelled', ended_at = ?2 WHERE id = ?1 AND status = 'running'",
                params![id.0, Time::now().as_nanoseconds()],
            )?;
            find(connection, id)
        })
    }

    /// The backfill of that number.
    pub fn backfill_get(&self, id: BackfillId) -> Result<Option<BackfillRow>, StoreError> {
        self.shared.readers.run("read a backfill", |connection| find(connection, id))
    }

    /// Every backfill, newest first.
    pub fn backfill_list(&self) -> Result<Vec<BackfillRow>, StoreError> {
        self.shared.readers.run("list the backfills", |connection| {
            let mut select = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM backfills ORDER BY id DESC"))?;
            select.query_map([], row)?.collect()
        })
    }

    /// The interactions from `first` to `last`, both included, that the selection's times let pass and that the binding
    /// has not judged.
    pub fn backfill_read(
        &self,
        binding: BindingId,
        first: Seq,
        last: Seq,
        selection: &Selection,
    ) -> Result<Vec<Arc<Interaction>>, StoreError> {
        let rows = self.shared.readers.run("read the log", |connection| {
            let mut select = connection.prepare_cached(&format!(
                "SELECT i.seq, i.started_at, i.recorded_at, p.body, i.id
                 FROM interactions i CROSS JOIN payloads p USING (seq) WHERE {WANTED} ORDER BY i.seq"
            ))?;
            let (from, to) = times(selection);
            select.query_map(params![first.0, last.0, from, to, binding.0], header)?.collect::<Result<Vec<_>, _>>()
        })?;
        rows.into_iter().map(|(header, body)| header.read(&body).map(Arc::new)).collect()
    }

    /// How many interactions that would be.
    pub fn backfill_count(
        &self,
        binding: BindingId,
        first: Seq,
        last: Seq,
        selection: &Selection,
    ) -> Result<u64, StoreError> {
        self.shared.readers.run("count the log", |connection| {
            let (from, to) = times(selection);
            connection
                .prepare_cached(&format!("SELECT count(*) FROM interactions i WHERE {WANTED}"))?
                .query_row(params![first.0, last.0, from, to, binding.0], |row| row.get(0))
        })
    }
}

fn times(selection: &Selection) -> (Option<i64>, Option<i64>) {
    (selection.from.map(Time::as_nanoseconds), selection.to.map(Time::as_nanoseconds))
}

fn find(connection: &Connection, id: BackfillId) -> rusqlite::Result<Option<BackfillRow>> {
    let sql = format!("SELECT {COLUMNS} FROM backfills WHERE id = ?1");
    connection.prepare_cached(&sql)?.query_row(params![id.0], row).optional()
}

/// Moves a backfill's cursor inside the writer's transaction, and ends it at the end of its range.
pub(super) fn advance(
    connection: &Connection,
    filled: Filled,
    cursor: Option<Seq>,
    evaluated: u64,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE backfills SET cursor = coalesce(?2, cursor), evaluated = evaluated + ?3,
                 passed_over = passed_over + ?4,
                 ended_at = CASE WHEN status = 'running' AND ?2 >= last THEN ?5 ELSE ended_at END,
                 status = CASE WHEN status = 'running' AND ?2 >= last THEN 'done' ELSE status END
             WHERE id = ?1",
        )?
        .execute(params![
            filled.backfill.0,
            cursor.map(|cursor| cursor.0),
            evaluated,
            filled.passed_over,
            Time::now().as_nanoseconds()
        ])?;
    Ok(())
}

fn row(row: &Row<'_>) -> rusqlite::Result<BackfillRow> {
    let selection: String = row.get(2)?;
    let status: String = row.get(9)?;
    let unknown = || rusqlite::Error::InvalidColumnType(9, "status".to_owned(), rusqlite::types::Type::Text);
    Ok(BackfillRow {
        id: BackfillId(row.get(0)?),
        binding: BindingId(row.get(1)?),
        selection: serde_json::from_str(&selection).map_err(|error| super::read::unreadable(2, error))?,
        rate: row.get(3)?,
        first: Seq(row.get(4)?),
        last: Seq(row.get(5)?),
        cursor: Seq(row.get(6)?),
        evaluated: row.get(7)?,
        passed_over: row.get(8)?,
        status: BackfillStatus::ALL.into_iter().find(|known| known.as_str() == status).ok_or_else(unknown)?,
        created_at: Time::from_nanoseconds(row.get(10)?),
        ended_at: row.get::<_, Option<i64>>(11)?.map(Time::from_nanoseconds),
    })
}
