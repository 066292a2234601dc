//! One binding's way through the log, or through a stretch of it that is filled in later.

use std::time::Duration;

use super::backfill::{self, Backfill, BackfillView};
use super::breaker::{Allowance, Breaker, BreakerView, Change, OpenView};
use super::progress::Progress;
use super::retries::Retries;
use crate::histogram::{self, Histogram};
use crate::plugin::Plugin;
use crate::record::{Deadline, Evaluation, Outcome, Seq, Time};
use crate::store::{BindingId, EvaluationBatch, RegisteredBinding, Retry, Tallies};

/// The most interactions of one turn.
const TURN: u64 = 64;
/// The longest that a call of a quick lane takes: one that takes longer is cut and made again at a slow pace.
pub(super) const SLICE: Deadline = Deadline::from_millis(20);
/// A slow lane whose last calls, that many, took less than half a slice is quick again.
const CALM: u32 = 32;

/// What the verdicts and logs of an evaluation hardly ever take, in bytes.
const USUAL_SIZE: usize = 4 << 10;

/// A stretch of the log, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) first: Seq,
    pub(super) last: Seq,
}

impl Stretch {
    pub(super) fn len(self) -> u64 {
        self.last.0 + 1 - self.first.0
    }
}

/// Which of the workers take turns at a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Those whose calls are short: they are never held up for more than a slice.
    Quick,
    /// Those that let a call have its whole deadline, at a lower priority.
    Slow,
    /// Those that have many calls under way at once, each of which mostly waits for a model.
    Waiting,
}

/// What tells the lanes of a process apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LaneKey(pub(super) u64);

/// What is taken from a lane for one turn.
#[derive(Debug, Clone)]
pub(super) enum Job {
    /// A stretch of the log.
    Stretch(Stretch),
    /// Single interactions that are tried again, with the attempts they had.
    Again(Vec<(Seq, u32)>),
}

/// One binding's way through the log.
pub(super) struct Lane {
    pub(super) key: LaneKey,
    pub(super) plugin: Plugin,
    pub(super) id: BindingId,
    pub(super) start: Seq,
    pub(super) backfill: Option<Backfill>,
    pub(super) pace: Pace,
    /// The time its turns took: who has had least goes first.
    pub(super) used: Duration,
    /// It takes nothing more, and goes when what is under way is done.
    pub(super) retiring: bool,
    /// Why what the configuration wants in its place is not loaded.
    pub(super) rejected: Option<String>,
    /// Whether what it said last was much.
    pub(super) says_much: bool,
    in_flight: usize,
    progress: Progress,
    /// The first place that nobody has taken.
    next: Seq,
    /// What was taken and given back.
    returned: Vec<Stretch>,
    pub(super) retries: Retries,
    breaker: Breaker,
    /// How many of its last calls at a slow pace were short.
    calm: u32,
    durations: Histogram,
    memory: Histogram,
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
    /// How long its evaluations took since it was loaded, backfills included, in microseconds.
    pub durations: Histogram,
    /// The most bytes that memories and tables of each of them took.
    pub memory: Histogram,
    /// Which workers take turns at it.
    pub pace: Pace,
    /// Whether it is held back because it keeps failing.
    pub breaker: BreakerView,
    /// How many evaluations wait to be tried again.
    pub retries: usize,
    /// When the next of them is due.
    pub next_retry: Option<Time>,
    /// Why what the configuration wants in its place is not loaded.
    pub rejected: Option<String>,
}

/// What came of one lane's part of a turn.
#[derive(Default)]
pub(super) struct Work {
    pub(super) evaluations: Vec<Evaluation>,
    /// How many of them failed.
    pub(super) failures: u32,
    /// About how many bytes they have to say.
    pub(super) size: usize,
    pub(super) skipped: Tallies,
    /// What of the job is not done.
    pub(super) rest: Option<Job>,
    /// Whether a call was cut because it took longer than a slice.
    pub(super) cut: bool,
    /// The last reason for which the filter failed.
    pub(super) filter_failure: Option<String>,
}

impl Work {
    /// Whether its evaluations are larger than those of most plugins.
    pub(super) fn says_much(&self) -> bool {
        self.size > self.evaluations.len() * USUAL_SIZE
    }
}

impl Lane {
    pub(super) fn new(
        key: LaneKey,
        plugin: Plugin,
        registered: RegisteredBinding,
        waiting: Vec<Retry>,
        breaker: Breaker,
    ) -> Self {
        let RegisteredBinding { id, start, cursor } = registered;
        let retries = Retries::new(waiting, plugin.binding().limits.attempts, Time::now());
        Self { retries, breaker, ..Self::over(key, plugin, id, start, cursor) }
    }

    /// The lane of a backfill. Nobody waits for it, so it leaves the quick workers to what comes in.
    pub(super) fn filling(key: LaneKey, plugin: Plugin, id: BindingId, backfill: Backfill) -> Self {
        let (start, cursor) = (Seq(backfill.first.0 - 1), backfill.cursor);
        let over = Self::over(key, plugin, id, start, cursor);
        let pace = if over.pace == Pace::Waiting { Pace::Waiting } else { Pace::Slow };
        Self { backfill: Some(backfill), pace, ..over }
    }

    fn over(key: LaneKey, plugin: Plugin, id: BindingId, start: Seq, cursor: Seq) -> Self {
        let pace = if plugin.asks_models() { Pace::Waiting } else { Pace::Quick };
        Self {
            key,
            plugin,
            id,
            start,
            backfill: None,
            pace,
            used: Duration::ZERO,
            retiring: false,
            rejected: None,
            says_much: false,
            in_flight: 0,
            progress: Progress::new(cursor),
            next: cursor.next(),
            returned: Vec::new(),
            retries: Retries::default(),
            breaker: Breaker::default(),
            calm: 0,
            durations: Histogram::new(&histogram::DURATION),
            memory: Histogram::new(&histogram::MEMORY),
            warned: false,
        }
    }

    /// Where its way ends for now.
    fn end(&self, head: Seq) -> Seq {
        self.backfill.as_ref().map_or(head, |backfill| backfill.last.min(head))
    }

    /// Whether a worker of that pace can take anything. `at_once` is how many may be at work on a slow lane.
    pub(super) fn is_ready(&self, head: Seq, now: Time, at_once: usize) -> bool {
        let has_work = || {
            self.next <= self.end(head)
                || !self.returned.is_empty()
                || self.retries.next().is_some_and(|due| due <= now)
        };
        let may = match self.breaker.allowance(now) {
            Allowance::Everything => self.pace == Pace::Quick || self.in_flight < at_once,
            Allowance::Probe => self.in_flight == 0,
            Allowance::Nothing => false,
        };
        let has_work = || if self.retiring { self.has_gap() } else { has_work() };
        may && self.backfill.as_ref().is_none_or(Backfill::is_due) && has_work()
    }

    /// Whether something was given back below what is done: one that goes still does that, or its heir would judge again
    /// what stands above.
    pub(super) fn has_gap(&self) -> bool {
        let is_own = self.backfill.is_none() && !self.breaker.is_open();
        is_own && !self.returned.is_empty() && !self.progress.is_whole()
    }

    /// Takes the next job.
    pub(super) fn take(&mut self, head: Seq, now: Time) -> Option<Job> {
        let probe = self.breaker.allowance(now) == Allowance::Probe;
        let most = match (self.pace, &self.backfill) {
            (Pace::Waiting, _) => 1,
            (_, Some(_)) => backfill::TURN,
            (_, None) => TURN,
        };
        // What was tried before is a poor probe: it failed already.
        let fresh = if probe { self.take_stretch(head, 1) } else { None };
        let due = if fresh.is_some() || self.retiring {
            Vec::new()
        } else {
            self.retries.take(now, if probe || self.pace == Pace::Waiting { 1 } else { usize::MAX })
        };
        let job = match fresh {
            Some(stretch) => Job::Stretch(stretch),
            None if due.is_empty() => Job::Stretch(self.take_stretch(head, most)?),
            None => Job::Again(due),
        };
        if let (Some(backfill), Job::Stretch(stretch)) = (&mut self.backfill, &job) {
            backfill.reserve(*stretch);
        }
        self.in_flight += 1;
        if probe {
            self.breaker.probe();
        }
        Some(job)
    }

    fn take_stretch(&mut self, head: Seq, most: u64) -> Option<Stretch> {
        if let Some(returned) = self.returned.pop() {
            if returned.len() <= most {
                return Some(returned);
            }
            let last = Seq(returned.first.0 + most - 1);
            self.returned.push(Stretch { first: last.next(), last: returned.last });
            return Some(Stretch { first: returned.first, last });
        }
        let end = self.end(head);
        if self.next > end {
            return None;
        }
        let last = Seq(end.0.min(self.next.0 + most - 1));
        let stretch = Stretch { first: self.next, last };
        self.next = last.next();
        Some(stretch)
    }

    /// Takes this stretch if it is the next one.
    pub(super) fn take_along(&mut self, stretch: Stretch, now: Time) -> bool {
        let is_next = self.next == stretch.first
            && self.returned.is_empty()
            && self.backfill.is_none()
            && !self.retiring
            && self.breaker.allowance(now) == Allowance::Everything;
        if is_next {
            self.next = stretch.last.next();
            self.in_flight += 1;
        }
        is_next
    }

    /// Gives back what was taken and is not done.
    pub(super) fn give_back(&mut self, job: Job, now: Time) {
        self.in_flight -= 1;
        self.breaker.probe_was_empty();
        if let (Some(backfill), Job::Stretch(stretch)) = (&mut self.backfill, &job) {
            backfill.spend(*stretch, 0, 0);
        }
        self.put_back(job, now);
    }

    fn put_back(&mut self, job: Job, now: Time) {
        match job {
            Job::Stretch(stretch) => self.returned.push(stretch),
            Job::Again(rest) => self.retries.put_back(rest, now),
        }
    }

    /// Notes what came of a job and makes of it what the store has to write.
    pub(super) fn finish(&mut self, job: &Job, mut work: Work, now: Time) -> EvaluationBatch {
        self.in_flight -= 1;
        self.says_much = work.says_much();
        if let Some(reason) = &work.filter_failure {
            self.warn_of_filter(reason);
        }
        for evaluation in &mut work.evaluations {
            self.note(evaluation, now);
            self.retries.schedule(evaluation, self.plugin.binding().limits.attempts, now);
        }
        if work.evaluations.is_empty() {
            self.breaker.probe_was_empty();
        }
        let done = done_of(job, work.rest.as_ref());
        if let Some(rest) = work.rest {
            self.put_back(rest, now);
        }
        if let (Some(backfill), Job::Stretch(stretch)) = (&mut self.backfill, job) {
            backfill.spend(*stretch, work.evaluations.len() as u64, done.map_or(0, Stretch::len));
        }
        let raised = done.and_then(|done| self.progress.finish(done, work.skipped));
        let backfill = self.backfill.as_ref().map(|backfill| backfill.id);
        // What a backfill passes over, another may pass over again: it is counted with the backfill alone.
        let skipped = raised.filter(|_| backfill.is_none()).map_or(Tallies::default(), |(_, skipped)| skipped);
        let cursor = raised.map(|(low, _)| low);
        EvaluationBatch { binding: self.id, evaluations: work.evaluations, cursor, skipped, backfill }
    }

    /// Tries soon what its circumstances held back, which have changed.
    pub(super) fn hasten(&mut self, now: Time) {
        self.retries.hasten(now);
        self.breaker.hasten(now);
    }

    /// Tries again what the other has to try again, and the other way round.
    pub(super) fn swap_retries(&mut self, other: &mut Self) {
        std::mem::swap(&mut self.retries, &mut other.retries);
    }

    fn note(&mut self, evaluation: &Evaluation, now: Time) {
        let short = Duration::from_micros(evaluation.duration_us.into()) < SLICE.get() / 2;
        self.calm = if short { self.calm.saturating_add(1) } else { 0 };
        let failure = match &evaluation.outcome {
            Outcome::Succeeded(_) => None,
            Outcome::Failed(failure) => Some(failure),
        };
        if failure.is_some() && evaluation.attempts > 1 && !self.breaker.is_open() {
            // It was counted when it failed first: the retries of a few must not make a binding one that keeps failing.
            return;
        }
        let name = &self.plugin.binding().name;
        match self.breaker.note(failure, now) {
            Some(Change::Tripped) => {
                let reason = failure.map_or("", |failure| &failure.message);
                tracing::warn!(%name, reason, "the plugin keeps failing; it is tried with one interaction now and then");
            }
            Some(Change::Mended) => tracing::info!(%name, "the plugin answers again"),
            None => {}
        }
    }

    /// Counts what evaluations took.
    pub(super) fn measure(&mut self, evaluations: &[Evaluation]) {
        for evaluation in evaluations {
            self.durations.record(evaluation.duration_us.into());
            self.memory.record(evaluation.peak_memory.0 as u64);
        }
    }

    /// Whether it goes at another pace from now on.
    pub(super) fn changes_pace(&self, cut: bool) -> Option<Pace> {
        match self.pace {
            Pace::Quick if cut => Some(Pace::Slow),
            Pace::Slow if self.calm >= CALM && self.backfill.is_none() => Some(Pace::Quick),
            Pace::Quick | Pace::Slow | Pace::Waiting => None,
        }
    }

    /// Goes at that pace, level with those that do already.
    pub(super) fn go_at(&mut self, pace: Pace, level: Duration) {
        (self.pace, self.used, self.calm) = (pace, level, 0);
    }

    /// Says once that the filter fails; how often is counted as `filter-failed`.
    fn warn_of_filter(&mut self, reason: &str) {
        if !self.warned {
            self.warned = true;
            let name = &self.plugin.binding().name;
            tracing::warn!(%name, reason, "the filter fails on interactions, which are not judged");
        }
    }

    /// Everything up to here is done.
    pub(super) fn cursor(&self) -> Seq {
        self.progress.low()
    }

    /// Whether nothing of it is under way.
    pub(super) fn is_still(&self) -> bool {
        self.in_flight == 0
    }

    pub(super) fn backlog(&self, head: Seq) -> u64 {
        self.end(head).0.saturating_sub(self.cursor().0)
    }

    /// The backfill that it is the lane of, as it stands.
    pub(super) fn filling_view(&self) -> Option<BackfillView> {
        self.backfill.as_ref().map(|backfill| backfill.view(self.breaker.view()))
    }

    /// Why it judges nothing now, where its breaker is open.
    pub(super) fn held_back(&self) -> Option<OpenView> {
        self.breaker.view().open
    }

    pub(super) fn view(&self, head: Seq) -> LaneView {
        LaneView {
            plugin: self.plugin.clone(),
            id: self.id,
            cursor: self.cursor(),
            backlog: self.backlog(head),
            durations: self.durations.clone(),
            memory: self.memory.clone(),
            pace: self.pace,
            breaker: self.breaker.view(),
            retries: self.retries.len(),
            next_retry: self.retries.next(),
            rejected: self.rejected.clone(),
        }
    }
}

/// What of a job is done when that rest is left.
fn done_of(job: &Job, rest: Option<&Job>) -> Option<Stretch> {
    let Job::Stretch(whole) = job else { return None };
    match rest {
        None => Some(*whole),
        Some(Job::Stretch(rest)) => {
            (rest.first > whole.first).then(|| Stretch { first: whole.first, last: Seq(rest.first.0 - 1) })
        }
        Some(Job::Again(_)) => None,
    }
}
