//! What waits for the writer. Both are bounded by weight: records are refused beyond it, and who brings evaluations waits.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::StoreError;
use super::evaluations::EvaluationBatch;
use super::interactions::{NewRecord, Recorded};
use super::models::NewExchange;
use crate::histogram::{self, Histogram};

/// The weight of evaluations that may wait before those who bring more are held up: 8 MiB, or less where they are many.
const MAX_EVALUATIONS: usize = 8_192;
/// The most that one transaction takes, so that none who waits for it waits long.
const RECORDS_PER_TRANSACTION: usize = 256;
const EVALUATIONS_PER_TRANSACTION: usize = 512;
/// And where somebody waits for a record in it. An evaluation that has much to say counts for several.
const EVALUATIONS_BESIDE_RECORDS: usize = 256;

/// Records of one caller, who is told when all of them are durable.
pub(super) struct RecordRequest {
    pub(super) records: Vec<NewRecord>,
    pub(super) weight: usize,
    pub(super) reply: oneshot::Sender<Result<Vec<Recorded>, StoreError>>,
}

/// A small piece of work on the writer's connection, in a transaction of its own if it wants one.
pub(super) type Task = Box<dyn FnOnce(&mut Connection) + Send>;

/// What is written in the order in which it was handed over, and tried for as long as it can't be.
pub(super) enum Handed {
    Evaluations(EvaluationBatch),
    Exchange(Box<NewExchange>),
}

impl Handed {
    /// What it counts for while it waits.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Evaluations(batch) => batch.weight(),
            Self::Exchange(exchange) => exchange.weight(),
        }
    }

    /// How many evaluations it has.
    pub(super) fn evaluations(&self) -> usize {
        match self {
            Self::Evaluations(batch) => batch.evaluations.len(),
            Self::Exchange(_) => 0,
        }
    }
}

/// What the writer takes at once.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) tasks: Vec<Task>,
    pub(super) records: Vec<RecordRequest>,
    pub(super) handed: Vec<Handed>,
}

/// What the writer has done since it started, and what waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriterStats {
    /// Transactions committed.
    pub transactions: u64,
    /// Transactions rolled back.
    pub failures: u64,
    /// Interactions recorded.
    pub recorded: u64,
    /// Posts that were there already.
    pub duplicates: u64,
    /// Evaluations stored.
    pub evaluations: u64,
    /// How many records each transaction took, where it took any.
    pub records_at_once: Histogram,
    /// How many evaluations each transaction took, where it took any.
    pub evaluations_at_once: Histogram,
    /// Microseconds of each transaction, the commit included.
    pub transaction: Histogram,
    /// Microseconds of each commit, which waits for the disk.
    pub commit: Histogram,
    /// Bytes of records that wait.
    pub backlog_bytes: usize,
    /// Bytes of records that may wait before more is refused.
    pub max_backlog_bytes: usize,
    /// Evaluations that wait; one that has much to say counts for several.
    pub backlog_evaluations: usize,
    /// Evaluations that may wait before workers have to.
    pub max_backlog_evaluations: usize,
}

impl WriterStats {
    fn new(max_weight: usize) -> Self {
        Self {
            transactions: 0,
            failures: 0,
            recorded: 0,
            duplicates: 0,
            evaluations: 0,
            records_at_once: Histogram::new(&histogram::BATCH),
            evaluations_at_once: Histogram::new(&histogram::BATCH),
            transaction: Histogram::new(&histogram::DURATION),
            commit: Histogram::new(&histogram::DURATION),
            backlog_bytes: 0,
            max_backlog_bytes: max_weight,
            backlog_evaluations: 0,
            max_backlog_evaluations: MAX_EVALUATIONS,
        }
    }
}

pub(super) struct Queue {
    max_weight: usize,
    state: Mutex<State>,
    /// Something waits, or the queue was closed.
    filled: Condvar,
    /// Something was written, or the queue was closed.
    written: Condvar,
}

struct State {
    tasks: Vec<Task>,
    records: VecDeque<RecordRequest>,
    weight: usize,
    handed: VecDeque<Handed>,
    evaluations: usize,
    /// How much was handed over, how much of it is with the writer, and how much is written.
    given: u64,
    taken: u64,
    settled: u64,
    /// The writer is at work on what it took.
    busy: bool,
    writable: bool,
    closed: bool,
    /// Nobody is to wait for room any more.
    hurried: bool,
    stats: WriterStats,
}

impl Queue {
    pub(super) fn new(max_weight: usize) -> Self {
        let state = State {
            tasks: Vec::new(),
            records: VecDeque::new(),
            weight: 0,
            handed: VecDeque::new(),
            evaluations: 0,
            given: 0,
            taken: 0,
            settled: 0,
            busy: false,
            writable: true,
            closed: false,
            hurried: false,
            stats: WriterStats::new(max_weight),
        };
        Self { max_weight, state: Mutex::new(state), filled: Condvar::new(), written: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can panic halfway through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push_records(
        &self,
        records: Vec<NewRecord>,
        reply: oneshot::Sender<Result<Vec<Recorded>, StoreError>>,
    ) -> Result<(), StoreError> {
        let weight = records.iter().map(|record| record.weight).sum();
        let mut state = self.state();
        if state.closed {
            return Err(StoreError::Closed);
        }
        // One request is always taken, however large: its size was limited where it came in.
        if state.weight > 0 && state.weight + weight > self.max_weight {
            return Err(StoreError::Busy);
        }
        state.weight += weight;
        state.records.push_back(RecordRequest { records, weight, reply });
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// Waits while too many evaluations wait, and says whether the queue still takes any.
    pub(super) fn wait_for_room(&self) -> bool {
        let state = self
            .written
            .wait_while(self.state(), |state| state.evaluations >= MAX_EVALUATIONS && !state.closed && !state.hurried)
            .unwrap_or_else(PoisonError::into_inner);
        !state.closed && !state.hurried
    }

    /// Waits until every batch that was handed over by now is written, or until `wait` has passed.
    pub(super) fn settle(&self, wait: Duration) {
        let state = self.state();
        let given = state.given;
        let waits = |state: &mut State| state.settled < given && !state.closed && !state.hurried;
        drop(self.written.wait_timeout_while(state, wait, waits).unwrap_or_else(PoisonError::into_inner));
    }

    /// Lets those go who wait for room, or for what they handed over.
    pub(super) fn hurry(&self) {
        self.state().hurried = true;
        self.written.notify_all();
    }

    pub(super) fn hand_over(&self, handed: Handed) -> Result<(), StoreError> {
        let mut state = self.state();
        if state.closed {
            return Err(StoreError::Closed);
        }
        state.evaluations += handed.weight();
        state.given += 1;
        state.handed.push_back(handed);
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    pub(super) fn push_task(&self, task: Task) -> Result<(), StoreError> {
        let mut state = self.state();
        if state.closed {
            return Err(StoreError::Closed);
        }
        state.tasks.push(task);
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// What to write next; none when the queue is closed and empty. Comes back with nothing after `idle`.
    pub(super) fn take(&self, idle: Duration) -> Option<Taken> {
        let (mut state, _) = self
            .filled
            .wait_timeout_while(self.state(), idle, |state| !state.closed && state.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        if state.closed && state.is_empty() {
            return None;
        }
        let mut taken = Taken { tasks: std::mem::take(&mut state.tasks), ..Taken::default() };
        let mut count = 0;
        while count < RECORDS_PER_TRANSACTION
            && let Some(request) = state.records.pop_front()
        {
            count += request.records.len();
            taken.records.push(request);
        }
        let most = if count == 0 { EVALUATIONS_PER_TRANSACTION } else { EVALUATIONS_BESIDE_RECORDS };
        count = 0;
        while count < most
            && let Some(handed) = state.handed.pop_front()
        {
            count += handed.weight();
            taken.handed.push(handed);
        }
        state.taken = taken.handed.len() as u64;
        state.busy = true;
        Some(taken)
    }

    /// What was taken is written, or was refused. What was handed over and could not be written comes back to be tried again.
    pub(super) fn done(&self, weight: usize, evaluations: usize, again: Vec<Handed>, writable: bool) {
        let mut state = self.state();
        state.busy = false;
        state.writable = writable;
        state.weight -= weight;
        state.evaluations -= evaluations;
        state.settled += state.taken - again.len() as u64;
        state.taken = 0;
        for handed in again.into_iter().rev() {
            state.handed.push_front(handed);
        }
        drop(state);
        self.written.notify_all();
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut WriterStats)) {
        change(&mut self.state().stats);
    }

    pub(super) fn stats(&self) -> WriterStats {
        let state = self.state();
        WriterStats { backlog_bytes: state.weight, backlog_evaluations: state.evaluations, ..state.stats.clone() }
    }

    pub(super) fn is_writable(&self) -> bool {
        self.state().writable
    }

    /// Takes nothing more.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.filled.notify_all();
        self.written.notify_all();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// Drops what waits and cannot be written; the log and the cursors know nothing of it, so it comes again.
    pub(super) fn give_up(&self) {
        let mut state = self.state();
        state.handed.clear();
        state.evaluations = 0;
        for request in std::mem::take(&mut state.records) {
            state.weight -= request.weight;
            // Nobody waits any more if this fails.
            let _ = request.reply.send(Err(StoreError::Closed));
        }
        state.busy = false;
        drop(state);
        self.written.notify_all();
    }

    /// Waits until nothing is left to write.
    pub(super) fn wait_drained(&self) {
        drop(
            self.written
                .wait_while(self.state(), |state| state.busy || !state.is_empty())
                .unwrap_or_else(PoisonError::into_inner),
        );
    }
}

impl State {
    fn is_empty(&self) -> bool {
        self.tasks.is_empty() && self.records.is_empty() && self.handed.is_empty()
    }
}
