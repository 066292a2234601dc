//! The one wasmtime engine of the process, its settings, and the clock that ends calls at their deadline.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::cache::Cache;
use super::workshop::Workshop;
use crate::record::{ByteSize, Models, NoModels};

/// How often a running call is stopped to see whether its deadline has passed: it ends at most that much late.
const TICK: Duration = Duration::from_millis(2);

/// Calls that may run at once; more of them wait. Only address space is taken before it is used: 4 GiB for each memory.
const CALLS: u32 = 512;
/// A Python component is made of 38 core instances, the largest known.
const CORE_INSTANCES_PER_CALL: u32 = 64;
const CORE_INSTANCES: u32 = CALLS * CORE_INSTANCES_PER_CALL;
/// A memory larger than this can't be granted to a binding.
pub(super) const MAX_MEMORY: usize = 1 << 30;
/// QuickJS components have 3 memories and 3 tables. There are as many as all calls at once may have, so that none waits for
/// another's.
const MEMORIES_PER_CALL: u32 = 4;
const MEMORIES: u32 = CALLS * MEMORIES_PER_CALL;
const TABLES_PER_CALL: u32 = 16;
const TABLES: u32 = CALLS * TABLES_PER_CALL;
/// Go, Python and JavaScript components need 5,454 to 7,688.
const TABLE_ELEMENTS: usize = 20_000;
/// Up to here memory and tables are reset by copying, without a system call, and stay with the host; only as much as the
/// guest has is copied. Beyond, a call that touches its memory pays for each page again, which takes a guest of 2 MiB no
/// longer than copying.
const KEEP_RESIDENT: usize = 512 << 10;
/// So many memories stay as their last guest had them, for its next call: some 50 MiB in all, whatever guests do.
const WARM_MEMORIES: u32 = 100;

/// Makes and runs plugins. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(super) wasmtime: wasmtime::Engine,
    pub(super) cache: Option<Cache>,
    pub(super) lookups: Arc<Lookups>,
    pub(super) workshop: Workshop,
    pub(super) interrupted: Arc<AtomicBool>,
    pub(super) counts_fuel: bool,
    pub(super) models: Arc<dyn Models>,
    ticker: Arc<Ticker>,
}

/// How often prepared plugins were looked up.
#[derive(Default)]
pub(super) struct Lookups {
    pub(super) hits: AtomicU64,
    pub(super) misses: AtomicU64,
}

/// How much of one part of the pool is in use.
#[derive(Debug, Clone, Copy)]
pub struct PoolUse {
    /// `component_instances`, `core_instances`, `memories`, `tables` or `stacks`.
    pub what: &'static str,
    /// How many are in use.
    pub used: u64,
    /// How many there can be.
    pub limit: u64,
    /// Those that were used before and wait to be used again, where that is known.
    pub warm: Option<Warm>,
}

/// What waits to be used again.
#[derive(Debug, Clone, Copy)]
pub struct Warm {
    /// How many.
    pub slots: u64,
    /// What they hold of the machine's memory.
    pub resident: ByteSize,
}

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// wasmtime refused its settings, as where the machine has too little address space.
    #[error("cannot start the WebAssembly engine")]
    Engine(#[source] wasmtime::Error),
    /// The folder for compiled plugins can't be used.
    #[error("cannot use the folder {} for compiled plugins", path.display())]
    Cache {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
}

impl Engine {
    /// Starts the engine, which keeps compiled plugins in that private folder.
    pub fn start(cache: &Path) -> Result<Self, EngineError> {
        Self::without_cache()?.keeping(cache)
    }

    fn keeping(mut self, cache: &Path) -> Result<Self, EngineError> {
        let opened = Cache::open(cache, &self.wasmtime);
        let cannot_use = |source| EngineError::Cache { path: cache.to_owned(), source };
        self.cache = Some(opened.map_err(cannot_use)?);
        Ok(self)
    }

    /// Starts an engine that prepares every plugin anew and keeps nothing.
    pub fn without_cache() -> Result<Self, EngineError> {
        Self::with(&settings(), false)
    }

    /// Starts an engine for what is run once: it compiles faster, and what it compiled is slower.
    pub(super) fn hasty() -> Result<Self, EngineError> {
        let mut settings = settings();
        settings
            .cranelift_opt_level(wasmtime::OptLevel::None)
            .cranelift_regalloc_algorithm(wasmtime::RegallocAlgorithm::SinglePass);
        Self::with(&settings, false)
    }

    /// Starts an engine that counts what a call computes, see [`Evaluator::fuel`](super::Evaluator::fuel), and is slower for it.
    pub fn counting_fuel(cache: Option<&Path>) -> Result<Self, EngineError> {
        let engine = Self::with(settings().consume_fuel(true), true)?;
        match cache {
            Some(cache) => engine.keeping(cache),
            None => Ok(engine),
        }
    }

    fn with(settings: &Config, counts_fuel: bool) -> Result<Self, EngineError> {
        let wasmtime = wasmtime::Engine::new(settings).map_err(EngineError::Engine)?;
        let ticker = Arc::new(Ticker::start(wasmtime.clone()));
        let (lookups, interrupted) = (Arc::default(), Arc::default());
        Ok(Self {
            wasmtime,
            cache: None,
            lookups,
            workshop: Workshop::Here,
            interrupted,
            counts_fuel,
            models: Arc::new(NoModels),
            ticker,
        })
    }

    /// The same, preparing plugins there.
    #[must_use]
    pub fn preparing(self, workshop: Workshop) -> Self {
        Self { workshop, ..self }
    }

    /// The same, its plugins asking those models.
    #[must_use]
    pub fn asking(self, models: Arc<dyn Models>) -> Self {
        Self { models, ..self }
    }

    /// How much of the pool is in use.
    pub fn pool(&self) -> [PoolUse; 5] {
        let metrics = self.wasmtime.pooling_allocator_metrics().expect("an engine with a pool");
        let warm = |slots: u32, resident: usize| Warm { slots: slots.into(), resident: ByteSize(resident) };
        let memories = warm(metrics.unused_warm_memories(), metrics.unused_memory_bytes_resident());
        let tables = warm(metrics.unused_warm_tables(), metrics.unused_table_bytes_resident());
        let of = |what, used, limit: u32, warm| PoolUse { what, used, limit: limit.into(), warm };
        [
            of("component_instances", metrics.component_instances(), CALLS, None),
            of("core_instances", metrics.core_instances(), CORE_INSTANCES, None),
            of("memories", metrics.memories() as u64, MEMORIES, Some(memories)),
            of("tables", metrics.tables() as u64, TABLES, Some(tables)),
            of("stacks", metrics.stacks() as u64, CALLS, None),
        ]
    }

    /// How often a prepared plugin was found in the cache since the start, and how often it had to be made.
    pub fn cache_lookups(&self) -> (u64, u64) {
        (self.lookups.hits.load(Ordering::Relaxed), self.lookups.misses.load(Ordering::Relaxed))
    }

    /// Reads what was compiled before and deserializes it, and gives the number of plugins: what a benchmark puts beside a
    /// start. Nothing else may use it, since it looks at no digest.
    #[doc(hidden)]
    pub fn deserialize_all(&self) -> std::io::Result<usize> {
        self.cache.as_ref().map_or(Ok(0), |cache| cache.deserialize_all(&self.wasmtime))
    }

    /// The ticks since the engine was started.
    pub(super) fn epoch(&self) -> u64 {
        self.ticker.clock.load(Ordering::Relaxed)
    }

    /// Ends every call under way as if its deadline had passed, and every later one, for a host that stops.
    pub(super) fn interrupt(&self) {
        self.interrupted.store(true, Ordering::Relaxed);
    }
}

fn settings() -> Config {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(CALLS)
        .total_core_instances(CORE_INSTANCES)
        .total_memories(MEMORIES)
        .total_tables(TABLES)
        .total_stacks(CALLS)
        .max_core_instances_per_component(CORE_INSTANCES_PER_CALL)
        .max_memories_per_component(MEMORIES_PER_CALL)
        .max_memories_per_module(MEMORIES_PER_CALL)
        .max_tables_per_component(TABLES_PER_CALL)
        .max_tables_per_module(TABLES_PER_CALL)
        .max_component_instance_size(1 << 20)
        .max_core_instance_size(1 << 20)
        .max_memory_size(MAX_MEMORY)
        .table_elements(TABLE_ELEMENTS)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(KEEP_RESIDENT)
        .max_unused_warm_slots(WARM_MEMORIES)
        // Slower for small guests, and with swapped pages not safe yet (wasmtime pull request 14357).
        .pagemap_scan(Enabled::No);

    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .epoch_interruption(true)
        // The same verdict to the byte on every machine.
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        // No supported guest needs these, and what is off cannot be attacked.
        .wasm_threads(false)
        .wasm_memory64(false)
        .wasm_gc(false)
        .concurrency_support(false);
    config
}

/// Ticks the engine's epoch from a thread of its own until dropped.
struct Ticker {
    clock: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    fn start(engine: wasmtime::Engine) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let clock = Arc::new(AtomicU64::new(0));
        let (stopped, ticked) = (Arc::clone(&stop), Arc::clone(&clock));
        let thread = crate::spawn("ticker", move || {
            let began = Instant::now();
            while !stopped.load(Ordering::Relaxed) {
                std::thread::sleep(TICK);
                engine.increment_epoch();
                // Sleeps end late, and what is counted are ticks as they should have been.
                let due = u64::try_from(began.elapsed().as_nanos() / TICK.as_nanos()).unwrap_or(u64::MAX);
                ticked.store(due, Ordering::Relaxed);
            }
        });
        Self { clock, stop, thread: Some(thread) }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // The thread never panics, and there is nothing to do here if it did.
            let _ = thread.join();
        }
    }
}
