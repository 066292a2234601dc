//! Reading and checking the file.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Config, plugin};
use crate::record::{ByteSize, Name};

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read the configuration {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The file says something that cannot be; the source names line and column.
    #[error("the configuration {} is not valid", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// The reason, with line and column.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// An environment variable says something that cannot be.
    #[error("{name}={value:?} in the environment is not {expected}")]
    Environment {
        /// The variable.
        name: &'static str,
        /// What it holds.
        value: String,
        /// What it should hold.
        expected: &'static str,
    },
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default = "default_listen")]
    listen: SocketAddr,
    #[serde(default = "default_data")]
    data: PathBuf,
    #[serde(default = "default_workers")]
    workers: Workers,
    #[serde(default = "default_max_body")]
    max_body: ByteSize,
    #[serde(default = "default_max_backlog")]
    max_backlog: ByteSize,
    #[serde(default)]
    plugins: BTreeMap<Name, plugin::Table>,
}

#[derive(Deserialize)]
#[serde(try_from = "usize")]
struct Workers(usize);

impl TryFrom<usize> for Workers {
    type Error = &'static str;

    fn try_from(count: usize) -> Result<Self, Self::Error> {
        if (1..=256).contains(&count) { Ok(Self(count)) } else { Err("expected 1 to 256 workers") }
    }
}

fn default_listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8700))
}

fn default_data() -> PathBuf {
    "tribunal.db".into()
}

fn default_workers() -> Workers {
    Workers(std::thread::available_parallelism().map_or(1, |count| count.get().min(256)))
}

fn default_max_body() -> ByteSize {
    ByteSize(16 << 20)
}

fn default_max_backlog() -> ByteSize {
    ByteSize(64 << 20)
}

pub(super) fn read(path: &Path, environment: impl Fn(&str) -> Option<String>) -> Result<Config, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    parse(&text, path.parent().unwrap_or(Path::new("")), path, environment)
}

pub(super) fn parse(
    text: &str,
    folder: &Path,
    path: &Path,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Config, ConfigError> {
    let file: File = toml::from_str(text)
        .map_err(|source| ConfigError::Parse { path: path.to_owned(), source: Box::new(source) })?;
    let listen = match environment("TRIBUNAL_LISTEN") {
        Some(value) => value.parse().map_err(|_| ConfigError::Environment {
            name: "TRIBUNAL_LISTEN",
            value,
            expected: "an address and port such as 127.0.0.1:8700",
        })?,
        None => file.listen,
    };
    Ok(Config {
        file: Some(path.to_owned()),
        listen,
        data: environment("TRIBUNAL_DATA").map_or_else(|| folder.join(file.data), PathBuf::from),
        workers: file.workers.0,
        max_body: file.max_body,
        max_backlog: file.max_backlog,
        plugins: file.plugins.into_iter().map(|(name, table)| table.resolve(name, folder)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let got = match parse(text, Path::new("/etc"), Path::new("tribunal.toml"), |_| None) {
            Ok(config) => config.to_string(),
            Err(ConfigError::Parse { source, .. }) => source.to_string(),
            Err(error) => error.to_string(),
        };
        assert!(got.contains(expected), "{text:?} gave {got:?}, which lacks {expected:?}");
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        check("", "listen 127.0.0.1:8700, data /etc/tribunal.db, 0 plugins");
        check("listen = \"0.0.0.0:1\"\nport = 3", "line 2, column 1");
        check("port = 3", "unknown field `port`");
        check("listen = \"here\"", "line 1, column 10");
        check("workers = 0", "expected 1 to 256 workers");
        check("[plugins.a]\n", "missing field `component`");
        check("[plugins.a]\ncomponent = \"a.wasm\"\nmemory = \"64MB\"", "line 3, column 10");
        check("[plugins.a]\ncomponent = \"a.wasm\"\nmemory = \"64MB\"", "a size such as \"64MiB\"");
        check("[plugins.a]\ncomponent = \"a.wasm\"\ndeadline = \"0ms\"", "\"1ms\" to \"1h\"");
        check("[plugins.a]\ncomponent = \"a.wasm\"\nsample = 1.5", "a share from 0 to 1");
        check("[plugins.a]\ncomponent = \"a.wasm\"\nsha256 = \"ab\"", "64 hexadecimal digits");
        check("[plugins.a]\ncomponent = \"a.wasm\"\nfilter = \"model ==\"", "not valid CEL");
        check("[plugins.a]\ncomponent = \"a.wasm\"\nfilter = \"modell == 'x'\"", "no field of an interaction");
        check("[plugins.a]\ncomponent = \"a.wasm\"\nconfig = { at = 2024-01-01 }", "write it as a string");
        check("[plugins.a]\ncomponent = \"a.wasm\"\nconfig = { at = nan }", "no inf or nan");
        check("[plugins.a]\ncomponent = \"a.wasm\"\nstart = \"middle\"", "unknown variant `middle`");
        check("[plugins.\"\"]\ncomponent = \"a.wasm\"", "expected at least one character");
    }

    #[test]
    fn the_environment_wins() {
        let environment = |name: &str| match name {
            "TRIBUNAL_LISTEN" => Some("[::1]:9".to_owned()),
            "TRIBUNAL_DATA" => Some("else.db".to_owned()),
            _ => None,
        };
        let config = parse("listen = \"127.0.0.1:1\"", Path::new("/etc"), Path::new("t"), environment);
        assert_eq!(
            config.map(|config| config.to_string()).ok().as_deref(),
            Some("listen [::1]:9, data else.db, 0 plugins")
        );
    }
}
