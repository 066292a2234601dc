//! Plugins: reading their files, preparing them once, calling them in the sandbox. The only user of wasmtime;
//! knows nothing of HTTP, SQL, or when a plugin is called.

mod archive;
mod cache;
mod call;
mod contract;
mod engine;
mod file;
mod load;
mod models;
mod pieces;
mod prepare;
mod private;
mod sandbox;
mod snapshot;
mod v0_1;
mod wasi;
mod workshop;

pub use archive::{Archive, ArchiveError};
pub use call::{Evaluator, WarmInstance};
pub use contract::{contract_package, contract_world, with_component_type, world_name};
pub use engine::{Engine, EngineError, PoolUse, Warm};
pub use file::{FileError, Format, Inspection, PluginFile};
pub use load::{ContractError, LoadError, Plugin};
pub use workshop::{WORKSHOP_COMMAND, Workshop, serve_workshop};

/// What stands between a guest and its verdicts, for tests of it.
#[doc(hidden)]
pub mod answers {
    pub use super::call::{Answer, lift};
    pub use super::v0_1::types::{
        AttributeResult, AttributeValueResult, BiasFinding, Cost, CostItem, Failure, Finding, Score, ScoreValue,
        Severity, Span, TextSource,
    };
}

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

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

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs what may panic on a hostile file, as the crates that take WebAssembly apart do here and there, and prints nothing
/// then.
fn quietly<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                loud(panic);
            }
        }));
    });
    let before = QUIET.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    QUIET.set(before);
    done.map_err(|panic| {
        let reason = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        reason.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it is malformed".to_owned())
    })
}
