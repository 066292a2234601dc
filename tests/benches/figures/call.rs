//! A verdict from a fresh sandboxed instance, beside a warm one and the same function native.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tribunal::plugin::{Engine, Evaluator, Plugin, PluginFile, WarmInstance};
use tribunal::record::{Binding, Content, Interaction, InteractionId, Limits, Sample, Seq, Time};
use tribunal_tests::guest;

use super::{Row, micros, quantile, text};

const CALLS: usize = 100_000;

pub(crate) fn measure() -> Vec<Row> {
    let Loaded { plugin, interaction, folder: _folder } = load(1024);
    let mut evaluator = Evaluator::default();
    let fresh = median(|| drop(black_box(evaluator.evaluate(&plugin, &interaction))));
    let mut instance = WarmInstance::new(&plugin).unwrap();
    let warm = median(|| assert!(instance.evaluate(&interaction)));
    let native = median(|| {
        black_box(words(black_box(&interaction)));
    });
    let call = || {
        let mut evaluator = Evaluator::default();
        for _ in 0..CALLS / 8 {
            black_box(evaluator.evaluate(&plugin, &interaction));
        }
    };
    let native_call = || {
        for _ in 0..CALLS / 8 * 16 {
            black_box(words(black_box(&interaction)));
        }
    };
    // Short turns, so that a noisy moment meets all of them alike.
    let (mut ratios, mut native_ratios) = (Vec::new(), Vec::new());
    for _ in 0..15 {
        ratios.push(scaling(&call));
        native_ratios.push(scaling(&native_call));
    }
    vec![
        Row {
            what: "a verdict from a fresh instance, 1 KB, p50",
            wanted: "≤ 10 µs",
            got: format!("{:.1} µs", micros(fresh)),
            beside: format!("warm {:.1} µs, native {:.2} µs", micros(warm), micros(native)),
        },
        Row {
            what: "two threads of that against one",
            wanted: "≥ 1.7 times",
            got: format!("{:.2} times", middle(&mut ratios)),
            beside: format!("the native function: {:.2} times", middle(&mut native_ratios)),
        },
    ]
}

/// Calls of the small plugin a second, each in a fresh instance, on two threads and with nothing around them.
pub(crate) fn fresh_rate() -> f64 {
    let Loaded { plugin, interaction, folder: _folder } = load(2048);
    let began = Instant::now();
    let work = || {
        let mut evaluator = Evaluator::default();
        for _ in 0..CALLS {
            black_box(evaluator.evaluate(&plugin, &interaction));
        }
    };
    std::thread::scope(|scope| drop([scope.spawn(work), scope.spawn(work)].map(|thread| thread.join())));
    2.0 * CALLS as f64 / began.elapsed().as_secs_f64()
}

/// The small plugin and an interaction for it.
struct Loaded {
    plugin: Plugin,
    interaction: Interaction,
    folder: tempfile::TempDir,
}

/// The plugin of that file, with every limit as it is by default.
pub(crate) fn plugin(cache: &Path, component: &Path) -> Plugin {
    let engine = Engine::start(cache).unwrap();
    let file = PluginFile::read(component, Limits::default().size).unwrap();
    let binding = Binding {
        name: "measured".parse().unwrap(),
        component: file.digest,
        config: "{}".to_owned(),
        filter: None,
        sample: Sample::ALL,
        limits: Limits::default(),
        capabilities: vec!["log".to_owned()],
        models: Vec::new(),
    };
    Plugin::load(&engine, &file, Arc::new(binding)).unwrap()
}

fn load(bytes: usize) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    let plugin = plugin(folder.path(), &guest("length"));
    let posted = serde_json::from_str(&text::templates(bytes)[0]).unwrap();
    let (id, now) = (InteractionId::generate(), Time::now());
    let interaction = Interaction { seq: Seq(1), id, started_at: now, recorded_at: now, posted };
    Loaded { plugin, interaction, folder }
}

/// What the guest does.
fn words(interaction: &Interaction) -> usize {
    let texts = interaction.posted.output.iter().filter_map(|message| match &message.content {
        Content::Text(text) => Some(text),
        Content::Parts(_) => None,
    });
    texts.map(|text| text.split_ascii_whitespace().count()).sum()
}

fn median(mut call: impl FnMut()) -> Duration {
    let mut times = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let began = Instant::now();
        call();
        times.push(began.elapsed());
    }
    quantile(&mut times, 0.5)
}

/// How many times as much two threads do as one.
fn scaling(work: &(impl Fn() + Sync)) -> f64 {
    let began = Instant::now();
    std::thread::scope(|scope| drop(scope.spawn(work).join()));
    let one = began.elapsed();
    let began = Instant::now();
    std::thread::scope(|scope| drop([scope.spawn(work), scope.spawn(work)].map(|thread| thread.join())));
    2.0 * one.as_secs_f64() / began.elapsed().as_secs_f64()
}

fn middle(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
