//! Recording interactions.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::oneshot;

use super::names::Names;
use super::payload;
use super::{Store, StoreError};
use crate::record::{Interaction, InteractionId, NewInteraction, Seq, Time};

/// An interaction on its way into the log, with its payload made.
#[derive(Clone)]
pub struct NewRecord {
    interaction: NewInteraction,
    body: Vec<u8>,
    /// What it counts for while it waits.
    pub(super) weight: usize,
}

impl NewRecord {
    /// Compresses the posted JSON that the interaction was parsed from.
    pub fn new(interaction: NewInteraction, json: &[u8]) -> Self {
        let body = payload::compress(json);
        Self { interaction, weight: body.len() + json.len(), body }
    }

    /// Whether it was posted with an id.
    pub fn has_id(&self) -> bool {
        self.interaction.id.is_some()
    }
}

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    /// It stands in the log.
    New(InteractionId),
    /// It stood there already, with the same body.
    Duplicate(InteractionId),
    /// Its id stands there with another body.
    Conflict(InteractionId),
}

impl Store {
    /// Records the interactions and comes back when they are durable, in the order given.
    pub async fn interaction_insert(&self, records: Vec<NewRecord>) -> Result<Vec<Recorded>, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.shared.queue.push_records(records, reply)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

/// The last place of the log.
pub(super) fn head(connection: &Connection) -> rusqlite::Result<Seq> {
    connection
        .query_row("SELECT coalesce(max(seq), 0) FROM interactions", [], |row| row.get::<_, i64>(0))
        .map(|seq| Seq(seq.unsigned_abs()))
}

/// Writes one record inside the writer's transaction. `seq` is its place if it is new.
pub(super) fn insert(
    connection: &Connection,
    names: &mut Names,
    seq: Seq,
    now: Time,
    record: NewRecord,
) -> rusqlite::Result<(Recorded, Option<Arc<Interaction>>)> {
    let NewRecord { interaction: posted, body, .. } = record;
    let given = posted.id.is_some();
    let id = posted.id.clone().unwrap_or_else(InteractionId::generate);
    let interaction = Interaction { seq, id, started_at: posted.started_at.unwrap_or(now), recorded_at: now, posted };
    if !insert_row(connection, names, &interaction)? {
        let same = given && same_body(connection, &interaction)?;
        let id = interaction.id;
        return Ok((if same { Recorded::Duplicate(id) } else { Recorded::Conflict(id) }, None));
    }
    connection.prepare_cached("INSERT INTO payloads (seq, body) VALUES (?1, ?2)")?.execute(params![seq.0, body])?;
    Ok((Recorded::New(interaction.id.clone()), Some(Arc::new(interaction))))
}

fn insert_row(connection: &Connection, names: &mut Names, interaction: &Interaction) -> rusqlite::Result<bool> {
    let posted = &interaction.posted;
    let mut name = |text: Option<&str>| text.map(|text| names.id(connection, text)).transpose();
    let usage = posted.usage.as_ref();
    let inserted = connection
        .prepare_cached(
            "INSERT INTO interactions VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,
             ?17, ?18, ?19, ?20, ?21) ON CONFLICT (id) DO NOTHING",
        )?
        .execute(params![
            interaction.seq.0,
            interaction.id.as_str(),
            interaction.started_at.as_nanoseconds(),
            interaction.recorded_at.as_nanoseconds(),
            name(Some(posted.project.as_str()))?,
            name(Some(posted.operation.as_str()))?,
            name(Some(posted.provider.as_str()))?,
            name(Some(posted.model.as_str()))?,
            name(posted.requested_model.as_ref().map(|model| model.as_str()))?,
            name(posted.prompt.as_ref().map(|prompt| prompt.name.as_str()))?,
            posted.prompt.as_ref().and_then(|prompt| prompt.version.as_ref()).map(|version| version.as_str()),
            posted.session.as_ref().map(|session| session.as_str()),
            posted.user.as_ref().map(|user| user.as_str()),
            posted.duration_ms.map(|duration| duration.get()),
            posted.time_to_first_token_ms.map(|duration| duration.get()),
            usage.map(|usage| usage.input_tokens.get()),
            usage.map(|usage| usage.output_tokens.get()),
            usage.map(|usage| usage.cache_read_tokens.get()),
            usage.map(|usage| usage.cache_write_tokens.get()),
            usage.map(|usage| usage.reasoning_tokens.get()),
            name(posted.error.as_ref().map(|error| error.kind.as_str()))?,
        ])?;
    Ok(inserted == 1)
}

/// Whether what stands under that id says the same. Key order and white space do not matter.
fn same_body(connection: &Connection, new: &Interaction) -> rusqlite::Result<bool> {
    let body: Option<Vec<u8>> = connection
        .prepare_cached("SELECT body FROM payloads WHERE seq = (SELECT seq FROM interactions WHERE id = ?1)")?
        .query_row(params![new.id.as_str()], |row| row.get(0))
        .optional()?;
    let Some(Ok(stored)) = body.map(|body| payload::read(&body)) else {
        return Ok(false);
    };
    Ok(NewInteraction { id: Some(new.id.clone()), ..stored } == new.posted)
}
