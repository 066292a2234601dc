//! The newest part of the log, kept in memory: a plugin that keeps up never reads the disk.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::record::{Interaction, Seq};

/// What is kept, by the weight of its payloads before compression and after.
const MAX_WEIGHT: usize = 48 << 20;

pub(super) struct Tail {
    state: Mutex<State>,
    grown: Condvar,
}

struct State {
    head: Seq,
    /// Without gaps, the newest at the back; the last one's seq is `head`.
    recent: VecDeque<(Arc<Interaction>, usize)>,
    weight: usize,
}

impl Tail {
    pub(super) fn new(head: Seq) -> Self {
        Self { state: Mutex::new(State { head, recent: VecDeque::new(), weight: 0 }), grown: Condvar::new() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // Nothing that holds the lock can panic halfway through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn head(&self) -> Seq {
        self.state().head
    }

    /// Appends what was committed, in order.
    pub(super) fn append(&self, committed: Vec<(Arc<Interaction>, usize)>) {
        let Some(last) = committed.last() else { return };
        let mut state = self.state();
        state.head = last.0.seq;
        for (interaction, weight) in committed {
            state.weight += weight;
            state.recent.push_back((interaction, weight));
        }
        while state.weight > MAX_WEIGHT {
            let Some((_, weight)) = state.recent.pop_front() else { break };
            state.weight -= weight;
        }
        drop(state);
        self.grown.notify_all();
    }

    pub(super) fn wait_beyond(&self, seq: Seq, wait: Duration) -> Seq {
        let state = self.state();
        let (state, _) = self
            .grown
            .wait_timeout_while(state, wait, |state| state.head <= seq)
            .unwrap_or_else(PoisonError::into_inner);
        state.head
    }

    /// The interactions from `first` to `last`, where all of them are here.
    pub(super) fn range(&self, first: Seq, last: Seq) -> Option<Vec<Arc<Interaction>>> {
        let state = self.state();
        let oldest = state.recent.front()?.0.seq;
        if first < oldest || last > state.head {
            return None;
        }
        let from = usize::try_from(first.0 - oldest.0).ok()?;
        let count = usize::try_from(last.0 - first.0 + 1).ok()?;
        Some(state.recent.range(from..from + count).map(|(interaction, _)| Arc::clone(interaction)).collect())
    }
}
