//! All lanes: who is next, and who stands level with whom. Knows nothing of threads.

use std::time::Duration;

use super::backfill::Wanted;
use super::lane::{Job, Lane, LaneKey, Pace, Work};
use crate::plugin::Plugin;
use crate::record::{Name, Seq, Time};
use crate::store::{BackfillId, BindingId, EvaluationBatch};

/// How long those that say much say nothing more after each byte, together: they may have 16 MiB/s of the disk, which is
/// there for what is posted.
const NANOSECONDS_PER_BYTE: u64 = 60;

/// Every lane of the process.
#[derive(Default)]
pub(super) struct Lanes {
    all: Vec<Lane>,
    made: u64,
    /// Until when those that say much have to wait.
    said_until: Option<Time>,
}

/// A job, and the lanes that it is done for: what is read is read once for all of them.
pub(super) struct Claim {
    pub(super) job: Job,
    /// Least time first.
    pub(super) shares: Vec<Share>,
}

/// A lane's part in a claim.
pub(super) struct Share {
    pub(super) lane: LaneKey,
    pub(super) plugin: Plugin,
    pub(super) binding: BindingId,
    /// What of the log a backfill wants, and how much of it at most.
    pub(super) wanted: Option<(Wanted, u64)>,
    pub(super) backfill: Option<BackfillId>,
}

impl Share {
    fn of(lane: &Lane, job: &Job) -> Self {
        let wanted = match (&lane.backfill, job) {
            (Some(backfill), Job::Stretch(stretch)) => Some((backfill.wanted.clone(), backfill.most(*stretch))),
            (Some(_) | None, _) => None,
        };
        let backfill = lane.backfill.as_ref().map(|backfill| backfill.id);
        Self { lane: lane.key, plugin: lane.plugin.clone(), binding: lane.id, wanted, backfill }
    }
}

impl Lanes {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Lane> {
        self.all.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Lane> {
        self.all.iter_mut()
    }

    /// The lanes that follow the end of the log: one for each loaded binding.
    pub(super) fn live(&self) -> impl Iterator<Item = &Lane> {
        self.all.iter().filter(|lane| lane.backfill.is_none())
    }

    pub(super) fn get(&mut self, key: LaneKey) -> Option<&mut Lane> {
        self.all.iter_mut().find(|lane| lane.key == key)
    }

    /// The binding's own lane, beside which its backfills have theirs.
    pub(super) fn own(&mut self, binding: BindingId) -> Option<&mut Lane> {
        self.all.iter_mut().find(|lane| lane.id == binding && lane.backfill.is_none())
    }

    /// Every lane of the binding that is loaded under that name.
    pub(super) fn of_name<'a>(&'a mut self, name: &'a Name) -> impl Iterator<Item = &'a mut Lane> {
        self.all.iter_mut().filter(move |lane| lane.plugin.binding().name == *name)
    }

    /// A lane made with a key of its own, level with those that are there.
    pub(super) fn add(&mut self, make: impl FnOnce(LaneKey) -> Lane) {
        self.made += 1;
        let mut lane = make(LaneKey(self.made));
        lane.used = self.level(lane.pace);
        self.all.push(lane);
    }

    pub(super) fn remove(&mut self, goes: impl Fn(&Lane) -> bool) {
        self.all.retain(|lane| !goes(lane));
    }

    /// Takes a job for the lane of that pace that has had least time, and for those that stand at the same place.
    /// `at_once` is how many workers may be at one slow lane.
    pub(super) fn claim(&mut self, pace: Pace, head: Seq, at_once: usize) -> Option<Claim> {
        let now = Time::now();
        let enough_said = self.said_until.is_some_and(|until| now < until);
        let may = |lane: &Lane| lane.pace == pace && !(lane.says_much && enough_said);
        let is_ready = |lane: &Lane| may(lane) && lane.is_ready(head, now, at_once);
        let least = self.all.iter().filter(|lane| is_ready(lane)).map(|lane| lane.used).min()?;
        // Who has nothing to do saves no time up for later.
        for lane in self.all.iter_mut().filter(|lane| lane.pace == pace) {
            lane.used = lane.used.max(least);
        }
        self.all.sort_by_key(|lane| lane.used);
        let first = self.all.iter_mut().find(|lane| is_ready(lane))?;
        let job = first.take(head, now)?;
        let mut shares = vec![Share::of(first, &job)];
        if let (Job::Stretch(stretch), Pace::Quick, None) = (&job, pace, &first.backfill) {
            let along = self.all.iter_mut().filter(|lane| may(lane));
            shares.extend(along.filter_map(|lane| lane.take_along(*stretch, now).then(|| Share::of(lane, &job))));
        }
        Some(Claim { job, shares })
    }

    /// Counts what evaluations took, at the lane that stays when a backfill's goes.
    pub(super) fn measure(&mut self, batch: &EvaluationBatch) {
        if let Some(lane) = self.own(batch.binding) {
            lane.measure(&batch.evaluations);
        }
    }

    /// Notes what came of a job and makes of it what the store has to write; none where the lane has gone.
    pub(super) fn finish(&mut self, key: LaneKey, job: &Job, work: Work, now: Time) -> Option<EvaluationBatch> {
        let at = self.all.iter().position(|lane| lane.key == key)?;
        if work.says_much() {
            let begun = self.said_until.map_or(now, |until| until.max(now));
            self.said_until = Some(begun + Duration::from_nanos(work.size as u64 * NANOSECONDS_PER_BYTE));
        }
        let (lane, id) = (&self.all[at], self.all[at].id);
        // What a backfill has to try again is left to the binding's own lane, which outlives it.
        let heir =
            lane.backfill.is_some().then(|| self.all.iter().position(|own| own.id == id && own.backfill.is_none()));
        match heir.flatten().map(|heir| self.all.get_disjoint_mut([at, heir])) {
            Some(Ok([lane, heir])) => {
                lane.swap_retries(heir);
                let batch = lane.finish(job, work, now);
                lane.swap_retries(heir);
                Some(batch)
            }
            Some(Err(_)) | None => Some(self.all[at].finish(job, work, now)),
        }
    }

    /// Counts a turn of a lane, which may go at another pace from then on.
    pub(super) fn count_turn(&mut self, key: LaneKey, took: Duration, cut: bool) {
        let Some(lane) = self.get(key) else { return };
        lane.used += took;
        if let Some(pace) = lane.changes_pace(cut) {
            let level = self.level(pace);
            if let Some(lane) = self.get(key) {
                lane.go_at(pace, level);
            }
        }
    }

    /// Where one begins that joins those of that pace: it waits for none of them, and none for it.
    fn level(&self, pace: Pace) -> Duration {
        self.all.iter().filter(|lane| lane.pace == pace).map(|lane| lane.used).min().unwrap_or_default()
    }

    /// Lets the backfills go that have come to their end.
    pub(super) fn end_filled(&mut self, head: Seq) {
        self.remove(|lane| lane.backfill.is_some() && lane.is_still() && lane.backlog(head) == 0);
    }
}
