//! Lists, newest first: interactions and verdicts, by the same filters.

use rusqlite::{Connection, Row, ToSql, params, params_from_iter};
use serde_json::value::RawValue;

use super::query::{Conditions, index, interaction_conditions, time_conditions};
use super::read::raw_array;
use super::{Store, StoreError};
use crate::record::{BindingDigest, Reason, Seq, Severity, Time};

/// Which interactions to list.
#[derive(Debug, Clone, Default)]
pub struct InteractionFilter {
    /// Filed under this project.
    pub project: Option<String>,
    /// Answered by this provider.
    pub provider: Option<String>,
    /// Answered by this model.
    pub model: Option<String>,
    /// Of this session.
    pub session: Option<String>,
    /// Of this user.
    pub user: Option<String>,
    /// Made from the prompt template of this name.
    pub prompt: Option<String>,
    /// Failed, or did not.
    pub has_error: Option<bool>,
    /// Started at this moment or later.
    pub from: Option<Time>,
    /// Started before this moment.
    pub to: Option<Time>,
    /// Judged like this.
    pub verdict: VerdictFilter,
}

/// What some verdict of an interaction is like; all of it has to hold of the same verdict.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct VerdictFilter {
    /// Given by a binding of this name.
    pub plugin: Option<String>,
    /// Given by this binding.
    pub binding: Option<BindingDigest>,
    /// Given by a shadow or not. Otherwise by a shadow only where `plugin` or `binding` asks for one.
    pub shadows: bool,
    /// Its name.
    pub verdict: Option<String>,
    /// Its label or code.
    pub label: Option<String>,
    /// Its value is at least this.
    pub min_value: Option<f64>,
    /// Its value is at most this.
    pub max_value: Option<f64>,
    /// Its severity is at least this.
    pub min_severity: Option<Severity>,
    /// What came of the evaluation.
    pub outcome: Option<OutcomeFilter>,
}

impl VerdictFilter {
    /// Whether an evaluation without verdicts can't be what is asked for, so that judgements are to be searched.
    fn asks_of_judgements(&self) -> bool {
        let Self { plugin: _, binding: _, shadows: _, verdict, label, min_value, max_value, min_severity, outcome } =
            self;
        matches!(outcome, Some(OutcomeFilter::Failed | OutcomeFilter::FailedFor(_)))
            || verdict.is_some()
            || label.is_some()
            || min_value.is_some()
            || max_value.is_some()
            || min_severity.is_some()
    }

    /// Whether the verdicts of shadows are searched too.
    fn takes_shadows(&self) -> bool {
        self.shadows || self.plugin.is_some() || self.binding.is_some()
    }
}

/// Which outcomes to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutcomeFilter {
    /// The plugin answered.
    Succeeded,
    /// It did not.
    Failed,
    /// It did not, for this reason.
    FailedFor(Reason),
}

/// A place in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Of the interaction.
    pub started_at: Time,
    /// Of the interaction.
    pub seq: Seq,
    /// Of the verdict; 0 in a list of interactions.
    pub binding: i64,
    /// Of the verdict; 0 in a list of interactions.
    pub place: i64,
}

/// A stretch of a list.
#[derive(Debug)]
pub struct Page<T> {
    /// The items, newest first.
    pub items: Vec<T>,
    /// Where the next stretch starts, if there is one.
    pub next: Option<Position>,
}

/// The hot columns of an interaction.
#[derive(Debug, Clone)]
pub struct InteractionRow {
    /// Where it stands in the list.
    pub position: Position,
    /// Its id.
    pub id: String,
    /// When it was recorded.
    pub recorded_at: Time,
    /// Its project.
    pub project: String,
    /// Its operation.
    pub operation: String,
    /// Its provider.
    pub provider: String,
    /// The model that answered.
    pub model: String,
    /// The model that was asked for.
    pub requested_model: Option<String>,
    /// The prompt template's name.
    pub prompt: Option<String>,
    /// The prompt template's version.
    pub prompt_version: Option<String>,
    /// Its session.
    pub session: Option<String>,
    /// Its user.
    pub user: Option<String>,
    /// Its duration in milliseconds.
    pub duration_ms: Option<f64>,
    /// Milliseconds to the first token.
    pub time_to_first_token_ms: Option<f64>,
    /// Tokens: input, output, cache read, cache write, reasoning; none where no usage was posted.
    pub usage: Option<[u64; 5]>,
    /// The kind of its error.
    pub error: Option<String>,
}

/// One verdict as it is listed.
#[derive(Debug)]
pub struct VerdictRow {
    /// Where it stands in the list.
    pub position: Position,
    /// The interaction's id.
    pub interaction: String,
    /// The binding's name.
    pub plugin: String,
    /// The binding's digest.
    pub binding: BindingDigest,
    /// The verdict, as stored.
    pub verdict: Box<RawValue>,
}

/// A search over more bindings than this wants a name.
const MOST_BINDINGS: usize = 200;

const INTERACTION: &str = "i.started_at, i.seq, i.id, i.recorded_at, project.text, operation.text, provider.text,
    model.text, requested.text, prompt.text, i.prompt_version, i.session, i.user, i.duration_ms,
    i.time_to_first_token_ms, i.input_tokens, i.output_tokens, i.cache_read_tokens, i.cache_write_tokens,
    i.reasoning_tokens, error.text";
const WORDS: &str = "JOIN names project ON project.id = i.project JOIN names operation ON operation.id = i.operation
    JOIN names provider ON provider.id = i.provider JOIN names model ON model.id = i.model
    LEFT JOIN names requested ON requested.id = i.requested_model LEFT JOIN names prompt ON prompt.id = i.prompt
    LEFT JOIN names error ON error.id = i.error";

impl Store {
    /// Interactions, newest first.
    pub fn interaction_list(
        &self,
        filter: &InteractionFilter,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Page<InteractionRow>, StoreError> {
        let judged = filter.verdict.asks_of_judgements();
        let bindings = judged.then(|| self.bindings_of(&filter.verdict)).transpose()?;
        let places = self.shared.readers.run("list interactions", |connection| match &bindings {
            None => scan_interactions(connection, filter, after, limit + 1),
            Some(bindings) => scan_judgements(connection, filter, bindings, after, limit + 1, false),
        })?;
        let (places, next) = cut(places, limit);
        let items = self.shared.readers.run("list interactions", |connection| {
            let sql = format!("SELECT {INTERACTION} FROM interactions i {WORDS} WHERE i.seq = ?1");
            let mut select = connection.prepare_cached(&sql)?;
            places.iter().map(|place| select.query_row([place.seq.0], interaction_row)).collect()
        })?;
        Ok(Page { items, next })
    }

    /// Verdicts, newest interaction first.
    pub fn verdict_list(
        &self,
        filter: &InteractionFilter,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Page<VerdictRow>, StoreError> {
        let bindings = self.bindings_of(&filter.verdict)?;
        let places = self.shared.readers.run("list verdicts", |connection| {
            scan_judgements(connection, filter, &bindings, after, limit + 1, true)
        })?;
        let (places, next) = cut(places, limit);
        let items = self.shared.readers.run("list verdicts", |connection| {
            let mut select = connection.prepare_cached(
                "SELECT i.id, b.name, b.digest, e.verdicts FROM evaluations e JOIN bindings b ON b.id = e.binding
                 JOIN interactions i ON i.seq = e.seq WHERE e.binding = ?1 AND e.seq = ?2",
            )?;
            let row = |place: &Position| {
                select.query_row([place.binding, place.seq.0.cast_signed()], |row| verdict_row(row, *place))
            };
            places.iter().map(row).collect()
        })?;
        Ok(Page { items, next })
    }

    fn bindings_of(&self, filter: &VerdictFilter) -> Result<Vec<i64>, StoreError> {
        let bindings: Vec<i64> = self.shared.readers.run("find bindings", |connection| {
            let mut select = connection.prepare_cached(
                "SELECT id FROM bindings
                 WHERE name = coalesce(?1, name) AND digest = coalesce(?2, digest) AND shadow <= ?3 ORDER BY id",
            )?;
            let digest = filter.binding.as_ref().map(BindingDigest::as_bytes);
            select.query_map(params![filter.plugin, digest, filter.takes_shadows()], |row| row.get(0))?.collect()
        })?;
        if bindings.len() > MOST_BINDINGS { Err(StoreError::TooBroad { most: MOST_BINDINGS }) } else { Ok(bindings) }
    }
}

fn scan_interactions(
    connection: &Connection,
    filter: &InteractionFilter,
    after: Option<Position>,
    limit: usize,
) -> rusqlite::Result<Vec<Position>> {
    let mut conditions = interaction_conditions(filter);
    let VerdictFilter { plugin, binding, outcome, .. } = &filter.verdict;
    if plugin.is_some() || binding.is_some() || outcome.is_some() {
        let digest = binding.map(|digest| *digest.as_bytes());
        let values: [Box<dyn ToSql>; 4] = [
            Box::new(plugin.clone()),
            Box::new(digest),
            Box::new(filter.verdict.takes_shadows()),
            Box::new(outcome.is_none()),
        ];
        conditions.add(
            "EXISTS (SELECT 1 FROM bindings b CROSS JOIN evaluations e ON e.binding = b.id AND e.seq = i.seq
                     WHERE b.name = coalesce(?, b.name) AND b.digest = coalesce(?, b.digest) AND b.shadow <= ?
                       AND (? OR e.failure IS NULL))",
            values,
        );
    }
    time_conditions(&mut conditions, filter);
    if let Some(after) = after {
        let values: [Box<dyn ToSql>; 2] = [Box::new(after.started_at.as_nanoseconds()), Box::new(after.seq.0)];
        conditions.add("(i.started_at, i.seq) < (?, ?)", values);
    }
    let sql = format!(
        "SELECT i.started_at, i.seq, 0, 0 FROM interactions i INDEXED BY {} WHERE {}
         ORDER BY i.started_at DESC, i.seq DESC LIMIT {limit}",
        index(filter),
        conditions.sql()
    );
    let mut select = connection.prepare_cached(&sql)?;
    select.query_map(params_from_iter(conditions.values), position)?.collect()
}

/// What asks of a verdict or failure.
fn judgement_conditions(filter: &InteractionFilter, verdicts_only: bool) -> Conditions {
    let VerdictFilter {
        plugin: _,
        binding: _,
        shadows: _,
        verdict,
        label,
        min_value,
        max_value,
        min_severity,
        outcome,
    } = &filter.verdict;
    let mut conditions = Conditions::default();
    match outcome {
        Some(OutcomeFilter::Failed) => conditions.add("j.place < 0", []),
        Some(OutcomeFilter::FailedFor(reason)) => {
            let name: Box<dyn ToSql> = Box::new(reason.as_str());
            conditions.add("j.place < 0 AND j.name = (SELECT id FROM names WHERE text = ?)", [name]);
        }
        Some(OutcomeFilter::Succeeded) => conditions.add("j.place >= 0", []),
        None if verdicts_only => conditions.add("j.place >= 0", []),
        None => {}
    }
    conditions.add_some("j.place >= 0 AND j.name = (SELECT id FROM names WHERE text = ?)", verdict.as_ref());
    conditions.add_some("j.label = (SELECT id FROM names WHERE text = ?)", label.as_ref());
    conditions.add_some("j.value >= ?", min_value.as_ref());
    conditions.add_some("j.value <= ?", max_value.as_ref());
    conditions.add_some("j.severity >= ?", min_severity.map(|severity| severity as i64).as_ref());
    conditions.add_some("j.started_at >= ?", filter.from.map(Time::as_nanoseconds).as_ref());
    conditions.add_some("j.started_at < ?", filter.to.map(Time::as_nanoseconds).as_ref());
    conditions
}

/// One ordered scan for each binding, merged by SQLite. An interaction is given once, however many of its verdicts
/// match, unless every verdict is asked for.
fn scan_judgements(
    connection: &Connection,
    filter: &InteractionFilter,
    bindings: &[i64],
    after: Option<Position>,
    limit: usize,
    every_verdict: bool,
) -> rusqlite::Result<Vec<Position>> {
    if bindings.is_empty() {
        return Ok(Vec::new());
    }
    let mut arms = Vec::new();
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    for binding in bindings {
        let mut conditions = judgement_conditions(filter, every_verdict);
        if let Some(after) = after {
            let started_at: Box<dyn ToSql> = Box::new(after.started_at.as_nanoseconds());
            let seq: Box<dyn ToSql> = Box::new(after.seq.0);
            if every_verdict {
                let place: [Box<dyn ToSql>; 4] = [started_at, seq, Box::new(after.binding), Box::new(after.place)];
                conditions.add("(j.started_at, j.seq, j.binding, j.place) < (?, ?, ?, ?)", place);
            } else {
                conditions.add("(j.started_at, j.seq) < (?, ?)", [started_at, seq]);
            }
        }
        let of_interaction = interaction_conditions(filter);
        arms.push(format!(
            "SELECT j.started_at, j.seq, j.binding, j.place FROM judgements j CROSS JOIN interactions i ON i.seq = j.seq
             WHERE j.binding = {binding} AND {} AND {}",
            conditions.sql(),
            of_interaction.sql()
        ));
        values.extend(conditions.values);
        values.extend(of_interaction.values);
    }
    let sql = format!("{} ORDER BY 1 DESC, 2 DESC, 3 DESC, 4 DESC", arms.join(" UNION ALL "));
    let mut select = connection.prepare(&sql)?;
    let mut rows = select.query(params_from_iter(values))?;
    let mut places: Vec<Position> = Vec::new();
    while places.len() < limit
        && let Some(row) = rows.next()?
    {
        let place = position(row)?;
        if every_verdict || places.last().is_none_or(|last| last.seq != place.seq) {
            places.push(place);
        }
    }
    Ok(places)
}

fn position(row: &Row<'_>) -> rusqlite::Result<Position> {
    let started_at = Time::from_nanoseconds(row.get(0)?);
    Ok(Position { started_at, seq: Seq(row.get(1)?), binding: row.get(2)?, place: row.get(3)? })
}

/// One more than asked for was looked for, to see whether there is more.
fn cut(mut places: Vec<Position>, limit: usize) -> (Vec<Position>, Option<Position>) {
    let more = places.len() > limit;
    places.truncate(limit);
    let next = if more { places.last().copied() } else { None };
    (places, next)
}

fn interaction_row(row: &Row<'_>) -> rusqlite::Result<InteractionRow> {
    let input: Option<u64> = row.get(15)?;
    let usage = match input {
        Some(input) => Some([input, row.get(16)?, row.get(17)?, row.get(18)?, row.get(19)?]),
        None => None,
    };
    let position =
        Position { started_at: Time::from_nanoseconds(row.get(0)?), seq: Seq(row.get(1)?), binding: 0, place: 0 };
    Ok(InteractionRow {
        position,
        id: row.get(2)?,
        recorded_at: Time::from_nanoseconds(row.get(3)?),
        project: row.get(4)?,
        operation: row.get(5)?,
        provider: row.get(6)?,
        model: row.get(7)?,
        requested_model: row.get(8)?,
        prompt: row.get(9)?,
        prompt_version: row.get(10)?,
        session: row.get(11)?,
        user: row.get(12)?,
        duration_ms: row.get(13)?,
        time_to_first_token_ms: row.get(14)?,
        usage,
        error: row.get(20)?,
    })
}

fn verdict_row(row: &Row<'_>, position: Position) -> rusqlite::Result<VerdictRow> {
    let mut verdicts = raw_array(row.get(3)?, 3)?;
    let place = usize::try_from(position.place).unwrap_or(usize::MAX);
    if place >= verdicts.len() {
        return Err(rusqlite::Error::InvalidColumnIndex(place));
    }
    Ok(VerdictRow {
        position,
        interaction: row.get(0)?,
        plugin: row.get(1)?,
        binding: BindingDigest::from_bytes(row.get(2)?),
        verdict: verdicts.swap_remove(place),
    })
}
