//! The domain: what is recorded, what judges it and what was judged. Knows nothing of HTTP, SQL or wasmtime.
//!
//! Everything here is valid once it exists: text from outside becomes one of these types at the edge, or an
//! error that names the field.

mod binding;
mod budget;
mod definition;
mod digest;
mod evaluation;
mod exchange;
mod filter;
mod interaction;
mod message;
mod model;
mod scalar;
mod time;
mod verdict;

pub use binding::{Binding, BindingDigest, ComponentDigest, ConfigDigest, GrantedModel, Kind, Limits, Sample, Start};
pub use budget::{Budget, Hour, Period, Usd};
pub use definition::DefinitionError;
pub use evaluation::{Evaluation, Failure, LogLine, Outcome, Reason, short};
pub use exchange::{ExchangeDigest, ModelExchange};
pub use filter::{Filter, FilterError};
pub use interaction::{CallError, Document, Interaction, NewInteraction, PromptVersion, Usage};
pub use message::{Content, Message, Part};
pub use model::{
    Ask, Asked, Completion, Dialect, Embeddings, ModelAnswer, ModelCall, ModelDefinition, ModelFailure,
    ModelFailureKind, ModelRequest, Models, NoModels, Prices, Prompt, PromptMessage, Remote, Secret, Source,
    TokenLogprob,
};
pub use scalar::{ByteSize, Count, Deadline, InteractionId, Milliseconds, Name, NameError, Rate, Seq};
pub use time::Time;
pub use verdict::{Cost, CostItem, Severity, Span, TextSource, Value, Verdict, VerdictKind};
