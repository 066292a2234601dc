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
mod models;
mod verdict;

use serde::de::DeserializeOwned;

pub use bindings::log::Level;
pub use bindings::types::{
    Attribute, AttributeValue, BiasFinding, Call, CallError, Cost, CostItem, Description, Document, Failure, Finding,
    Interaction, Message, OtherPart, Part, PromptVersion, Score, ScoreValue, Severity, Span, TextSource, Timing,
    ToolCall, ToolResult, UnitCount, Usage,
};
pub use interaction::{Json, Text, attribute};
pub use models::{Completion, Prompt, PromptMessage, TokenLogprob, embed};

#[doc(hidden)]
pub mod __private {
    pub use crate::bindings::{kinds, plugin};
    pub use crate::export::{Configured, parse_config, report_panics, reserve_call_arena};
}

/// Writes one line for the operator, kept with the evaluation; the binding has to grant `log`. Outside a host, as in the
/// plugin's own tests, it goes to standard error.
///
/// ```
/// # use tribunal_sdk::{Level, log};
/// log(Level::Warn, format!("no price for {}", "gpt-4.1-mini"));
/// ```
pub fn log(level: Level, message: impl AsRef<str>) {
    #[cfg(target_family = "wasm")]
    bindings::log::log(level, message.as_ref());
    #[cfg(not(target_family = "wasm"))]
    eprintln!("{level:?} {}", message.as_ref());
}

/// What every plugin is: something made once from the operator's config.
///
/// ```
/// # use tribunal_sdk::Plugin;
/// #[derive(serde::Deserialize)]
/// #[serde(deny_unknown_fields)]
/// struct Config {
///     words: Vec<String>,
/// }
///
/// struct Words(Vec<String>);
///
/// impl Plugin for Words {
///     type Config = Config;
///     fn configure(config: Config) -> Result<Self, String> {
///         if config.words.is_empty() {
///             return Err("\"words\" names no word to look for".to_owned());
///         }
///         Ok(Self(config.words))
///     }
/// }
///
/// assert!(Words::configure(Config { words: vec![] }).is_err());
/// ```
pub trait Plugin: Sized + 'static {
    /// The binding's `config`. Use [`NoConfig`] where there is none.
    type Config: DeserializeOwned;

    /// Makes the plugin. An error refuses the binding at load with this text.
    fn configure(config: Self::Config) -> Result<Self, String>;

    /// A JSON Schema of [`Plugin::Config`], for the operator's editor and for `tribunal plugin inspect`; in most plugins
    /// the text of a file, by `include_str!`.
    fn config_schema() -> Option<String> {
        None
    }
}

/// Gives the interaction scores.
///
/// ```
/// # use tribunal_sdk::{Failure, Interaction, NoConfig, Plugin, Score, Scorer};
/// struct Length;
/// # impl Plugin for Length {
/// #     type Config = NoConfig;
/// #     fn configure(_: NoConfig) -> Result<Self, String> { Ok(Self) }
/// # }
/// impl Scorer for Length {
///     fn evaluate(&self, interaction: &Interaction) -> Result<Vec<Score>, Failure> {
///         Ok(vec![Score::number("bytes", interaction.answer().len() as f64)])
///     }
/// }
/// # assert_eq!(Length.evaluate(&Interaction::example("", "four")).unwrap().len(), 1);
/// ```
pub trait Scorer: Plugin {
    /// An empty list says that there is nothing to score.
    fn evaluate(&self, interaction: &Interaction) -> Result<Vec<Score>, Failure>;
}

/// Finds errors in the interaction.
///
/// ```
/// # use tribunal_sdk::{ErrorClassifier, Failure, Finding, Interaction, NoConfig, Plugin, Severity};
/// struct Placeholders;
/// # impl Plugin for Placeholders {
/// #     type Config = NoConfig;
/// #     fn configure(_: NoConfig) -> Result<Self, String> { Ok(Self) }
/// # }
/// impl ErrorClassifier for Placeholders {
///     fn evaluate(&self, interaction: &Interaction) -> Result<Vec<Finding>, Failure> {
///         let texts = interaction.output_texts();
///         let found = texts.filter_map(|text| text.find("{name}").map(|at| text.span(at..at + "{name}".len())));
///         let finding = |span| Finding::new("format", "placeholder", Severity::Medium).at(span);
///         Ok(found.map(finding).collect())
///     }
/// }
/// # assert_eq!(Placeholders.evaluate(&Interaction::example("", "Dear {name}")).unwrap().len(), 1);
/// ```
pub trait ErrorClassifier: Plugin {
    /// An empty list says that there is no error.
    fn evaluate(&self, interaction: &Interaction) -> Result<Vec<Finding>, Failure>;
}

/// Finds bias in the interaction.
///
/// ```
/// # use tribunal_sdk::{BiasCheck, BiasFinding, Failure, Interaction, NoConfig, Plugin, Severity};
/// struct Chairs;
/// # impl Plugin for Chairs {
/// #     type Config = NoConfig;
/// #     fn configure(_: NoConfig) -> Result<Self, String> { Ok(Self) }
/// # }
/// impl BiasCheck for Chairs {
///     fn evaluate(&self, interaction: &Interaction) -> Result<Vec<BiasFinding>, Failure> {
///         let texts = interaction.output_texts();
///         let found = texts.filter_map(|text| text.find("chairman").map(|at| text.span(at..at + 8)));
///         Ok(found.map(|span| BiasFinding::new("gender", Severity::Low).at(span)).collect())
///     }
/// }
/// # assert_eq!(Chairs.evaluate(&Interaction::example("", "the chairman")).unwrap().len(), 1);
/// ```
pub trait BiasCheck: Plugin {
    /// An empty list says that no bias was found.
    fn evaluate(&self, interaction: &Interaction) -> Result<Vec<BiasFinding>, Failure>;
}

/// Says what a call cost.
///
/// ```
/// # use tribunal_sdk::{Call, Cost, CostItem, Failure, Interaction, NoConfig, Plugin, PricingAdapter, Usage};
/// /// One cent for each call that was answered.
/// struct Flat;
/// # impl Plugin for Flat {
/// #     type Config = NoConfig;
/// #     fn configure(_: NoConfig) -> Result<Self, String> { Ok(Self) }
/// # }
/// impl PricingAdapter for Flat {
///     fn evaluate(&self, call: &Call) -> Result<Option<Cost>, Failure> {
///         const CENT: u64 = 10_000_000;
///         if call.error.is_some() {
///             return Ok(None);
///         }
///         let item = CostItem { name: "calls".into(), quantity: 1, unit_price: CENT * 1_000_000, amount: CENT };
///         Ok(Some(Cost {
///             currency: "USD".into(),
///             amount: CENT,
///             items: vec![item],
///             price_list: "flat 2026-01".into(),
///             attributes: vec![],
///         }))
///     }
/// }
/// # assert!(Flat.evaluate(&Interaction::example("", "").call).unwrap().is_some());
/// ```
pub trait PricingAdapter: Plugin {
    /// None says that the price is not known, which is not the same as a cost of 0.
    fn evaluate(&self, call: &Call) -> Result<Option<Cost>, Failure>;
}

/// The config of a plugin that takes none: an empty object, and any key in it is an error.
///
/// ```
/// # use tribunal_sdk::{NoConfig, Plugin};
/// struct Simple;
///
/// impl Plugin for Simple {
///     type Config = NoConfig;
///     fn configure(_: NoConfig) -> Result<Self, String> {
///         Ok(Self)
///     }
/// }
/// ```
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoConfig {}
