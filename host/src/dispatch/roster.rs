//! Bindings come, change and go while the workers work, and backfills with them.

use std::sync::PoisonError;
use std::time::Duration;

use super::backfill::{Backfill, Wanted};
use super::lane::Lane;
use super::{Absent, Bench, Dispatcher, Shared};
use crate::plugin::Plugin;
use crate::record::{BindingDigest, FilterError, Name, Seq, Start};
use crate::store::{BackfillId, BackfillRow, BackfillStatus, BindingId, NewBackfill, Selection, Store, StoreError};

/// How long the calls of a binding that is to go are waited for. What comes later is stored all the same.
const FAREWELL: Duration = Duration::from_secs(10);
/// How many interactions a dry run looks at to say how many a filter lets pass.
const LOOKED_AT: u64 = 2_000;

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
    /// How many interactions it would judge, or pass over for the binding's own filter and sample.
    pub interactions: u64,
    /// Whether that is reckoned from a part of them, since the filter has to read each.
    pub is_reckoned: bool,
    /// What an evaluation took on the average so far, in microseconds; none where there were none.
    pub evaluation_us: Option<f64>,
}

impl Dispatcher {
    /// The binding that is loaded under that name.
    pub fn loaded(&self, name: &Name) -> Option<BindingDigest> {
        let state = self.shared.state();
        state.lanes.live().find(|lane| lane.plugin.binding().name == *name).map(|lane| lane.plugin.binding().digest())
    }

    /// The last place of the log.
    pub fn head(&self) -> Seq {
        self.shared.store.head()
    }

    /// The names that are loaded, or were to be.
    pub fn names(&self) -> Vec<Name> {
        let state = self.shared.state();
        let loaded = state.lanes.live().map(|lane| lane.plugin.binding().name.clone());
        loaded.chain(state.absent.iter().map(|(name, _)| name.clone())).collect()
    }

    /// Notes that a binding is being loaded, where none of its name is there yet.
    pub fn expect(&self, name: &Name) {
        let mut state = self.shared.state();
        if state.lanes.of_name(name).next().is_none() {
            state.absent.retain(|(known, _)| known != name);
            state.absent.push((name.clone(), Absent::Loading));
        }
    }

    /// Gives the binding a lane, in the place of the one that has its name. It goes on where it stood when it was loaded
    /// before; a new one starts where `start` says, else where the one before it stands, else at `latest`, which is the
    /// end of the log when this host started where it is not given.
    pub fn load(
        &self,
        plugin: Plugin,
        shadow: bool,
        start: Option<Start>,
        latest: Option<Seq>,
    ) -> Result<(), StoreError> {
        let (shared, store) = (&self.shared, &self.shared.store);
        let name = plugin.binding().name.clone();
        let before = shared.retire(&name);
        let description = plugin.description();
        let kinds: Vec<_> = plugin.kinds().collect();
        let named = (description.name.as_str(), description.version.as_str());
        let made = (|| {
            let latest = latest.unwrap_or(shared.latest);
            let places = (start, before, latest);
            let registered = store.binding_register(plugin.binding(), named, &kinds, shadow, places)?;
            Ok((registered, store.retries(registered.id)?, running_backfills(store, registered.id)?))
        })();
        let mut state = shared.state();
        let (registered, retries, backfills) = match made {
            Ok(made) => made,
            Err(error) => {
                state.lanes.of_name(&name).for_each(|lane| lane.retiring = false);
                return Err(error);
            }
        };
        state.absent.retain(|(absent, _)| *absent != name);
        state.lanes.remove(|lane| lane.plugin.binding().name == name);
        for backfill in backfills {
            state.lanes.add(|key| Lane::filling(key, plugin.clone(), registered.id, backfill));
        }
        state.lanes.add(|key| Lane::new(key, plugin, registered, retries));
        Ok(())
    }

    /// Notes why what the configuration wants under that name is not loaded. What is loaded under it stays.
    pub fn fail(&self, name: &Name, reason: String) {
        let mut state = self.shared.state();
        let mut running = false;
        for lane in state.lanes.of_name(name) {
            (lane.rejected, running) = (Some(reason.clone()), true);
        }
        state.absent.retain(|(known, _)| known != name);
        if !running {
            state.absent.push((name.clone(), Absent::Failed(reason)));
        }
    }

    /// Notes that what is loaded under that name is what the configuration wants, as a shadow or not. Says whether that
    /// changed anything.
    pub fn keep(&self, name: &Name, shadow: bool) -> Result<bool, StoreError> {
        let mut kept = None;
        for lane in self.shared.state().lanes.of_name(name) {
            (lane.rejected, kept) = (None, Some(lane.id));
        }
        kept.map_or(Ok(false), |binding| self.shared.store.binding_set_shadow(binding, shadow))
    }

    /// Takes the binding of that name away once what is under way is done. Its verdicts stay, and so does its cursor.
    pub fn remove(&self, name: &Name) {
        self.shared.retire(name);
        let mut state = self.shared.state();
        state.lanes.remove(|lane| lane.plugin.binding().name == *name);
        state.absent.retain(|(absent, _)| absent != name);
    }
}

impl Shared {
    /// Lets the lanes of that name take nothing more, waits for what is under way, and says how far the binding came.
    fn retire(&self, name: &Name) -> Option<Seq> {
        let mut state = self.state();
        state.lanes.of_name(name).for_each(|lane| lane.retiring = true);
        let is_busy = |state: &mut super::State| state.lanes.of_name(name).any(|lane| !lane.is_still());
        let (mut state, waited) =
            self.changed.wait_timeout_while(state, FAREWELL, is_busy).unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            tracing::warn!(%name, "a call of the binding that goes takes long; what it finds will not be stored");
        }
        state.lanes.of_name(name).find(|lane| lane.backfill.is_none()).map(|lane| lane.cursor())
    }
}

fn running_backfills(store: &Store, binding: BindingId) -> Result<Vec<Backfill>, StoreError> {
    let rows = store.backfill_list()?.into_iter();
    let running = rows.filter(|row| row.binding == binding && row.status == BackfillStatus::Running);
    // Their filters were compiled when they were made.
    Ok(running.filter_map(|row| Backfill::new(&row).ok()).collect())
}

impl Bench {
    /// Makes a backfill of the binding that is loaded under that name, over what the binding's own cursor has passed.
    pub fn backfill(&self, name: &str, selection: Selection, rate: Option<f64>) -> Result<BackfillRow, FillError> {
        Wanted::new(selection.clone())?;
        let (plugin, binding, last) = self.find(name)?;
        let row = self.shared.store.backfill_create(NewBackfill { binding, selection, rate, first: Seq(1), last })?;
        if row.status == BackfillStatus::Running {
            let backfill = Backfill::new(&row)?;
            let mut state = self.shared.state();
            // Where the binding was changed meanwhile, it waits until it is loaded again.
            if state.lanes.live().any(|lane| lane.id == binding) {
                state.lanes.add(|key| Lane::filling(key, plugin, binding, backfill));
            }
        }
        Ok(row)
    }

    /// Ends a backfill; what it judged stays. None where there is none of that number.
    pub fn backfill_cancel(&self, id: BackfillId) -> Result<Option<BackfillRow>, StoreError> {
        let is_it = |lane: &Lane| lane.backfill.as_ref().is_some_and(|backfill| backfill.id == id);
        self.shared.state().lanes.remove(is_it);
        self.shared.store.backfill_cancel(id)
    }

    /// What a backfill would come to.
    pub fn backfill_estimate(&self, name: &str, selection: Selection) -> Result<Estimate, FillError> {
        let wanted = Wanted::new(selection)?;
        let (_, binding, last) = self.find(name)?;
        let store = &self.shared.store;
        let all = store.backfill_count(binding, Seq(1), last, &wanted.selection)?;
        let (interactions, is_reckoned) = match wanted.selection.filter {
            None => (all, false),
            Some(_) => reckon(store, binding, last, &wanted, all)?,
        };
        Ok(Estimate { interactions, is_reckoned, evaluation_us: store.evaluation_mean_us(binding)? })
    }

    fn find(&self, name: &str) -> Result<(Plugin, BindingId, Seq), FillError> {
        let state = self.shared.state();
        let lane = state.lanes.live().find(|lane| lane.plugin.binding().name.as_str() == name);
        let lane = lane.ok_or_else(|| FillError::NoBinding(name.to_owned()))?;
        Ok((lane.plugin.clone(), lane.id, lane.cursor()))
    }
}

/// How many of `all` a filter lets pass, from stretches that are spread evenly over the range.
fn reckon(store: &Store, binding: BindingId, last: Seq, wanted: &Wanted, all: u64) -> Result<(u64, bool), StoreError> {
    const STRETCHES: u64 = 20;
    let step = last.0.div_ceil(STRETCHES).max(1);
    let length = if last.0 <= LOOKED_AT { step } else { LOOKED_AT / STRETCHES };
    let (mut seen, mut passed) = (0, 0);
    for first in (1..=last.0).step_by(usize::try_from(step).unwrap_or(usize::MAX)) {
        let end = Seq(last.0.min(first + length - 1));
        let interactions = store.backfill_read(binding, Seq(first), end, &wanted.selection)?;
        seen += interactions.len() as u64;
        passed += interactions.iter().filter(|interaction| wanted.passes(interaction)).count() as u64;
    }
    if seen == all {
        return Ok((passed, false));
    }
    Ok(((all as f64 * passed as f64 / seen.max(1) as f64).round() as u64, true))
}
