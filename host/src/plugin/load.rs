//! From a plugin's file and a binding to something that can be called.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tracing::field::Empty;
use wasmtime::Store;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre};

use super::cache::{Prepared, deserialize};
use super::engine::{Engine, MAX_MEMORY};
use super::file::{CONTRACT, PluginFile};
use super::prepare::Order;
use super::sandbox::{self, Bounds, Guest};
use super::wasi::Determinism;
use super::{Description, call, v0_1};
use crate::record::{Binding, BindingDigest, ByteSize, Deadline, Failure, Kind, Models};

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
    /// Whether it may ask models, and so has to be able to wait.
    pub(super) asks_models: bool,
    pub(super) kinds: Vec<(Kind, ComponentExportIndex)>,
    pub(super) instance: InstancePre<Guest>,
    pub(super) prepared: Prepared,
}

/// Why a plugin is not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file is not the one the operator named.
    #[error("its sha256 is {found}, and the configuration asks for {expected}")]
    Digest {
        /// Of the file.
        found: crate::record::ComponentDigest,
        /// In the configuration.
        expected: crate::record::ComponentDigest,
    },
    /// More memory than a binding can have.
    #[error("`memory` is at most {}", ByteSize(MAX_MEMORY))]
    Memory,
    /// It could not be prepared: the reason in words.
    #[error("{0}")]
    Preparation(String),
    /// It refused its config: its reason.
    #[error("it refused its `config`: {0}")]
    Refused(String),
    /// The process that prepares plugins can't be started or talked to.
    #[error("cannot have it prepared")]
    Workshop(#[source] std::io::Error),
    /// It was not ready in time.
    #[error("taking it apart, compiling and configuring it took longer than its `load_deadline` of {0}")]
    Deadline(Deadline),
    /// Preparing it took too much memory.
    #[error("taking it apart, compiling and configuring it took more than its `load_memory` of {0}")]
    LoadMemory(ByteSize),
    /// It broke the process that prepared it.
    #[error("it broke the process that prepared it, which ended with {0}")]
    Ended(std::process::ExitStatus),
    /// It does not fit the engine's limits.
    #[error("it does not fit this host")]
    Link(#[source] wasmtime::Error),
    /// An export is not of the contract's type.
    #[error(transparent)]
    Contract(#[from] ContractError),
    /// It did not answer a first call, on an interaction made up for that.
    #[error("a first call, on an interaction made up for that, failed: {}: {}", _0.reason.as_str(), _0.message)]
    Canary(Failure),
}

/// An export is not of the contract's type.
#[derive(Debug, thiserror::Error)]
#[error("its `{function}` does not have the type that the contract gives it")]
pub struct ContractError {
    /// The export.
    pub(super) function: &'static str,
    /// The difference.
    #[source]
    pub(super) source: wasmtime::Error,
}

impl Loaded {
    /// A store for one stay, with what the binding may ask.
    pub(super) fn store(&self, bounds: &Bounds, models: &Arc<dyn Models>, determinism: Determinism) -> Store<Guest> {
        let mut store = sandbox::store(&self.engine, bounds, determinism);
        if self.asks_models {
            store.data_mut().grant(Arc::clone(models), Arc::clone(&self.binding));
            store.epoch_deadline_callback(|store| Ok(sandbox::at_a_tick_of_many(store.data())));
        }
        store
    }
}

impl Plugin {
    /// Makes a binding's plugin ready: from the cache, or by having it prepared, which can take seconds.
    pub fn load(engine: &Engine, file: &PluginFile, binding: Arc<Binding>) -> Result<Self, LoadError> {
        let span = tracing::info_span!(
            "load plugin",
            tribunal.plugin = %binding.name,
            tribunal.binding = %binding.digest(),
            tribunal.cache = Empty,
            otel.status_code = Empty,
            otel.status_description = Empty,
        );
        span.in_scope(|| Self::make_ready(engine, file, binding, true)).inspect_err(|error| {
            span.record("otel.status_code", "ERROR");
            span.record("otel.status_description", error.to_string());
        })
    }

    /// The same without a first call, for whoever wants to see what becomes of a call of their own.
    pub fn load_untried(engine: &Engine, file: &PluginFile, binding: Arc<Binding>) -> Result<Self, LoadError> {
        Self::make_ready(engine, file, binding, false)
    }

    fn make_ready(
        engine: &Engine,
        file: &PluginFile,
        binding: Arc<Binding>,
        is_tried: bool,
    ) -> Result<Self, LoadError> {
        if binding.limits.memory.0 > MAX_MEMORY {
            return Err(LoadError::Memory);
        }
        let (prepared, component) = prepared(engine, file, &binding)?;
        let inspection = &prepared.inspection;
        let asks_models = inspection.asks_models();
        let linker = sandbox::linker(engine, inspection, asks_models).map_err(LoadError::Link)?;
        let instance = linker.instantiate_pre(&component).map_err(LoadError::Link)?;
        let kinds = inspection.kinds.iter().map(|kind| evaluate_of(&instance, *kind)).collect::<Result<_, _>>()?;
        let bounds = Bounds::of_calls(&binding.limits);
        let uses_wasi = sandbox::uses_wasi(inspection);
        let engine = engine.clone();
        let digest = binding.digest();
        let loaded = Loaded { engine, binding, digest, bounds, uses_wasi, asks_models, kinds, instance, prepared };
        // Under the limits of every call, which may be tighter than those the snapshot was taken under.
        if is_tried {
            call::canary(&loaded).map_err(LoadError::Canary)?;
        }
        Ok(Self { inner: Arc::new(loaded) })
    }

    /// Ends every call of this host's plugins as if its deadline had passed, for a host that stops.
    pub fn interrupt_all(&self) {
        self.inner.engine.interrupt();
    }

    /// Those who answer it.
    pub(super) fn models(&self) -> &Arc<dyn Models> {
        &self.inner.engine.models
    }

    /// Whether it may ask models, and so waits.
    pub fn asks_models(&self) -> bool {
        self.inner.asks_models
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

fn prepared(engine: &Engine, file: &PluginFile, binding: &Binding) -> Result<(Prepared, Component), LoadError> {
    let key = binding.preparation_digest();
    if let Some(found) = engine.cache.as_ref().and_then(|cache| cache.load(&key, &engine.wasmtime)) {
        engine.lookups.hits.fetch_add(1, Ordering::Relaxed);
        tracing::Span::current().record("tribunal.cache", "hit");
        return Ok(found);
    }
    engine.lookups.misses.fetch_add(1, Ordering::Relaxed);
    tracing::Span::current().record("tribunal.cache", "miss");
    let (prepared, code) = engine.workshop.prepare(engine, file, &Order::from(binding))?;
    let component = deserialize(&engine.wasmtime, &code).map_err(LoadError::Link)?;
    if let Some(cache) = &engine.cache {
        cache.store(&key, &prepared, &code);
    }
    Ok((prepared, component))
}

/// The kind's `evaluate`, checked to have the contract's type.
pub(super) fn evaluate_of(
    instance: &InstancePre<Guest>,
    kind: Kind,
) -> Result<(Kind, ComponentExportIndex), ContractError> {
    let wrong = |source| ContractError { function: kind.as_str(), source };
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
