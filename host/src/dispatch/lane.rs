//! One binding's way through the log.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::progress::Progress;
use crate::plugin::Plugin;
use crate::record::{Evaluation, Seq};
use crate::store::{BindingId, EvaluationBatch, RegisteredBinding, Tallies};

/// The most interactions of one turn.
const TURN: u64 = 64;

/// A stretch of the log, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) first: Seq,
    pub(super) last: Seq,
}

/// One binding's way through the log.
pub(super) struct Lane {
    pub(super) plugin: Plugin,
    pub(super) id: BindingId,
    pub(super) start: Seq,
    progress: Progress,
    /// The first place that nobody has taken.
    next: Seq,
    /// What was taken and given back.
    returned: Vec<Stretch>,
    /// The time its evaluations took: who has had least goes first.
    pub(super) used: Duration,
    durations: Histogram<u64>,
    /// Whether the log says that its filter fails.
    warned: bool,
}

/// A loaded binding as it stands.
#[derive(Clone)]
pub struct LaneView {
    /// The binding and its plugin.
    pub plugin: Plugin,
    /// Its number in the store.
    pub id: BindingId,
    /// Everything up to here is done.
    pub cursor: Seq,
    /// How many interactions of the log it has yet to see.
    pub backlog: u64,
    /// The median duration of an evaluation since the host started, in microseconds.
    pub p50_us: u64,
    /// 99 of 100 evaluations since the host started took at most this many microseconds.
    pub p99_us: u64,
    /// Evaluations since the host started.
    pub evaluated: u64,
}

impl Lane {
    pub(super) fn new(plugin: Plugin, registered: RegisteredBinding) -> Self {
        let RegisteredBinding { id, start, cursor } = registered;
        Self {
            plugin,
            id,
            start,
            progress: Progress::new(cursor),
            next: cursor.next(),
            returned: Vec::new(),
            used: Duration::ZERO,
            durations: Histogram::new_with_bounds(1, 3_600_000_000, 2).expect("bounds that a histogram can have"),
            warned: false,
        }
    }

    /// Whether there is anything to take.
    pub(super) fn is_ready(&self, head: Seq) -> bool {
        self.next <= head || !self.returned.is_empty()
    }

    /// Takes the next stretch.
    pub(super) fn take(&mut self, head: Seq) -> Option<Stretch> {
        if let Some(returned) = self.returned.pop() {
            return Some(returned);
        }
        if self.next > head {
            return None;
        }
        let last = Seq(head.0.min(self.next.0 + TURN - 1));
        let stretch = Stretch { first: self.next, last };
        self.next = last.next();
        Some(stretch)
    }

    /// Takes this stretch if it is the next one.
    pub(super) fn take_along(&mut self, stretch: Stretch) -> bool {
        let is_next = self.next == stretch.first && self.returned.is_empty();
        if is_next {
            self.next = stretch.last.next();
        }
        is_next
    }

    /// Says once that the filter fails; how often is counted as `filter-failed`.
    pub(super) fn warn_of_filter(&mut self, reason: &str) {
        if !self.warned {
            self.warned = true;
            let name = &self.plugin.binding().name;
            tracing::warn!(%name, reason, "the filter fails on interactions, which are not judged");
        }
    }

    /// Gives back what was taken and not done.
    pub(super) fn give_back(&mut self, rest: Stretch) {
        self.returned.push(rest);
    }

    /// Notes what came of a stretch and makes of it what the store has to write.
    pub(super) fn finish(&mut self, done: Stretch, evaluations: Vec<Evaluation>, skipped: Tallies) -> EvaluationBatch {
        for evaluation in &evaluations {
            self.durations.saturating_record(evaluation.duration_us.into());
        }
        let cursor = self.progress.finish(done.first, done.last);
        EvaluationBatch { binding: self.id, evaluations, cursor, skipped }
    }

    pub(super) fn backlog(&self, head: Seq) -> u64 {
        head.0.saturating_sub(self.progress.low().0)
    }

    pub(super) fn view(&self, head: Seq) -> LaneView {
        LaneView {
            plugin: self.plugin.clone(),
            id: self.id,
            cursor: self.progress.low(),
            backlog: self.backlog(head),
            p50_us: self.durations.value_at_quantile(0.5),
            p99_us: self.durations.value_at_quantile(0.99),
            evaluated: self.durations.len(),
        }
    }
}
