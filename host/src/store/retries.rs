//! Evaluations that are to be made again: those that wait for it, and failed ones that somebody wants to be.

use rusqlite::{Row, params};

use super::{BindingId, Store, StoreError};
use crate::record::{Reason, Seq, Time};

/// An evaluation that is to be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// When.
    pub at: Time,
    /// The interaction's place in the log.
    pub seq: Seq,
    /// How often it was tried.
    pub attempts: u32,
    /// Whether no budget allowed the last of these.
    pub is_unpaid: bool,
}

/// Which failed evaluations are meant: those that nobody tries again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailedFilter {
    /// Of this sort; of any where there is none.
    pub reason: Option<Reason>,
    /// Of what was started at this moment or later.
    pub from: Option<Time>,
    /// Of what was started before this moment.
    pub to: Option<Time>,
}

impl Store {
    /// The evaluations of the binding that are to be made again.
    pub fn retries(&self, binding: BindingId) -> Result<Vec<Retry>, StoreError> {
        self.shared.readers.run("list what is to be tried again", |connection| {
            let mut select = connection.prepare_cached(
                "SELECT retry_at, seq, attempts, failure IS ?2 FROM evaluations
                 WHERE binding = ?1 AND retry_at IS NOT NULL",
            )?;
            let retry = |row: &Row<'_>| {
                let (at, seq) = (Time::from_nanoseconds(row.get(0)?), Seq(row.get(1)?));
                Ok(Retry { at, seq, attempts: row.get(2)?, is_unpaid: row.get(3)? })
            };
            select.query_map(params![binding.0, Reason::BudgetSpent.as_str()], retry)?.collect()
        })
    }

    /// How many evaluations of the binding have failed like that, and the first `most` of them.
    pub fn failed(
        &self,
        binding: BindingId,
        which: FailedFilter,
        most: usize,
    ) -> Result<(u64, Vec<(Seq, u32)>), StoreError> {
        self.shared.readers.run("list what has failed", |connection| {
            let mut select = connection.prepare_cached(
                "SELECT e.seq, e.attempts FROM judgements j JOIN evaluations e USING (binding, seq)
                 WHERE j.binding = ?1 AND j.place = -1 AND j.started_at BETWEEN ?2 AND ?3
                     AND e.retry_at IS NULL AND e.failure = coalesce(?4, e.failure)
                 ORDER BY j.started_at, j.seq",
            )?;
            let from = which.from.map_or(0, Time::as_nanoseconds);
            let last = which.to.map_or(i64::MAX, |to| to.as_nanoseconds() - 1);
            let mut rows = select.query(params![binding.0, from, last, which.reason.map(Reason::as_str)])?;
            let (mut count, mut first) = (0, Vec::new());
            while let Some(row) = rows.next()? {
                count += 1;
                if first.len() < most {
                    first.push((Seq(row.get(0)?), row.get(1)?));
                }
            }
            Ok((count, first))
        })
    }

    /// Notes that these failed evaluations, which are few, are to be made again at that moment.
    pub fn retry(&self, binding: BindingId, failed: &[(Seq, u32)], at: Time) -> Result<(), StoreError> {
        let failed = failed.to_vec();
        self.write("note what is to be tried again", move |connection| {
            let transaction = connection.transaction()?;
            for (seq, _) in failed {
                transaction
                    .prepare_cached(
                        "UPDATE evaluations SET retry_at = ?3 WHERE binding = ?1 AND seq = ?2 AND failure IS NOT NULL",
                    )?
                    .execute(params![binding.0, seq.0, at.as_nanoseconds()])?;
            }
            transaction.commit()
        })
    }
}
