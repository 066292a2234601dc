//! A plugin that is asked about many texts, and the failures among its answers; knows nothing of labels.

use std::collections::BTreeMap;

use anyhow::{Context, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value as Json, json};
use tribunal::author::{Rig, recorded};
use tribunal::config::MODEL_DEADLINE;
use tribunal::plugin::{Engine, Evaluator, Plugin, PluginFile};
use tribunal::record::{GrantedModel, Interaction, Limits, Name, Outcome, Verdict};
use tribunal_tests::root;

use crate::data::Answered;

/// What a plugin said of one text; none where the evaluation failed.
pub(crate) type Judged = Option<Vec<Verdict>>;

pub(crate) struct Judge {
    name: String,
    plugin: Plugin,
    evaluator: Evaluator,
    evaluations: usize,
    /// By what went wrong.
    failures: BTreeMap<String, usize>,
}

impl Judge {
    /// Loads a plugin of `target/plugins` with that config and the limits that a binding has by default.
    pub(crate) fn load(engine: &Engine, name: &str, config: &Json) -> anyhow::Result<Self> {
        Self::granting(engine, name, config, Vec::new())
    }

    /// The same, granting models that the engine has.
    pub(crate) fn granting(
        engine: &Engine,
        name: &str,
        config: &Json,
        models: Vec<GrantedModel>,
    ) -> anyhow::Result<Self> {
        let path = root().join(format!("target/plugins/{name}.wasm"));
        if !path.exists() {
            bail!("{} is missing: run `make plugins`", path.display());
        }
        let file = PluginFile::read(&path, Limits::default().size)?;
        let deadline = if models.is_empty() { Limits::default().deadline } else { MODEL_DEADLINE };
        let limits = Limits { deadline, ..Limits::default() };
        let mut rig = Rig::new(engine.clone(), file, limits, vec!["log".to_owned()]).granting(models);
        let plugin = rig.load(&config.to_string()).with_context(|| format!("cannot load {}", path.display()))?;
        let (name, evaluator) = (name.to_owned(), Evaluator::default());
        Ok(Self { name, plugin, evaluator, evaluations: 0, failures: BTreeMap::new() })
    }

    /// Evaluates all of them, in their order.
    pub(crate) fn all(&mut self, interactions: &[Interaction]) -> Vec<Judged> {
        let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}").expect("a valid template");
        let bar = ProgressBar::new(interactions.len() as u64).with_style(style);
        bar.set_message(self.name.clone());
        let judged = bar.wrap_iter(interactions.iter()).map(|interaction| self.one(interaction)).collect();
        bar.finish_and_clear();
        judged
    }

    fn one(&mut self, interaction: &Interaction) -> Judged {
        self.evaluations += 1;
        match self.evaluator.evaluate(&self.plugin, interaction).outcome {
            Outcome::Succeeded(verdicts) => Some(verdicts),
            Outcome::Failed(failure) => {
                *self.failures.entry(format!("{}: {}", failure.reason.as_str(), failure.message)).or_default() += 1;
                None
            }
        }
    }

    /// An error where an evaluation failed.
    pub(crate) fn ensure_none_failed(&self) -> anyhow::Result<()> {
        ensure!(self.failures.is_empty(), "{}: {}", self.name, self.tally());
        Ok(())
    }

    /// How many evaluations there were and what became of those that failed.
    pub(crate) fn tally(&self) -> String {
        let failed: usize = self.failures.values().sum();
        let mut text = format!("{} evaluations, of which {failed} failed.\n", self.evaluations);
        for (failure, count) in &self.failures {
            text.push_str(&format!("- {count} × {failure}\n"));
        }
        text
    }
}

/// A call that was answered with that text.
pub(crate) fn answered(provider: &Name, model: &Name, prompt: &str, answer: &str) -> Interaction {
    let input = json!([{"role": "user", "content": prompt}]);
    interaction(json!({"provider": provider, "model": model, "input": input, "output": output(answer)}))
}

/// A row of a call that was told what it is for.
pub(crate) fn told<Labels>(system: &str, row: &Answered<Labels>) -> Interaction {
    let input = json!([{"role": "system", "content": system}, {"role": "user", "content": row.prompt}]);
    interaction(
        json!({"provider": row.provider, "model": row.model, "input": input, "output": output(&row.completion)}),
    )
}

/// A text alone, put where an answer stands.
pub(crate) fn text(text: &str) -> Interaction {
    interaction(json!({"provider": "unknown", "model": "unknown", "output": output(text)}))
}

fn output(text: &str) -> Json {
    json!([{"role": "assistant", "content": text}])
}

fn interaction(posted: Json) -> Interaction {
    recorded(serde_json::from_value(posted).expect("names that are names and texts"))
}
