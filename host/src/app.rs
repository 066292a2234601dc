//! Composition: the commands, and the order in which things start and stop.

mod check;
mod cli;
mod import;
mod inspect;
mod load;
mod serve;

pub use cli::run;
