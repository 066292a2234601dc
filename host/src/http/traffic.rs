//! How many requests were answered, how and how fast. Knows nothing of what was asked.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::histogram::{self, Histogram};

/// What was answered since the start: one count for each method, route and status that ever was, of which there are
/// only so many.
#[derive(Default)]
pub struct Traffic {
    answers: Mutex<Vec<Answers>>,
}

/// Requests that were answered alike.
#[derive(Debug, Clone)]
pub struct Answers {
    /// The method, or `other`.
    pub method: &'static str,
    /// The route as it stands in the OpenAPI document, or `none`.
    pub route: String,
    /// The status of the answer.
    pub status: u16,
    /// Microseconds from the request's head to the answer's.
    pub durations: Histogram,
}

impl Traffic {
    /// Counts an answer.
    pub fn record(&self, method: &'static str, route: &str, status: u16, took: Duration) {
        let mut answers = self.answers();
        let alike =
            |answers: &&mut Answers| answers.status == status && answers.route == route && answers.method == method;
        match answers.iter_mut().find(alike) {
            Some(answers) => answers.durations.record_duration(took),
            None => {
                let mut durations = Histogram::new(&histogram::DURATION);
                durations.record_duration(took);
                answers.push(Answers { method, route: route.to_owned(), status, durations });
            }
        }
    }

    /// What was answered so far.
    pub fn snapshot(&self) -> Vec<Answers> {
        self.answers().clone()
    }

    fn answers(&self) -> MutexGuard<'_, Vec<Answers>> {
        // Nothing that holds the lock can panic halfway through a change.
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
