//! What every HTTP route shares: how a body is read, how an error looks to a client, and how requests are counted. Knows
//! nothing of any route.

mod body;
mod problem;
mod traffic;

pub use body::{content_type, explain, malformed, read_body, read_json, text};
pub use problem::{Problem, ProblemBody};
pub use traffic::{Answers, Traffic};
