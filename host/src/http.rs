//! What every HTTP route shares: how an error looks to a client, and how requests are counted. Knows nothing of any
//! route.

mod problem;
mod traffic;

pub use problem::{Problem, ProblemBody};
pub use traffic::{Answers, Traffic};
