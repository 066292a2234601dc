//! One `[plugins.NAME]` table.

use std::path::PathBuf;

use serde::{Deserialize, Deserializer, de};
use serde_json::Value as Json;

use crate::record::{
    Budget, ByteSize, ComponentDigest, Deadline, Filter, GrantedModel, Limits, ModelDefinition, Name, Sample, Start,
};

/// A plugin as the operator wants it loaded.
#[derive(Debug)]
pub struct Plugin {
    /// The table's name.
    pub name: Name,
    /// The component, or the core module that a compiler wrote.
    pub component: PathBuf,
    /// What the file's sha256 must be.
    pub sha256: Option<ComponentDigest>,
    /// Handed to the plugin's `configure`.
    pub config: PluginConfig,
    /// Which interactions it judges.
    pub filter: Option<Filter>,
    /// The share of those.
    pub sample: Sample,
    /// Where it starts when it is new.
    pub start: Option<Start>,
    /// Whether its verdicts are left out of lists that do not ask for them.
    pub shadow: bool,
    /// What its preparation and every call stay within.
    pub limits: Limits,
    /// The granted host imports, sorted.
    pub capabilities: Vec<String>,
    /// The granted models, sorted by alias.
    pub models: Vec<GrantedModel>,
    /// The most that it may spend on them.
    pub budget: Option<Budget>,
}

/// A plugin's own config, as JSON text with sorted keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginConfig(pub String);

/// The table as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    component: PathBuf,
    #[serde(default, deserialize_with = "parsed")]
    sha256: Option<ComponentDigest>,
    #[serde(default)]
    config: PluginConfig,
    #[serde(default, deserialize_with = "filter")]
    filter: Option<Filter>,
    #[serde(default = "all")]
    sample: Sample,
    start: Option<Start>,
    #[serde(default)]
    shadow: bool,
    #[serde(default = "default_capabilities")]
    capabilities: Vec<String>,
    #[serde(default)]
    models: Vec<Name>,
    budget: Option<Budget>,
    size: Option<ByteSize>,
    load_deadline: Option<Deadline>,
    load_memory: Option<ByteSize>,
    deadline: Option<Deadline>,
    memory: Option<ByteSize>,
    output: Option<ByteSize>,
    verdicts: Option<usize>,
    log_lines: Option<usize>,
    attempts: Option<Attempts>,
}

/// The deadline of a call that may ask models, where none is given.
pub const MODEL_DEADLINE: Deadline = Deadline::from_millis(120_000);

/// How often one that asks models is tried, where nothing is said: a provider may be away for an hour.
const MODEL_ATTEMPTS: u32 = 20;

/// 1 to 20.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "u32")]
struct Attempts(u32);

impl TryFrom<u32> for Attempts {
    type Error = &'static str;

    fn try_from(count: u32) -> Result<Self, Self::Error> {
        if (1..=20).contains(&count) { Ok(Self(count)) } else { Err("expected 1 to 20 attempts") }
    }
}

impl Table {
    /// The plugin, or its name and that of a model that there is not.
    pub(super) fn resolve(
        self,
        name: Name,
        folder: &std::path::Path,
        models: &[ModelDefinition],
    ) -> Result<Plugin, (Name, Name)> {
        let default = Limits::default();
        let mut capabilities = self.capabilities;
        let mut granted = Vec::new();
        for alias in self.models {
            match models.iter().find(|model| model.alias == alias) {
                Some(model) => granted.push(model.granted()),
                None => return Err((name, alias)),
            }
        }
        granted.sort_unstable_by(|one, other| one.alias.as_str().cmp(other.alias.as_str()));
        granted.dedup();
        // Whoever names models grants the import.
        if !granted.is_empty() {
            capabilities.push("models".to_owned());
        }
        let (deadline, attempts) =
            if granted.is_empty() { (default.deadline, default.attempts) } else { (MODEL_DEADLINE, MODEL_ATTEMPTS) };
        capabilities.sort_unstable();
        capabilities.dedup();
        Ok(Plugin {
            name,
            component: folder.join(self.component),
            sha256: self.sha256,
            config: self.config,
            filter: self.filter,
            sample: self.sample,
            start: self.start,
            shadow: self.shadow,
            limits: Limits {
                size: self.size.unwrap_or(default.size),
                load_deadline: self.load_deadline.unwrap_or(default.load_deadline),
                load_memory: self.load_memory.unwrap_or(default.load_memory),
                deadline: self.deadline.unwrap_or(deadline),
                memory: self.memory.unwrap_or(default.memory),
                output: self.output.unwrap_or(default.output),
                verdicts: self.verdicts.unwrap_or(default.verdicts),
                log_lines: self.log_lines.unwrap_or(default.log_lines),
                attempts: self.attempts.map_or(attempts, |attempts| attempts.0),
            },
            capabilities,
            models: granted,
            budget: self.budget,
        })
    }
}

fn all() -> Sample {
    Sample::ALL
}

fn default_capabilities() -> Vec<String> {
    vec!["log".to_owned()]
}

fn parsed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ComponentDigest>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(de::Error::custom)
}

fn filter<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Filter>, D::Error> {
    Filter::new(&String::deserialize(deserializer)?).map(Some).map_err(de::Error::custom)
}

impl Default for PluginConfig {
    fn default() -> Self {
        Self("{}".to_owned())
    }
}

impl<'de> Deserialize<'de> for PluginConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let table = toml::Table::deserialize(deserializer)?;
        json(toml::Value::Table(table)).map(|json| Self(json.to_string())).map_err(de::Error::custom)
    }
}

fn json(value: toml::Value) -> Result<Json, &'static str> {
    Ok(match value {
        toml::Value::String(text) => Json::String(text),
        toml::Value::Integer(integer) => Json::from(integer),
        toml::Value::Float(number) => Json::Number(
            serde_json::Number::from_f64(number)
                .ok_or("a plugin's config goes to it as JSON, which has no inf or nan")?,
        ),
        toml::Value::Boolean(boolean) => Json::Bool(boolean),
        toml::Value::Datetime(_) => {
            return Err("a plugin's config goes to it as JSON, which has no dates: write it as a string");
        }
        toml::Value::Array(items) => Json::Array(items.into_iter().map(json).collect::<Result<_, _>>()?),
        toml::Value::Table(table) => {
            Json::Object(table.into_iter().map(|(key, value)| Ok((key, json(value)?))).collect::<Result<_, &str>>()?)
        }
    })
}
