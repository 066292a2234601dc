//! Cases: interactions, configs, and what is expected of a plugin, in JSONL files.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::expect::{Came, Expect, Mismatch};
use super::rig::{Rig, recorded};
use crate::plugin::Evaluator;
use crate::record::{NewInteraction, Outcome};

/// A case as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: Option<String>,
    #[serde(default)]
    config: Map<String, Json>,
    interaction: NewInteraction,
    expect: Expect,
}

/// One case.
#[derive(Debug)]
pub struct Case {
    /// What it is called; by default its file and line.
    pub name: String,
    /// Where it stands.
    pub file: PathBuf,
    /// On which line, from 1.
    pub line: usize,
    config: String,
    interaction: NewInteraction,
    expect: Expect,
}

/// What came of a case.
#[derive(Debug)]
pub struct CaseResult {
    /// Every difference; none where it passed.
    pub mismatches: Vec<Mismatch>,
    /// How long the call took, without loading.
    pub took: Duration,
    /// What the plugin logged.
    pub logs: Vec<String>,
}

/// Cases in the order of their files and lines.
pub type Cases = Vec<Case>;

/// Why there are no cases.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// A file or folder can't be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// It.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// A line is no case.
    #[error("{}:{line}: {reason}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// There is none.
    #[error("there is no case in {}: each line of a .jsonl file in it is one", .0.display())]
    None(PathBuf),
}

/// Reads the cases of a file, or of every `.jsonl` file of a folder.
pub fn read_cases(path: &Path) -> Result<Cases, CaseError> {
    let cannot_read = |path: &Path| {
        let path = path.to_owned();
        move |source| CaseError::Read { path, source }
    };
    let mut files = vec![path.to_owned()];
    if fs::metadata(path).map_err(cannot_read(path))?.is_dir() {
        let entries = fs::read_dir(path).map_err(cannot_read(path))?;
        let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>();
        files = paths.map_err(cannot_read(path))?;
        files.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
        files.sort();
    }
    let mut cases = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).map_err(cannot_read(&file))?;
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let invalid = |reason| CaseError::Invalid { path: file.clone(), line: at + 1, reason };
            cases.push(parse(&file, at + 1, line).map_err(invalid)?);
        }
    }
    if cases.is_empty() { Err(CaseError::None(path.to_owned())) } else { Ok(cases) }
}

fn parse(file: &Path, line: usize, text: &str) -> Result<Case, String> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let written: Written = serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| format!("`{}`: {}", error.path(), error.inner()))?;
    written.expect.check().map_err(|reason| format!("`expect`: {reason}"))?;
    let Written { name, config, interaction, expect } = written;
    let file_name = file.file_name().unwrap_or_default().display();
    let name = name.unwrap_or_else(|| format!("{file_name}:{line}"));
    Ok(Case { name, file: file.to_owned(), line, config: Json::Object(config).to_string(), interaction, expect })
}

impl Case {
    /// Puts it before the plugin.
    pub fn run(&self, rig: &mut Rig, evaluator: &mut Evaluator) -> CaseResult {
        let plugin = match rig.load(&self.config) {
            Ok(plugin) => plugin,
            Err(error) => {
                let came = Came::from_iter([("refused".to_owned(), Json::from(crate::report(&*error)))]);
                let mismatches = self.expect.differences(&came);
                return CaseResult { mismatches, took: Duration::ZERO, logs: Vec::new() };
            }
        };
        let interaction = recorded(self.interaction.clone());
        let began = Instant::now();
        let evaluation = evaluator.evaluate(&plugin, &interaction);
        let took = began.elapsed();
        let logs = evaluation.logs.iter().map(|line| format!("{} {}", line.level, line.message)).collect();
        CaseResult { mismatches: self.expect.differences(&came(&evaluation.outcome)), took, logs }
    }
}

fn came(outcome: &Outcome) -> Came {
    let (what, value) = match outcome {
        Outcome::Succeeded(verdicts) => ("verdicts", serde_json::to_value(verdicts).unwrap_or_default()),
        Outcome::Failed(failure) => {
            let reason = failure.reason.as_str();
            ("failure", json!({"reason": reason, "message": failure.message, "transient": failure.transient}))
        }
    };
    Came::from_iter([(what.to_owned(), value)])
}
