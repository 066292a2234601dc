//! Wire formats in: what applications post becomes records in the store. Knows nothing of plugins or verdicts.

mod native;
mod routes;

pub use native::{Item, parse_array, parse_lines, parse_one};
pub use routes::{BatchAnswer, OneAnswer, Rejected, router};
