//! The attacks that Rust can make without WASI. What is to be attacked says the config for `configure`, and for `evaluate`
//! the interaction's attribute `attack` or else the config's `always`; the first call, before anything is judged, is safe.

mod answer;

use std::hint::black_box;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};
use tribunal_sdk::{ErrorClassifier, Failure, Finding, Interaction, Level, Plugin, Score, Scorer, attribute, log};

/// An attack of `configure`.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Refusal {
    /// Does not end.
    ConfigureLoop,
    /// Takes memory without end.
    ConfigureGrow,
    /// Refuses with a text of a megabyte.
    ConfigureRefuse,
}

/// An attack of `evaluate`.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Attack {
    /// Does not end.
    Loop,
    /// Executes what is not reachable.
    Unreachable,
    /// Panics with a message of a megabyte.
    Panic,
    /// Takes a gigabyte at once.
    GrowAtOnce,
    /// Takes memory in small steps, and writes to all of it.
    GrowInSteps,
    /// Recurses in its own stack, which is part of its memory.
    RecursionInMemory,
    /// Writes ten million log lines.
    LogFlood,
    /// Writes a thousand log lines, each longer than is kept.
    LogLines,
    /// Gives back what the contract forbids, or more than the limits allow.
    #[serde(untagged)]
    Answer(answer::Answer),
}

impl Attack {
    fn named_by(interaction: &Interaction) -> Option<Self> {
        let name = attribute(&interaction.call.attributes, "attack")?.as_text()?;
        let name: StrDeserializer<'_, Error> = name.into_deserializer();
        Some(Self::deserialize(name).expect("an attack that this plugin knows"))
    }
}

impl Hostile {
    fn attack(&self, interaction: &Interaction) -> Option<Attack> {
        if interaction.call.id == "canary" {
            return None;
        }
        Attack::named_by(interaction).or(self.always)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    attack: Option<Refusal>,
    always: Option<Attack>,
}

struct Hostile {
    always: Option<Attack>,
}

const MEGABYTE: usize = 1 << 20;

impl Plugin for Hostile {
    type Config = Config;

    fn configure(Config { attack, always }: Config) -> Result<Self, String> {
        match attack {
            Some(Refusal::ConfigureLoop) => endless(),
            Some(Refusal::ConfigureGrow) => grow(MEGABYTE),
            Some(Refusal::ConfigureRefuse) => return Err("no ".repeat(MEGABYTE / 3)),
            None => {}
        }
        Ok(Self { always })
    }
}

impl Scorer for Hostile {
    fn evaluate(&self, interaction: &Interaction) -> Result<Vec<Score>, Failure> {
        match self.attack(interaction) {
            Some(Attack::Loop) => endless(),
            #[cfg(target_family = "wasm")]
            Some(Attack::Unreachable) => core::arch::wasm32::unreachable(),
            Some(Attack::Panic) => panic!("{}", "help ".repeat(MEGABYTE / 5)),
            Some(Attack::GrowAtOnce) => drop(black_box(Vec::<u8>::with_capacity(1 << 30))),
            Some(Attack::GrowInSteps) => grow(10_000),
            Some(Attack::RecursionInMemory) => drop(black_box(recurse(0))),
            Some(Attack::LogFlood) => (0..10_000_000).for_each(|_| log(Level::Info, "another line")),
            Some(Attack::LogLines) => (0..1000).for_each(|_| log(Level::Error, &"a long line ".repeat(1000))),
            Some(Attack::Answer(answer)) => return answer.scores(),
            _ => {}
        }
        Ok(Vec::new())
    }
}

impl ErrorClassifier for Hostile {
    fn evaluate(&self, interaction: &Interaction) -> Result<Vec<Finding>, Failure> {
        match self.attack(interaction) {
            Some(Attack::Answer(answer)) => Ok(answer.findings(interaction)),
            _ => Ok(Vec::new()),
        }
    }
}

fn endless() {
    let mut count = 0u64;
    loop {
        count = black_box(count.wrapping_add(1));
    }
}

/// Takes blocks of that many bytes, writes to them, and keeps them.
fn grow(bytes: usize) {
    loop {
        std::mem::forget(black_box(vec![1u8; bytes]));
    }
}

#[expect(unconditional_recursion, reason = "the attack")]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    black_box(recurse(depth + 1)) + frame[1]
}

tribunal_sdk::export!(Hostile: Scorer, ErrorClassifier);
