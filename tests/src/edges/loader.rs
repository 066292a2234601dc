//! What claims to be a plugin becomes one or a typed error, under small limits; and what became one judges twice alike,
//! from the cache too.

use std::path::Path;
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::{Duration, Instant};

use arbitrary::{Result, Unstructured};
use tribunal::plugin::{Engine, Evaluator, Plugin, PluginFile};
use tribunal::record::{Binding, ByteSize, Deadline, Evaluation, Interaction, Limits, Outcome, Reason, Sample};
use wit_component::{ComponentEncoder, StringEncoding};
use wit_parser::Resolve;

use super::{guest_values, make, panics};

/// Far beyond what loading and judging may take on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(150);

fn limits() -> Limits {
    Limits {
        deadline: Deadline::from_millis(50),
        memory: ByteSize(16 << 20),
        output: ByteSize(16 << 10),
        ..Limits::default()
    }
}

/// One engine for the process, as in the host.
pub fn engine() -> &'static Engine {
    &engine_and_cache().0
}

fn engine_and_cache() -> &'static (Engine, tempfile::TempDir) {
    static ENGINE: OnceLock<(Engine, tempfile::TempDir)> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        (Engine::start(folder.path()).expect("an engine"), folder)
    })
}

/// The smallest plugin, as text.
pub const PLAIN: &str = include_str!("plugin.wat");

/// The smallest plugin as a core module that says nothing of its type.
pub fn bare_module() -> Vec<u8> {
    wat::parse_str(PLAIN).expect("a module")
}

/// The smallest plugin as a compiler would write it: a core module that carries its type.
pub fn plain_module() -> Vec<u8> {
    let mut module = bare_module();
    carry_type(&mut module);
    module
}

/// The same as a component.
pub fn plain_component() -> Vec<u8> {
    ComponentEncoder::default().module(&plain_module()).and_then(|encoder| encoder.encode()).expect("a component")
}

/// A plugin of all kinds.
const EVERY_KIND: &str = "
    package tribunal:every;
    world kind {
        include tribunal:plugin/plugin@0.1.0;
        export tribunal:plugin/scorer@0.1.0;
        export tribunal:plugin/error-classifier@0.1.0;
        export tribunal:plugin/bias-check@0.1.0;
        export tribunal:plugin/pricing-adapter@0.1.0;
    }
";

/// Has the module say that it is a plugin of every kind, as bindings do.
pub fn carry_type(module: &mut Vec<u8>) {
    static SECTION: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let mut resolve = Resolve::default();
        resolve.push_dir(crate::root().join("wit/v0.1")).expect("the contract");
        let package = resolve.push_str(Path::new("every.wit"), EVERY_KIND).expect("a world");
        let world = resolve.select_world(&[package], None).expect("one world");
        let mut section = Vec::new();
        wit_component::embed_component_metadata(&mut section, &resolve, world, StringEncoding::UTF8, false)
            .expect("a type");
        section
    });
    module.extend_from_slice(&SECTION);
}

/// The smallest plugin, loaded.
pub fn plain() -> &'static Plugin {
    static PLUGIN: OnceLock<Plugin> = OnceLock::new();
    PLUGIN.get_or_init(|| {
        let file = PluginFile::parse(&plain_module()).expect("a plugin");
        // A large interaction is copied into it whole.
        let limits = Limits { memory: ByteSize(256 << 20), deadline: Deadline::from_millis(60_000), ..limits() };
        Plugin::load(engine(), &file, binding(&file, limits)).expect("a plugin that loads")
    })
}

fn binding(file: &PluginFile, limits: Limits) -> Arc<Binding> {
    Arc::new(Binding {
        name: "fuzz".parse().expect("a valid name"),
        component: file.digest,
        config: "{}".to_owned(),
        filter: None,
        sample: Sample::ALL,
        limits,
        capabilities: vec!["log".to_owned()],
        models: Vec::new(),
    })
}

/// Has the module of that text, which is made a plugin of all kinds, judge an interaction: what came of it, or why it was
/// not loaded.
pub fn judge(module: &str) -> std::result::Result<Outcome, String> {
    let mut bytes = wat::parse_str(module).expect("a module");
    carry_type(&mut bytes);
    let file = PluginFile::parse(&bytes).map_err(|error| tribunal::report(&error))?;
    let plugin = Plugin::load(engine(), &file, binding(&file, limits())).map_err(|error| tribunal::report(&error))?;
    Ok(Evaluator::default().evaluate(&plugin, interaction()).outcome)
}

/// Makes from a plugin's file one that is broken, in a few places or in its length.
pub fn mutant(plugin: &[u8], u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut bytes = plugin.to_vec();
    for _ in 0..u.int_in_range(1..=4)? {
        let at = u.int_in_range(0..=bytes.len())?;
        let end = (at + u.int_in_range(1..=64)?).min(bytes.len());
        match u.int_in_range(0..=5)? {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => drop(bytes.splice(at..at, bytes[at..end].to_vec())),
            3 => u.fill_buffer(&mut bytes[at..end])?,
            _ if at < bytes.len() => bytes[at] ^= 1 << u.int_in_range(0..=7)?,
            _ => {}
        }
    }
    Ok(bytes)
}

/// How far the bytes came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Came {
    /// No plugin's file.
    Refused,
    /// A plugin's file, but no plugin that loads.
    ToLoad,
    /// It was called.
    ToJudge,
}

/// Takes the bytes for a plugin's file and goes as far as they let.
pub fn check(bytes: &[u8]) -> Came {
    let began = Instant::now();
    let came = load(bytes);
    let took = began.elapsed();
    assert!(took < PATIENCE, "it took {took:?}");
    panics::none_of_ours();
    came
}

fn load(bytes: &[u8]) -> Came {
    let file = match PluginFile::parse(bytes) {
        Ok(file) => file,
        Err(error) => {
            said(&error);
            return Came::Refused;
        }
    };
    let inspection = match file.inspection() {
        Ok(inspection) => inspection,
        Err(error) => {
            said(&error);
            return Came::Refused;
        }
    };
    assert!(!inspection.kinds.is_empty() && inspection.kinds.is_sorted(), "{inspection:?}");
    let (engine, cache) = engine_and_cache();
    let fresh = Plugin::load(engine, &file, binding(&file, limits()));
    let again = fresh.is_ok().then(|| Plugin::load(engine, &file, binding(&file, limits())));
    clear(cache.path());
    let fresh = match fresh {
        Ok(plugin) => plugin,
        Err(error) => {
            said(&error);
            return Came::ToLoad;
        }
    };
    let interaction = interaction();
    let first = Evaluator::default().evaluate(&fresh, interaction);
    judged(&first, interaction);
    alike(&first, &Evaluator::default().evaluate(&fresh, interaction));
    match again.expect("it was loaded once") {
        Ok(cached) => {
            assert_eq!(fresh.description(), cached.description());
            assert_eq!(fresh.no_snapshot(), cached.no_snapshot());
            alike(&first, &Evaluator::default().evaluate(&cached, interaction));
        }
        // Its last call at load is by the clock.
        Err(error) => assert!(error.to_string().contains("deadline"), "from the cache: {}", tribunal::report(&error)),
    }
    Came::ToJudge
}

/// An error says something, and not without end.
fn said(error: &dyn std::error::Error) {
    let text = tribunal::report(error);
    assert!(!text.is_empty() && text.len() <= 4 << 10, "an error of {} bytes", text.len());
}

fn interaction() -> &'static Interaction {
    static INTERACTION: OnceLock<Interaction> = OnceLock::new();
    INTERACTION.get_or_init(|| {
        let posted = serde_json::json!({
            "id": "fuzz", "provider": "openai", "model": "gpt-4.1", "started_at": "2026-03-01T12:00:00Z",
            "input": [{"role": "user", "content": "Wie spät ist es?"}],
            "output": [{"role": "assistant", "content": [{"type": "text", "text": "Es ist zwölf."}]}],
            "usage": {"input_tokens": 5, "output_tokens": 6}, "attributes": {"tier": "gold", "n": 1.5},
        });
        make::of_log(serde_json::from_value(posted).expect("a valid interaction"))
    })
}

fn judged(evaluation: &Evaluation, interaction: &Interaction) {
    match &evaluation.outcome {
        Outcome::Succeeded(verdicts) => guest_values::promises(verdicts, interaction, &limits()),
        Outcome::Failed(failure) => assert!(failure.message.len() <= 4 << 10, "{} bytes", failure.message.len()),
    }
    assert!(evaluation.logs.len() <= limits().log_lines);
}

/// A plugin is a pure function, unless the clock ends it.
fn alike(one: &Evaluation, other: &Evaluation) {
    let by_clock = |evaluation: &Evaluation| matches!(&evaluation.outcome, Outcome::Failed(failure) if failure.reason == Reason::Deadline);
    if !by_clock(one) && !by_clock(other) {
        assert_eq!((&one.outcome, &one.logs), (&other.outcome, &other.logs), "the same call, another answer");
    }
}

/// Nothing of one input is there at the next.
fn clear(folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("the cache's folder").flatten() {
        std::fs::remove_file(entry.path()).expect("a file of the cache");
    }
}
