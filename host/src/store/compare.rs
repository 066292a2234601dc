//! Two bindings on the interactions that both judged. Knows nothing of how a comparison is asked for or shown.
//!
//! Evaluations are read and not `judgements`: where a plugin found nothing to say there is no judgement, and neither the
//! form of a value nor the exact amount of a cost stands there. Payloads are never read.

mod answer;
mod said;
mod tally;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rusqlite::{Connection, Row, ToSql, params, params_from_iter};

pub use answer::{
    Categories, CategoryPair, ComparedBinding, ComparedCode, ComparedVerdict, Comparison, DifferingInteraction, Given,
    HistogramBin, Numbers, SaidOf, Totals,
};
use tally::{Evaluated, Tally};

use super::find::{self, FindError, FoundBinding};
use super::query::{index, interaction_conditions, time_conditions};
use super::read::{raw_array, unreadable};
use super::{InteractionFilter, Store, StoreError};
use crate::record::{BindingDigest, Time};

/// What is to be compared.
#[derive(Debug, Clone)]
pub struct ComparisonRequest {
    /// One binding: its name, which means the one of that name that judged last, or enough of its digest.
    pub a: String,
    /// The other binding, likewise.
    pub b: String,
    /// On which interactions. What it asks of verdicts is passed over.
    pub filter: InteractionFilter,
    /// How many of the interactions that differ most are given.
    pub limit: usize,
}

/// Why there is no comparison.
#[derive(Debug, thiserror::Error)]
pub enum ComparisonError {
    /// There is no binding `a`.
    #[error("a cannot be found")]
    A(#[source] FindError),
    /// There is no binding `b`.
    #[error("b cannot be found")]
    B(#[source] FindError),
    /// They are one and the same.
    #[error("both are {name} {digest}: give enough of the digest of another; of that name there are: {known}")]
    Same {
        /// The name of both.
        name: String,
        /// The digest of both.
        digest: BindingDigest,
        /// All of that name.
        known: String,
    },
    /// It is not wanted any more.
    #[error("nobody waits for the comparison any more")]
    Unwanted,
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Compares two bindings, for as long as that is wanted. Takes some seconds for a million interactions.
    pub fn compare(
        &self,
        request: &ComparisonRequest,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<Comparison, ComparisonError> {
        self.shared.readers.run("compare two bindings", |connection| compare(connection, request, is_wanted))?
    }
}

/// Everything is read as it stands at one moment.
pub(super) fn compare(
    connection: &Connection,
    request: &ComparisonRequest,
    is_wanted: &dyn Fn() -> bool,
) -> rusqlite::Result<Result<Comparison, ComparisonError>> {
    let transaction = connection.unchecked_transaction()?;
    let (a, b) = match sides(&transaction, request)? {
        Ok(sides) => sides,
        Err(error) => return Ok(Err(error)),
    };
    let mut reading = Reading { a: &a, b: &b, judged: (0, 0), tally: Tally::default() };
    let mut ranking = Ranking { limit: request.limit, most: BinaryHeap::new() };
    if !reading.read(&transaction, &request.filter, &mut ranking, is_wanted)? {
        return Ok(Err(ComparisonError::Unwanted));
    }
    let Reading { judged, tally, .. } = reading;
    let interactions = ranking.interactions(&transaction, &a, &b)?;
    Ok(Ok(Comparison {
        both: tally.both(),
        outcomes: tally.outcomes(),
        compared: tally.compared(),
        verdicts: tally.verdicts(),
        left_out: tally.left_out(),
        interactions,
        a: compared(a, judged.0),
        b: compared(b, judged.1),
    }))
}

type Sides = (FoundBinding, FoundBinding);

fn sides(connection: &Connection, request: &ComparisonRequest) -> rusqlite::Result<Result<Sides, ComparisonError>> {
    let a = match find::find(connection, &request.a)? {
        Ok(a) => a,
        Err(error) => return Ok(Err(ComparisonError::A(error))),
    };
    let b = match find::find(connection, &request.b)? {
        Ok(b) => b,
        Err(error) => return Ok(Err(ComparisonError::B(error))),
    };
    if a.id == b.id {
        let known = find::list(find::all(connection, Some(&a.name))?);
        return Ok(Err(ComparisonError::Same { name: a.name, digest: a.digest, known }));
    }
    Ok(Ok((a, b)))
}

fn compared(binding: FoundBinding, judged: u64) -> ComparedBinding {
    let FoundBinding { id: _, digest, name, version, shadow } = binding;
    ComparedBinding { plugin: name, version, binding: digest.to_string(), shadow, judged }
}

/// The evaluations of both sides, those of one interaction beside each other.
struct Reading<'a> {
    a: &'a FoundBinding,
    b: &'a FoundBinding,
    judged: (u64, u64),
    tally: Tally,
}

/// The rows of both sides: the place in the log, the binding, the failure, the verdicts.
struct Query {
    sql: String,
    values: Vec<Box<dyn ToSql>>,
}

impl Reading<'_> {
    /// Counts everything, or says that it was left because it is not wanted any more.
    fn read(
        &mut self,
        connection: &Connection,
        filter: &InteractionFilter,
        ranking: &mut Ranking,
        is_wanted: &dyn Fn() -> bool,
    ) -> rusqlite::Result<bool> {
        let mut started_at = connection.prepare_cached("SELECT started_at FROM interactions WHERE seq = ?1")?;
        let Query { sql, values } = self.query(filter);
        let mut select = connection.prepare(&sql)?;
        let mut rows = select.query(params_from_iter(values))?;
        let (mut a, mut b) = (Evaluated::default(), Evaluated::default());
        let mut before = None;
        while let Some(row) = rows.next()? {
            if !is_wanted() {
                return Ok(false);
            }
            let seq: i64 = row.get(0)?;
            if row.get::<_, i64>(1)? == self.a.id.0 {
                self.judged.0 += 1;
                read_into(row, &mut a)?;
            } else {
                self.judged.1 += 1;
                read_into(row, &mut b)?;
            }
            if before.replace(seq) == Some(seq) {
                let difference = self.tally.record(&a, &b).map_err(|error| unreadable(3, error))?;
                ranking.consider(difference, seq, || started_at.query_row([seq], |row| row.get(0)))?;
            }
        }
        Ok(true)
    }

    /// Without a filter the two stretches of the table are merged, which takes as long as they are; with one, what it lets
    /// pass is looked up along an index.
    fn query(&self, filter: &InteractionFilter) -> Query {
        let mut conditions = interaction_conditions(filter);
        time_conditions(&mut conditions, filter);
        let (a, b) = (self.a.id.0, self.b.id.0);
        let sql = if conditions.is_empty() {
            format!(
                "SELECT seq, binding, failure, verdicts FROM evaluations WHERE binding = {a} UNION ALL
                 SELECT seq, binding, failure, verdicts FROM evaluations WHERE binding = {b} ORDER BY 1"
            )
        } else {
            format!(
                "SELECT e.seq, e.binding, e.failure, e.verdicts FROM interactions i INDEXED BY {}
                 CROSS JOIN evaluations e ON e.binding IN ({a}, {b}) AND e.seq = i.seq WHERE {}",
                index(filter),
                conditions.sql()
            )
        };
        Query { sql, values: conditions.values }
    }
}

fn read_into(row: &Row<'_>, evaluated: &mut Evaluated) -> rusqlite::Result<()> {
    evaluated.failure = row.get(2)?;
    evaluated.verdicts.clear();
    evaluated.verdicts.push_str(row.get_ref(3)?.as_str_or_null()?.unwrap_or_default());
    Ok(())
}

/// An interaction by how far the two are apart on it; the newer of two is the greater.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Ranked {
    difference: f64,
    started_at: i64,
    seq: i64,
}

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let newer = (self.started_at, self.seq).cmp(&(other.started_at, other.seq));
        self.difference.total_cmp(&other.difference).then(newer)
    }
}

/// The interactions that differ most of those that were considered, the least of them on top.
struct Ranking {
    limit: usize,
    most: BinaryHeap<Reverse<Ranked>>,
}

impl Ranking {
    fn consider(
        &mut self,
        difference: f64,
        seq: i64,
        started_at: impl FnOnce() -> rusqlite::Result<i64>,
    ) -> rusqlite::Result<()> {
        let is_full = self.most.len() >= self.limit;
        let least = self.most.peek().map_or(0.0, |Reverse(least)| least.difference);
        if difference == 0.0 || is_full && difference < least {
            return Ok(());
        }
        self.most.push(Reverse(Ranked { difference, started_at: started_at()?, seq }));
        if is_full {
            self.most.pop();
        }
        Ok(())
    }

    fn interactions(
        self,
        connection: &Connection,
        a: &FoundBinding,
        b: &FoundBinding,
    ) -> rusqlite::Result<Vec<DifferingInteraction>> {
        let mut id = connection.prepare_cached("SELECT id FROM interactions WHERE seq = ?1")?;
        let mut said = connection
            .prepare_cached("SELECT failure, message, verdicts FROM evaluations WHERE binding = ?1 AND seq = ?2")?;
        // Sorted by what is reversed, the greatest comes first.
        let most = self.most.into_sorted_vec().into_iter();
        most.map(|Reverse(Ranked { difference, started_at, seq })| {
            let mut said = |binding: &FoundBinding| said.query_row(params![binding.id.0, seq], said_of);
            Ok(DifferingInteraction {
                id: id.query_row([seq], |row| row.get(0))?,
                started_at: Time::from_nanoseconds(started_at),
                difference,
                a: said(a)?,
                b: said(b)?,
            })
        })
        .collect()
    }
}

fn said_of(row: &Row<'_>) -> rusqlite::Result<SaidOf> {
    let failure: Option<String> = row.get(0)?;
    Ok(SaidOf {
        outcome: failure.unwrap_or_else(|| "succeeded".to_owned()),
        message: row.get(1)?,
        verdicts: raw_array(row.get(2)?, 2)?,
    })
}
