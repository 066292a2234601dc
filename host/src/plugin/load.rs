//! From a plugin's file and a binding to something that can be called.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tracing::field::Empty;
use wasmtime::Store;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre};

use super::cache::Prepared;
use super::engine::{Engine, MAX_MEMORY};
use super::file::{CONTRACT, FileError, Inspection, PluginFile};
use super::sandbox::{self, Bounds, Guest};
use super::snapshot;
use super::wasi::Determinism;
use super::{Description, call, quietly, v0_1};
use crate::record::{Binding, BindingDigest, Deadline, Failure, Kind, Limits, Reason};

/// The longest that instantiating, describing, configuring and copying a plugin may take at load.
const LOAD_DEADLINE: Deadline = Deadline::from_millis(60_000);

/// A binding's plugin, ready to be called. Cheap to clone.
#[derive(Clone)]
pub struct Plugin {
    pub(super) inner: Arc<Loaded>,
}

pub(super) struct Loaded {
    pub(super) engine: Engine,
    pub(super) binding: Arc<Binding>,
    digest: BindingDigest,
    pub(super) bounds: Bounds,
    pub(super) uses_wasi: bool,
    pub(super) kinds: Vec<(Kind, ComponentExportIndex)>,
    pub(super) instance: InstancePre<Guest>,
    pub(super) prepared: Prepared,
}

/// Why a plugin is not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file is no plugin.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not the one the operator named.
    #[error("its sha256 is {found}, and the configuration asks for {expected}")]
    Digest {
        /// Of the file.
        found: crate::record::ComponentDigest,
        /// In the configuration.
        expected: crate::record::ComponentDigest,
    },
    /// It imports what this host does not have.
    #[error("it imports `{0}`, which this host does not offer")]
    UnknownImport(String),
    /// It imports what the operator did not grant.
    #[error("it imports `{import}`, and the binding does not grant `{capability}`: add it to its `capabilities`")]
    NotGranted {
        /// The import.
        import: String,
        /// What to grant.
        capability: String,
    },
    /// The operator granted what there is not.
    #[error("there is no capability `{0}`; there is: log")]
    UnknownCapability(String),
    /// More memory than a binding can have.
    #[error("`memory` is at most {}", crate::record::ByteSize(MAX_MEMORY))]
    Memory,
    /// It does not compile.
    #[error("it does not compile")]
    Compile(#[source] wasmtime::Error),
    /// It does not fit the engine's limits.
    #[error("it does not fit this host")]
    Link(#[source] wasmtime::Error),
    /// An export is not of the contract's type.
    #[error("its `{function}` does not have the type that the contract gives it")]
    Contract {
        /// The export.
        function: &'static str,
        /// The difference.
        #[source]
        source: wasmtime::Error,
    },
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
    /// The compiler panicked on it.
    #[error("it is broken, or this host is: {0}")]
    Panicked(String),
    /// Its description breaks the contract.
    #[error("its description is not valid: {0}")]
    Description(String),
    /// Its `configure` gave an error.
    #[error("it refused its `config`: {0}")]
    Refused(String),
}

impl LoadError {
    pub(super) fn guest(during: &'static str, store: &Store<Guest>, error: &wasmtime::Error) -> Self {
        let Failure { reason, mut message, .. } = call::classify(error, store.data());
        if reason == Reason::Deadline {
            message = format!("it took longer than the {LOAD_DEADLINE} that loading may take");
        }
        Self::Guest { during, reason, message }
    }
}

impl Plugin {
    /// Prepares a binding's plugin: from the cache, or by compiling, configuring and taking a snapshot, which can
    /// take seconds.
    pub fn load(engine: &Engine, file: &PluginFile, binding: Arc<Binding>) -> Result<Self, LoadError> {
        let span = tracing::info_span!(
            "load plugin",
            tribunal.plugin = %binding.name,
            tribunal.binding = %binding.digest(),
            tribunal.cache = Empty,
            otel.status_code = Empty,
            otel.status_description = Empty,
        );
        let work = || quietly(|| Self::make_ready(engine, file, binding)).map_err(LoadError::Panicked)?;
        span.in_scope(work).inspect_err(|error| {
            span.record("otel.status_code", "ERROR");
            span.record("otel.status_description", error.to_string());
        })
    }

    fn make_ready(engine: &Engine, file: &PluginFile, binding: Arc<Binding>) -> Result<Self, LoadError> {
        if binding.limits.memory.0 > MAX_MEMORY {
            return Err(LoadError::Memory);
        }
        let (prepared, component) = prepare(engine, file, &binding)?;
        let inspection = &prepared.inspection;
        let linker = sandbox::linker(engine, inspection).map_err(LoadError::Link)?;
        let instance = linker.instantiate_pre(&component).map_err(LoadError::Link)?;
        let kinds = inspection.kinds.iter().map(|kind| export(&instance, *kind)).collect::<Result<_, _>>()?;
        let bounds = bounds(&binding, binding.limits.deadline);
        let uses_wasi = sandbox::uses_wasi(inspection);
        let engine = engine.clone();
        let digest = binding.digest();
        let loaded = Loaded { engine, binding, digest, bounds, uses_wasi, kinds, instance, prepared };
        // Under the limits of every call, which may be tighter than those the snapshot was taken under.
        call::canary(&loaded).map_err(|Failure { reason, message, .. }| LoadError::Guest {
            during: "a first call, on an interaction made up for that,",
            reason,
            message,
        })?;
        Ok(Self { inner: Arc::new(loaded) })
    }

    /// Ends every call of this host's plugins as if its deadline had passed, for a host that stops.
    pub fn interrupt_all(&self) {
        self.inner.engine.interrupt();
    }

    /// What it is loaded as.
    pub fn binding(&self) -> &Arc<Binding> {
        &self.inner.binding
    }

    /// The binding's digest, made once.
    pub fn digest(&self) -> BindingDigest {
        self.inner.digest
    }

    /// The version of the contract that it was built for.
    pub fn contract(&self) -> &str {
        &self.inner.prepared.inspection.contract
    }

    /// What it says of itself.
    pub fn description(&self) -> &Description {
        &self.inner.prepared.description
    }

    /// What it can judge.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> {
        self.inner.kinds.iter().map(|(kind, _)| *kind)
    }

    /// Why each call configures it anew, where no snapshot could be taken.
    pub fn no_snapshot(&self) -> Option<&str> {
        self.inner.prepared.no_snapshot.as_deref()
    }
}

fn bounds(binding: &Binding, deadline: Deadline) -> Bounds {
    let limits = &binding.limits;
    Bounds { deadline, memory: limits.memory, output: limits.output, log_lines: limits.log_lines }
}

fn check_imports(inspection: &Inspection, granted: &[String]) -> Result<(), LoadError> {
    if let Some(unknown) = granted.iter().find(|capability| *capability != "log") {
        return Err(LoadError::UnknownCapability(unknown.clone()));
    }
    for import in &inspection.imports {
        let interface = import.strip_prefix("tribunal:plugin/").and_then(|rest| rest.strip_suffix(CONTRACT));
        match interface.and_then(|rest| rest.strip_suffix('@')) {
            Some("types" | "abort") => {}
            Some("log") if granted.iter().any(|capability| capability == "log") => {}
            Some("log") => {
                return Err(LoadError::NotGranted { import: import.clone(), capability: "log".to_owned() });
            }
            None if import.starts_with("wasi:") => {}
            _ => return Err(LoadError::UnknownImport(import.clone())),
        }
    }
    Ok(())
}

fn prepare(engine: &Engine, file: &PluginFile, binding: &Binding) -> Result<(Prepared, Component), LoadError> {
    let key = binding.instance_digest();
    if let Some(found) = engine.cache.as_ref().and_then(|cache| cache.load(&key, &engine.wasmtime)) {
        engine.lookups.hits.fetch_add(1, Ordering::Relaxed);
        tracing::Span::current().record("tribunal.cache", "hit");
        return Ok(found);
    }
    engine.lookups.misses.fetch_add(1, Ordering::Relaxed);
    tracing::Span::current().record("tribunal.cache", "miss");
    let inspection = file.inspection()?;
    check_imports(inspection, &binding.capabilities)?;
    let linker = sandbox::linker(engine, inspection).map_err(LoadError::Link)?;
    // What is prepared does not depend on the limits of calls but for memory, which the key has.
    let bounds = Bounds { output: Limits::default().output, ..bounds(binding, LOAD_DEADLINE) };
    let determinism = Determinism { now: 0, seed: key };
    let new_store = || sandbox::store(engine, &bounds, determinism);
    let configured = snapshot::configure(file.component()?, &binding.config, &linker, new_store)?;
    let (no_snapshot, bytes) = match &configured.snapshot {
        Ok(snapshot) => (None, snapshot.as_slice()),
        Err(reason) => (Some(reason.clone()), file.component()?),
    };
    let component = Component::new(&engine.wasmtime, bytes).map_err(LoadError::Compile)?;
    let prepared = Prepared { inspection: inspection.clone(), description: configured.description, no_snapshot };
    if let Some(cache) = &engine.cache {
        cache.store(&key, &prepared, &component);
    }
    Ok((prepared, component))
}

/// The kind's `evaluate`, checked to have the contract's type.
fn export(instance: &InstancePre<Guest>, kind: Kind) -> Result<(Kind, ComponentExportIndex), LoadError> {
    let wrong = |source| LoadError::Contract { function: kind.as_str(), source };
    let component = instance.component();
    let interface = component.get_export_index(None, format!("tribunal:plugin/{}@{CONTRACT}", kind.as_str()));
    let found = interface.and_then(|interface| component.get_export(Some(&interface), "evaluate"));
    let Some((ComponentItem::ComponentFunc(function), index)) = found else {
        return Err(wrong(wasmtime::Error::msg("there is no function `evaluate`")));
    };
    let types = instance.instance_type();
    match kind {
        Kind::Scorer => function.typecheck::<v0_1::Evaluate, v0_1::Scored>(&types),
        Kind::ErrorClassifier => function.typecheck::<v0_1::Evaluate, v0_1::Classified>(&types),
        Kind::BiasCheck => function.typecheck::<v0_1::Evaluate, v0_1::Checked>(&types),
        Kind::PricingAdapter => function.typecheck::<v0_1::Price, v0_1::Priced>(&types),
    }
    .map_err(wrong)?;
    Ok((kind, index))
}
