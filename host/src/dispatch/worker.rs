//! What each worker thread does: take a turn at the lane that has had least time, evaluate, hand over.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Shared;
use super::admission::Admission;
use super::lane::Stretch;
use crate::plugin::{Evaluator, Plugin};
use crate::record::{Evaluation, Interaction, Seq};
use crate::store::{BindingId, StoreError, Tallies};

/// A turn ends after the evaluation that makes it longer than this.
const TURN: Duration = Duration::from_millis(20);
/// How often an idle worker looks for new bindings and for the end.
const IDLE: Duration = Duration::from_millis(50);
/// How long to wait when the log could not be read.
const RETRY: Duration = Duration::from_millis(250);

pub(super) fn run(shared: &Shared) {
    let mut evaluator = Evaluator::default();
    while !shared.stop.load(Ordering::Relaxed) && shared.store.evaluations_wait_for_room() {
        let head = shared.store.head();
        let Some(claim) = claim(shared) else {
            shared.store.wait_beyond(head, IDLE);
            continue;
        };
        if take_turn(shared, &mut evaluator, &claim).is_err() {
            // The store was closed: what was not handed over comes again at the next start.
            break;
        }
    }
}

/// A stretch of the log, and the lanes that stand before it: it is read once for all of them.
struct Claim {
    stretch: Stretch,
    lanes: Vec<(Plugin, BindingId)>,
}

/// Takes a stretch for the lane that has had least time, and for those that stand at the same place; least time first.
fn claim(shared: &Shared) -> Option<Claim> {
    let mut state = shared.state();
    let head = shared.store.head();
    let least = state.lanes.iter().filter(|lane| lane.is_ready(head)).map(|lane| lane.used).min()?;
    // Who has nothing to do saves no time up for later.
    for lane in state.lanes.iter_mut().filter(|lane| !lane.is_ready(head)) {
        lane.used = lane.used.max(least);
    }
    state.lanes.sort_by_key(|lane| lane.used);
    let first = state.lanes.iter_mut().find(|lane| lane.is_ready(head))?;
    let stretch = first.take(head)?;
    let mut lanes = vec![(first.plugin.clone(), first.id)];
    let along =
        state.lanes.iter_mut().filter_map(|lane| lane.take_along(stretch).then(|| (lane.plugin.clone(), lane.id)));
    lanes.extend(along);
    Some(Claim { stretch, lanes })
}

/// Brings the stretch before each lane, for as long as a turn lasts, and gives back what is left then.
fn take_turn(shared: &Shared, evaluator: &mut Evaluator, claim: &Claim) -> Result<(), StoreError> {
    let interactions = match shared.store.log_read(claim.stretch.first, claim.stretch.last) {
        Ok(interactions) => interactions,
        Err(error) => {
            tracing::error!(error = crate::report(&error), "cannot read the log; it will be tried again");
            for (_, id) in &claim.lanes {
                give_back(shared, *id, claim.stretch);
            }
            std::thread::sleep(RETRY);
            return Ok(());
        }
    };
    let turn_began = Instant::now();
    for (at, (plugin, id)) in claim.lanes.iter().enumerate() {
        if at > 0 && turn_began.elapsed() > TURN {
            give_back(shared, *id, claim.stretch);
            continue;
        }
        let began = Instant::now();
        let work = evaluate(evaluator, plugin, claim.stretch, &interactions, turn_began);
        hand_over(shared, *id, work, began.elapsed())?;
    }
    Ok(())
}

/// What came of one lane's part of a turn.
struct Work {
    done: Stretch,
    rest: Option<Stretch>,
    evaluations: Vec<Evaluation>,
    skipped: Tallies,
    /// The last reason for which the filter failed.
    filter_failure: Option<String>,
}

fn evaluate(
    evaluator: &mut Evaluator,
    plugin: &Plugin,
    stretch: Stretch,
    interactions: &[Arc<Interaction>],
    turn_began: Instant,
) -> Work {
    let mut work =
        Work { done: stretch, rest: None, evaluations: Vec::new(), skipped: Tallies::default(), filter_failure: None };
    for interaction in interactions {
        if interaction.seq > stretch.first && turn_began.elapsed() > TURN {
            work.done.last = Seq(interaction.seq.0 - 1);
            work.rest = Some(Stretch { first: interaction.seq, last: stretch.last });
            break;
        }
        match Admission::of(plugin.binding(), interaction) {
            Admission::Admitted => work.evaluations.push(evaluator.evaluate(plugin, interaction)),
            Admission::Filtered(None) => work.skipped.filtered += 1,
            Admission::Filtered(Some(reason)) => {
                work.skipped.filter_failed += 1;
                work.filter_failure = Some(reason);
            }
            Admission::SampledOut => work.skipped.sampled_out += 1,
        }
    }
    work
}

fn give_back(shared: &Shared, id: BindingId, rest: Stretch) {
    if let Some(lane) = shared.state().lanes.iter_mut().find(|lane| lane.id == id) {
        lane.give_back(rest);
    }
}

/// Under the lock, so that a lane's batches reach the store in the order in which its cursor rises.
fn hand_over(shared: &Shared, id: BindingId, work: Work, took: Duration) -> Result<(), StoreError> {
    let mut state = shared.state();
    let Some(lane) = state.lanes.iter_mut().find(|lane| lane.id == id) else { return Ok(()) };
    lane.used += took;
    if let Some(rest) = work.rest {
        lane.give_back(rest);
    }
    if let Some(reason) = work.filter_failure {
        lane.warn_of_filter(&reason);
    }
    let batch = lane.finish(work.done, work.evaluations, work.skipped);
    shared.store.evaluations_commit(batch)
}
