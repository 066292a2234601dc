//! Backfills: cursors over the part of the log that was there before a binding.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::read::header;
use super::{BindingId, Store, StoreError, payload};
use crate::record::{Interaction, Rate, Seq, Time};

/// What is read at once has about this many bytes of payload at most, so that large interactions are few.
const READ_BYTES: usize = 8 << 20;

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

impl Selection {
    /// The first and the last moment, in nanoseconds since 1970.
    fn times(&self) -> (i64, i64) {
        let last = self.to.map_or(i64::MAX, |to| to.as_nanoseconds() - 1);
        (self.from.map_or(0, Time::as_nanoseconds), last)
    }
}

/// A backfill to be made.
#[derive(Debug, Clone)]
pub struct NewBackfill {
    /// Who judges.
    pub binding: BindingId,
    /// What of the range.
    pub selection: Selection,
    /// Evaluations a second at most.
    pub rate: Rate,
    /// The first place of the range.
    pub first: Seq,
    /// The last place of the range.
    pub last: Seq,
}

/// How far a backfill has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

    /// The status as users read it.
    pub fn as_str(self) -> &'static str {
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
    /// Evaluations a second at most.
    pub rate: Rate,
    /// The first place of the range.
    pub first: Seq,
    /// The last place of the range.
    pub last: Seq,
    /// Everything of the range up to here is done.
    pub cursor: Seq,
    /// How many evaluations it brought.
    pub evaluated: u64,
    /// How far it has come.
    pub status: BackfillStatus,
    /// When it was made.
    pub created_at: Time,
    /// When it ended.
    pub ended_at: Option<Time>,
}

impl BackfillRow {
    /// How many places of the log it goes over.
    pub fn places(&self) -> u64 {
        (self.last.0 + 1).saturating_sub(self.first.0)
    }

    /// How many of them are done.
    pub fn places_done(&self) -> u64 {
        (self.cursor.0 + 1).saturating_sub(self.first.0)
    }

    /// The last place that it has come to or will come to.
    pub fn reach(&self) -> Seq {
        match self.status {
            BackfillStatus::Running => self.last,
            BackfillStatus::Cancelled | BackfillStatus::Done => self.cursor,
        }
    }
}

/// What a stretch of the log has for a backfill.
#[derive(Debug)]
pub struct BackfillStretch {
    /// What it may judge, in the order of the log.
    pub interactions: Vec<Arc<Interaction>>,
    /// Everything up to here was looked at.
    pub through: Seq,
}

/// How much there is to be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackfillCount {
    /// How many interactions.
    pub interactions: u64,
    /// The first of them; behind the last where there are none.
    pub first: Seq,
    /// The last of them.
    pub last: Seq,
}

const COLUMNS: &str = "id, binding, selection, rate, first, last, cursor, evaluated, status, created_at, ended_at";

/// What of a range a selection's times leave, and what the binding has not judged.
const WANTED: &str = "i.seq BETWEEN ?1 AND ?2 AND i.started_at BETWEEN ?3 AND ?4
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
                    new.rate.get(),
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
    /// has not judged: the first `most` of them, and fewer where they are large.
    pub fn backfill_read(
        &self,
        binding: BindingId,
        (first, last): (Seq, Seq),
        selection: &Selection,
        most: u64,
    ) -> Result<BackfillStretch, StoreError> {
        let (rows, is_cut) = self.shared.readers.run("read the log", |connection| {
            // The index by time would give them in another order.
            let mut select = connection.prepare_cached(&format!(
                "SELECT i.seq, i.started_at, i.recorded_at, p.body, i.id
                 FROM interactions i NOT INDEXED CROSS JOIN payloads p USING (seq) WHERE {WANTED} ORDER BY i.seq LIMIT ?6"
            ))?;
            let (from, to) = selection.times();
            let mut found = select.query(params![first.0, last.0, from, to, binding.0, most])?;
            let (mut rows, mut bytes) = (Vec::new(), 0_usize);
            while let Some(row) = found.next()? {
                let row = header(row)?;
                bytes = bytes.saturating_add(payload::size(&row.1));
                rows.push(row);
                if bytes > READ_BYTES {
                    return Ok((rows, true));
                }
            }
            let is_cut = rows.len() as u64 == most;
            Ok((rows, is_cut))
        })?;
        let interactions = rows.into_iter().map(|(header, body)| header.read(&body).map(Arc::new));
        let interactions = interactions.collect::<Result<Vec<_>, _>>()?;
        let through = interactions.last().filter(|_| is_cut).map_or(last, |interaction| interaction.seq);
        Ok(BackfillStretch { interactions, through })
    }

    /// How many interactions up to `last` that are.
    pub fn backfill_count(
        &self,
        binding: BindingId,
        last: Seq,
        selection: &Selection,
    ) -> Result<BackfillCount, StoreError> {
        self.shared.readers.run("count the log", |connection| {
            // The index by time has all that is asked for, and is a tenth of the table.
            let mut select = connection.prepare_cached(&format!(
                "SELECT count(*), coalesce(min(i.seq), 1), coalesce(max(i.seq), 0)
                 FROM interactions i INDEXED BY interactions_started WHERE {WANTED}"
            ))?;
            let (from, to) = selection.times();
            select.query_row(params![1, last.0, from, to, binding.0], |row| {
                Ok(BackfillCount { interactions: row.get(0)?, first: Seq(row.get(1)?), last: Seq(row.get(2)?) })
            })
        })
    }
}

fn find(connection: &Connection, id: BackfillId) -> rusqlite::Result<Option<BackfillRow>> {
    let sql = format!("SELECT {COLUMNS} FROM backfills WHERE id = ?1");
    connection.prepare_cached(&sql)?.query_row(params![id.0], row).optional()
}

/// Moves a backfill's cursor inside the writer's transaction, and ends it at the end of its range.
pub(super) fn advance(
    connection: &Connection,
    backfill: BackfillId,
    cursor: Option<Seq>,
    evaluated: u64,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE backfills SET cursor = max(cursor, coalesce(?2, cursor)), evaluated = evaluated + ?3,
                 ended_at = CASE WHEN status = 'running' AND ?2 >= last THEN ?4 ELSE ended_at END,
                 status = CASE WHEN status = 'running' AND ?2 >= last THEN 'done' ELSE status END
             WHERE id = ?1",
        )?
        .execute(params![backfill.0, cursor.map(|cursor| cursor.0), evaluated, Time::now().as_nanoseconds()])?;
    Ok(())
}

fn row(row: &Row<'_>) -> rusqlite::Result<BackfillRow> {
    let selection: String = row.get(2)?;
    let rate: f64 = row.get(3)?;
    let status: String = row.get(8)?;
    let unknown = |column: usize, name: &str, of| rusqlite::Error::InvalidColumnType(column, name.to_owned(), of);
    let known = BackfillStatus::ALL.into_iter().find(|known| known.as_str() == status);
    Ok(BackfillRow {
        id: BackfillId(row.get(0)?),
        binding: BindingId(row.get(1)?),
        selection: serde_json::from_str(&selection).map_err(|error| super::read::unreadable(2, error))?,
        rate: rate.try_into().map_err(|_| unknown(3, "rate", rusqlite::types::Type::Real))?,
        first: Seq(row.get(4)?),
        last: Seq(row.get(5)?),
        cursor: Seq(row.get(6)?),
        evaluated: row.get(7)?,
        status: known.ok_or_else(|| unknown(8, "status", rusqlite::types::Type::Text))?,
        created_at: Time::from_nanoseconds(row.get(9)?),
        ended_at: row.get::<_, Option<i64>>(10)?.map(Time::from_nanoseconds),
    })
}
