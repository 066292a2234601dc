//! Cases: interactions, configs, and what is expected of a plugin, in JSONL files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::expect::{Came, Expect, Mismatch};
use super::json::{parsed, read_lines};
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

/// Reads the cases of a file, or of every `.jsonl` file of a folder, in the order of files and lines.
pub fn read_cases(path: &Path) -> Result<Vec<Case>, String> {
    let files = files(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let mut cases = Vec::new();
    for file in files {
        let lines = read_lines(&file, |line| {
            let written: Written = parsed(line)?;
            written.expect.check().map_err(|wrong| format!("`expect`: {wrong}"))?;
            Ok(written)
        })?;
        cases.extend(lines.into_iter().map(|(line, written)| Case::new(&file, line, written)));
    }
    match cases.is_empty() {
        true => Err(format!("there is no case in {}: each line of a .jsonl file in it is one", path.display())),
        false => Ok(cases),
    }
}

/// The path itself, or the files with cases in that folder.
fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    Ok(files)
}

impl Case {
    fn new(file: &Path, line: usize, written: Written) -> Self {
        let Written { name, config, interaction, expect } = written;
        let file_name = file.file_name().unwrap_or_default().display();
        let name = name.unwrap_or_else(|| format!("{file_name}:{line}"));
        Self { name, file: file.to_owned(), line, config: Json::Object(config).to_string(), interaction, expect }
    }

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
