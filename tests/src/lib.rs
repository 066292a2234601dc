//! What tests and benchmarks share: a real server in a folder of its own, and a client for it. Knows nothing of
//! what is tested.

mod collector;
pub mod edges;
mod files;
mod language_model;
mod provider;
mod python;
mod registry;
mod server;
pub mod wat;
mod wire;

pub use collector::{Collector, Manner, Seen};
pub use files::{locked, sha256};
pub use language_model::{LanguageModel, minilm};
pub use provider::{Asked, Provider, Reply};
pub use python::{output, python, python_with_these_alone, run};
pub use registry::Registry;
pub use server::{Server, binary, guest, plugin, root};
pub use wire::{distinct, interaction, pages};
