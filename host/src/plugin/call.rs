//! One evaluation: a fresh instance, one call, and what came of it.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bumpalo::Bump;
use sha2::{Digest, Sha256};
use tokio::runtime::Runtime;
use wasmtime::component::{ComponentExportIndex, Instance, ResourceTableError, TypedFunc};
use wasmtime::{PoolConcurrencyLimitError, Store, Trap};
use wasmtime_wasi::I32Exit;

use super::load::{Loaded, Plugin};
use super::sandbox::{Bounds, Guest, renew};
use super::snapshot;
use super::v0_1::{self, LiftError, Lifter, types};
use super::wasi::{Determinism, MAX_HANDLES, Refused};
use crate::record::{
    ByteSize, Deadline, Evaluation, Failure, Interaction, Kind, Limits, Models, NoModels, Outcome, Reason, Verdict,
};

/// Calls plugins. Each thread that does has one of its own, for the memory it uses again.
#[derive(Default)]
pub struct Evaluator {
    arena: Bump,
    /// Where calls wait that ask models and are not awaited by others.
    runtime: Option<Runtime>,
}

/// How long a call waits before it looks again whether there is room for its instance.
const WAIT_FOR_ROOM: Duration = Duration::from_millis(1);
/// The arena is given back to the system after an interaction that needed more than this.
const ARENA_KEPT: usize = 1 << 20;

impl Evaluator {
    /// Puts the interaction before the plugin. Whatever the plugin does, there is an evaluation.
    pub fn evaluate(&mut self, plugin: &Plugin, interaction: &Interaction) -> Evaluation {
        self.run(plugin, interaction, &plugin.inner.bounds)
    }

    /// The same, and lets others go on while the plugin waits for a model.
    pub async fn evaluate_waiting(&mut self, plugin: &Plugin, interaction: &Interaction) -> Evaluation {
        run(&mut self.arena, plugin, interaction, &plugin.inner.bounds).await
    }

    /// The same, but gives up after `slice` where the binding's own deadline is later. Nothing of it stays then, so the
    /// call can be made again with more time.
    pub fn evaluate_within(
        &mut self,
        plugin: &Plugin,
        interaction: &Interaction,
        slice: Deadline,
    ) -> Option<Evaluation> {
        let bounds = plugin.inner.bounds;
        if bounds.deadline <= slice {
            return Some(self.run(plugin, interaction, &bounds));
        }
        let evaluation = self.run(plugin, interaction, &Bounds { deadline: slice, ..bounds });
        let cut = matches!(&evaluation.outcome, Outcome::Failed(failure) if failure.reason == Reason::Deadline);
        (!cut).then_some(evaluation)
    }

    /// The fuel of that call: about one unit for each instruction that it runs, the same at every call of the same
    /// interaction. None where the engine does not count it.
    pub fn fuel(&mut self, plugin: &Plugin, interaction: &Interaction) -> Option<u64> {
        let entered = enter(&plugin.inner, interaction, &plugin.inner.bounds, plugin.models(), &self.arena);
        let (store, _) = finish(&mut self.runtime, plugin.asks_models(), entered);
        self.arena.reset();
        store.get_fuel().ok().map(|left| u64::MAX - left)
    }

    fn run(&mut self, plugin: &Plugin, interaction: &Interaction, bounds: &Bounds) -> Evaluation {
        let running = run(&mut self.arena, plugin, interaction, bounds);
        finish(&mut self.runtime, plugin.asks_models(), running)
    }
}

/// Runs the future to its end: one that waits for nothing, or one that may.
fn finish<T>(runtime: &mut Option<Runtime>, may_wait: bool, future: impl Future<Output = T>) -> T {
    if !may_wait {
        return at_once(future);
    }
    let runtime = runtime.get_or_insert_with(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a machine with a file descriptor to spare")
    });
    runtime.block_on(future)
}

/// Runs a future that never waits.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => unreachable!("what imports no models is called without waiting"),
    }
}

async fn run(arena: &mut Bump, plugin: &Plugin, interaction: &Interaction, bounds: &Bounds) -> Evaluation {
    let started = Instant::now();
    let loaded = &*plugin.inner;
    let epoch = loaded.engine.epoch();
    let (mut store, judged) = enter(loaded, interaction, bounds, plugin.models(), arena).await;
    let (outcome, ByteSize(said)) = match judged {
        Ok((verdicts, size)) => (Outcome::Succeeded(verdicts), size),
        Err(stop) => {
            let failure = stop.failure(&store);
            let size = ByteSize(failure.message.len());
            (Outcome::Failed(failure), size)
        }
    };
    let logs = std::mem::take(&mut store.data_mut().logs);
    let model_calls = store.data_mut().take_model_calls();
    let logged: usize = logs.iter().map(|line| line.message.len()).sum();
    let peak_memory = store.data().memory.taken();
    drop(store);
    if arena.allocated_bytes() > ARENA_KEPT {
        *arena = Bump::new();
    } else {
        arena.reset();
    }
    Evaluation {
        seq: interaction.seq,
        started_at: interaction.started_at,
        outcome,
        // Rounded: of 6 µs, half of one would be much to leave out each time.
        duration_us: u32::try_from((started.elapsed().as_nanos() + 500) / 1000).unwrap_or(u32::MAX),
        peak_memory,
        size: ByteSize(said + logged),
        epochs: u32::try_from(loaded.engine.epoch() - epoch).unwrap_or(u32::MAX),
        attempts: 1,
        retry_at: None,
        logs,
        model_calls,
    }
}

/// One call before a binding judges anything: an error where the plugin does not answer. What it answers is its own
/// affair, a failure included.
pub(super) fn canary(loaded: &Loaded) -> Result<(), Failure> {
    let interaction = Interaction::canary();
    let arena = Bump::new();
    // Nobody pays for an answer to that.
    let nobody: Arc<dyn Models> = Arc::new(NoModels);
    let entered = enter(loaded, &interaction, &loaded.bounds, &nobody, &arena);
    let (store, judged) = finish(&mut None, loaded.asks_models, entered);
    match judged {
        Ok(_) => Ok(()),
        Err(Stop::Failure(failure)) if failure.reason == Reason::GuestError || failure.reason.is_of_models() => Ok(()),
        Err(stop) => Err(stop.failure(&store)),
    }
}

/// Judges in a store of its own. Where the pool of instances has no room, which is no fault of the plugin's, it waits for
/// some.
async fn enter(
    loaded: &Loaded,
    interaction: &Interaction,
    bounds: &Bounds,
    models: &Arc<dyn Models>,
    arena: &Bump,
) -> (Store<Guest>, Result<Judged, Stop>) {
    loop {
        let mut store = loaded.store(bounds, models, determinism(loaded, interaction));
        store.data_mut().is_about(&interaction.id);
        match judge(loaded, interaction, &mut store, arena).await {
            // What the store took of the pool so far goes back with it.
            Err(Stop::Wasm(error)) if error.is::<PoolConcurrencyLimitError>() => drop(store),
            judged => return (store, judged),
        }
        if loaded.asks_models {
            tokio::time::sleep(WAIT_FOR_ROOM).await;
        } else {
            std::thread::sleep(WAIT_FOR_ROOM);
        }
    }
}

/// One instance that is called again and again, so that a benchmark can say what a fresh one costs. What a plugin
/// leaves in its memory is there at the next call: nothing else may use this.
#[doc(hidden)]
pub struct WarmInstance {
    plugin: Plugin,
    store: Store<Guest>,
    instance: Instance,
    arena: Bump,
}

impl WarmInstance {
    /// Instantiates the plugin once.
    pub fn new(plugin: &Plugin) -> wasmtime::Result<Self> {
        let loaded = &*plugin.inner;
        if loaded.asks_models {
            return Err(wasmtime::Error::msg("what asks models is not called again and again"));
        }
        let mut store = loaded.store(&loaded.bounds, plugin.models(), Determinism::default());
        let instance = at_once(instantiate(loaded, &mut store))?;
        Ok(Self { plugin: plugin.clone(), store, instance, arena: Bump::new() })
    }

    /// Calls it, with the limits of a fresh instance but for memory, which is used up over all calls.
    pub fn evaluate(&mut self, interaction: &Interaction) -> bool {
        let loaded = &*self.plugin.inner;
        renew(&mut self.store, &loaded.bounds);
        let judged = at_once(judge_in(loaded, interaction, &mut self.store, &self.instance, &self.arena)).is_ok();
        self.arena.reset();
        judged
    }
}

/// What clock and randomness are made of; only a guest that imports WASI can ask for them.
fn determinism(loaded: &Loaded, interaction: &Interaction) -> Determinism {
    if !loaded.uses_wasi {
        return Determinism::default();
    }
    Determinism {
        now: u64::try_from(interaction.started_at.as_nanoseconds()).unwrap_or(0),
        seed: Sha256::digest(interaction.id.as_str().as_bytes()).into(),
    }
}

/// What a call gave, and about what it takes.
type Judged = (Vec<Verdict>, ByteSize);

/// Why a call gave no verdicts.
enum Stop {
    /// The guest answered with a failure or with what the contract forbids.
    Failure(Failure),
    /// wasmtime ended the call.
    Wasm(wasmtime::Error),
}

impl Stop {
    fn failure(self, store: &Store<Guest>) -> Failure {
        match self {
            Self::Failure(failure) => failure,
            Self::Wasm(error) => classify(&error, store.data()),
        }
    }
}

impl From<wasmtime::Error> for Stop {
    fn from(error: wasmtime::Error) -> Self {
        Self::Wasm(error)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<LiftError> for Failure {
    fn from(error: LiftError) -> Self {
        let reason = match error {
            LiftError::Invalid(_) => Reason::InvalidOutput,
            LiftError::TooLarge(_) => Reason::OutputTooLarge,
        };
        Self::new(reason, error.to_string())
    }
}

/// What the guest says of its failure; where it hands on what the host told it of a model, that.
fn told(failure: types::Failure, guest: &Guest) -> Failure {
    let Some(handed) = guest.handed_on(&failure.code) else { return failure.into() };
    let (reason, again_at) = (handed.kind.into(), handed.again_at);
    let types::Failure { message, transient, .. } = failure;
    Failure { transient, again_at, ..Failure::new(reason, message) }
}

impl From<types::Failure> for Failure {
    fn from(failure: types::Failure) -> Self {
        let types::Failure { code, message, transient } = failure;
        Self { transient, ..Self::new(Reason::GuestError, format!("{code}: {message}")) }
    }
}

/// A fresh instance, configured.
async fn instantiate(loaded: &Loaded, store: &mut Store<Guest>) -> wasmtime::Result<Instance> {
    let instance = if loaded.asks_models {
        loaded.instance.instantiate_async(&mut *store).await?
    } else {
        loaded.instance.instantiate(&mut *store)?
    };
    if loaded.prepared.no_snapshot.is_some() {
        snapshot::configure_again(&instance, &loaded.binding.config, store, loaded.asks_models).await?;
    }
    Ok(instance)
}

async fn judge(
    loaded: &Loaded,
    interaction: &Interaction,
    store: &mut Store<Guest>,
    arena: &Bump,
) -> Result<Judged, Stop> {
    let instance = instantiate(loaded, store).await?;
    judge_in(loaded, interaction, store, &instance, arena).await
}

async fn judge_in(
    loaded: &Loaded,
    interaction: &Interaction,
    store: &mut Store<Guest>,
    instance: &Instance,
    arena: &Bump,
) -> Result<Judged, Stop> {
    let given = v0_1::lower(interaction, arena);
    let mut lifter = Lifter::new(interaction, &loaded.binding.limits);
    for (kind, evaluate) in &loaded.kinds {
        let at = Export { instance, evaluate, store: &mut *store, may_wait: loaded.asks_models };
        let answer = match kind {
            Kind::Scorer => Answer::Scores(call::<v0_1::Evaluate<'_>, v0_1::Scored>(at, (&given,)).await?.0),
            Kind::ErrorClassifier => {
                Answer::Findings(call::<v0_1::Evaluate<'_>, v0_1::Classified>(at, (&given,)).await?.0)
            }
            Kind::BiasCheck => Answer::BiasFindings(call::<v0_1::Evaluate<'_>, v0_1::Checked>(at, (&given,)).await?.0),
            Kind::PricingAdapter => Answer::Cost(call::<v0_1::Price<'_>, v0_1::Priced>(at, (&given.call,)).await?.0),
        };
        take(&mut lifter, answer, |failure| told(failure, store.data()))?;
    }
    Ok(lifter.finish().map_err(Failure::from)?)
}

/// What one kind of a plugin gave back.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the contract has the words")]
pub enum Answer {
    Scores(Result<Vec<types::Score>, types::Failure>),
    Findings(Result<Vec<types::Finding>, types::Failure>),
    BiasFindings(Result<Vec<types::BiasFinding>, types::Failure>),
    Cost(Result<Option<types::Cost>, types::Failure>),
}

fn take(lifter: &mut Lifter<'_>, answer: Answer, told: impl Fn(types::Failure) -> Failure) -> Result<(), Failure> {
    match answer {
        Answer::Scores(made) => lifter.scores(made.map_err(told)?)?,
        Answer::Findings(made) => lifter.findings(made.map_err(told)?)?,
        Answer::BiasFindings(made) => lifter.bias_findings(made.map_err(told)?)?,
        Answer::Cost(made) => lifter.cost(made.map_err(told)?)?,
    }
    Ok(())
}

/// What an evaluation makes of these answers: for tests, which answer what no compiled plugin would.
pub fn lift(interaction: &Interaction, limits: &Limits, answers: Vec<Answer>) -> Outcome {
    let mut lifter = Lifter::new(interaction, limits);
    let taken = answers.into_iter().try_for_each(|answer| take(&mut lifter, answer, Failure::from));
    match taken.and_then(|()| Ok(lifter.finish()?)) {
        Ok((verdicts, _)) => Outcome::Succeeded(verdicts),
        Err(failure) => Outcome::Failed(failure),
    }
}

/// A kind's `evaluate`, in an instance.
struct Export<'a> {
    instance: &'a Instance,
    evaluate: &'a ComponentExportIndex,
    store: &'a mut Store<Guest>,
    /// Whether it runs on a stack of its own, so that it can wait. That takes some microseconds.
    may_wait: bool,
}

async fn call<Given, Made>(at: Export<'_>, given: Given) -> wasmtime::Result<Made>
where
    Given: wasmtime::component::ComponentNamedList + wasmtime::component::Lower + Send + Sync,
    Made: wasmtime::component::ComponentNamedList + wasmtime::component::Lift + Send + Sync + 'static,
{
    let Export { instance, evaluate, store, may_wait } = at;
    let function = instance.get_func(&mut *store, evaluate).ok_or_else(|| wasmtime::Error::msg("no `evaluate`"))?;
    // SAFETY: at load `export` checked that the function at this index has just these types. Checking it again took
    // a tenth of a call.
    #[allow(unsafe_code, reason = "types are checked once, at load")]
    let function = unsafe { TypedFunc::<Given, Made>::new_unchecked(function) };
    if may_wait { function.call_async(store, given).await } else { function.call(store, given) }
}

/// What wasmtime's error means, given what the sandbox noted.
pub(super) fn classify(error: &wasmtime::Error, guest: &Guest) -> Failure {
    if let Some(message) = &guest.abort {
        return Failure::new(Reason::GuestError, message.clone());
    }
    if let Some(I32Exit(code)) = error.downcast_ref() {
        return Failure::new(Reason::GuestError, format!("it ended itself with exit code {code}"));
    }
    let message = format!("{error:#}");
    let reason = match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => return Failure::new(Reason::Deadline, "it ran longer than its `deadline`"),
        _ if guest.memory.refused => return Failure::new(Reason::OutOfMemory, "it wanted more than its `memory`"),
        Some(Trap::StackOverflow) => Reason::StackOverflow,
        Some(_) => Reason::Trap,
        // wasmtime has no type for the first of these, nor for the one below.
        None if message.contains("handle limit exceeded")
            || matches!(error.downcast_ref(), Some(ResourceTableError::Full)) =>
        {
            let words = format!("it held more resources than the {MAX_HANDLES} that a call may have at a time");
            return Failure::new(Reason::Trap, words);
        }
        None if error.is::<Refused>() || error.is::<ResourceTableError>() => Reason::Trap,
        None if message.contains("fuel allocated for hostcalls") => {
            let message = "it handed the host more than its `output`, in its answer or in what it asked of models; \
                           raise the binding's `output`, or `--output` at a command";
            return Failure::new(Reason::OutputTooLarge, message);
        }
        // What is left is an answer that the canonical ABI refuses: text that is not UTF-8, pointers outside.
        None => Reason::InvalidOutput,
    };
    Failure::new(reason, message)
}
