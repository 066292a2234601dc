//! Brings every interaction of the log before every binding. Knows nothing of HTTP, SQL or wasmtime.
//!
//! A binding has a lane: how far it has come in the log. Workers take turns at the lanes, each turn a short stretch
//! of the log for one lane, and hand what came of it to the store together with the advance of the cursor.

mod admission;
mod lane;
mod progress;
mod worker;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

pub use admission::Admission;
pub use lane::LaneView;

use crate::plugin::Plugin;
use crate::record::{Interaction, Name, Seq, Start};
use crate::store::{BindingId, Store, StoreError};
use lane::Lane;

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
    stop: AtomicBool,
}

#[derive(Default)]
struct State {
    lanes: Vec<Lane>,
    /// The bindings of the configuration that have no lane, by name: why not.
    absent: Vec<(Name, Absent)>,
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
    /// It was recorded before the binding was loaded.
    LoadedLater,
    /// The binding's filter did not let it pass; with the reason where the filter failed on it.
    Filtered(Option<String>),
    /// It is not in the binding's sample.
    SampledOut,
    /// It will be evaluated.
    Pending,
}

/// A handle for looking at what the workers do. Cheap to clone.
#[derive(Clone)]
pub struct Bench {
    shared: Arc<Shared>,
}

impl Dispatcher {
    /// Starts that many workers. The bindings to come are known as loading until they are added or have failed.
    pub fn start(store: Store, workers: usize, expected: impl IntoIterator<Item = Name>) -> Self {
        let absent = expected.into_iter().map(|name| (name, Absent::Loading)).collect();
        let state = Mutex::new(State { lanes: Vec::new(), absent });
        let shared = Arc::new(Shared { latest: store.head(), store, state, stop: AtomicBool::new(false) });
        let workers = (0..workers)
            .map(|_| {
                let shared = Arc::clone(&shared);
                crate::spawn("worker", move || worker::run(&shared))
            })
            .collect();
        Self { shared, workers }
    }

    /// A handle for those who look on.
    pub fn bench(&self) -> Bench {
        Bench { shared: Arc::clone(&self.shared) }
    }

    /// Gives the binding a lane. It goes on where it stood when it was loaded before.
    pub fn add(&self, plugin: Plugin, start: Option<Start>) -> Result<(), StoreError> {
        let description = plugin.description();
        let kinds: Vec<_> = plugin.kinds().collect();
        let named = (description.name.as_str(), description.version.as_str());
        let registered =
            self.shared.store.binding_register(plugin.binding(), named, &kinds, (start, self.shared.latest))?;
        let mut state = self.shared.state();
        let name = plugin.binding().name.clone();
        state.absent.retain(|(absent, _)| *absent != name);
        state.lanes.push(Lane::new(plugin, registered));
        Ok(())
    }

    /// Notes why a binding has no lane.
    pub fn fail(&self, name: &Name, reason: String) {
        let mut state = self.shared.state();
        if let Some((_, absent)) = state.absent.iter_mut().find(|(known, _)| known == name) {
            *absent = Absent::Failed(reason);
        }
    }
}

impl Drop for Dispatcher {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // They wait there for as long as nothing can be written.
        self.shared.store.evaluations_end();
        for worker in self.workers.drain(..) {
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
        self.shared.state().lanes.iter().map(|lane| lane.view(head)).collect()
    }

    /// Every binding of the configuration that is not loaded, and why.
    pub fn absent(&self) -> Vec<(Name, Absent)> {
        self.shared.state().absent.clone()
    }

    /// What became of an interaction with each loaded binding, for those that have no evaluation of it.
    pub fn standings(&self, interaction: &Interaction) -> Vec<(Plugin, BindingId, Standing)> {
        let lanes: Vec<_> = {
            let state = self.shared.state();
            state.lanes.iter().map(|lane| (lane.plugin.clone(), lane.id, lane.start)).collect()
        };
        let standing = |plugin: &Plugin, start: Seq| {
            if interaction.seq <= start {
                return Standing::LoadedLater;
            }
            match Admission::of(plugin.binding(), interaction) {
                Admission::Filtered(reason) => Standing::Filtered(reason),
                Admission::SampledOut => Standing::SampledOut,
                Admission::Admitted => Standing::Pending,
            }
        };
        lanes
            .into_iter()
            .map(|(plugin, id, start)| {
                let standing = standing(&plugin, start);
                (plugin, id, standing)
            })
            .collect()
    }

    /// Waits until every binding has come to the end of the log and what it found is handed to the store, or until
    /// `wait` has passed. Says whether they have.
    pub fn wait_idle(&self, wait: Duration) -> bool {
        let deadline = std::time::Instant::now() + wait;
        loop {
            let head = self.shared.store.head();
            if self.shared.state().lanes.iter().all(|lane| lane.backlog(head) == 0) {
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
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can panic halfway through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
