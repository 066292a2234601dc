//! The operator's file, parsed once into valid values. Knows nothing of the plugins' contents.

mod file;
mod model;
mod plugin;
mod telemetry;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

pub use file::ConfigError;
pub use model::ModelError;
pub use plugin::{MODEL_DEADLINE, Plugin, PluginConfig};
pub use telemetry::{Endpoint, Telemetry};

use self::model::Keys;
use crate::record::{Budget, ByteSize, ModelDefinition, Name};

/// Everything the operator can say.
#[derive(Debug)]
pub struct Config {
    /// The file it was read from, if any.
    pub file: Option<PathBuf>,
    /// Where HTTP is served.
    pub listen: SocketAddr,
    /// The database file; the compile cache and its folder stand beside it.
    pub data: PathBuf,
    /// How many threads run plugins.
    pub workers: usize,
    /// The largest request body.
    pub max_body: ByteSize,
    /// How much may wait to be written before posts are answered with 429.
    pub max_backlog: ByteSize,
    /// Where the host's own spans go, if they go anywhere.
    pub telemetry: Option<Telemetry>,
    /// The models that plugins may be granted, sorted by alias.
    pub models: Vec<ModelDefinition>,
    /// The plugins, sorted by name.
    pub plugins: Vec<Plugin>,
}

impl Config {
    /// Reads the file. `TRIBUNAL_LISTEN`, `TRIBUNAL_DATA`, `OTEL_EXPORTER_OTLP_ENDPOINT` and `OTEL_SERVICE_NAME`
    /// in the environment win over what it says. Relative paths in the file start at the file's folder, those in the environment at the working directory.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        file::read(path, Keys::Read, |name| std::env::var(name).ok())
    }

    /// The same for those who ask no models: keys are left where they are.
    pub fn read_without_keys(path: &Path) -> Result<Self, ConfigError> {
        file::read(path, Keys::Leave, |name| std::env::var(name).ok())
    }

    /// The configuration without a file: no plugins, and defaults for the rest.
    pub fn without_file() -> Result<Self, ConfigError> {
        let config =
            file::parse("", Path::new("."), Path::new("(defaults)"), Keys::Leave, |name| std::env::var(name).ok())?;
        Ok(Self { file: None, ..config })
    }
}

impl Config {
    /// The budgets of plugins, by name.
    pub fn plugin_budgets(&self) -> Vec<(Name, Budget)> {
        self.plugins.iter().filter_map(|plugin| Some((plugin.name.clone(), plugin.budget?))).collect()
    }

    /// The keys in which another configuration differs that take effect at a start only.
    pub fn needs_restart(&self, other: &Self) -> Vec<&'static str> {
        let keys = [
            ("listen", self.listen != other.listen),
            ("data", self.data != other.data),
            ("workers", self.workers != other.workers),
            ("max_body", self.max_body != other.max_body),
            ("max_backlog", self.max_backlog != other.max_backlog),
            ("telemetry", self.telemetry != other.telemetry),
        ];
        keys.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
    }
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "listen {}, data {}, {} plugins", self.listen, self.data.display(), self.plugins.len())
    }
}
