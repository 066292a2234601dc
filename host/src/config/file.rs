//! Reading and checking the file.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::model::Keys;
use super::{Config, Endpoint, ModelError, Telemetry, model, plugin, telemetry};
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
    /// The file says something that cannot be. Its line is not repeated: there may be what nobody should read.
    #[error("the configuration {} is not valid: line {line}, column {column}: {message}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// In characters, counted from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// A model cannot be used.
    #[error("the configuration {} is not valid", path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// Which model and why.
        #[source]
        source: ModelError,
    },
    /// A plugin is granted a model that there is not.
    #[error("the configuration {} is not valid: plugin {plugin} is granted the model {alias:?}, and there is no [models.{alias}]", path.display())]
    NoModel {
        /// The file.
        path: PathBuf,
        /// The plugin.
        plugin: Name,
        /// The model.
        alias: Name,
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
    telemetry: Option<Telemetry>,
    #[serde(default)]
    models: BTreeMap<Name, model::Table>,
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

pub(super) fn read(
    path: &Path,
    keys: Keys,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Config, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    parse(&text, path.parent().unwrap_or(Path::new("")), path, keys, environment)
}

pub(super) fn parse(
    text: &str,
    folder: &Path,
    path: &Path,
    keys: Keys,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Config, ConfigError> {
    let file: File = toml::from_str(text).map_err(|error| {
        let before = &text[..text.floor_char_boundary(error.span().map_or(0, |span| span.start))];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        ConfigError::Parse { path: path.to_owned(), line, column, message: error.message().to_owned() }
    })?;
    let listen = match environment("TRIBUNAL_LISTEN") {
        Some(value) => value.parse().map_err(|_| ConfigError::Environment {
            name: "TRIBUNAL_LISTEN",
            value,
            expected: "an address and port such as 127.0.0.1:8700",
        })?,
        None => file.listen,
    };
    let telemetry = telemetry(file.telemetry, &environment)?;
    let models = file.models.into_iter().map(|(alias, table)| table.resolve(alias, folder, keys, &environment));
    let models =
        models.collect::<Result<Vec<_>, _>>().map_err(|source| ConfigError::Model { path: path.to_owned(), source })?;
    let plugins = file.plugins.into_iter().map(|(name, table)| table.resolve(name, folder, &models));
    let plugins = plugins.collect::<Result<Vec<_>, _>>();
    let plugins = plugins.map_err(|(plugin, alias)| ConfigError::NoModel { path: path.to_owned(), plugin, alias })?;
    Ok(Config {
        file: Some(path.to_owned()),
        listen,
        data: environment("TRIBUNAL_DATA").map_or_else(|| folder.join(file.data), PathBuf::from),
        workers: file.workers.0,
        max_body: file.max_body,
        max_backlog: file.max_backlog,
        telemetry,
        models,
        plugins,
    })
}

/// The standard variables of OpenTelemetry win, and the endpoint among them needs no table.
fn telemetry(
    table: Option<Telemetry>,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Option<Telemetry>, ConfigError> {
    let set = |name: &str| environment(name).filter(|value| !value.is_empty());
    let invalid = |name, value, expected| ConfigError::Environment { name, value, expected };
    let endpoint = match set("OTEL_EXPORTER_OTLP_ENDPOINT") {
        Some(value) => Some(
            Endpoint::try_from(value.clone())
                .map_err(|_| invalid("OTEL_EXPORTER_OTLP_ENDPOINT", value, Endpoint::EXPECTED))?,
        ),
        None => None,
    };
    let service_name = match set("OTEL_SERVICE_NAME") {
        Some(value) => Some(
            Name::try_from(value.clone())
                .map_err(|_| invalid("OTEL_SERVICE_NAME", value, "a name of at most 256 bytes"))?,
        ),
        None => None,
    };
    let (from_file, named) = table.map(|table| (table.endpoint, table.service_name)).unzip();
    let service_name = service_name.or(named).unwrap_or_else(telemetry::default_service_name);
    Ok(endpoint.or(from_file).map(|endpoint| Telemetry { endpoint, service_name }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let got = match parse(text, Path::new("/etc"), Path::new("tribunal.toml"), Keys::Read, |_| None) {
            Ok(config) => config.to_string(),
            Err(error) => crate::report(&error),
        };
        assert!(!got.contains("sk-1"), "{got:?} has the key");
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
        check("[plugins.a]\ncomponent = \"a.wasm\"\nload_deadline = \"2h\"", "\"1ms\" to \"1h\"");
        check("[plugins.a]\ncomponent = \"a.wasm\"\nsize = 5", "line 3, column 8");
        check("[plugins.a]\ncomponent = \"a.wasm\"\nsample = 1.5", "a share from 0 to 1");
        check("[plugins.a]\ncomponent = \"a.wasm\"\nsha256 = \"ab\"", "64 hexadecimal digits");
        check("[plugins.a]\ncomponent = \"a.wasm\"\nfilter = \"model ==\"", "not valid CEL");
        check("[plugins.a]\ncomponent = \"a.wasm\"\nfilter = \"modell == 'x'\"", "no field of an interaction");
        check("[plugins.a]\ncomponent = \"a.wasm\"\nconfig = { at = 2024-01-01 }", "write it as a string");
        check("[plugins.a]\ncomponent = \"a.wasm\"\nconfig = { at = nan }", "no inf or nan");
        check("[plugins.a]\ncomponent = \"a.wasm\"\nstart = \"middle\"", "unknown variant `middle`");
        check("[telemetry]\notlp = \"127.0.0.1:4318\"", "such as http://127.0.0.1:4318");
        check("[telemetry]\notlp = \"https://collector\"", "for TLS");
        check("[telemetry]\notlp = \"http:///v1\"", "line 2, column 8");
        check("[telemetry]\nservice_name = \"x\"", "missing field `otlp`");
        let model = "[models.m]\nprovider = \"openai\"\nmodel = \"m\"\n";
        check(&format!("{model}api_key = \"sk-1\""), "line 4, column 11: the key itself cannot stand here");
        check(&format!("{model}api_key = {{ env = \"KEY\" }}"), "the environment has no KEY,");
        check(&format!("{model}api_key = {{ env = \"sk-1\" }}"), "the environment has no such variable,");
        check(&format!("{model}api_key = {{ key = \"sk-1\" }}"), "unknown variant `key`, expected `env` or `file`");
        check(model, "it needs a `api_key`");
        check("[plugins.\"\"]\ncomponent = \"a.wasm\"", "expected at least one character");
    }

    #[test]
    fn the_environment_wins() {
        let environment = |name: &str| match name {
            "TRIBUNAL_LISTEN" => Some("[::1]:9".to_owned()),
            "TRIBUNAL_DATA" => Some("else.db".to_owned()),
            _ => None,
        };
        let config = parse("listen = \"127.0.0.1:1\"", Path::new("/etc"), Path::new("t"), Keys::Read, environment);
        assert_eq!(
            config.map(|config| config.to_string()).ok().as_deref(),
            Some("listen [::1]:9, data else.db, 0 plugins")
        );
    }

    #[test]
    fn spans_go_where_the_environment_says_or_else_the_file() {
        let file = "[telemetry]\notlp = \"http://collector:4318/\"\nservice_name = \"judge\"";
        let check = |text: &str, endpoint: Option<&str>, expected: Option<(&str, &str)>| {
            let environment = |name: &str| match name {
                "OTEL_EXPORTER_OTLP_ENDPOINT" => endpoint.map(str::to_owned),
                "OTEL_SERVICE_NAME" => endpoint.map(|_| "other".to_owned()),
                _ => None,
            };
            let config = parse(text, Path::new("/etc"), Path::new("t"), Keys::Read, environment).expect("a valid file");
            let found = config.telemetry.map(|telemetry| (telemetry.endpoint.traces(), telemetry.service_name));
            let found = found.as_ref().map(|(url, name)| (url.as_str(), name.as_str()));
            assert_eq!(found, expected, "{text:?} and {endpoint:?}");
        };
        check("", None, None);
        check("", Some(""), None);
        check(file, None, Some(("http://collector:4318/v1/traces", "judge")));
        check("", Some("http://[::1]:1"), Some(("http://[::1]:1/v1/traces", "other")));
        check(file, Some("http://else:1/otlp/"), Some(("http://else:1/otlp/v1/traces", "other")));
        let environment = |name: &str| (name == "OTEL_EXPORTER_OTLP_ENDPOINT").then(|| "collector:4318".to_owned());
        assert!(parse(file, Path::new("/etc"), Path::new("t"), Keys::Read, environment).is_err());
    }
}
