//! Backfills are made, looked at and cancelled, and failures are tried again. Knows nothing of how the workers get on with them.

use std::time::Duration;

use super::backfill::{Backfill, BackfillView, Wanted};
use super::lane::Lane;
use super::{Admission, Bench};
use crate::plugin::Plugin;
use crate::record::{BindingDigest, FilterError, Interaction, Rate, Seq, Time};
use crate::store::{
    BackfillCount, BackfillId, BackfillRow, BackfillStatus, BindingId, FailedFilter, ModelMean, NewBackfill, Selection,
    Store, StoreError,
};

/// How many interactions a dry run looks at to say how many would be judged.
const LOOKED_AT: u64 = 2_000;
/// From how many places of the log it takes them, and how many it reads at once.
const PROBES: u64 = 20;
const PROBE: u64 = LOOKED_AT / PROBES;
/// What an evaluation costs beside the call: reading and parsing an interaction, and writing what came of it, both of
/// some 2 KB, as `make bench` shows them on two cores of 2026.
const READING: Duration = Duration::from_micros(12);
const WRITING: Duration = Duration::from_micros(12);
/// How long a cancelled backfill waits for what it found to be stored, so that it does not seem to go on.
const SETTLE: Duration = Duration::from_secs(10);

/// So many failures are written at once, so that nobody waits long for it.
const RETRIED_AT_ONCE: usize = 500;

/// Why there is no backfill.
#[derive(Debug, thiserror::Error)]
pub enum FillError {
    /// Nothing is loaded under that name.
    #[error("no binding {0:?} is loaded; GET /v1/plugins lists those that are")]
    NoBinding(String),
    /// The filter is none.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a backfill would come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Who would judge.
    pub binding: BindingDigest,
    /// How many interactions of the range are within the times and not judged.
    pub interactions: u64,
    /// How many of those the filters and the sample let pass: so many evaluations would be made.
    pub evaluations: u64,
    /// Whether that was reckoned from some of them.
    pub is_reckoned: bool,
    /// What an evaluation took on the average lately, in microseconds; none where there was none.
    pub evaluation_us: Option<f64>,
    /// What all of it would take; none where there was no evaluation to reckon from.
    pub expected: Option<Duration>,
    /// What one evaluation asks of models on the average, and what that costs, where it is known.
    pub model_calls: Option<ModelMean>,
}

/// What is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retried {
    /// By whom.
    pub binding: BindingDigest,
    /// How many evaluations had failed.
    pub failed: u64,
    /// How many of them are tried again.
    pub retrying: u64,
}

impl Bench {
    /// Every loaded binding's backfills that are under way.
    pub fn backfills(&self) -> Vec<BackfillView> {
        self.shared.state().lanes.iter().filter_map(Lane::filling_view).collect()
    }

    /// Makes a backfill of the binding that is loaded under that name, over what was recorded before it was loaded.
    pub fn backfill_create(&self, name: &str, selection: Selection, rate: Rate) -> Result<BackfillRow, FillError> {
        Wanted::new(selection.clone())?;
        let _alone = self.shared.roster();
        let (plugin, binding, last) = self.find(name)?;
        let row = self.shared.store.backfill_create(NewBackfill { binding, selection, rate, first: Seq(1), last })?;
        if row.status == BackfillStatus::Running {
            let backfill = Backfill::new(&row)?;
            self.shared.state().lanes.add(|key| Lane::filling(key, plugin, binding, backfill));
        }
        Ok(row)
    }

    /// Ends a backfill; what it judged stays. None where there is none of that number.
    pub fn backfill_cancel(&self, id: BackfillId) -> Result<Option<BackfillRow>, StoreError> {
        let _alone = self.shared.roster();
        let is_it = |lane: &Lane| lane.backfill.as_ref().is_some_and(|backfill| backfill.id == id);
        self.shared.state().lanes.remove(is_it);
        self.shared.store.evaluations_settle(SETTLE);
        self.shared.store.backfill_cancel(id)
    }

    /// Has the binding that is loaded under that name try again what failed like that, oldest first, or only says how much did.
    pub fn retry(&self, name: &str, which: FailedFilter, dry_run: bool) -> Result<Retried, FillError> {
        let _alone = self.shared.roster();
        let (plugin, id, _) = self.find(name)?;
        let room = self.shared.state().lanes.own(id).map_or(0, |lane| lane.retries.room());
        let store = &self.shared.store;
        let (failed, mut taken) = store.failed(id, which, room)?;
        if dry_run {
            taken.clear();
        }
        let now = Time::now();
        for some in taken.chunks(RETRIED_AT_ONCE) {
            store.retry(id, some, now)?;
            if let Some(lane) = self.shared.state().lanes.own(id) {
                lane.retries.add(some, now);
            }
        }
        Ok(Retried { binding: plugin.binding().digest(), failed, retrying: taken.len() as u64 })
    }

    /// What a backfill would come to.
    pub fn backfill_estimate(&self, name: &str, selection: Selection, rate: Rate) -> Result<Estimate, FillError> {
        let wanted = Wanted::new(selection)?;
        let (plugin, binding, last) = self.find(name)?;
        let store = &self.shared.store;
        let all = store.backfill_count(binding, last, &wanted.selection)?;
        let (evaluations, is_reckoned) = judged(store, &plugin, binding, &wanted, all)?;
        let evaluation_us = store.evaluation_mean_us(binding)?;
        let expected = evaluation_us.map(|mean| {
            let workers = self.shared.slow_at_once as f64;
            let made = evaluations as f64;
            let work = all.interactions as f64 * READING.as_secs_f64() + made * (mean / 1e6 + WRITING.as_secs_f64());
            // One thread writes, however many judge.
            Duration::from_secs_f64((work / workers).max(made * WRITING.as_secs_f64()).max(made / rate.get()))
        });
        let interactions = all.interactions;
        let model_calls = if plugin.asks_models() { store.model_mean(binding)? } else { None };
        let binding = plugin.binding().digest();
        Ok(Estimate { binding, interactions, evaluations, is_reckoned, evaluation_us, expected, model_calls })
    }

    /// The binding of that name, and the last place of the log from before it was loaded: what comes behind that comes
    /// to it by itself.
    fn find(&self, name: &str) -> Result<(Plugin, BindingId, Seq), FillError> {
        let state = self.shared.state();
        let lane = state.lanes.live().find(|lane| lane.plugin.binding().name.as_str() == name);
        let lane = lane.ok_or_else(|| FillError::NoBinding(name.to_owned()))?;
        Ok((lane.plugin.clone(), lane.id, lane.start))
    }
}

/// The backfill of the binding that came or comes to the interaction, the newest where there are several.
pub(super) fn covering(rows: &[BackfillRow], binding: BindingId, interaction: &Interaction) -> Option<BackfillId> {
    let holds = |row: &&BackfillRow| {
        row.binding == binding
            && (row.first..=row.reach()).contains(&interaction.seq)
            && Wanted::new(row.selection.clone()).is_ok_and(|wanted| wanted.holds_of(interaction))
    };
    rows.iter().find(holds).map(|row| row.id)
}

/// How many would be judged, and whether that is reckoned: from stretches that are spread evenly over the range, where
/// there are too many to look at all.
fn judged(
    store: &Store,
    plugin: &Plugin,
    binding: BindingId,
    wanted: &Wanted,
    all: BackfillCount,
) -> Result<(u64, bool), StoreError> {
    let own = plugin.binding();
    let takes_all = own.filter.is_none() && own.sample == crate::record::Sample::ALL && !plugin.asks_models();
    if wanted.selection.filter.is_none() && takes_all {
        return Ok((all.interactions, false));
    }
    let is_whole = all.interactions <= LOOKED_AT;
    let step = (all.last.0 + 1).saturating_sub(all.first.0).div_ceil(PROBES).max(1);
    let (mut seen, mut passed, mut next) = (0, 0, all.first);
    for probe in 1..=PROBES {
        let end = Seq(all.last.0.min(all.first.0 + probe * step - 1));
        while next <= end {
            let read = store.backfill_read(binding, (next, end), &wanted.selection, PROBE)?;
            let is_judged = |of: &Interaction| wanted.passes(of) && Admission::of(own, of) == Admission::Admitted;
            seen += read.interactions.len() as u64;
            passed += read.interactions.iter().filter(|of| is_judged(of)).count() as u64;
            next = if is_whole { read.through.next() } else { end.next() };
        }
    }
    if is_whole {
        return Ok((passed, false));
    }
    Ok(((all.interactions as f64 * passed as f64 / seen.max(1) as f64).round() as u64, true))
}
