//! What a thread does for bindings that ask models: it has many calls under way, each of which mostly waits for an answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::task::{JoinSet, LocalSet};
use tracing::Instrument;

use super::Shared;
use super::lane::{Job, Pace, Work};
use super::lanes::Claim;
use super::worker::turn_span;
use crate::Priority;
use crate::plugin::Evaluator;

/// Calls under way on all threads together. The pool of instances has more, which are left to those that do not wait.
const AT_ONCE: usize = 400;
/// And of one binding, so that it leaves some to the others.
const AT_ONCE_OF_ONE: usize = 256;
/// How often a thread looks for anything new.
const IDLE: Duration = Duration::from_millis(5);
/// How long to wait when the log could not be read.
const RETRY: Duration = Duration::from_millis(250);
/// How long answers on their way are waited for at the end.
const FAREWELL: Duration = Duration::from_secs(10);

/// One of so many threads that share the work.
pub(super) fn run(shared: &Arc<Shared>, threads: usize) {
    Priority::Leisure.take();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return tracing::error!(%error, "bindings that ask models will judge nothing"),
    };
    LocalSet::new().block_on(&runtime, judge_many(shared, AT_ONCE.div_ceil(threads)));
}

/// What is under way at the end comes again at the next start.
async fn judge_many(shared: &Arc<Shared>, most: usize) {
    let mut under_way = JoinSet::new();
    while !shared.stop.load(Ordering::Relaxed) && shared.store.evaluations_wait_for_room() {
        while under_way.len() < most {
            let head = shared.store.head();
            let Some(claim) = shared.state().lanes.claim(Pace::Waiting, head, AT_ONCE_OF_ONE) else { break };
            under_way.spawn_local(take_turn(Arc::clone(shared), claim));
        }
        tokio::select! {
            Some(ended) = under_way.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a call that asks models ended before its time");
                }
            }
            () = tokio::time::sleep(IDLE) => {}
        }
    }
    // Answers on their way are paid for, and kept: the next start finds them.
    let ended = async { while under_way.join_next().await.is_some() {} };
    if tokio::time::timeout(FAREWELL, ended).await.is_err() {
        tracing::warn!(
            "models have not answered in time for the stop; what they would have answered is asked for again"
        );
    }
}

/// Judges the one interaction of a claim, which is for one lane.
async fn take_turn(shared: Arc<Shared>, claim: Claim) {
    let [share] = claim.shares.as_slice() else { unreachable!("lanes that wait go alone") };
    let (interactions, unread) = match shared.read(&claim) {
        Ok(read) => read,
        Err(error) => {
            tracing::error!(error = crate::report(&error), "cannot read the log; it will be tried again");
            shared.give_back(share, &claim.job);
            return tokio::time::sleep(RETRY).await;
        }
    };
    let began = Instant::now();
    let judging = async {
        let mut work = Work::default();
        for interaction in &interactions {
            if work.admits(share, interaction) {
                work.take(Evaluator::default().evaluate_waiting(&share.plugin, interaction).await);
            }
        }
        work.rest = unread.map(Job::Stretch);
        work.count_attempts(&claim.job);
        work
    };
    let work = judging.instrument(turn_span(share)).await;
    // It may have been cut: it comes again at the next start.
    if shared.stop.load(Ordering::Relaxed) {
        return;
    }
    // Where the store was closed, it comes again at the next start.
    if let Err(error) = shared.hand_over(share, &claim.job, work, began.elapsed()) {
        tracing::debug!(error = crate::report(&error), "an evaluation is not stored");
    }
}
