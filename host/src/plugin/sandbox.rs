//! What surrounds one guest while it runs: its memory limit, its host imports, its clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use wasmtime::component::{HasSelf, Linker};
use wasmtime::{ResourceLimiter, Store, UpdateDeadline};

use super::engine::Engine;
use super::file::Inspection;
use super::models::Granted;
use super::v0_1;
use super::wasi::{self, Determinism, MAX_HANDLES, Wasi};
use crate::record::{
    Binding, ByteSize, Deadline, InteractionId, Limits, LogLine, ModelCall, ModelFailure, Models, short,
};

/// Bytes that may cross from guest to host in one call beyond the output itself; names and structure count too.
const HOSTCALL_ALLOWANCE: usize = 1 << 20;

/// The log lines of one call, together.
const LOG_BYTES: usize = 32 << 10;

/// The limits of one stay in the sandbox.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) deadline: Deadline,
    pub(super) memory: ByteSize,
    pub(super) output: ByteSize,
    pub(super) log_lines: usize,
}

impl Bounds {
    /// The limits of one call.
    pub(super) fn of_calls(limits: &Limits) -> Self {
        let Limits { deadline, memory, output, log_lines, .. } = *limits;
        Self { deadline, memory, output, log_lines }
    }
}

/// What a guest's store holds.
pub(super) struct Guest {
    pub(super) memory: MemoryLimit,
    pub(super) abort: Option<String>,
    pub(super) logs: Vec<LogLine>,
    log_lines: usize,
    /// What its log lines may still take together.
    log_bytes: usize,
    determinism: Determinism,
    wasi: Option<Box<Wasi>>,
    /// When its stay ends.
    end: Instant,
    /// Whether all stays are to end now.
    interrupted: Arc<AtomicBool>,
    /// What it may ask of models; nothing while it is prepared.
    pub(super) granted: Option<Box<Granted>>,
}

/// One limit over all memories and tables of a guest.
pub(super) struct MemoryLimit {
    limit: usize,
    left: usize,
    /// Whether the guest was ever refused memory.
    pub(super) refused: bool,
}

/// Bytes that a table element takes in the host.
const TABLE_ELEMENT: usize = 16;

impl MemoryLimit {
    fn new(limit: ByteSize) -> Self {
        Self { limit: limit.0, left: limit.0, refused: false }
    }

    /// What memories and tables take, which only ever grow.
    pub(super) fn taken(&self) -> ByteSize {
        ByteSize(self.limit - self.left)
    }

    fn take(&mut self, bytes: usize) -> bool {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                true
            }
            None => {
                self.refused = true;
                false
            }
        }
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.take(desired - current))
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.take((desired - current).saturating_mul(TABLE_ELEMENT)))
    }
}

impl v0_1::log::Host for Guest {
    fn log(&mut self, level: v0_1::log::Level, message: String) {
        let message = short(message);
        if self.logs.len() < self.log_lines && message.len() <= self.log_bytes {
            self.log_bytes -= message.len();
            self.logs.push(LogLine { level: level_name(level).to_owned(), message });
        }
    }
}

fn level_name(level: v0_1::log::Level) -> &'static str {
    match level {
        v0_1::log::Level::Trace => "trace",
        v0_1::log::Level::Debug => "debug",
        v0_1::log::Level::Info => "info",
        v0_1::log::Level::Warn => "warn",
        v0_1::log::Level::Error => "error",
    }
}

impl v0_1::abort::Host for Guest {
    fn abort(&mut self, message: String) -> wasmtime::Result<()> {
        self.abort = Some(short(message));
        Err(wasmtime::Error::msg("aborted by the plugin"))
    }
}

impl v0_1::types::Host for Guest {}

impl Guest {
    pub(super) fn wasi(&mut self) -> &mut Wasi {
        // Only linked for a component that imports WASI, and only asked for when it calls.
        self.wasi.get_or_insert_with(|| Box::new(Wasi::new(self.determinism)))
    }
}

impl Guest {
    pub(super) fn grant(&mut self, models: Arc<dyn Models>, binding: Arc<Binding>) {
        self.granted = Some(Box::new(Granted::new(models, binding)));
    }

    /// What it asks of models is about that.
    pub(super) fn is_about(&mut self, interaction: &InteractionId) {
        if let Some(granted) = &mut self.granted {
            granted.about = Some(interaction.clone());
        }
    }

    /// When its stay ends.
    pub(super) fn end(&self) -> Instant {
        self.end
    }

    /// What the host told it of a model that failed, where it hands that on under this code.
    pub(super) fn handed_on(&self, code: &str) -> Option<&ModelFailure> {
        self.granted.as_ref()?.handed_on(code)
    }

    pub(super) fn take_model_calls(&mut self) -> Vec<ModelCall> {
        self.granted.as_mut().map(|granted| std::mem::take(&mut granted.calls)).unwrap_or_default()
    }
}

/// Whether the component imports anything of WASI.
pub(super) fn uses_wasi(inspection: &Inspection) -> bool {
    inspection.imports.iter().any(|import| import.starts_with("wasi:"))
}

/// A store for one stay, its deadline armed.
pub(super) fn store(engine: &Engine, bounds: &Bounds, determinism: Determinism) -> Store<Guest> {
    let guest = Guest {
        memory: MemoryLimit::new(bounds.memory),
        abort: None,
        logs: Vec::new(),
        log_lines: bounds.log_lines,
        log_bytes: LOG_BYTES,
        determinism,
        wasi: None,
        end: end(bounds),
        interrupted: Arc::clone(&engine.interrupted),
        granted: None,
    };
    let mut store = Store::new(&engine.wasmtime, guest);
    store.limiter(|guest| &mut guest.memory);
    store.epoch_deadline_callback(|store| Ok(at_a_tick(store.data())));
    if engine.counts_fuel {
        store.set_fuel(u64::MAX).expect("an engine that counts");
    }
    fill(&mut store, bounds);
    store
}

/// Sets anew what a stay may use up, but for memory.
pub(super) fn renew(store: &mut Store<Guest>, bounds: &Bounds) {
    store.data_mut().end = end(bounds);
    fill(store, bounds);
}

fn end(bounds: &Bounds) -> Instant {
    Instant::now() + bounds.deadline.get()
}

/// Whether a guest that runs goes on.
fn at_a_tick(guest: &Guest) -> UpdateDeadline {
    if Instant::now() >= guest.end || guest.interrupted.load(Ordering::Relaxed) {
        return UpdateDeadline::Interrupt;
    }
    // Those that take in what is posted go first, and a kernel may not ask for many milliseconds.
    std::thread::yield_now();
    UpdateDeadline::Continue(1)
}

/// The same where many guests share a thread: the others go on.
pub(super) fn at_a_tick_of_many(guest: &Guest) -> UpdateDeadline {
    match at_a_tick(guest) {
        UpdateDeadline::Continue(ticks) => UpdateDeadline::Yield(ticks),
        other => other,
    }
}

fn fill(store: &mut Store<Guest>, bounds: &Bounds) {
    store.set_hostcall_fuel(bounds.output.0.saturating_add(HOSTCALL_ALLOWANCE));
    store.set_max_component_handles(MAX_HANDLES);
    store.set_epoch_deadline(1);
}

/// Everything a plugin may import, where it is granted; for calls that may wait, or for those that do not.
pub(super) fn linker(engine: &Engine, inspection: &Inspection, may_wait: bool) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(&engine.wasmtime);
    v0_1::log::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest| guest)?;
    v0_1::abort::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest| guest)?;
    if inspection.asks_models() {
        v0_1::models::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest| guest)?;
    }
    if uses_wasi(inspection) {
        wasi::link(&mut linker, may_wait)?;
    }
    Ok(linker)
}
