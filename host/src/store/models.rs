//! What models were asked and answered, what that cost, and which evaluations rest on it.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::names::Names;
use super::queue::Handed;
use super::{BindingId, NewRecord, Store, StoreError, StoreReader, payload};
use crate::record::{
    Evaluation, ExchangeDigest, Hour, ModelCall, ModelExchange, ModelFailureKind, Name, Seq, Time, Usage, Usd,
};

/// A request to a model that was made, on its way into the store.
pub struct NewExchange {
    digest: ExchangeDigest,
    alias: Name,
    binding: Name,
    at: Time,
    body: Vec<u8>,
    usable: bool,
    failed: bool,
    tokens: (u64, u64),
    /// Nothing where nobody knows it.
    cost: Option<Usd>,
    record: Option<NewRecord>,
}

impl NewExchange {
    /// What the binding asked, with what that call took. It is recorded as an interaction too, where there is one.
    pub fn new(binding: &Name, exchange: &ModelExchange, call: &ModelCall, record: Option<NewRecord>) -> Self {
        let body = serde_json::to_vec(exchange).expect("an exchange, which is plain data");
        Self {
            digest: call.exchange,
            alias: call.alias.clone(),
            binding: binding.clone(),
            at: Time::now(),
            body: payload::compress(&body),
            usable: exchange.failure.is_none(),
            failed: call.failure.is_some(),
            tokens: call
                .usage
                .as_ref()
                .map_or((0, 0), |usage| (usage.all_input().min(MOST), usage.all_output().min(MOST))),
            // What was not answered is not billed, as far as anybody knows.
            cost: call.cost.or_else(|| is_unanswered(call).then_some(Usd::ZERO)),
            record,
        }
    }

    /// The interaction, where it is recorded as one.
    pub(super) fn record(&self) -> Option<&NewRecord> {
        self.record.as_ref()
    }

    /// What it counts for while it waits, as evaluations do.
    pub(super) fn weight(&self) -> usize {
        1 + (self.body.len() >> 10)
    }
}

fn is_unanswered(call: &ModelCall) -> bool {
    call.failure.is_some_and(|kind| kind != ModelFailureKind::ModelAnswer)
}

/// The most tokens that are counted of one request: what a provider claims beyond that is no number of tokens.
const MOST: u64 = 1_000_000_000_000;

/// What is kept of a request and its answer.
#[derive(Debug)]
pub struct KeptExchange {
    /// What was asked and answered.
    pub exchange: ModelExchange,
    /// When it was answered.
    pub made_at: Time,
    /// When it was last used.
    pub used_at: Time,
    /// How often it was answered from here.
    pub hits: u64,
}

/// What a binding asked of a model, ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelUsage {
    /// The binding's name.
    pub binding: String,
    /// The model's alias.
    pub alias: String,
    /// Requests that were made.
    pub calls: u64,
    /// Those of them that gave no answer.
    pub failed: u64,
    /// Requests that were answered with what was kept.
    pub cached: u64,
    /// Tokens of the prompts.
    pub input_tokens: u64,
    /// Tokens that were made.
    pub output_tokens: u64,
    /// What it cost, as far as that is known.
    pub cost: Usd,
    /// How many of the requests that were answered nobody knew a price for.
    pub unpriced: u64,
}

/// What was spent within an hour.
#[derive(Debug, Clone)]
pub struct Spent {
    /// The binding's name.
    pub binding: Name,
    /// The model's alias.
    pub alias: Name,
    /// When.
    pub hour: Hour,
    /// How much.
    pub cost: Usd,
}

/// One call to a model of an evaluation, as it is read.
#[derive(Debug, Clone)]
pub struct ModelCallRow {
    /// The model's alias.
    pub alias: String,
    /// What is kept of it is found under this.
    pub exchange: ExchangeDigest,
    /// Tokens of the prompt, where they are known.
    pub input_tokens: Option<u64>,
    /// Tokens that were made.
    pub output_tokens: Option<u64>,
    /// What it cost, where that is known.
    pub cost: Option<Usd>,
    /// Microseconds, tries and waits included.
    pub duration_us: u64,
    /// Whether it was answered with what was kept.
    pub cached: bool,
    /// Why there was no answer.
    pub failure: Option<String>,
}

/// What calls to models of one evaluation come to on the average.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ModelMean {
    /// How many there are, those answered with what was kept included.
    pub calls: f64,
    /// What one that was not kept costs.
    pub cost_of_one: Usd,
}

/// Those are read together, for the average of an evaluation.
const NEWEST: u32 = 1_000;
/// So many are deleted at once, so that nobody waits long for it.
const DELETED_AT_ONCE: u32 = 256;

impl Store {
    /// Hands a request and its answer to the writer, which tries for as long as they can't be written.
    pub fn exchange_keep(&self, exchange: NewExchange) -> Result<(), StoreError> {
        self.shared.queue.hand_over(Handed::Exchange(Box::new(exchange)))
    }

    /// What is kept under that digest.
    pub fn exchange_find(&self, digest: ExchangeDigest) -> Result<Option<KeptExchange>, StoreError> {
        self.shared.readers.run("read what a model answered", |connection| find(connection, digest))
    }

    /// What every binding asked of every model, ever.
    pub fn model_usage(&self) -> Result<Vec<ModelUsage>, StoreError> {
        self.shared.readers.run("sum what models were asked", |connection| {
            let mut select = connection.prepare_cached(
                "SELECT b.text, a.text, sum(u.calls), sum(u.failed), sum(u.cached), sum(u.input_tokens),
                        sum(u.output_tokens), sum(u.cost), sum(u.unpriced)
                 FROM model_usage u JOIN names b ON b.id = u.binding JOIN names a ON a.id = u.alias
                 GROUP BY u.binding, u.alias ORDER BY b.text, a.text",
            )?;
            let usage = |row: &Row<'_>| {
                Ok(ModelUsage {
                    binding: row.get(0)?,
                    alias: row.get(1)?,
                    calls: row.get(2)?,
                    failed: row.get(3)?,
                    cached: row.get(4)?,
                    input_tokens: row.get(5)?,
                    output_tokens: row.get(6)?,
                    cost: Usd::from_billionths(row.get(7)?),
                    unpriced: row.get(8)?,
                })
            };
            select.query_map([], usage)?.collect()
        })
    }

    /// What was spent in that hour and later.
    pub fn model_spent(&self, since: Hour) -> Result<Vec<Spent>, StoreError> {
        self.shared.readers.run("sum what models cost", |connection| {
            let mut select = connection.prepare_cached(
                "SELECT b.text, a.text, u.hour, u.cost
                 FROM model_usage u JOIN names b ON b.id = u.binding JOIN names a ON a.id = u.alias WHERE u.hour >= ?1",
            )?;
            let mut rows = select.query([since.0])?;
            let mut spent = Vec::new();
            while let Some(row) = rows.next()? {
                let (binding, alias): (String, String) = (row.get(0)?, row.get(1)?);
                // They were names when they were written.
                if let (Ok(binding), Ok(alias)) = (binding.parse(), alias.parse()) {
                    let cost = Usd::from_billionths(row.get(3)?);
                    spent.push(Spent { binding, alias, hour: Hour(row.get(2)?), cost });
                }
            }
            Ok(spent)
        })
    }

    /// What one evaluation of the binding asks of models, by its newest ones; else by those of the newest binding of the same
    /// name that has any. None where there are none.
    pub fn model_mean(&self, binding: BindingId) -> Result<Option<ModelMean>, StoreError> {
        self.shared.readers.run("average what models cost", |connection| {
            let mut select = connection.prepare_cached(
                "WITH judge AS (
                     SELECT b.id FROM bindings b WHERE b.name = (SELECT name FROM bindings WHERE id = ?1)
                     AND EXISTS (SELECT 1 FROM model_calls c WHERE c.binding = b.id)
                     ORDER BY b.id = ?1 DESC, b.id DESC LIMIT 1),
                 newest AS (
                     SELECT c.* FROM judge JOIN model_calls c ON c.binding = judge.id
                     ORDER BY c.seq DESC LIMIT ?2)
                 SELECT count(*), count(DISTINCT seq), coalesce(sum(cost) FILTER (WHERE NOT cached), 0),
                        count(*) FILTER (WHERE NOT cached)
                 FROM newest",
            )?;
            select.query_row(params![binding.0, NEWEST], |row| {
                let (calls, evaluations, cost, made): (u64, u64, u64, u64) =
                    (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
                Ok((evaluations > 0).then(|| ModelMean {
                    calls: calls as f64 / evaluations as f64,
                    cost_of_one: Usd::from_billionths(cost.checked_div(made).unwrap_or(0)),
                }))
            })
        })
    }

    /// Deletes what of an alias was last used before that moment, and gives how much.
    pub fn exchanges_expire(&self, alias: &str, before: Time) -> Result<u64, StoreError> {
        let alias = alias.to_owned();
        let mut deleted = 0;
        loop {
            let alias = alias.clone();
            let some = self.write("delete what models answered", move |connection| {
                connection.execute(
                    "DELETE FROM model_exchanges WHERE id IN (
                         SELECT id FROM model_exchanges
                         WHERE alias = (SELECT id FROM names WHERE text = ?1) AND used_at < ?2 LIMIT ?3)",
                    params![alias, before.as_nanoseconds(), DELETED_AT_ONCE],
                )
            })?;
            deleted += some as u64;
            if some < DELETED_AT_ONCE as usize {
                return Ok(deleted);
            }
        }
    }

    /// The aliases of which anything is kept.
    pub fn exchange_aliases(&self) -> Result<Vec<String>, StoreError> {
        self.shared.readers.run("list the models that were asked", |connection| {
            // One step in the index for each.
            let mut select = connection.prepare_cached(
                "WITH RECURSIVE one(alias) AS (
                     SELECT min(alias) FROM model_exchanges
                     UNION ALL
                     SELECT (SELECT min(alias) FROM model_exchanges WHERE alias > one.alias) FROM one WHERE alias IS NOT NULL)
                 SELECT n.text FROM one JOIN names n ON n.id = one.alias",
            )?;
            select.query_map([], |row| row.get(0))?.collect()
        })
    }
}

impl StoreReader {
    /// What is kept under that digest.
    pub fn exchange_find(&self, digest: ExchangeDigest) -> Result<Option<KeptExchange>, StoreError> {
        self.run("read what a model answered", |connection| find(connection, digest))
    }
}

fn find(connection: &Connection, digest: ExchangeDigest) -> rusqlite::Result<Option<KeptExchange>> {
    let mut select =
        connection.prepare_cached("SELECT body, made_at, used_at, hits FROM model_exchanges WHERE digest = ?1")?;
    let kept = |row: &Row<'_>| {
        let json = payload::decompress(row.get_ref(0)?.as_blob()?);
        let exchange = json.and_then(|json| serde_json::from_slice(&json).map_err(|error| error.to_string()));
        Ok(KeptExchange {
            exchange: exchange.map_err(|error| {
                rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, error.into())
            })?,
            made_at: Time::from_nanoseconds(row.get(1)?),
            used_at: Time::from_nanoseconds(row.get(2)?),
            hits: row.get(3)?,
        })
    };
    select.query_row([digest.as_bytes()], kept).optional()
}

/// Writes a request and its answer inside the writer's transaction. An answer that can be used again gives way to none that
/// cannot.
pub(super) fn insert_exchange(connection: &Connection, names: &mut Names, new: &NewExchange) -> rusqlite::Result<()> {
    let NewExchange { digest, alias, binding, at, body, usable, failed, tokens, cost, .. } = new;
    let alias = names.id(connection, alias.as_str())?;
    connection
        .prepare_cached(
            "INSERT INTO model_exchanges (digest, alias, body, usable, made_at, used_at) VALUES (?1, ?2, ?3, ?4, ?5, ?5)
             ON CONFLICT (digest) DO UPDATE SET body = excluded.body, usable = excluded.usable,
                 made_at = excluded.made_at, used_at = excluded.used_at WHERE excluded.usable >= usable",
        )?
        .execute(params![digest.as_bytes(), alias, body, usable, at.as_nanoseconds()])?;
    let (cost, unpriced) = (cost.unwrap_or_default(), u64::from(cost.is_none()));
    let used = Used { calls: 1, failed: u64::from(*failed), cached: 0, tokens: *tokens, cost, unpriced };
    let binding = names.id(connection, binding.as_str())?;
    add_usage(connection, Hour::of(*at), alias, binding, &used)
}

/// What is added to an hour's usage.
struct Used {
    calls: u64,
    failed: u64,
    cached: u64,
    tokens: (u64, u64),
    cost: Usd,
    unpriced: u64,
}

fn add_usage(connection: &Connection, hour: Hour, alias: i64, binding: i64, used: &Used) -> rusqlite::Result<()> {
    let Used { calls, failed, cached, tokens: (input, output), cost, unpriced } = used;
    connection
        .prepare_cached(
            "INSERT INTO model_usage VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT (hour, alias, binding) DO UPDATE SET calls = calls + excluded.calls,
                 failed = failed + excluded.failed, cached = cached + excluded.cached,
                 input_tokens = input_tokens + excluded.input_tokens,
                 output_tokens = output_tokens + excluded.output_tokens, cost = cost + excluded.cost,
                 unpriced = unpriced + excluded.unpriced",
        )?
        .execute(params![hour.0, alias, binding, calls, failed, cached, input, output, cost.billionths(), unpriced])?;
    Ok(())
}

/// Writes the calls to models of an evaluation, and counts those that were answered with what was kept.
pub(super) fn insert_calls(
    connection: &Connection,
    names: &mut Names,
    binding: BindingId,
    evaluation: &Evaluation,
) -> rusqlite::Result<()> {
    if evaluation.model_calls.is_empty() {
        return Ok(());
    }
    let now = Time::now();
    let name: String = connection
        .prepare_cached("SELECT name FROM bindings WHERE id = ?1")?
        .query_row([binding.0], |row| row.get(0))?;
    let name = names.id(connection, &name)?;
    for (place, call) in evaluation.model_calls.iter().enumerate() {
        let alias = names.id(connection, call.alias.as_str())?;
        connection
            .prepare_cached("INSERT OR REPLACE INTO model_calls VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)")?
            .execute(params![
                binding.0,
                evaluation.seq.0,
                place,
                alias,
                call.exchange.as_bytes(),
                call.usage.as_ref().map(Usage::all_input),
                call.usage.as_ref().map(Usage::all_output),
                call.cost.map(Usd::billionths),
                u64::try_from(call.took.as_micros()).unwrap_or(u64::MAX >> 1),
                call.cached,
                call.failure.map(ModelFailureKind::as_str),
            ])?;
        if call.cached {
            connection
                .prepare_cached("UPDATE model_exchanges SET hits = hits + 1, used_at = ?2 WHERE digest = ?1")?
                .execute(params![call.exchange.as_bytes(), now.as_nanoseconds()])?;
            let used = Used { calls: 0, failed: 0, cached: 1, tokens: (0, 0), cost: Usd::ZERO, unpriced: 0 };
            add_usage(connection, Hour::of(now), alias, name, &used)?;
        }
    }
    Ok(())
}

/// Deletes those of an earlier attempt.
pub(super) fn delete_calls(connection: &Connection, binding: BindingId, later: &Evaluation) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM model_calls WHERE binding = ?1 AND seq = ?2")?
        .execute(params![binding.0, later.seq.0])?;
    Ok(())
}

/// Those of one evaluation, in their order.
pub(super) fn calls(connection: &Connection, binding: BindingId, seq: Seq) -> rusqlite::Result<Vec<ModelCallRow>> {
    let mut select = connection.prepare_cached(
        "SELECT n.text, c.exchange, c.input_tokens, c.output_tokens, c.cost, c.duration_us, c.cached, c.failure
         FROM model_calls c JOIN names n ON n.id = c.alias WHERE c.binding = ?1 AND c.seq = ?2 ORDER BY c.place",
    )?;
    let call = |row: &Row<'_>| {
        Ok(ModelCallRow {
            alias: row.get(0)?,
            exchange: ExchangeDigest::from_bytes(row.get(1)?),
            input_tokens: row.get(2)?,
            output_tokens: row.get(3)?,
            cost: row.get::<_, Option<u64>>(4)?.map(Usd::from_billionths),
            duration_us: row.get(5)?,
            cached: row.get(6)?,
            failure: row.get(7)?,
        })
    };
    select.query_map(params![binding.0, seq.0], call)?.collect()
}
