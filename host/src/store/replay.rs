//! Stored evaluations one after the other, for those who make them again. They are read in short stretches, so that
//! the server's write-ahead log is never held up.

use rusqlite::params_from_iter;

use super::read::{Header, header};
use super::{BindingId, StoreError, StoreReader};
use crate::record::{Interaction, Seq, Time};

/// Evaluations of one binding.
#[derive(Debug, Clone, Copy)]
pub struct EvaluationRange {
    /// Whose.
    pub binding: BindingId,
    /// Of interactions started at this moment or later.
    pub from: Option<Time>,
    /// Of interactions started before this moment.
    pub to: Option<Time>,
    /// Of interactions that were recorded up to here.
    pub last: Seq,
}

/// An evaluation as it was stored, with the interaction that was judged.
pub struct StoredEvaluation {
    header: Header,
    body: Vec<u8>,
    /// The reason, where it failed.
    pub failure: Option<String>,
    /// The verdicts, as JSON, where there are any.
    pub verdicts: Option<String>,
}

/// A place among evaluations in the order of their interactions' start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EvaluationPlace(Time, Seq);

impl StoredEvaluation {
    /// Where it stands.
    pub fn place(&self) -> EvaluationPlace {
        EvaluationPlace(self.header.started_at, self.header.seq)
    }

    /// The interaction, with its payload parsed.
    pub fn interaction(&self) -> Result<Interaction, StoreError> {
        self.header.clone().read(&self.body)
    }
}

/// A stretch has at most this many evaluations.
const STRETCH: usize = 256;
/// Or the evaluation that brings its payloads, compressed as they are, above this many bytes.
const STRETCH_BYTES: usize = 2 << 20;

/// The index has the order that is wanted; the evaluation is then looked up by its key.
const EVALUATED: &str = "FROM interactions i INDEXED BY interactions_started
    CROSS JOIN evaluations e ON e.binding = ?1 AND e.seq = i.seq";
/// What started at the moment of the place before: with it in one condition, a page would walk again through all that
/// started then.
const SAME_MOMENT: &str = "i.started_at = ?2 AND i.seq > ?3 AND i.seq <= ?5 AND ?2 < ?4";
const LATER: &str = "i.started_at > ?2 AND i.started_at < ?4 AND i.seq <= ?5";

impl StoreReader {
    /// What [`crate::record::Binding::restore`] makes the binding of.
    pub fn binding_definition(&self, binding: BindingId) -> Result<String, StoreError> {
        self.run("read a binding", |connection| {
            connection.query_row("SELECT definition FROM bindings WHERE id = ?1", [binding.0], |row| row.get(0))
        })
    }

    /// The last place of the log.
    pub fn head(&self) -> Result<Seq, StoreError> {
        self.run("find the end of the log", super::interactions::head)
    }

    /// How many evaluations there are in the range.
    pub fn evaluation_count(&self, range: &EvaluationRange) -> Result<u64, StoreError> {
        self.run("count evaluations", |connection| {
            let sql = format!("SELECT count(*) {EVALUATED} WHERE {LATER}");
            connection.query_row(&sql, params_from_iter(range.bounds(None)), |row| row.get(0))
        })
    }

    /// The next evaluations of the range after that place, in the order in which their interactions were started; none
    /// where there are no more.
    pub fn evaluation_list(
        &self,
        range: &EvaluationRange,
        after: Option<EvaluationPlace>,
    ) -> Result<Vec<StoredEvaluation>, StoreError> {
        self.run("read evaluations", |connection| {
            let (mut found, mut bytes) = (Vec::new(), 0);
            for moment in [SAME_MOMENT, LATER] {
                // The payload is looked up for what is given only.
                let sql = format!(
                    "SELECT i.seq, i.started_at, i.recorded_at, (SELECT body FROM payloads p WHERE p.seq = i.seq), i.id,
                            e.failure, e.verdicts
                     {EVALUATED} WHERE {moment} ORDER BY i.started_at, i.seq"
                );
                let mut select = connection.prepare_cached(&sql)?;
                let mut rows = select.query(params_from_iter(range.bounds(after)))?;
                while found.len() < STRETCH
                    && bytes < STRETCH_BYTES
                    && let Some(row) = rows.next()?
                {
                    let (header, body) = header(row)?;
                    bytes += body.len();
                    found.push(StoredEvaluation { header, body, failure: row.get(5)?, verdicts: row.get(6)? });
                }
            }
            Ok(found)
        })
    }
}

impl EvaluationRange {
    /// What the queries above bind. Before the first place stands the moment before the first.
    fn bounds(&self, after: Option<EvaluationPlace>) -> [i64; 5] {
        let (started_at, seq) = match after {
            Some(EvaluationPlace(started_at, seq)) => (started_at.as_nanoseconds(), seq.0.cast_signed()),
            None => (self.from.map_or(-1, |from| from.as_nanoseconds() - 1), i64::MAX),
        };
        let end = self.to.map_or(i64::MAX, Time::as_nanoseconds);
        [self.binding.0, started_at, seq, end, self.last.0.cast_signed()]
    }
}
