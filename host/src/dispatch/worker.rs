//! What each worker thread does: take a turn at the lane that has had least time, evaluate, hand over.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::admission::Admission;
use super::lane::Stretch;
use super::Shared;
use crate::plugin::{Evaluator, Plugin};
use crate::record::Evaluation;
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
        let Some((plugin, id, stretch)) = claim(shared) else {
            shared.store.wait_beyond(head, IDLE);
            continue;
        };
        let started = Instant::now();
        let turn = match evaluate(shared, &mut evaluator, &plugin, stretch, started) {
            Ok(turn) => turn,
            Err(error) => {
                tracing::error!(%error, "cannot read the log; it will be tried again");
                give_back(shared, id, stretch);
                std::thread::sleep(RETRY);
                continue;
            }
        };
        if hand_over(shared, id, turn, started.elapsed()).is_err() {
            // The store was closed: what was not handed over comes again at the next start.
            break;
        }
    }
}

/// What came of a turn.
struct Turn {
    done: Stretch,
    rest: Option<Stretch>,
    evaluations: Vec<Evaluation>,
    skipped: Tallies,
}

/// Takes a stretch of the lane that has had least time.
fn claim(shared: &Shared) -> Option<(Plugin, BindingId, Stretch)> {
    let mut state = shared.state();
    let head = shared.store.head();
    let ready = |lane: &&mut super::Lane| lane.is_ready(head);
    let least = state.lanes.iter().filter(|lane| lane.is_ready(head)).map(|lane| lane.used).min()?;
    // Who has nothing to do saves no time up for later.
    for lane in state.lanes.iter_mut().filter(|lane| !lane.is_ready(head)) {
        lane.used = lane.used.max(least);
    }
    let lane = state.lanes.iter_mut().filter(ready).min_by_key(|lane| lane.used)?;
    let stretch = lane.take(head)?;
    Some((lane.plugin.clone(), lane.id, stretch))
}

fn evaluate(
    shared: &Shared,
    evaluator: &mut Evaluator,
    plugin: &Plugin,
    stretch: Stretch,
    started: Instant,
) -> Result<Turn, StoreError> {
    let interactions = shared.store.log_read(stretch.first, stretch.last)?;
    let mut turn = Turn { done: stretch, rest: None, evaluations: Vec::new(), skipped: Tallies::default() };
    for interaction in &interactions {
        if started.elapsed() > TURN && interaction.seq > stretch.first {
            turn.done.last = crate::record::Seq(interaction.seq.0 - 1);
            turn.rest = Some(Stretch { first: interaction.seq, last: stretch.last });
            break;
        }
        match Admission::of(plugin.binding(), interaction) {
            Admission::Admitted => turn.evaluations.push(evaluator.evaluate(plugin, interaction)),
            Admission::Filtered(_) => turn.skipped.filtered += 1,
            Admission::SampledOut => turn.skipped.sampled_out += 1,
        }
    }
    Ok(turn)
}

fn give_back(shared: &Shared, id: BindingId, rest: Stretch) {
    if let Some(lane) = shared.state().lanes.iter_mut().find(|lane| lane.id == id) {
        lane.give_back(rest);
    }
}

/// Under the lock, so that a lane's batches reach the store in the order in which its cursor rises.
fn hand_over(shared: &Shared, id: BindingId, turn: Turn, took: Duration) -> Result<(), StoreError> {
    let mut state = shared.state();
    let Some(lane) = state.lanes.iter_mut().find(|lane| lane.id == id) else { return Ok(()) };
    lane.used += took;
    if let Some(rest) = turn.rest {
        lane.give_back(rest);
    }
    let batch = lane.finish(turn.done, turn.evaluations, turn.skipped);
    shared.store.evaluations_commit(batch)
}
