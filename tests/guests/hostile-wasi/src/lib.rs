//! The attacks that take WASI, some through the standard library and its C library, some through the interfaces
//! themselves; and probes, which score what they saw of the world: nothing, where the sandbox holds. Which of them says the
//! interaction's attribute `attack`, so that an interaction without one, such as that of the first call, is safe.

mod probe;

use std::hint::black_box;
use std::io::{Read, Write};
use std::mem::forget;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};
use tribunal_sdk::{Failure, Interaction, NoConfig, Plugin, Score, Scorer, attribute};
use wasip2::cli::{stdin, stdout};
use wasip2::clocks::monotonic_clock;
use wasip2::io::poll::poll;
use wasip2::random::{insecure, random};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Attack {
    /// Sleeps for a minute, by the standard library.
    Sleep,
    /// Waits a minute for a pollable.
    Block,
    /// Waits for the end of time, on many pollables.
    Poll,
    /// Sleeps until a clock that stands has come to a time.
    SleepUntil,
    /// Takes a million handles of standard output.
    Handles,
    /// Takes a million pollables.
    Pollables,
    /// Asks for a gigabyte of randomness.
    Random,
    /// Asks for a gigabyte of insecure randomness.
    InsecureRandom,
    /// Asks for a little randomness, again and again.
    RandomFlood,
    /// Writes to standard output without end.
    StdoutFlood,
    /// Writes to standard error without end.
    StderrFlood,
    /// Writes zeroes without end, as many as it may at a time.
    Zeroes,
    /// Writes as many zeroes as there are bytes in the world.
    ZeroesAtOnce,
    /// Writes a megabyte to each, and goes on.
    Chatter,
    /// Waits for input.
    Stdin,
    /// Ends the program with an error.
    Exit,
    /// Ends the program as if all were well.
    ExitSuccess,
    /// Looks around.
    #[serde(untagged)]
    Probe(probe::Probe),
}

impl Attack {
    fn named_by(interaction: &Interaction) -> Option<Self> {
        let name = attribute(&interaction.call.attributes, "attack")?.as_text()?;
        let name: StrDeserializer<'_, Error> = name.into_deserializer();
        Some(Self::deserialize(name).expect("an attack that this plugin knows"))
    }
}

struct Hostile;

const MINUTE: u64 = 60_000_000_000;

impl Plugin for Hostile {
    type Config = NoConfig;

    fn configure(_: NoConfig) -> Result<Self, String> {
        Ok(Self)
    }
}

impl Scorer for Hostile {
    fn evaluate(&self, interaction: &Interaction) -> Result<Vec<Score>, Failure> {
        let Some(attack) = Attack::named_by(interaction) else { return Ok(Vec::new()) };
        match attack {
            Attack::Sleep => std::thread::sleep(Duration::from_nanos(MINUTE)),
            Attack::Block => monotonic_clock::subscribe_duration(MINUTE).block(),
            Attack::Poll => {
                let pollables: Vec<_> = (0..100).map(|_| monotonic_clock::subscribe_instant(u64::MAX)).collect();
                poll(&pollables.iter().collect::<Vec<_>>());
            }
            Attack::SleepUntil => {
                let end = Instant::now() + Duration::from_secs(1);
                while Instant::now() < end {
                    std::thread::sleep(Duration::from_millis(100));
                }
            }
            Attack::Handles => (0..1_000_000).for_each(|_| forget(stdout::get_stdout())),
            Attack::Pollables => (0..1_000_000).for_each(|_| forget(monotonic_clock::subscribe_duration(0))),
            Attack::Random => drop(black_box(random::get_random_bytes(1 << 30))),
            Attack::InsecureRandom => drop(black_box(insecure::get_insecure_random_bytes(u64::MAX))),
            Attack::RandomFlood => flood(|| drop(black_box(random::get_random_bytes(64 << 10)))),
            Attack::StdoutFlood => flood(|| println!("{}", "flood ".repeat(10_000))),
            Attack::StderrFlood => flood(|| eprintln!("{}", "flood ".repeat(10_000))),
            Attack::Zeroes => {
                let stream = stdout::get_stdout();
                flood(|| drop(stream.write_zeroes(stream.check_write().unwrap_or(0))));
            }
            Attack::ZeroesAtOnce => drop(stdout::get_stdout().write_zeroes(u64::MAX)),
            Attack::Chatter => {
                let text = "chatter ".repeat(1 << 17);
                let _ = std::io::stdout().write_all(text.as_bytes());
                let _ = std::io::stderr().write_all(text.as_bytes());
            }
            Attack::Stdin => {
                let mut text = String::new();
                let _ = std::io::stdin().read_to_string(&mut text);
                let read = stdin::get_stdin().blocking_read(1 << 20).map_or(0, |bytes| bytes.len());
                return Ok(vec![Score::number("seen", (text.len() + read) as f64)]);
            }
            Attack::Exit => std::process::exit(3),
            Attack::ExitSuccess => std::process::exit(0),
            Attack::Probe(probe) => return Ok(probe.scores(interaction)),
        }
        Ok(Vec::new())
    }
}

fn flood(wave: impl Fn()) {
    loop {
        wave();
    }
}

tribunal_sdk::export!(Hostile: Scorer);
