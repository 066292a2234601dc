//! What each worker thread does: take a turn at the lane that has had least time, evaluate, hand over.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tracing::field::Empty;

use super::Shared;
use super::admission::Admission;
use super::breaker::TOO_MANY;
use super::lane::{Job, Pace, SLICE, Stretch, Work};
use super::lanes::{Claim, Share};
use crate::Priority;
use crate::plugin::{Evaluator, Plugin};
use crate::record::{Evaluation, Interaction, Outcome, Reason, Seq, Time};
use crate::store::StoreError;

/// A turn ends after the evaluation that makes it longer than this.
const TURN: Duration = SLICE.get();
/// And so does one whose evaluations together have more than this to say, which the writer takes at once.
const TURN_SIZE: usize = 128 << 10;
/// How often whoever waits for a processor goes first: a kernel may let a thread that computes run for milliseconds.
const YIELD: Duration = Duration::from_micros(100);
/// How often an idle worker looks for new bindings and for the end.
const IDLE: Duration = Duration::from_millis(50);
/// How often one for slow lanes looks for anything to do. They are many, and would wake at every post in vain.
const SLOW_IDLE: Duration = Duration::from_millis(20);
/// How long to wait when the log could not be read.
const RETRY: Duration = Duration::from_millis(250);

pub(super) fn run(shared: &Shared, pace: Pace) {
    let priority = match pace {
        Pace::Quick => Priority::Evaluation,
        Pace::Slow | Pace::Waiting => Priority::Leisure,
    };
    priority.take();
    let mut worker = Worker { shared, pace, evaluator: Evaluator::default(), yielded: Instant::now() };
    while !worker.is_to_stop() && shared.store.evaluations_wait_for_room() {
        let head = shared.store.head();
        let Some(claim) = shared.state().lanes.claim(pace, head, shared.slow_at_once) else {
            match pace {
                Pace::Quick => drop(shared.store.wait_beyond(head, IDLE)),
                Pace::Slow | Pace::Waiting => std::thread::sleep(SLOW_IDLE),
            }
            continue;
        };
        if worker.take_turn(&claim).is_err() {
            // The store was closed: what was not handed over comes again at the next start.
            break;
        }
    }
}

struct Worker<'a> {
    shared: &'a Shared,
    pace: Pace,
    evaluator: Evaluator,
    /// When whoever waits for a processor last went first.
    yielded: Instant,
}

impl Worker<'_> {
    fn is_to_stop(&self) -> bool {
        self.shared.stop.load(Ordering::Relaxed)
    }

    /// Does the job for each lane, for as long as a turn lasts, and gives back what is left then.
    fn take_turn(&mut self, claim: &Claim) -> Result<(), StoreError> {
        let (interactions, unread) = match self.shared.read(claim) {
            Ok(read) => read,
            Err(error) => {
                tracing::error!(error = crate::report(&error), "cannot read the log; it will be tried again");
                for share in &claim.shares {
                    self.shared.give_back(share, &claim.job);
                }
                std::thread::sleep(RETRY);
                return Ok(());
            }
        };
        let turn = Stopwatch::start();
        for (at, share) in claim.shares.iter().enumerate() {
            if at > 0 && turn.is_beyond(TURN, Instant::now()) {
                self.shared.give_back(share, &claim.job);
                continue;
            }
            let before = turn.took();
            let span = turn_span(share);
            let mut work = span.in_scope(|| self.work(share, &claim.job, &interactions, &turn));
            work.rest = work.rest.or(unread.map(Job::Stretch));
            self.shared.hand_over(share, &claim.job, work, turn.took() - before)?;
        }
        Ok(())
    }

    fn work(&mut self, share: &Share, job: &Job, interactions: &[Arc<Interaction>], turn: &Stopwatch) -> Work {
        let mut work = Work::default();
        for (at, interaction) in interactions.iter().enumerate() {
            let now = Instant::now();
            if now - self.yielded > YIELD {
                std::thread::yield_now();
                self.yielded = now;
            }
            // Enough failures open the breaker, which then says whether the rest is done.
            let is_over = at > 0 && turn.is_beyond(TURN, now) || work.size > TURN_SIZE || work.failures >= TOO_MANY;
            if is_over || self.is_to_stop() || !self.judge(share, interaction, &mut work) {
                work.rest = Some(rest(job, interaction.seq));
                break;
            }
        }
        work.count_attempts(job);
        tracing::Span::current().record("tribunal.evaluations", work.evaluations.len());
        work
    }

    /// Puts one interaction before the plugin, where the binding judges it. False where that is to be done again.
    fn judge(&mut self, share: &Share, interaction: &Interaction, work: &mut Work) -> bool {
        if !work.admits(share, interaction) {
            return true;
        }
        match self.evaluate(&share.plugin, interaction) {
            Some(evaluation) => work.take(evaluation),
            None => work.cut = true,
        }
        !work.cut
    }

    /// None where the call was cut, for taking longer than a quick lane's may or because the host stops.
    fn evaluate(&mut self, plugin: &Plugin, interaction: &Interaction) -> Option<Evaluation> {
        let evaluation = match self.pace {
            Pace::Quick => self.evaluator.evaluate_within(plugin, interaction, SLICE)?,
            Pace::Slow | Pace::Waiting => self.evaluator.evaluate(plugin, interaction),
        };
        let late = matches!(&evaluation.outcome, Outcome::Failed(failure) if failure.reason == Reason::Deadline);
        (!late || !self.is_to_stop()).then_some(evaluation)
    }
}

impl Shared {
    /// What the job is about, and what of a backfill's stretch is left for another turn.
    pub(super) fn read(&self, claim: &Claim) -> Result<(Vec<Arc<Interaction>>, Option<Stretch>), StoreError> {
        let store = &self.store;
        match (&claim.job, claim.shares.as_slice()) {
            (Job::Stretch(Stretch { first, last }), [Share { wanted: Some((wanted, most)), binding, .. }]) => {
                let read = store.backfill_read(*binding, (*first, *last), &wanted.selection, *most)?;
                let unread = Stretch { first: read.through.next(), last: *last };
                Ok((read.interactions, (unread.first <= unread.last).then_some(unread)))
            }
            (Job::Stretch(stretch), _) => Ok((store.log_read(stretch.first, stretch.last)?, None)),
            (Job::Again(again), _) => {
                let read = again.iter().map(|(seq, _)| store.log_read(*seq, *seq));
                Ok((read.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect(), None))
            }
        }
    }

    pub(super) fn give_back(&self, share: &Share, job: &Job) {
        if let Some(lane) = self.state().lanes.get(share.lane) {
            lane.give_back(job.clone(), Time::now());
        }
        self.changed.notify_all();
    }

    /// Under the lock, so that a lane's batches reach the store in the order in which its cursor rises.
    pub(super) fn hand_over(&self, share: &Share, job: &Job, work: Work, took: Duration) -> Result<(), StoreError> {
        let mut state = self.state();
        let cut = work.cut;
        let Some(batch) = state.lanes.finish(share.lane, job, work, Time::now()) else { return Ok(()) };
        state.lanes.measure(&batch);
        let written = self.store.evaluations_commit(batch);
        state.lanes.count_turn(share.lane, took, cut);
        state.lanes.end_filled(self.store.head());
        drop(state);
        self.changed.notify_all();
        written
    }
}

/// Measures what a thread computes. The time during which the system lets others run is not its own: on a busy machine a
/// turn would end after few evaluations, and lanes that go side by side, so that what is read serves all of them, would part.
struct Stopwatch {
    began: Instant,
    computed: Duration,
}

impl Stopwatch {
    fn start() -> Self {
        Self { began: Instant::now(), computed: computed() }
    }

    fn took(&self) -> Duration {
        computed().saturating_sub(self.computed)
    }

    /// Asks the system only where more than that has passed.
    fn is_beyond(&self, limit: Duration, now: Instant) -> bool {
        now - self.began > limit && self.took() > limit
    }
}

/// What this thread has computed since it started.
fn computed() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

impl Work {
    /// Whether the binding judges it; notes why where it does not.
    pub(super) fn admits(&mut self, share: &Share, interaction: &Interaction) -> bool {
        if share.wanted.as_ref().is_some_and(|(wanted, _)| !wanted.passes(interaction)) {
            return false;
        }
        match Admission::of(share.plugin.binding(), interaction) {
            Admission::Admitted => return true,
            Admission::Filtered(None) | Admission::JudgesOwn => self.skipped.filtered += 1,
            Admission::Filtered(Some(reason)) => {
                self.skipped.filter_failed += 1;
                self.filter_failure = Some(reason);
            }
            Admission::SampledOut => self.skipped.sampled_out += 1,
        }
        false
    }

    pub(super) fn take(&mut self, evaluation: Evaluation) {
        self.size += evaluation.size.0;
        self.failures += u32::from(matches!(evaluation.outcome, Outcome::Failed(_)));
        self.evaluations.push(evaluation);
    }

    /// Adds the attempts that were made before.
    pub(super) fn count_attempts(&mut self, job: &Job) {
        let Job::Again(again) = job else { return };
        for evaluation in &mut self.evaluations {
            let before = again.iter().find(|(seq, _)| *seq == evaluation.seq);
            evaluation.attempts += before.map_or(0, |(_, attempts)| *attempts);
        }
    }
}

/// One lane's part of a turn, which is a fraction of a millisecond to a deadline long.
pub(super) fn turn_span(share: &Share) -> tracing::Span {
    tracing::info_span!(
        "turn",
        tribunal.plugin = %share.plugin.binding().name,
        tribunal.binding = %share.plugin.digest(),
        tribunal.backfill = share.backfill.map(|backfill| backfill.0),
        tribunal.evaluations = Empty,
    )
}

/// What is left of a job from that interaction on.
fn rest(job: &Job, from: Seq) -> Job {
    match job {
        Job::Stretch(stretch) => Job::Stretch(Stretch { first: from, last: stretch.last }),
        Job::Again(again) => {
            let at = again.iter().position(|(seq, _)| *seq == from).unwrap_or(0);
            Job::Again(again[at..].to_vec())
        }
    }
}
