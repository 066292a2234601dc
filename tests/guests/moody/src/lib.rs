//! Does what the attribute `mood` of an interaction says, or else its config: a plugin whose operator has worries.

use tribunal_sdk::{Failure, Interaction, Plugin, Score, Scorer, attribute};

#[derive(Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Mood {
    /// Answers.
    Good,
    /// Answers after a while of counting, 60 to 150 ms.
    Slow,
    /// Says that it failed.
    Failing,
    /// Says that it failed for the moment.
    Transient,
    /// Panics.
    Panicking,
    /// Never ends.
    Hanging,
    /// Eats memory until there is no more.
    Hungry,
}

impl Mood {
    fn named(name: &str) -> Option<Self> {
        serde::Deserialize::deserialize(serde::de::value::StrDeserializer::<serde::de::value::Error>::new(name)).ok()
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    #[serde(default)]
    mood: Option<Mood>,
    /// The mood at the canary call.
    #[serde(default)]
    canary: Option<Mood>,
    /// Only there so that bindings can differ.
    #[serde(default)]
    #[expect(dead_code, reason = "it makes another binding")]
    version: u32,
}

struct Moody(Config);

impl Plugin for Moody {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, String> {
        Ok(Self(config))
    }
}

impl Moody {
    fn mood(&self, interaction: &Interaction) -> Mood {
        let Self(config) = self;
        if interaction.call.id == "canary" {
            return config.canary.unwrap_or(Mood::Good);
        }
        let posted = attribute(&interaction.call.attributes, "mood").and_then(|value| value.as_text());
        posted.and_then(Mood::named).or(config.mood).unwrap_or(Mood::Good)
    }
}

impl Scorer for Moody {
    fn evaluate(&self, interaction: &Interaction) -> Result<Vec<Score>, Failure> {
        match self.mood(interaction) {
            Mood::Good => {}
            Mood::Slow => {
                count(300_000_000);
            }
            Mood::Failing => return Err(Failure::new("unsupported", "I would rather not")),
            Mood::Transient => {
                return Err(Failure { transient: true, ..Failure::new("internal", "not at the moment") });
            }
            Mood::Panicking => panic!("everything is terrible"),
            Mood::Hanging => loop {
                count(1_000);
            },
            Mood::Hungry => {
                let mut eaten = Vec::new();
                loop {
                    eaten.push(std::hint::black_box(vec![1u8; 1 << 20]));
                }
            }
        }
        Ok(vec![Score::boolean("well", true)])
    }
}

/// Counts in a way that no compiler shortens.
fn count(to: u64) -> u64 {
    (0..to).fold(0, |sum, at| std::hint::black_box(sum ^ at))
}

tribunal_sdk::export!(Moody: Scorer);
