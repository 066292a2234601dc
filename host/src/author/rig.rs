//! Plugins on the production engine and under the production limits, without a server.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::json::{parsed, read_lines};
use crate::plugin::{Engine, LoadError, Plugin, PluginFile};
use crate::record::{
    Binding, GrantedModel, Interaction, InteractionId, Limits, Name, NewInteraction, Sample, Seq, Time,
};

/// One plugin's file and what it is tried with. Loads it once for each config.
pub struct Rig {
    engine: Engine,
    file: PluginFile,
    limits: Limits,
    capabilities: Vec<String>,
    models: Vec<GrantedModel>,
    loaded: HashMap<String, Result<Plugin, Arc<LoadError>>>,
}

impl Rig {
    /// For that file, granting what it wants of that.
    pub fn new(engine: Engine, file: PluginFile, limits: Limits, capabilities: Vec<String>) -> Self {
        Self { engine, file, limits, capabilities, models: Vec::new(), loaded: HashMap::new() }
    }

    /// Grants these models too, which the engine has to know.
    #[must_use]
    pub fn granting(mut self, mut models: Vec<GrantedModel>) -> Self {
        models.sort_by(|one, other| one.alias.as_str().cmp(other.alias.as_str()));
        models.dedup_by(|one, other| one.alias == other.alias);
        if !models.is_empty() {
            self.capabilities.push("models".to_owned());
            self.capabilities.sort_unstable();
            self.capabilities.dedup();
        }
        Self { models, ..self }
    }

    /// Whether the plugin may ask models.
    pub fn asks_models(&self) -> bool {
        self.file.inspection().is_ok_and(|inspection| inspection.asks_models())
    }

    /// The plugin with that config, as JSON text.
    pub fn load(&mut self, config: &str) -> Result<Plugin, Arc<LoadError>> {
        if let Some(loaded) = self.loaded.get(config) {
            return loaded.clone();
        }
        let loaded = Plugin::load(&self.engine, &self.file, self.binding(config)).map_err(Arc::new);
        self.loaded.insert(config.to_owned(), loaded.clone());
        loaded
    }

    /// The same without the call on a made-up interaction that a server makes first.
    pub fn load_untried(&self, config: &str) -> Result<Plugin, LoadError> {
        Plugin::load_untried(&self.engine, &self.file, self.binding(config))
    }

    fn binding(&self, config: &str) -> Arc<Binding> {
        Arc::new(Binding {
            name: name(),
            component: self.file.digest,
            config: config.to_owned(),
            filter: None,
            sample: Sample::ALL,
            limits: self.limits,
            capabilities: self.capabilities.clone(),
            models: self.models.clone(),
        })
    }

    /// The plugin's file.
    pub fn file(&self) -> &PluginFile {
        &self.file
    }
}

fn name() -> Name {
    "plugin".parse().expect("a valid name")
}

/// The interaction as a server would record it, at a moment that is always the same where it has none of its own.
pub fn recorded(posted: NewInteraction) -> Interaction {
    let now = Time::from_nanoseconds(0);
    let id = posted.id.clone().unwrap_or_else(|| "interaction".parse::<InteractionId>().expect("a valid id"));
    let started_at = posted.started_at.unwrap_or(now);
    Interaction { seq: Seq(1), id, started_at, recorded_at: now, posted }
}

/// Reads interactions, one on each line, or says which line is none.
pub fn read_interactions(path: &Path) -> Result<Vec<Interaction>, String> {
    let lines = read_lines(path, |line| parsed(line).map(recorded))?;
    let interactions: Vec<_> = lines.into_iter().map(|(_, interaction)| interaction).collect();
    if interactions.is_empty() { Err(format!("{} has no interaction", path.display())) } else { Ok(interactions) }
}
