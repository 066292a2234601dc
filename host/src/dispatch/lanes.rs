//! All lanes: who is next, and who stands level with whom. Knows nothing of threads.

use std::time::Duration;

use super::backfill::Wanted;
use super::lane::{Job, Lane, LaneKey, Pace};
use crate::plugin::Plugin;
use crate::record::{Name, Seq, Time};
use crate::store::{BackfillId, BindingId, EvaluationBatch};

/// Every lane of the process.
#[derive(Default)]
pub(super) struct Lanes {
    all: Vec<Lane>,
    made: u64,
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
    /// What of the log a backfill wants.
    pub(super) wanted: Option<Wanted>,
    pub(super) backfill: Option<BackfillId>,
}

impl Share {
    fn of(lane: &Lane) -> Self {
        Self {
            lane: lane.key,
            plugin: lane.plugin.clone(),
            binding: lane.id,
            wanted: lane.backfill.as_ref().map(|backfill| backfill.wanted.clone()),
            backfill: lane.backfill.as_ref().map(|backfill| backfill.id),
        }
    }
}

impl Lanes {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Lane> {
        self.all.iter()
    }

    /// The lanes that follow the end of the log: one for each loaded binding.
    pub(super) fn live(&self) -> impl Iterator<Item = &Lane> {
        self.all.iter().filter(|lane| lane.backfill.is_none())
    }

    pub(super) fn get(&mut self, key: LaneKey) -> Option<&mut Lane> {
        self.all.iter_mut().find(|lane| lane.key == key)
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
        let is_ready = |lane: &Lane| lane.pace == pace && lane.is_ready(head, now, at_once);
        let least = self.all.iter().filter(|lane| is_ready(lane)).map(|lane| lane.used).min()?;
        // Who has nothing to do saves no time up for later.
        for lane in self.all.iter_mut().filter(|lane| lane.pace == pace) {
            lane.used = lane.used.max(least);
        }
        self.all.sort_by_key(|lane| lane.used);
        let first = self.all.iter_mut().find(|lane| is_ready(lane))?;
        let job = first.take(head, now)?;
        let mut shares = vec![Share::of(first)];
        if let (Job::Stretch(stretch), Pace::Quick, None) = (&job, pace, &first.backfill) {
            let along = self.all.iter_mut().filter(|lane| lane.pace == pace);
            shares.extend(along.filter_map(|lane| lane.take_along(*stretch, now).then(|| Share::of(lane))));
        }
        Some(Claim { job, shares })
    }

    /// Counts what evaluations took, at the lane that stays when a backfill's goes.
    pub(super) fn measure(&mut self, batch: &EvaluationBatch) {
        let stays = |lane: &&mut Lane| lane.id == batch.binding && lane.backfill.is_none();
        if let Some(lane) = self.all.iter_mut().find(stays) {
            lane.measure(&batch.evaluations);
        }
    }

    /// Lets a lane go at another pace from now on.
    pub(super) fn change_pace(&mut self, key: LaneKey, pace: Pace) {
        let level = self.level(pace);
        if let Some(lane) = self.get(key) {
            lane.go_at(pace, level);
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
