//! Where plugins are prepared: in a process of its own, which is ended where it takes too long or too much memory. A
//! compiler can't be interrupted, and its time grows with the square of a function's length and worse; a file that makes
//! the decoder overflow its stack takes the process along. Knows nothing of what preparing is.

use std::io::{self, BufRead, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::cache::Prepared;
use super::engine::Engine;
use super::file::PluginFile;
use super::load::LoadError;
use super::prepare::{Order, PrepareError, prepare};
use crate::record::{Limits, short};

/// The command of this program that [`serve_workshop`] answers.
pub const WORKSHOP_COMMAND: &str = "prepare-plugin";

/// A plugin that runs past its `load_deadline` is given so long to say what it was doing.
const GRACE: Duration = Duration::from_millis(100);
/// How often the process is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// Where plugins are prepared.
#[derive(Debug, Clone)]
pub enum Workshop {
    /// In this process: for programs that trust the file, such as benchmarks.
    Here,
    /// By that program, which is this one.
    Process {
        /// The program.
        program: PathBuf,
        /// On how many processors it compiles.
        processors: usize,
    },
}

/// What the process says at its end. The compiled code follows on the next line.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Prepared(Prepared),
    Failed(String),
    Refused(String),
}

impl Workshop {
    /// Makes a plugin ready: what was learnt of it, and its compiled code.
    pub(super) fn prepare(
        &self,
        engine: &Engine,
        file: &PluginFile,
        order: &Order,
    ) -> Result<(Prepared, Vec<u8>), LoadError> {
        match self {
            Self::Here => prepare(engine, file, order).map_err(in_words),
            Self::Process { program, processors } => {
                let mut process = Process::start(program, *processors).map_err(LoadError::Workshop)?;
                let output = process.send(order, &file.bytes).map_err(LoadError::Workshop)?;
                std::thread::scope(|scope| {
                    let reader = scope.spawn(|| read_answer(output));
                    // Where this fails the process is ended, and so is what it writes.
                    let status = process.watch(&order.limits)?;
                    match reader.join() {
                        Ok(Ok(answer)) if status.success() => answer,
                        _ => Err(LoadError::Ended(status)),
                    }
                })
            }
        }
    }
}

fn in_words(error: PrepareError) -> LoadError {
    match error {
        PrepareError::Refused(reason) => LoadError::Refused(short(reason)),
        error => LoadError::Preparation(short(crate::report(&error))),
    }
}

/// A process that prepares one plugin; dropping it ends it.
struct Process(Child);

impl Process {
    fn start(program: &Path, processors: usize) -> io::Result<Self> {
        let mut command = Command::new(program);
        // It has no use for what the environment says, and should it be broken into, there is nothing to find.
        command.arg(WORKSHOP_COMMAND).env_clear();
        command.env("RAYON_NUM_THREADS", processors.to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command.spawn().map(Self)
    }

    /// Hands it its work, and gives where it will answer.
    fn send(&mut self, order: &Order, bytes: &[u8]) -> io::Result<ChildStdout> {
        let (Some(mut input), Some(output)) = (self.0.stdin.take(), self.0.stdout.take()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        // It reads everything before it does anything, so it is waited for here no longer than reading takes.
        serde_json::to_writer(&mut input, order)?;
        input.write_all(b"\n")?;
        input.write_all(bytes)?;
        Ok(output)
    }

    /// Waits until it has ended by itself, and gives how.
    fn watch(&mut self, limits: &Limits) -> Result<ExitStatus, LoadError> {
        let began = Instant::now();
        let passed = loop {
            if let Some(status) = self.0.try_wait().map_err(LoadError::Workshop)? {
                return Ok(status);
            }
            if began.elapsed() > limits.load_deadline.get() + GRACE {
                break LoadError::Deadline(limits.load_deadline);
            }
            if self.peak_memory().is_some_and(|peak| peak > limits.load_memory.0) {
                break LoadError::LoadMemory(limits.load_memory);
            }
            std::thread::sleep(LOOK);
        };
        self.end();
        Err(passed)
    }

    /// The most memory that it ever had, in bytes; none once it has ended.
    fn peak_memory(&self) -> Option<usize> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).ok()?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        peak.trim().trim_end_matches("kB").trim_end().parse::<usize>().ok()?.checked_mul(1 << 10)
    }

    fn end(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// What the process answers: an error where it ends before it has.
fn read_answer(output: ChildStdout) -> io::Result<Result<(Prepared, Vec<u8>), LoadError>> {
    let mut output = io::BufReader::new(output);
    let mut answer = Vec::new();
    output.read_until(b'\n', &mut answer)?;
    Ok(match serde_json::from_slice(&answer)? {
        Answer::Failed(reason) => Err(LoadError::Preparation(reason)),
        Answer::Refused(reason) => Err(LoadError::Refused(reason)),
        Answer::Prepared(prepared) => {
            let mut code = Vec::new();
            output.read_to_end(&mut code)?;
            Ok((prepared, code))
        }
    })
}

/// Prepares the one plugin that standard input holds, for the process that started this one.
pub fn serve_workshop() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    // It goes when the host goes, and before the host where memory is short. What can't be had is no reason to stop:
    // the host watches all the same.
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    let mut input = io::stdin().lock();
    let mut order = Vec::new();
    input.read_until(b'\n', &mut order)?;
    let order: Order = serde_json::from_slice(&order)?;
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes)?;
    let engine = Engine::without_cache()?;
    let made = PluginFile::new(bytes).map_err(|error| in_words(error.into()));
    let made = made.and_then(|file| Workshop::Here.prepare(&engine, &file, &order));
    let mut output = io::stdout().lock();
    match made {
        Ok((prepared, code)) => {
            serde_json::to_writer(&mut output, &Answer::Prepared(prepared))?;
            output.write_all(b"\n")?;
            output.write_all(&code)?;
        }
        Err(error) => {
            let answer = match error {
                LoadError::Refused(reason) => Answer::Refused(reason),
                error => Answer::Failed(crate::report(&error)),
            };
            serde_json::to_writer(&mut output, &answer)?;
            output.write_all(b"\n")?;
        }
    }
    Ok(output.flush()?)
}
