//! The tests that drive the real server from outside, with real plugins built from source.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is what is wanted")]
#![allow(clippy::print_stdout, reason = "a test may say what it counted")]

mod architecture;
mod author;
mod author_models;
mod backfill;
mod cache;
mod cli;
mod compare;
mod contract;
mod durability;
mod hostile_input;
mod hostile_plugins;
mod judges;
mod language_models;
mod languages;
mod lists;
mod local_model;
mod metrics;
mod model_costs;
mod model_storms;
mod models;
mod openapi;
mod operating;
mod pricing;
mod properties;
mod real_models;
mod recording;
mod registry;
mod replay;
mod retries;
mod sample;
mod standing;
mod telemetry;
mod words;
