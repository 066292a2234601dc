//! A cursor over a range of the log that was there before its binding. Knows nothing of who asked for it.

use std::time::{Duration, Instant};

use crate::record::{Filter, Interaction, Seq};
use crate::store::{BackfillId, BackfillRow, Selection};

/// The most of a backfill's range that one turn takes, where nothing limits its rate.
const TURN: u64 = 256;
/// A limited backfill takes no more at once than it may in this time.
const STEP: Duration = Duration::from_millis(100);

/// What a lane needs to know of its backfill.
pub(super) struct Backfill {
    pub(super) id: BackfillId,
    pub(super) first: Seq,
    pub(super) last: Seq,
    pub(super) cursor: Seq,
    pub(super) wanted: Wanted,
    /// Interactions a second at most.
    rate: Option<f64>,
    not_before: Instant,
}

/// What of the range is judged. Cheap to clone.
#[derive(Clone)]
pub(super) struct Wanted {
    pub(super) selection: Selection,
    filter: Option<std::sync::Arc<Filter>>,
}

impl Wanted {
    /// Compiles the selection's filter.
    pub(super) fn new(selection: Selection) -> Result<Self, crate::record::FilterError> {
        let filter = selection.filter.as_deref().map(Filter::new).transpose()?.map(std::sync::Arc::new);
        Ok(Self { selection, filter })
    }

    /// Whether the selection's filter lets it pass; its times are the store's to look at.
    pub(super) fn passes(&self, interaction: &Interaction) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.passes(interaction) == Ok(true))
    }
}

impl Backfill {
    pub(super) fn new(row: &BackfillRow) -> Result<Self, crate::record::FilterError> {
        Ok(Self {
            id: row.id,
            first: row.first,
            last: row.last,
            cursor: row.cursor,
            wanted: Wanted::new(row.selection.clone())?,
            rate: row.rate,
            not_before: Instant::now(),
        })
    }

    /// Whether it has a rate to keep to.
    pub(super) fn is_limited(&self) -> bool {
        self.rate.is_some()
    }

    /// Whether its rate lets it go on.
    pub(super) fn is_due(&self) -> bool {
        self.rate.is_none() || self.not_before <= Instant::now()
    }

    /// How much it may take at once, where `most` is what a lane may.
    pub(super) fn stretch(&self, most: u64) -> u64 {
        let may = self.rate.map_or(TURN, |rate| ((rate * STEP.as_secs_f64()) as u64).clamp(1, TURN));
        if most == 1 { 1 } else { may }
    }

    /// Counts what it did against its rate.
    pub(super) fn spend(&mut self, interactions: usize) {
        if let Some(rate) = self.rate {
            let now = Instant::now();
            // What it did not use is not saved up.
            self.not_before = self.not_before.max(now - STEP) + Duration::from_secs_f64(interactions as f64 / rate);
        }
    }
}
