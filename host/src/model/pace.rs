//! At most so many requests within a minute, evenly.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Gives turns. Those that were not taken in the last second may be taken at once.
pub(super) struct Pace {
    every: Duration,
    /// When the next turn is due.
    next: Mutex<Instant>,
}

/// For how long turns that were not taken are kept.
const KEPT: Duration = Duration::from_secs(1);

impl Pace {
    pub(super) fn per_minute(requests: u32) -> Self {
        Self { every: Duration::from_secs(60) / requests, next: Mutex::new(Instant::now()) }
    }

    /// Takes the next turn and gives how long it is until then, or takes none where that is not before the end.
    pub(super) fn turn(&self, end: Instant) -> Option<Duration> {
        self.turn_at(Instant::now(), end)
    }

    fn turn_at(&self, now: Instant, end: Instant) -> Option<Duration> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let due = (*next).max(now.checked_sub(KEPT).unwrap_or(now));
        if due >= end {
            return None;
        }
        *next = due + self.every;
        Some(due.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_are_even_and_few_are_saved() {
        let pace = Pace::per_minute(600);
        let start = Instant::now() + Duration::from_secs(60);
        let turn =
            |from: u64, end: u64| pace.turn_at(start + Duration::from_millis(from), start + Duration::from_millis(end));
        // Of the minute that has passed, one second's turns are there.
        let at_once = (0..100).take_while(|_| turn(0, 1_000).is_some_and(|wait| wait.is_zero())).count();
        assert_eq!(at_once, 11);
        // Who has no time for the next one leaves it to others.
        assert_eq!(turn(0, 150), None);
        // The one that was asked for above was the first to wait.
        assert_eq!(turn(0, 1_000), Some(Duration::from_millis(200)));
        assert_eq!(turn(100, 1_000), Some(Duration::from_millis(200)));
    }
}
