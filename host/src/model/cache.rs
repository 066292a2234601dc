//! Answers that are given again to the same request: the newest from memory, all others from the store.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Mutex as Turn;

use crate::record::{ExchangeDigest, ModelAnswer};
use crate::store::{KeptExchange, Store};

/// About what the answers in memory may take. They are found there before they are written.
const RECENT: usize = 32 << 20;
/// So many turns are remembered before those that are over are looked for.
const TURNS: usize = 1_024;

/// Answers that were given.
pub(super) struct Cache {
    store: Option<Store>,
    recent: Mutex<Recent>,
    /// The requests under way: the same one waits for the answer rather than being sent beside it.
    turns: Mutex<HashMap<ExchangeDigest, Weak<Turn<()>>>>,
}

#[derive(Default)]
struct Recent {
    answers: HashMap<ExchangeDigest, ModelAnswer>,
    /// Oldest first.
    order: VecDeque<(ExchangeDigest, usize)>,
    size: usize,
}

impl Cache {
    /// The answers in that store, where there is one.
    pub(super) fn new(store: Option<Store>) -> Self {
        Self { store, recent: Mutex::default(), turns: Mutex::default() }
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What whoever makes that request holds until it is answered.
    pub(super) fn turn(&self, digest: ExchangeDigest) -> Arc<Turn<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(&digest).and_then(Weak::upgrade) {
            return turn;
        }
        if turns.len() >= TURNS {
            turns.retain(|_, turn| turn.strong_count() > 0);
        }
        let turn = Arc::default();
        turns.insert(digest, Arc::downgrade(&turn));
        turn
    }

    /// The answer to that request, where it was given lately.
    pub(super) fn find_recent(&self, digest: ExchangeDigest) -> Option<ModelAnswer> {
        self.recent().answers.get(&digest).cloned()
    }

    /// The answer to that request, where there was one. A store that cannot be read is as one that has none.
    pub(super) fn find(&self, digest: ExchangeDigest) -> Option<ModelAnswer> {
        if let Some(answer) = self.find_recent(digest) {
            return Some(answer);
        }
        let kept = self.store.as_ref()?.exchange_find(digest);
        let kept = kept.inspect_err(|error| {
            tracing::error!(error = crate::report(error), "cannot read what a model answered; it is asked again");
        });
        let KeptExchange { exchange, .. } = kept.ok()??;
        exchange.outcome().ok()
    }

    /// Gives that answer from now on.
    pub(super) fn put(&self, digest: ExchangeDigest, answer: &ModelAnswer) {
        let size = 256
            + match answer {
                ModelAnswer::Completion(completion) => completion.text.len(),
                ModelAnswer::Embeddings(embeddings) => embeddings.vectors.iter().map(|vector| 4 * vector.len()).sum(),
            };
        let mut recent = self.recent();
        if recent.answers.insert(digest, answer.clone()).is_none() {
            recent.order.push_back((digest, size));
            recent.size += size;
        }
        while recent.size > RECENT
            && let Some((oldest, size)) = recent.order.pop_front()
        {
            recent.answers.remove(&oldest);
            recent.size -= size;
        }
    }
}
