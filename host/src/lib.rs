//! x
pub mod config;
pub mod plugin;
pub mod record;
