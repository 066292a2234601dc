//! One evaluation: a fresh instance, one call, and what came of it.

use std::time::{Duration, Instant};

use bumpalo::Bump;
use sha2::{Digest, Sha256};
use wasmtime::component::{ComponentExportIndex, Instance, ResourceTableError, TypedFunc};
use wasmtime::{PoolConcurrencyLimitError, Store, Trap};
use wasmtime_wasi::I32Exit;

use super::load::{Loaded, Plugin};
use super::sandbox::{self, Bounds, Guest};
use super::snapshot;
use super::v0_1::{self, LiftError, Lifter, types};
use super::wasi::{Determinism, MAX_HANDLES, Refused};
use crate::record::{ByteSize, Deadline, Evaluation, Failure, Interaction, Kind, Limits, Outcome, Reason, Verdict};

/// Calls plugins. Each thread that does has one of its own, for the memory it uses again.
#[derive(Default)]
pub struct Evaluator {
    arena: Bump,
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
        let (store, _) = enter(&plugin.inner, interaction, &plugin.inner.bounds, &self.arena);
        self.arena.reset();
        store.get_fuel().ok().map(|left| u64::MAX - left)
    }

    fn run(&mut self, plugin: &Plugin, interaction: &Interaction, bounds: &Bounds) -> Evaluation {
        let started = Instant::now();
        let loaded = &*plugin.inner;
        let epoch = loaded.engine.epoch();
        let (mut store, judged) = enter(loaded, interaction, bounds, &self.arena);
        let (outcome, ByteSize(said)) = match judged {
            Ok((verdicts, size)) => (Outcome::Succeeded(verdicts), size),
            Err(stop) => {
                let failure = stop.failure(&store);
                let size = ByteSize(failure.message.len());
                (Outcome::Failed(failure), size)
            }
        };
        let logs = std::mem::take(&mut store.data_mut().logs);
        let logged: usize = logs.iter().map(|line| line.message.len()).sum();
        let peak_memory = store.data().memory.taken();
        drop(store);
        if self.arena.allocated_bytes() > ARENA_KEPT {
            self.arena = Bump::new();
        } else {
            self.arena.reset();
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
        }
    }
}

/// One call before a binding judges anything: an error where the plugin does not answer. What it answers is its own
/// affair, a failure included.
pub(super) fn canary(loaded: &Loaded) -> Result<(), Failure> {
    let interaction = Interaction::canary();
    let (store, judged) = enter(loaded, &interaction, &loaded.bounds, &Bump::new());
    match judged {
        Ok(_) | Err(Stop::Failure(Failure { reason: Reason::GuestError, .. })) => Ok(()),
        Err(stop) => Err(stop.failure(&store)),
    }
}

/// Judges in a store of its own. Where the pool of instances has no room, which is no fault of the plugin's, it waits for
/// some.
fn enter(
    loaded: &Loaded,
    interaction: &Interaction,
    bounds: &Bounds,
    arena: &Bump,
) -> (Store<Guest>, Result<Judged, Stop>) {
    loop {
        let mut store = sandbox::store(&loaded.engine, bounds, determinism(loaded, interaction));
        match judge(loaded, interaction, &mut store, arena) {
            // What the store took of the pool so far goes back with it.
            Err(Stop::Wasm(error)) if error.is::<PoolConcurrencyLimitError>() => drop(store),
            judged => return (store, judged),
        }
        std::thread::sleep(WAIT_FOR_ROOM);
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
        let mut store = sandbox::store(&loaded.engine, &loaded.bounds, Determinism::default());
        let instance = instantiate(loaded, &mut store)?;
        Ok(Self { plugin: plugin.clone(), store, instance, arena: Bump::new() })
    }

    /// Calls it, with the limits of a fresh instance but for memory, which is used up over all calls.
    pub fn evaluate(&mut self, interaction: &Interaction) -> bool {
        let loaded = &*self.plugin.inner;
        sandbox::renew(&mut self.store, &loaded.bounds);
        let judged = judge_in(loaded, interaction, &mut self.store, &self.instance, &self.arena).is_ok();
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

impl From<types::Failure> for Failure {
    fn from(failure: types::Failure) -> Self {
        let types::Failure { code, message, transient } = failure;
        Self { transient, ..Self::new(Reason::GuestError, format!("{code}: {message}")) }
    }
}

/// A fresh instance, configured.
fn instantiate(loaded: &Loaded, store: &mut Store<Guest>) -> wasmtime::Result<Instance> {
    let instance = loaded.instance.instantiate(&mut *store)?;
    if loaded.prepared.no_snapshot.is_some() {
        snapshot::configure_again(&instance, &loaded.binding.config, store)?;
    }
    Ok(instance)
}

fn judge(loaded: &Loaded, interaction: &Interaction, store: &mut Store<Guest>, arena: &Bump) -> Result<Judged, Stop> {
    let instance = instantiate(loaded, store)?;
    judge_in(loaded, interaction, store, &instance, arena)
}

fn judge_in(
    loaded: &Loaded,
    interaction: &Interaction,
    store: &mut Store<Guest>,
    instance: &Instance,
    arena: &Bump,
) -> Result<Judged, Stop> {
    let given = v0_1::lower(interaction, arena);
    let mut lifter = Lifter::new(interaction, &loaded.binding.limits);
    for (kind, evaluate) in &loaded.kinds {
        let answer = match kind {
            Kind::Scorer => {
                Answer::Scores(call::<v0_1::Evaluate<'_>, v0_1::Scored>(instance, evaluate, store, (&given,))?.0)
            }
            Kind::ErrorClassifier => {
                Answer::Findings(call::<v0_1::Evaluate<'_>, v0_1::Classified>(instance, evaluate, store, (&given,))?.0)
            }
            Kind::BiasCheck => {
                Answer::BiasFindings(call::<v0_1::Evaluate<'_>, v0_1::Checked>(instance, evaluate, store, (&given,))?.0)
            }
            Kind::PricingAdapter => {
                Answer::Cost(call::<v0_1::Price<'_>, v0_1::Priced>(instance, evaluate, store, (&given.call,))?.0)
            }
        };
        take(&mut lifter, answer)?;
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

fn take(lifter: &mut Lifter<'_>, answer: Answer) -> Result<(), Failure> {
    match answer {
        Answer::Scores(made) => lifter.scores(made?)?,
        Answer::Findings(made) => lifter.findings(made?)?,
        Answer::BiasFindings(made) => lifter.bias_findings(made?)?,
        Answer::Cost(made) => lifter.cost(made?)?,
    }
    Ok(())
}

/// What an evaluation makes of these answers: for tests, which answer what no compiled plugin would.
pub fn lift(interaction: &Interaction, limits: &Limits, answers: Vec<Answer>) -> Outcome {
    let mut lifter = Lifter::new(interaction, limits);
    let taken = answers.into_iter().try_for_each(|answer| take(&mut lifter, answer));
    match taken.and_then(|()| Ok(lifter.finish()?)) {
        Ok((verdicts, _)) => Outcome::Succeeded(verdicts),
        Err(failure) => Outcome::Failed(failure),
    }
}

fn call<Given, Made>(
    instance: &Instance,
    evaluate: &ComponentExportIndex,
    store: &mut Store<Guest>,
    given: Given,
) -> wasmtime::Result<Made>
where
    Given: wasmtime::component::ComponentNamedList + wasmtime::component::Lower,
    Made: wasmtime::component::ComponentNamedList + wasmtime::component::Lift,
{
    let function = instance.get_func(&mut *store, evaluate).ok_or_else(|| wasmtime::Error::msg("no `evaluate`"))?;
    // SAFETY: at load `export` checked that the function at this index has just these types. Checking it again took
    // a tenth of a call.
    #[allow(unsafe_code, reason = "types are checked once, at load")]
    let function = unsafe { TypedFunc::<Given, Made>::new_unchecked(function) };
    function.call(store, given)
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
            return Failure::new(Reason::OutputTooLarge, "it gave back more than its `output`");
        }
        // What is left is an answer that the canonical ABI refuses: text that is not UTF-8, pointers outside.
        None => Reason::InvalidOutput,
    };
    Failure::new(reason, message)
}
