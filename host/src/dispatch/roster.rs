//! Bindings come, change and go while the workers work, and their backfills with them.

use std::sync::PoisonError;
use std::time::Duration;

use super::backfill::Backfill;
use super::breaker::{Breaker, WINDOW};
use super::lane::Lane;
use super::{Absent, Dispatcher, Shared};
use crate::plugin::Plugin;
use crate::record::{BindingDigest, Name, Seq, Start, Time};
use crate::store::{BackfillStatus, BindingId, Store, StoreError};

/// How long the calls of a binding that is to go are waited for. What comes later is stored all the same.
const FAREWELL: Duration = Duration::from_secs(10);

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
        let _alone = shared.roster();
        let name = plugin.binding().name.clone();
        let before = shared.retire(&name);
        let description = plugin.description();
        let kinds: Vec<_> = plugin.kinds().collect();
        let named = (description.name.as_str(), description.version.as_str(), plugin.contract());
        let made = (|| {
            let latest = latest.unwrap_or(shared.latest);
            let places = (start, before, latest);
            let registered = store.binding_register(plugin.binding(), named, &kinds, shadow, places)?;
            let breaker = Breaker::after(&store.newest_outcomes(registered.id, WINDOW)?, Time::now());
            Ok((registered, store.retries(registered.id)?, breaker, running_backfills(store, registered.id)?))
        })();
        let mut state = shared.state();
        let (registered, retries, breaker, backfills) = match made {
            Ok(made) => made,
            Err(error) => {
                state.lanes.of_name(&name).for_each(|lane| lane.retiring = false);
                return Err(error);
            }
        };
        state.settle(&name);
        state.lanes.remove(|lane| lane.plugin.binding().name == name);
        for backfill in backfills {
            state.lanes.add(|key| Lane::filling(key, plugin.clone(), registered.id, backfill));
        }
        state.lanes.add(|key| Lane::new(key, plugin, registered, retries, breaker));
        Ok(())
    }

    /// Notes why what the configuration wants under that name is not loaded. What is loaded under it stays.
    pub fn fail(&self, name: &Name, reason: String) {
        let mut state = self.shared.state();
        let mut running = false;
        for lane in state.lanes.of_name(name) {
            (lane.rejected, running) = (Some(reason.clone()), true);
        }
        state.settle(name);
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

    /// Tries soon what keys, providers and budgets held back, which may be others by now.
    pub fn hasten(&self) {
        let now = Time::now();
        self.shared.state().lanes.iter_mut().filter(|lane| lane.plugin.asks_models()).for_each(|lane| lane.hasten(now));
    }

    /// Takes the binding of that name away once what is under way is done. Its verdicts stay, and so does its cursor.
    pub fn remove(&self, name: &Name) {
        let _alone = self.shared.roster();
        self.shared.retire(name);
        let mut state = self.shared.state();
        state.lanes.remove(|lane| lane.plugin.binding().name == *name);
        state.settle(name);
    }
}

impl Shared {
    /// Lets the lanes of that name take nothing new, waits until what is under way is stored, and says how far the
    /// binding came.
    fn retire(&self, name: &Name) -> Option<Seq> {
        let mut state = self.state();
        state.lanes.of_name(name).for_each(|lane| lane.retiring = true);
        let is_busy =
            |state: &mut super::State| state.lanes.of_name(name).any(|lane| !lane.is_still() || lane.has_gap());
        let (mut state, waited) =
            self.changed.wait_timeout_while(state, FAREWELL, is_busy).unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            tracing::warn!(%name, "a call of the binding that goes takes long; what it finds will not be stored");
        }
        let cursor = state.lanes.of_name(name).find(|lane| lane.backfill.is_none()).map(|lane| lane.cursor());
        drop(state);
        if cursor.is_some() {
            self.store.evaluations_settle(FAREWELL);
        }
        cursor
    }
}

fn running_backfills(store: &Store, binding: BindingId) -> Result<Vec<Backfill>, StoreError> {
    let rows = store.backfill_list()?.into_iter();
    let running = rows.filter(|row| row.binding == binding && row.status == BackfillStatus::Running);
    // Their filters were compiled when they were made.
    Ok(running.filter_map(|row| Backfill::new(&row).ok()).collect())
}
