//! A cursor over the part of the log that was there before its binding. Knows nothing of who asked for it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::breaker::BreakerView;
use super::lane::Stretch;
use crate::record::{Filter, FilterError, Interaction, Rate, Seq};
use crate::store::{BackfillId, BackfillRow, Selection};

/// The most places of the log of one turn.
pub(super) const TURN: u64 = 256;
/// No turn takes more evaluations than the rate allows in this time.
const STEP: Duration = Duration::from_millis(100);
/// How far back a speed looks, and in which steps.
const RECENT: Duration = Duration::from_secs(10);
const RECENT_STEP: Duration = Duration::from_millis(250);

/// What a lane needs to know of its backfill.
pub(super) struct Backfill {
    pub(super) id: BackfillId,
    pub(super) first: Seq,
    pub(super) last: Seq,
    pub(super) cursor: Seq,
    pub(super) wanted: Wanted,
    rate: Rate,
    not_before: Instant,
    recent: Recent,
}

/// What of the range is judged. Cheap to clone.
#[derive(Clone)]
pub(super) struct Wanted {
    pub(super) selection: Selection,
    filter: Option<Arc<Filter>>,
}

/// A backfill that is under way.
#[derive(Debug, Clone)]
pub struct BackfillView {
    /// Which.
    pub id: BackfillId,
    /// Evaluations a second in the last ten seconds.
    pub evaluations_per_second: f64,
    /// Places of the log a second in the last ten seconds.
    pub places_per_second: f64,
    /// Whether it is held back because its plugin keeps failing.
    pub breaker: BreakerView,
}

impl Wanted {
    /// Compiles the selection's filter.
    pub(super) fn new(selection: Selection) -> Result<Self, FilterError> {
        let filter = selection.filter.as_deref().map(Filter::new).transpose()?.map(Arc::new);
        Ok(Self { selection, filter })
    }

    /// Whether the selection's filter lets it pass.
    pub(super) fn passes(&self, interaction: &Interaction) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.passes(interaction) == Ok(true))
    }

    /// Whether the selection lets it pass: its filter and its times, which the store looks at where it reads.
    pub(super) fn holds_of(&self, interaction: &Interaction) -> bool {
        let Selection { from, to, filter: _ } = &self.selection;
        from.is_none_or(|from| from <= interaction.started_at)
            && to.is_none_or(|to| interaction.started_at < to)
            && self.passes(interaction)
    }
}

impl Backfill {
    pub(super) fn new(row: &BackfillRow) -> Result<Self, FilterError> {
        let now = Instant::now();
        Ok(Self {
            id: row.id,
            first: row.first,
            last: row.last,
            cursor: row.cursor,
            wanted: Wanted::new(row.selection.clone())?,
            rate: row.rate,
            not_before: now,
            recent: Recent::new(now),
        })
    }

    /// Whether its rate lets it go on.
    pub(super) fn is_due(&self) -> bool {
        self.not_before <= Instant::now()
    }

    /// The most evaluations that a turn over that stretch may make.
    pub(super) fn most(&self, stretch: Stretch) -> u64 {
        let step = (self.rate.get() * STEP.as_secs_f64()) as u64;
        stretch.len().min(step.max(1))
    }

    /// Counts what a turn may make against the rate before it is made, so that several turns at once keep to it too.
    pub(super) fn reserve(&mut self, stretch: Stretch) {
        // What it did not use is not saved up for longer than a step.
        let now = Instant::now();
        let from = now.checked_sub(STEP).map_or(now, |earliest| self.not_before.max(earliest));
        self.not_before = from + self.time_of(self.most(stretch));
    }

    /// A turn is over that made so many evaluations, and came so far.
    pub(super) fn spend(&mut self, stretch: Stretch, evaluations: u64, places: u64) {
        let unused = self.time_of(self.most(stretch).saturating_sub(evaluations));
        self.not_before = self.not_before.checked_sub(unused).unwrap_or(self.not_before);
        self.recent.add(Instant::now(), evaluations, places);
    }

    fn time_of(&self, evaluations: u64) -> Duration {
        Duration::from_secs_f64(evaluations as f64 / self.rate.get())
    }

    pub(super) fn view(&self, breaker: BreakerView) -> BackfillView {
        let (evaluations_per_second, places_per_second) = self.recent.speed(Instant::now());
        BackfillView { id: self.id, evaluations_per_second, places_per_second, breaker }
    }
}

/// What was done lately, in steps: when each began, evaluations and places.
struct Recent {
    since: Instant,
    steps: VecDeque<(Instant, u64, u64)>,
}

impl Recent {
    fn new(since: Instant) -> Self {
        Self { since, steps: VecDeque::new() }
    }

    fn add(&mut self, now: Instant, evaluations: u64, places: u64) {
        match self.steps.back_mut() {
            Some((began, all_evaluations, all_places)) if now < *began + RECENT_STEP => {
                *all_evaluations += evaluations;
                *all_places += places;
            }
            _ => self.steps.push_back((now, evaluations, places)),
        }
        while self.steps.front().is_some_and(|(began, ..)| *began + RECENT < now) {
            self.steps.pop_front();
        }
    }

    /// Evaluations and places a second.
    fn speed(&self, now: Instant) -> (f64, f64) {
        let from = now.checked_sub(RECENT).map_or(self.since, |earliest| self.since.max(earliest));
        let seconds = (now - from).as_secs_f64().max(RECENT_STEP.as_secs_f64());
        let recent = self.steps.iter().filter(|(began, ..)| *began >= from);
        let (evaluations, places) = recent.fold((0, 0), |sum, step| (sum.0 + step.1, sum.1 + step.2));
        (evaluations as f64 / seconds, places as f64 / seconds)
    }
}
