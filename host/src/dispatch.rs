//! Brings every interaction of the log before every binding. Knows nothing of HTTP, SQL or wasmtime.
//!
//! A binding has a lane: how far it has come in the log. Workers take turns at the lanes, each turn a short stretch
//! of the log for one lane, and hand what came of it to the store together with the advance of the cursor.

mod admission;
mod backfill;
mod breaker;
mod filling;
mod lane;
mod lanes;
mod progress;
mod retries;
mod roster;
mod waiting;
mod worker;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

pub use admission::Admission;
pub use backfill::BackfillView;
pub use breaker::{BreakerView, OpenView};
pub use filling::{Estimate, FillError, Retried};
pub use lane::{LaneView, Pace};

use crate::plugin::Plugin;
use crate::record::{Interaction, Name, Seq};
use crate::store::{BackfillId, BindingId, Store, StoreError};
use lane::Lane;
use lanes::Lanes;

/// Workers for slow lanes, for each worker for quick ones. They mostly wait: for a deadline to pass or a model to answer.
const SLOW_WORKERS: usize = 4;

/// Owns the workers: dropping it lets them finish what they are at and joins them.
pub struct Dispatcher {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

struct Shared {
    store: Store,
    /// Where the log ended at the start: what comes while plugins are still being loaded is theirs to judge.
    latest: Seq,
    state: Mutex<State>,
    /// Held by who loads or removes a binding, or makes or cancels a backfill: all of these look at the store first and
    /// change the lanes after.
    roster: Mutex<()>,
    /// Something that was under way is done.
    changed: Condvar,
    /// How many workers may be at one slow lane, so that it leaves some to the others.
    slow_at_once: usize,
    stop: AtomicBool,
}

#[derive(Default)]
struct State {
    lanes: Lanes,
    /// The bindings of the configuration that have no lane, by name: why not.
    absent: Vec<(Name, Absent)>,
    /// Whether all that was wanted at the start has been loaded once, or has failed.
    is_up: bool,
}

impl State {
    /// Notes that the binding of that name is loaded, or will not be.
    fn settle(&mut self, name: &Name) {
        self.absent.retain(|(absent, _)| absent != name);
        self.is_up |= self.absent.iter().all(|(_, absent)| *absent != Absent::Loading);
    }
}

/// Why a binding of the configuration judges nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Absent {
    /// It is being loaded.
    Loading,
    /// It could not be loaded.
    Failed(String),
}

/// What became of an interaction with a binding that is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It was recorded before the binding was loaded, and no backfill of the binding came or comes to it.
    LoadedLater,
    /// The binding's filter did not let it pass; with the reason where the filter failed on it.
    Filtered(Option<String>),
    /// A plugin asked it of a model, and the binding asks models itself.
    JudgesOwn,
    /// It is not in the binding's sample.
    SampledOut,
    /// It will be evaluated; by that backfill, where it was recorded before the binding was loaded.
    Pending(Option<BackfillId>),
    /// It will be evaluated once the binding's breaker has closed.
    HeldBack(OpenView),
}

/// A handle for looking at what the workers do. Cheap to clone.
#[derive(Clone)]
pub struct Bench {
    shared: Arc<Shared>,
}

impl Dispatcher {
    /// Starts that many workers for quick lanes, and others for slow ones. The bindings to come are known as loading
    /// until they are loaded or have failed.
    pub fn start(store: Store, workers: usize, expected: impl IntoIterator<Item = Name>) -> Self {
        let absent: Vec<_> = expected.into_iter().map(|name| (name, Absent::Loading)).collect();
        let shared = Arc::new(Shared {
            latest: store.head(),
            store,
            state: Mutex::new(State { lanes: Lanes::default(), is_up: absent.is_empty(), absent }),
            roster: Mutex::default(),
            changed: Condvar::new(),
            slow_at_once: workers,
            stop: AtomicBool::new(false),
        });
        let work = |pace, name| {
            let shared = Arc::clone(&shared);
            crate::spawn(name, move || worker::run(&shared, pace))
        };
        let mut threads: Vec<_> = (0..workers).map(|_| work(Pace::Quick, "worker")).collect();
        threads.extend((0..workers * SLOW_WORKERS).map(|_| work(Pace::Slow, "slow-worker")));
        threads.extend((0..workers).map(|_| {
            let shared = Arc::clone(&shared);
            crate::spawn("waiting-worker", move || waiting::run(&shared, workers))
        }));
        Self { shared, workers: threads }
    }

    /// A handle for those who look on.
    pub fn bench(&self) -> Bench {
        Bench { shared: Arc::clone(&self.shared) }
    }
}

impl Drop for Dispatcher {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // They wait there for as long as nothing can be written.
        self.shared.store.evaluations_end();
        let any = self.shared.state().lanes.iter().next().map(|lane| lane.plugin.clone());
        for worker in self.workers.drain(..) {
            // A call under way is cut short, however late its deadline: it is made again at the next start.
            while let (Some(plugin), false) = (&any, worker.is_finished()) {
                plugin.interrupt_all();
                std::thread::sleep(Duration::from_millis(5));
            }
            if worker.join().is_err() {
                tracing::error!("a worker panicked");
            }
        }
    }
}

impl Bench {
    /// Every loaded binding, as it stands.
    pub fn lanes(&self) -> Vec<LaneView> {
        let head = self.shared.store.head();
        self.shared.state().lanes.live().map(|lane| lane.view(head)).collect()
    }

    /// Every loaded plugin.
    pub fn plugins(&self) -> Vec<Plugin> {
        self.shared.state().lanes.live().map(|lane| lane.plugin.clone()).collect()
    }

    /// Every loaded plugin that does not keep failing.
    pub fn sound_plugins(&self) -> Vec<Plugin> {
        let state = self.shared.state();
        state.lanes.live().filter(|lane| lane.held_back().is_none()).map(|lane| lane.plugin.clone()).collect()
    }

    /// Every binding of the configuration that is not loaded, and why.
    pub fn absent(&self) -> Vec<(Name, Absent)> {
        self.shared.state().absent.clone()
    }

    /// Whether all that was wanted at the start has been loaded or has failed. What comes later changes nothing of that.
    pub fn is_up(&self) -> bool {
        self.shared.state().is_up
    }

    /// What became of an interaction with each loaded binding, for those that have no evaluation of it.
    pub fn standings(&self, interaction: &Interaction) -> Result<Vec<(Plugin, BindingId, Standing)>, StoreError> {
        let lanes: Vec<_> = {
            let state = self.shared.state();
            let of = |lane: &Lane| (lane.plugin.clone(), lane.id, lane.start, lane.held_back());
            state.lanes.live().map(of).collect()
        };
        let is_past = lanes.iter().any(|(_, _, start, _)| interaction.seq <= *start);
        let backfills = if is_past { self.shared.store.backfill_list()? } else { Vec::new() };
        let standing = |plugin: &Plugin, binding: BindingId, start: Seq, open: Option<OpenView>| {
            let backfill = filling::covering(&backfills, binding, interaction);
            if interaction.seq <= start && backfill.is_none() {
                return Standing::LoadedLater;
            }
            match Admission::of(plugin.binding(), interaction) {
                Admission::Filtered(reason) => Standing::Filtered(reason),
                Admission::JudgesOwn => Standing::JudgesOwn,
                Admission::SampledOut => Standing::SampledOut,
                Admission::Admitted => open.map_or(Standing::Pending(backfill), Standing::HeldBack),
            }
        };
        let with_standing = |(plugin, id, start, open)| {
            let standing = standing(&plugin, id, start, open);
            (plugin, id, standing)
        };
        Ok(lanes.into_iter().map(with_standing).collect())
    }

    /// Waits until every binding has come to the end of the log and what it found is handed to the store, or until
    /// `wait` has passed. Says whether they have.
    pub fn wait_idle(&self, wait: Duration) -> bool {
        let deadline = std::time::Instant::now() + wait;
        loop {
            let head = self.shared.store.head();
            if self.shared.state().lanes.iter().all(|lane| lane.backlog(head) == 0 && lane.is_still()) {
                return true;
            }
            if std::time::Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Shared {
    fn roster(&self) -> MutexGuard<'_, ()> {
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can panic halfway through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
