//! Write Tribunal plugins in Rust: implement a kind's trait, name it in [`export!`], compile to WebAssembly.
//!
//! ```
//! use tribunal_sdk::{Failure, Interaction, Plugin, Score, Scorer};
//!
//! #[derive(serde::Deserialize)]
//! struct Config {
//!     at_most: usize,
//! }
//!
//! struct Brevity(Config);
//!
//! impl Plugin for Brevity {
//!     type Config = Config;
//!     fn configure(config: Config) -> Result<Self, String> {
//!         Ok(Self(config))
//!     }
//! }
//!
//! impl Scorer for Brevity {
//!     fn evaluate(&self, interaction: &Interaction) -> Result<Vec<Score>, Failure> {
//!         let length: usize = interaction.output_texts().map(|text| text.len()).sum();
//!         Ok(vec![Score::boolean("brief", length <= self.0.at_most)])
//!     }
//! }
//!
//! tribunal_sdk::export!(Brevity: Scorer);
//! # fn main() {}
//! ```
//!
//! What [`Plugin::configure`] builds is kept: the host takes a snapshot of the configured instance and starts
//! every evaluation from it. Load dictionaries and models there.

#[cfg(target_family = "wasm")]
mod allocator;
mod bindings;
mod export;
mod interaction;
mod verdict;

use serde::de::DeserializeOwned;

pub use bindings::log::{Level, log};
pub use bindings::types::{
    Attribute, AttributeValue, BiasFinding, Call, CallError, Cost, CostItem, Description, Document, Failure, Finding,
    Interaction, Message, OtherPart, Part, PromptVersion, Score, ScoreValue, Severity, Span, TextSource, Timing,
    ToolCall, ToolResult, UnitCount, Usage,
};
pub use interaction::{Json, Text, attribute};

#[doc(hidden)]
pub mod __private {
    pub use crate::bindings::{kinds, plugin};
    pub use crate::export::{Configured, parse_config, report_panics, reserve_call_arena};
}

/// What every plugin is: something made once from the operator's config.
pub trait Plugin: Sized + 'static {
    /// The binding's `config`. Use [`NoConfig`] where there is none.
    type Config: DeserializeOwned;

    /// Makes the plugin. An error refuses the binding at load with this text.
    fn configure(config: Self::Config) -> Result<Self, String>;

    /// A JSON Schema of [`Plugin::Config`], for the operator's editor and for `tribunal plugin inspect`.
    fn config_schema() -> Option<String> {
        None
    }
}

/// Gives the interaction scores.
pub trait Scorer: Plugin {
    /// An empty list says that there is nothing to score.
    fn evaluate(&self, interaction: &Interaction) -> Result<Vec<Score>, Failure>;
}

/// Finds errors in the interaction.
pub trait ErrorClassifier: Plugin {
    /// An empty list says that there is no error.
    fn evaluate(&self, interaction: &Interaction) -> Result<Vec<Finding>, Failure>;
}

/// Finds bias in the interaction.
pub trait BiasCheck: Plugin {
    /// An empty list says that no bias was found.
    fn evaluate(&self, interaction: &Interaction) -> Result<Vec<BiasFinding>, Failure>;
}

/// Says what a call cost.
pub trait PricingAdapter: Plugin {
    /// None says that the price is not known, which is not the same as a cost of 0.
    fn evaluate(&self, call: &Call) -> Result<Option<Cost>, Failure>;
}

/// The config of a plugin that takes none: an empty object, and any key in it is an error.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoConfig {}
