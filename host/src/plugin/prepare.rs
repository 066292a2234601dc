//! What is done once with a plugin's file: take it apart, compile, describe, configure, snapshot, and compile that. Knows
//! nothing of the process it runs in, or of calls.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use wasmtime::Store;

use super::cache::Prepared;
use super::call;
use super::engine::{Engine, EngineError};
use super::file::{CONTRACT, FileError, Inspection, PluginFile};
use super::pieces::in_pieces;
use super::sandbox::{self, Bounds, Guest};
use super::wasi::Determinism;
use super::{ContractError, quietly, snapshot};
use crate::record::{Binding, Deadline, Failure, Limits, Reason};

/// What a binding can grant.
const CAPABILITIES: [&str; 2] = ["log", "models"];

/// What of a binding decides how its plugin is prepared.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Order {
    /// What randomness is made of meanwhile.
    seed: [u8; 32],
    config: String,
    capabilities: Vec<String>,
    pub(super) limits: Limits,
}

impl From<&Binding> for Order {
    fn from(binding: &Binding) -> Self {
        let Binding { config, capabilities, limits, .. } = binding;
        Self {
            seed: binding.instance_digest(),
            config: config.clone(),
            capabilities: capabilities.clone(),
            limits: *limits,
        }
    }
}

/// Why a plugin could not be prepared.
#[derive(Debug, thiserror::Error)]
pub(super) enum PrepareError {
    /// The file is no plugin.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no engine to configure it with.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// It imports what this host does not have.
    #[error("it imports `{0}`, which this host does not offer")]
    UnknownImport(String),
    /// It imports what the operator did not grant.
    #[error("it imports `{import}`, and the binding does not grant `{capability}`: {how}")]
    NotGranted {
        /// The import.
        import: String,
        /// What to grant.
        capability: &'static str,
        /// How that is done.
        how: &'static str,
    },
    /// The operator granted what there is not.
    #[error("there is no capability `{0}`; there are: log, models")]
    UnknownCapability(String),
    /// It can't be rewritten.
    #[error("it does not compile")]
    Rewrite(#[source] wasm_encoder::reencode::Error),
    /// It does not compile.
    #[error("it does not compile")]
    Compile(#[source] wasmtime::Error),
    /// It does not fit the engine's limits, or imports of WASI what there is not.
    #[error("it does not fit this host")]
    Link(#[source] wasmtime::Error),
    /// An export is not of the contract's type.
    #[error(transparent)]
    Contract(#[from] ContractError),
    /// It failed while it was prepared.
    #[error("{during} failed: {}: {message}", reason.as_str())]
    Guest {
        /// What it was doing.
        during: &'static str,
        /// The sort of failure.
        reason: Reason,
        /// What exactly.
        message: String,
    },
    /// The crates that take WebAssembly apart panicked on it.
    #[error("it is broken, or this host is: {0}")]
    Panicked(String),
    /// What it says of itself breaks the contract.
    #[error("its description is not valid: {0}")]
    Description(String),
    /// Its `configure` gave an error.
    #[error("it refused its `config`: {0}")]
    Refused(String),
}

impl PrepareError {
    pub(super) fn guest(during: &'static str, store: &Store<Guest>, error: &wasmtime::Error) -> Self {
        let Failure { reason, mut message, .. } = call::classify(error, store.data());
        if reason == Reason::Deadline {
            "it took longer than its `load_deadline`".clone_into(&mut message);
        }
        Self::Guest { during, reason, message }
    }
}

/// Makes a plugin ready: what was learnt of it, and its compiled code.
pub(super) fn prepare(engine: &Engine, file: &PluginFile, order: &Order) -> Result<(Prepared, Vec<u8>), PrepareError> {
    quietly(|| make(engine, file, order)).map_err(PrepareError::Panicked)?
}

fn make(engine: &Engine, file: &PluginFile, order: &Order) -> Result<(Prepared, Vec<u8>), PrepareError> {
    let began = Instant::now();
    let inspection = file.inspection()?;
    check_imports(inspection, &order.capabilities)?;
    // What is configured runs once, and is compiled faster; what judges is compiled well.
    let hasty = Engine::hasty()?;
    let linker = sandbox::linker(&hasty, inspection, false).map_err(PrepareError::Link)?;
    let determinism = Determinism { now: 0, seed: order.seed };
    let new_store = || sandbox::store(&hasty, &bounds(&order.limits, began.elapsed()), determinism);
    let configured = snapshot::configure(file.component()?, (&order.config, &inspection.kinds), &linker, new_store)?;
    let (no_snapshot, bytes) = match &configured.snapshot {
        Ok(snapshot) => (None, snapshot.as_slice()),
        Err(reason) => (Some(reason.clone()), file.component()?),
    };
    let bytes = in_pieces(bytes).map_err(PrepareError::Rewrite)?;
    let code = engine.wasmtime.precompile_component(&bytes).map_err(PrepareError::Compile)?;
    Ok((Prepared { inspection: inspection.clone(), description: configured.description, no_snapshot }, code))
}

/// The limits of a stay that begins when so much of the time for preparing has passed. What is prepared does not depend
/// on the limits of calls but for memory, which the cache's key has.
fn bounds(limits: &Limits, passed: Duration) -> Bounds {
    let left = limits.load_deadline.get().saturating_sub(passed).as_millis();
    let deadline = Deadline::from_millis(u64::try_from(left).unwrap_or(u64::MAX).max(1));
    Bounds { deadline, memory: limits.memory, ..Bounds::of_calls(&Limits::default()) }
}

fn check_imports(inspection: &Inspection, granted: &[String]) -> Result<(), PrepareError> {
    if let Some(unknown) = granted.iter().find(|capability| !CAPABILITIES.contains(&capability.as_str())) {
        return Err(PrepareError::UnknownCapability(unknown.clone()));
    }
    for import in &inspection.imports {
        let interface = import.strip_prefix("tribunal:plugin/").and_then(|rest| rest.strip_suffix(CONTRACT));
        match interface.and_then(|rest| rest.strip_suffix('@')) {
            Some("types" | "abort") => {}
            Some(capability @ ("log" | "models")) => {
                if !granted.iter().any(|granted| granted == capability) {
                    let (capability, how) = match capability {
                        "log" => ("log", "add it to its `capabilities`"),
                        _ => {
                            ("models", "name those that it may ask, `models = [\"…\"]`; at a command, `--models FILE`")
                        }
                    };
                    return Err(PrepareError::NotGranted { import: import.clone(), capability, how });
                }
            }
            None if import.starts_with("wasi:") => {}
            _ => return Err(PrepareError::UnknownImport(import.clone())),
        }
    }
    Ok(())
}
