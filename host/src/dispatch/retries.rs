//! Evaluations that failed for the moment and are made again later. They are bounded in number and in attempts, and
//! wait beside the log: no batch waits for them.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::record::{Evaluation, Reason, Seq, Time};
use crate::store::Retry;

/// What waits at most for one binding; what fails for the moment beyond that has failed.
const MOST: usize = 10_000;
/// The most that one turn takes.
const TURN: usize = 16;
/// How long the first one waits, give or take a half.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest between the end of an evaluation and what is noted of it.
const SLACK: Duration = Duration::from_secs(1);
/// The longest that one waits, before a half is given or taken.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// What one lane has to try again.
#[derive(Debug, Default)]
pub(super) struct Retries {
    due: BTreeSet<(Time, Seq, u32)>,
    /// How many attempts at an interaction do not count, where no budget allowed them or somebody wants more.
    uncounted: HashMap<Seq, u32>,
    /// When they were last hastened.
    hastened_at: Option<Time>,
}

impl Retries {
    /// Those that waited when the host stopped. One that waits though its attempts are used up has them anew.
    pub(super) fn new(waiting: Vec<Retry>, most_attempts: u32, now: Time) -> Self {
        let due = waiting.iter().map(|retry| (retry.at, retry.seq, retry.attempts)).collect();
        let is_anew = |retry: &&Retry| retry.is_unpaid || retry.attempts >= most_attempts;
        let uncounted = waiting.iter().filter(is_anew).map(|retry| (retry.seq, retry.attempts)).collect();
        let mut retries = Self { due, uncounted, hastened_at: None };
        retries.bring_forward(now);
        retries
    }

    /// Tries soon what circumstances held back that have changed, also where it is under way now.
    pub(super) fn hasten(&mut self, now: Time) {
        self.hastened_at = Some(now);
        self.bring_forward(now);
    }

    /// Tries soon what waits longer than any backoff lets it: for a budget to renew, which may be a larger one by now.
    fn bring_forward(&mut self, now: Time) {
        let late = self.due.split_off(&(now + LONGEST_WAIT * 2, Seq(0), 0));
        self.due.extend(late.into_iter().map(|(_, seq, attempts)| (now + wait(seq, 1), seq, attempts)));
    }

    pub(super) fn len(&self) -> usize {
        self.due.len()
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Time> {
        self.due.first().map(|(at, ..)| *at)
    }

    /// How many more there is room for.
    pub(super) fn room(&self) -> usize {
        MOST.saturating_sub(self.due.len())
    }

    /// Takes on what had failed, with the attempts it had, which do not count any more.
    pub(super) fn add(&mut self, failed: &[(Seq, u32)], at: Time) {
        for &(seq, attempts) in failed {
            self.due.insert((at, seq, attempts));
            self.uncounted.insert(seq, attempts);
        }
    }

    /// Takes those that are due, with the attempts they had.
    pub(super) fn take(&mut self, now: Time, most: usize) -> Vec<(Seq, u32)> {
        let mut taken = Vec::new();
        while taken.len() < most.min(TURN)
            && let Some((at, seq, attempts)) = self.due.first().copied()
            && at <= now
        {
            self.due.pop_first();
            taken.push((seq, attempts));
        }
        taken
    }

    /// Puts back what was taken and not done.
    pub(super) fn put_back(&mut self, rest: Vec<(Seq, u32)>, now: Time) {
        self.due.extend(rest.into_iter().map(|(seq, attempts)| (now, seq, attempts)));
    }

    /// Notes that an evaluation is to be tried again, where trying again may help and may be done.
    pub(super) fn schedule(&mut self, evaluation: &mut Evaluation, most_attempts: u32, now: Time) {
        let seq = evaluation.seq;
        let mut uncounted = self.uncounted.remove(&seq).unwrap_or(0);
        let Some(failure) = evaluation.outcome.failure().filter(|failure| failure.transient) else { return };
        uncounted += u32::from(failure.reason == Reason::BudgetSpent);
        let attempts = evaluation.attempts.saturating_sub(uncounted);
        if attempts < most_attempts && self.due.len() < MOST {
            // What began before they were hastened was held back by what was then.
            let took = Duration::from_micros(evaluation.duration_us.into()) + SLACK;
            let is_outdated = self.hastened_at.is_some_and(|at| now < at + took);
            let again_at = failure.again_at.filter(|_| !is_outdated).unwrap_or(now);
            let at = again_at.max(now) + wait(seq, attempts);
            evaluation.retry_at = Some(at);
            self.due.insert((at, seq, evaluation.attempts));
            if uncounted > 0 {
                self.uncounted.insert(seq, uncounted);
            }
        }
    }
}

/// Doubles with each attempt; spread by half of it to both sides, by place in the log, so that what failed together is
/// not tried together.
fn wait(seq: Seq, attempts: u32) -> Duration {
    let doubled = FIRST_WAIT.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(LONGEST_WAIT);
    // The finaliser of splitmix64 (Steele, Lea and Flood, 2014).
    let mut spread = seq.0.wrapping_add(u64::from(attempts).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    spread = (spread ^ spread >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    spread = (spread ^ spread >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    let share = (spread >> 11) as f64 / (1u64 << 53) as f64;
    doubled.mul_f64(0.5 + share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_a_budget_is_hastened() {
        let now = Time::from_nanoseconds(0);
        let retry = |seq, seconds| Retry {
            seq: Seq(seq),
            at: now + Duration::from_secs(seconds),
            attempts: 5,
            is_unpaid: false,
        };
        let mut retries = Retries::new(vec![retry(1, 450), retry(2, 86_400)], 9, now);
        assert_eq!(retries.take(now + Duration::from_secs(2), 9), [(Seq(2), 5)]);
        assert_eq!(retries.next(), Some(now + Duration::from_secs(450)));
    }

    #[test]
    fn waits_double_and_are_spread() {
        for (attempts, seconds) in [(1, 1.0), (2, 2.0), (3, 4.0), (9, 256.0), (10, 300.0), (40, 300.0)] {
            let waits: Vec<f64> = (1..=1000).map(|seq| wait(Seq(seq), attempts).as_secs_f64() / seconds).collect();
            assert!(waits.iter().all(|wait| (0.5..1.5).contains(wait)), "attempt {attempts}");
            let mean = waits.iter().sum::<f64>() / 1000.0;
            assert!((0.95..1.05).contains(&mean), "attempt {attempts}: {mean}");
        }
    }
}
