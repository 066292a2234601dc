//! What every HTTP route shares: how an error looks to a client. Knows nothing of any route.

mod problem;

pub use problem::{Problem, ProblemBody};
