//! Holds a binding back that keeps failing, and lets it try now and then. What it has yet to judge waits in the log,
//! so nothing is lost by it. Knows nothing of lanes.

use std::time::Duration;

use crate::record::{Failure, Time};

/// Of so many of the last evaluations as bits fit below …
pub(super) const WINDOW: u32 = u32::BITS;
/// … that many failures are too many.
pub(super) const TOO_MANY: u32 = WINDOW / 2;
/// How long it first waits before a probe; twice as long after each that fails.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest it waits between two probes.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// The state of one lane's breaker.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    /// The outcomes since it was last closed, newest in the lowest bit, 1 for a failure.
    recent: u32,
    trips: u64,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    since: Time,
    reason: String,
    wait: Duration,
    probe_at: Time,
    probing: bool,
}

/// A breaker as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakerView {
    /// How often it tripped since the binding was loaded.
    pub trips: u64,
    /// Why it is open, where it is.
    pub open: Option<OpenView>,
}

/// An open breaker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenView {
    /// Since when.
    pub since: Time,
    /// When the next probe is due.
    pub probe_at: Time,
    /// Whether a probe is under way: the breaker is half-open.
    pub probing: bool,
    /// The failure that tripped it, or that of the last probe.
    pub reason: String,
}

/// How much a binding may be given to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowance {
    Everything,
    /// One interaction, to see.
    Probe,
    Nothing,
}

/// What an outcome did to the breaker.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    Tripped,
    Mended,
}

impl Breaker {
    /// As it stood after these outcomes, oldest first, so that a start is no new chance.
    pub(super) fn after(outcomes: &[Option<Failure>], now: Time) -> Self {
        let mut breaker = Self::default();
        for outcome in outcomes {
            breaker.note(outcome.as_ref(), now);
        }
        breaker
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    pub(super) fn allowance(&self, now: Time) -> Allowance {
        match &self.open {
            None => Allowance::Everything,
            Some(open) if !open.probing && open.probe_at <= now => Allowance::Probe,
            Some(_) => Allowance::Nothing,
        }
    }

    /// A probe goes out.
    pub(super) fn probe(&mut self) {
        if let Some(open) = &mut self.open {
            open.probing = true;
        }
    }

    /// Lets the next probe go out at once.
    pub(super) fn hasten(&mut self, now: Time) {
        if let Some(open) = &mut self.open {
            open.probe_at = open.probe_at.min(now);
        }
    }

    /// The probe came back without an evaluation, since there was nothing to evaluate: the next may go out at once.
    pub(super) fn probe_was_empty(&mut self) {
        if let Some(open) = &mut self.open {
            open.probing = false;
        }
    }

    /// Notes an outcome: none for a success.
    pub(super) fn note(&mut self, failure: Option<&Failure>, now: Time) -> Option<Change> {
        self.recent = self.recent << 1 | u32::from(failure.is_some());
        match (&mut self.open, failure) {
            (Some(_), None) => {
                self.open = None;
                self.recent = 0;
                Some(Change::Mended)
            }
            // What was under way when it tripped fails without a probe; only a probe makes it wait longer.
            (Some(open), Some(failure)) if open.probing => {
                open.probing = false;
                open.wait = (open.wait * 2).min(LONGEST_WAIT);
                open.probe_at = now + open.wait;
                open.reason = describe(failure);
                None
            }
            (None, Some(failure)) if self.recent.count_ones() >= TOO_MANY => {
                let (wait, reason) = (FIRST_WAIT, describe(failure));
                self.open = Some(Open { since: now, reason, wait, probe_at: now + wait, probing: false });
                self.trips += 1;
                Some(Change::Tripped)
            }
            (Some(_) | None, Some(_)) | (None, None) => None,
        }
    }

    pub(super) fn view(&self) -> BreakerView {
        let open = self.open.as_ref().map(|open| OpenView {
            since: open.since,
            probe_at: open.probe_at,
            probing: open.probing,
            reason: open.reason.clone(),
        });
        BreakerView { trips: self.trips, open }
    }
}

fn describe(failure: &Failure) -> String {
    format!("{}: {}", failure.reason.as_str(), failure.message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Reason;

    fn check(outcomes: &str, expected: &[Option<Change>], allowance: Allowance) {
        let mut breaker = Breaker::default();
        let now = Time::from_nanoseconds(0);
        let failure = Failure::new(Reason::Trap, "no");
        let last: Vec<_> =
            outcomes.chars().map(|outcome| breaker.note((outcome == 'x').then_some(&failure), now)).collect();
        assert_eq!(&last[last.len() - expected.len()..], expected, "{outcomes}");
        assert_eq!(breaker.allowance(now), allowance, "{outcomes}");
    }

    #[test]
    fn trips_when_half_of_the_last_fail() {
        check(&"x".repeat(15), &[None], Allowance::Everything);
        check(&"x".repeat(16), &[None, Some(Change::Tripped)], Allowance::Nothing);
        check(&".x".repeat(15), &[None], Allowance::Everything);
        check(&".x".repeat(16), &[Some(Change::Tripped)], Allowance::Nothing);
        check(&"..x".repeat(100), &[None], Allowance::Everything);
        check(&format!("{}.", "x".repeat(16)), &[Some(Change::Mended)], Allowance::Everything);
        check(&format!("{}.x", "x".repeat(16)), &[Some(Change::Mended), None], Allowance::Everything);
    }

    #[test]
    fn waits_twice_as_long_after_each_probe_that_fails() {
        let mut breaker = Breaker::default();
        let failure = Failure::new(Reason::Deadline, "late");
        let mut now = Time::from_nanoseconds(0);
        for _ in 0..16 {
            breaker.note(Some(&failure), now);
        }
        for wait in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            assert_eq!(breaker.allowance(now), Allowance::Nothing);
            now = now + Duration::from_secs(wait);
            assert_eq!(breaker.allowance(now), Allowance::Probe, "after {wait} s");
            breaker.probe();
            assert_eq!(breaker.allowance(now), Allowance::Nothing);
            assert_eq!(breaker.note(Some(&failure), now), None);
        }
    }
}
