//! Bindings, their cursors, and what they said.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::backfills::{self, BackfillId};
use super::names::Names;
use super::queue::Handed;
use super::{Store, StoreError, models};
use crate::record::{
    Binding, BindingDigest, Evaluation, Failure, Kind, LogLine, Outcome, Reason, Seq, Start, Time, Value,
};

/// A binding's number in this database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BindingId(pub i64);

/// A binding as the store knows it.
#[derive(Debug, Clone, Copy)]
pub struct RegisteredBinding {
    /// Its number.
    pub id: BindingId,
    /// What stands at or before this place was loaded later than it.
    pub start: Seq,
    /// Everything up to here is done.
    pub cursor: Seq,
}

/// How often a binding came to outcomes that leave no evaluation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tallies {
    /// Interactions that its filter did not let pass.
    pub filtered: u64,
    /// Interactions on which its filter failed.
    pub filter_failed: u64,
    /// Interactions outside its sample.
    pub sampled_out: u64,
}

impl std::ops::AddAssign for Tallies {
    fn add_assign(&mut self, other: Self) {
        let Self { filtered, filter_failed, sampled_out } = other;
        self.filtered += filtered;
        self.filter_failed += filter_failed;
        self.sampled_out += sampled_out;
    }
}

/// Evaluations of one binding, with the advance of its cursor they bring: all of it is written, or nothing.
#[derive(Debug)]
pub struct EvaluationBatch {
    /// Whose.
    pub binding: BindingId,
    /// In the order of the log.
    pub evaluations: Vec<Evaluation>,
    /// Where the cursor stands once this is written, if it moves.
    pub cursor: Option<Seq>,
    /// The interactions that were not evaluated, up to the cursor and not counted before.
    pub skipped: Tallies,
    /// The backfill whose cursor it is, where it is not the binding's own.
    pub backfill: Option<BackfillId>,
}

const UNIT: usize = 1 << 10;

impl EvaluationBatch {
    /// What it counts for while it waits: each evaluation for one, and for one more with every KiB that it has to say.
    pub(super) fn weight(&self) -> usize {
        1 + self.evaluations.iter().map(|evaluation| 1 + evaluation.size.0 / UNIT).sum::<usize>()
    }
}

impl Store {
    /// Waits while too many evaluations wait to be written. False when no more are wanted.
    pub fn evaluations_wait_for_room(&self) -> bool {
        self.shared.queue.wait_for_room()
    }

    /// Wants no more evaluations: whoever waits for room is let go.
    pub fn evaluations_end(&self) {
        self.shared.queue.hurry();
    }

    /// Hands evaluations to the writer. They become durable in the order in which they are handed over, and are
    /// tried again for as long as they can't be written.
    pub fn evaluations_commit(&self, batch: EvaluationBatch) -> Result<(), StoreError> {
        self.shared.queue.hand_over(Handed::Evaluations(batch))
    }

    /// Waits until all that was handed over by now is written, or until `wait` has passed.
    pub fn evaluations_settle(&self, wait: Duration) {
        self.shared.queue.settle(wait);
    }

    /// The newest outcomes of the binding, oldest first and at most that many: the failure, or none for a success.
    pub fn newest_outcomes(&self, binding: BindingId, most: u32) -> Result<Vec<Option<Failure>>, StoreError> {
        self.shared.readers.run("read the newest outcomes", |connection| {
            let mut select = connection.prepare_cached(
                "SELECT failure, message FROM evaluations WHERE binding = ?1 ORDER BY seq DESC LIMIT ?2",
            )?;
            let outcome = |row: &rusqlite::Row<'_>| {
                let (reason, message): (Option<String>, Option<String>) = (row.get(0)?, row.get(1)?);
                let reason = reason.and_then(|reason| Reason::ALL.into_iter().find(|known| known.as_str() == reason));
                Ok(reason.map(|reason| Failure::new(reason, message.unwrap_or_default())))
            };
            let mut outcomes = select.query_map(params![binding.0, most], outcome)?.collect::<Result<Vec<_>, _>>()?;
            outcomes.reverse();
            Ok(outcomes)
        })
    }

    /// What the newest evaluations took on the average, in microseconds: the binding's own, else those of the newest
    /// binding of the same name that has any. None where there are none.
    pub fn evaluation_mean_us(&self, binding: BindingId) -> Result<Option<f64>, StoreError> {
        self.shared.readers.run("average durations", |connection| {
            connection
                .prepare_cached(
                    "SELECT avg(duration_us) FROM (
                         SELECT duration_us FROM evaluations WHERE binding = (
                             SELECT b.id FROM bindings b JOIN bindings own ON own.name = b.name AND own.id = ?1
                             WHERE EXISTS (SELECT 1 FROM evaluations e WHERE e.binding = b.id)
                             ORDER BY b.id = ?1 DESC, b.id DESC LIMIT 1)
                         ORDER BY seq DESC LIMIT 1000)",
                )?
                .query_row(params![binding.0], |row| row.get(0))
        })
    }

    /// Makes the binding known, or finds it where it is; whether it is a shadow is as given in either case. `plugin` is
    /// the plugin's own name and version, and the version of the contract that it was built for. A new one starts where
    /// `start` says; else at `before`, where the one stood that it takes the place of; else where the newest binding of
    /// the same name stands; else at `latest`, behind what is recorded by then.
    pub fn binding_register(
        &self,
        binding: &Binding,
        plugin: (&str, &str, &str),
        kinds: &[Kind],
        shadow: bool,
        (start, before, latest): (Option<Start>, Option<Seq>, Seq),
    ) -> Result<RegisteredBinding, StoreError> {
        let row = NewBinding {
            digest: binding.digest(),
            name: binding.name.to_string(),
            plugin: plugin.0.to_owned(),
            version: plugin.1.to_owned(),
            contract: plugin.2.to_owned(),
            component: binding.component.as_bytes().to_vec(),
            kinds: serde_json::json!(kinds).to_string(),
            definition: binding.definition().to_string(),
            shadow,
            start,
            before,
            latest,
        };
        self.write("register a binding", move |connection| register(connection, &row))
    }

    /// Makes a known binding a shadow, or no longer one; its verdicts stay. Says whether that changed anything.
    pub fn binding_set_shadow(&self, binding: BindingId, shadow: bool) -> Result<bool, StoreError> {
        self.write("change what a binding's verdicts are", move |connection| set_shadow(connection, binding, shadow))
    }

    /// The bindings that are shadows.
    pub fn binding_shadows(&self) -> Result<Vec<BindingId>, StoreError> {
        self.shared.readers.run("list the shadows", |connection| {
            let mut select = connection.prepare_cached("SELECT id FROM bindings WHERE shadow = 1")?;
            select.query_map([], |row| row.get(0).map(BindingId))?.collect()
        })
    }
}

struct NewBinding {
    digest: BindingDigest,
    name: String,
    plugin: String,
    version: String,
    contract: String,
    component: Vec<u8>,
    kinds: String,
    definition: String,
    shadow: bool,
    start: Option<Start>,
    before: Option<Seq>,
    latest: Seq,
}

fn register(connection: &mut Connection, new: &NewBinding) -> rusqlite::Result<RegisteredBinding> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = transaction
        .query_row(
            "SELECT id, start, cursor FROM bindings WHERE digest = ?1",
            params![new.digest.as_bytes()],
            registered_row,
        )
        .optional()?;
    if let Some(found) = found {
        set_shadow(&transaction, found.id, new.shadow)?;
        transaction.commit()?;
        return Ok(found);
    }
    let registered = transaction.query_row(
        "INSERT INTO bindings
             (digest, name, plugin, version, component, kinds, definition, loaded_at, start, cursor, shadow, contract)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10, ?11) RETURNING id, start, cursor",
        params![
            new.digest.as_bytes(),
            new.name,
            new.plugin,
            new.version,
            new.component,
            new.kinds,
            new.definition,
            Time::now().as_nanoseconds(),
            first_cursor(&transaction, new)?,
            new.shadow,
            new.contract
        ],
        registered_row,
    )?;
    transaction.commit()?;
    Ok(registered)
}

fn first_cursor(connection: &Connection, new: &NewBinding) -> rusqlite::Result<i64> {
    let stored: Option<i64> = connection
        .query_row("SELECT cursor FROM bindings WHERE name = ?1 ORDER BY id DESC LIMIT 1", params![new.name], |row| {
            row.get(0)
        })
        .optional()?;
    let before = new.before.map(|seq| seq.0.cast_signed()).or(stored);
    Ok(match (new.start, before) {
        (Some(Start::Beginning), _) => 0,
        (None, Some(cursor)) => cursor,
        (Some(Start::Latest), _) | (None, None) => new.latest.0.cast_signed(),
    })
}

fn set_shadow(connection: &Connection, binding: BindingId, shadow: bool) -> rusqlite::Result<bool> {
    let sql = "UPDATE bindings SET shadow = ?2 WHERE id = ?1 AND shadow <> ?2";
    Ok(connection.execute(sql, params![binding.0, shadow])? > 0)
}

fn registered_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<RegisteredBinding> {
    let seq = |value: i64| Seq(value.unsigned_abs());
    Ok(RegisteredBinding { id: BindingId(row.get(0)?), start: seq(row.get(1)?), cursor: seq(row.get(2)?) })
}

/// Writes a batch inside the writer's transaction and gives the number of evaluations that were new. One that was
/// there already, from before a crash, is left as it is, unless this is a later attempt.
pub(super) fn insert(connection: &Connection, names: &mut Names, batch: &EvaluationBatch) -> rusqlite::Result<u64> {
    let mut inserted = 0;
    let mut tallies: Vec<(&str, u64)> = Vec::new();
    for evaluation in &batch.evaluations {
        if evaluation.attempts > 1 {
            take_back(connection, batch.binding, evaluation)?;
        }
        if insert_evaluation(connection, batch.binding, evaluation)? {
            insert_judgements(connection, names, batch.binding, evaluation)?;
            models::insert_calls(connection, names, batch.binding, evaluation)?;
            inserted += 1;
            let outcome = match &evaluation.outcome {
                Outcome::Succeeded(_) => "succeeded",
                Outcome::Failed(failure) => failure.reason.as_str(),
            };
            match tallies.iter_mut().find(|(name, _)| *name == outcome) {
                Some((_, count)) => *count += 1,
                None => tallies.push((outcome, 1)),
            }
        }
    }
    let Tallies { filtered, filter_failed, sampled_out } = batch.skipped;
    tallies.extend([("filtered", filtered), ("filter-failed", filter_failed), ("sampled-out", sampled_out)]);
    for (outcome, count) in tallies.into_iter().filter(|(_, count)| *count > 0) {
        connection
            .prepare_cached(
                "INSERT INTO tallies VALUES (?1, ?2, ?3)
                 ON CONFLICT (binding, outcome) DO UPDATE SET count = count + excluded.count",
            )?
            .execute(params![batch.binding.0, outcome, count])?;
    }
    match (batch.backfill, batch.cursor) {
        (Some(backfill), cursor) => backfills::advance(connection, backfill, cursor, inserted)?,
        (None, Some(cursor)) => {
            connection
                .prepare_cached("UPDATE bindings SET cursor = max(cursor, ?2) WHERE id = ?1")?
                .execute(params![batch.binding.0, cursor.0])?;
        }
        (None, None) => {}
    }
    Ok(inserted)
}

/// Takes an earlier attempt out, with all that was counted and listed of it.
fn take_back(connection: &Connection, binding: BindingId, later: &Evaluation) -> rusqlite::Result<()> {
    let failure: Option<Option<String>> = connection
        .prepare_cached("DELETE FROM evaluations WHERE binding = ?1 AND seq = ?2 AND attempts < ?3 RETURNING failure")?
        .query_row(params![binding.0, later.seq.0, later.attempts], |row| row.get(0))
        .optional()?;
    let Some(failure) = failure else { return Ok(()) };
    models::delete_calls(connection, binding, later)?;
    connection
        .prepare_cached("DELETE FROM judgements WHERE binding = ?1 AND started_at = ?2 AND seq = ?3")?
        .execute(params![binding.0, later.started_at.as_nanoseconds(), later.seq.0])?;
    connection
        .prepare_cached("UPDATE tallies SET count = count - 1 WHERE binding = ?1 AND outcome = ?2")?
        .execute(params![binding.0, failure.as_deref().unwrap_or("succeeded")])?;
    Ok(())
}

fn insert_evaluation(connection: &Connection, binding: BindingId, evaluation: &Evaluation) -> rusqlite::Result<bool> {
    let (failure, message) = match &evaluation.outcome {
        Outcome::Succeeded(_) => (None, None),
        Outcome::Failed(failure) => (Some(failure.reason.as_str()), Some(failure.message.as_str())),
    };
    let logs = (!evaluation.logs.is_empty()).then(|| json(&evaluation.logs));
    let inserted = connection
        .prepare_cached(
            "INSERT INTO evaluations (binding, seq, failure, message, duration_us, attempts, verdicts, logs, epochs, retry_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            binding.0,
            evaluation.seq.0,
            failure,
            message,
            evaluation.duration_us,
            evaluation.attempts,
            evaluation.outcome.verdicts_json(),
            logs,
            evaluation.epochs,
            evaluation.retry_at.map(Time::as_nanoseconds)
        ])?;
    Ok(inserted == 1)
}

fn insert_judgements(
    connection: &Connection,
    names: &mut Names,
    binding: BindingId,
    evaluation: &Evaluation,
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached("INSERT INTO judgements VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?;
    let started_at = evaluation.started_at.as_nanoseconds();
    match &evaluation.outcome {
        Outcome::Failed(failure) => {
            let name = names.id(connection, failure.reason.as_str())?;
            let nothing = None::<i64>;
            insert.execute(params![
                binding.0,
                started_at,
                evaluation.seq.0,
                -1,
                name,
                None::<f64>,
                nothing,
                nothing
            ])?;
        }
        Outcome::Succeeded(verdicts) => {
            for (place, verdict) in verdicts.iter().enumerate() {
                let value = match &verdict.value {
                    Some(Value::Number(number)) => Some(*number),
                    Some(Value::Boolean(boolean)) => Some(f64::from(u8::from(*boolean))),
                    Some(Value::Label(_)) | None => None,
                };
                let name = names.id(connection, &verdict.name)?;
                let label = verdict.label.as_ref().map(|label| names.id(connection, label)).transpose()?;
                let severity = verdict.severity.map(|severity| severity as i64);
                insert.execute(params![
                    binding.0,
                    started_at,
                    evaluation.seq.0,
                    place,
                    name,
                    value,
                    label,
                    severity
                ])?;
            }
        }
    }
    Ok(())
}

fn json(logs: &[LogLine]) -> String {
    serde_json::to_string(logs).expect("log lines, which are plain data")
}
