//! Plugins: reading their files, preparing them once, calling them in the sandbox. The only user of wasmtime;
//! knows nothing of HTTP, SQL, or when a plugin is called.

mod cache;
mod call;
mod engine;
mod file;
mod load;
mod sandbox;
mod snapshot;
mod v0_1;
mod wasi;

pub use call::{Evaluator, WarmInstance};
pub use engine::{Engine, EngineError};
pub use file::{FileError, Inspection, PluginFile};
pub use load::{LoadError, Plugin};

use serde::{Deserialize, Serialize};

/// What a plugin says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Description {
    /// The plugin's own name.
    pub name: String,
    /// The plugin's own version.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// A JSON Schema of its config.
    pub config_schema: Option<String>,
}
