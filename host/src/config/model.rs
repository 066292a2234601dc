//! One `[models.NAME]` table.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::record::{Budget, ComponentDigest, Deadline, Dialect, ModelDefinition, Name, Remote, Secret, Source};

/// The table as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    provider: Provider,
    model: Option<String>,
    path: Option<PathBuf>,
    base_url: Option<Url>,
    api_key: Option<Key>,
    #[serde(default = "default_timeout")]
    timeout: Deadline,
    max_concurrent: Option<Concurrent>,
    requests_per_minute: Option<std::num::NonZero<u32>>,
    #[serde(default = "default_output")]
    max_output_tokens: std::num::NonZero<u32>,
    budget: Option<Budget>,
    record_in: Option<Name>,
    #[serde(default = "default_retention")]
    retention: Retention,
}

/// A number of hours or days, such as `36h` or `90d`.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Retention(Duration);

impl TryFrom<String> for Retention {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        const EXPECTED: &str = "expected hours or days, from \"1h\" to \"36500d\"";
        let (count, hours) = match text.strip_suffix('d') {
            Some(days) => (days, 24),
            None => (text.strip_suffix('h').ok_or(EXPECTED)?, 1),
        };
        let hours = count.parse::<u64>().ok().and_then(|count| count.checked_mul(hours)).ok_or(EXPECTED)?;
        if (1..=36_500 * 24).contains(&hours) { Ok(Self(Duration::from_secs(hours * 3600))) } else { Err(EXPECTED) }
    }
}

/// Who answers, as it is written.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    Openai,
    OpenaiCompatible,
    Anthropic,
    Cohere,
    Local,
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Openai => "openai",
            Self::OpenaiCompatible => "openai-compatible",
            Self::Anthropic => "anthropic",
            Self::Cohere => "cohere",
            Self::Local => "local",
        })
    }
}

impl Provider {
    /// How it is talked to, and where it usually is; nothing for this process itself.
    fn dialect(self) -> Option<(Dialect, Option<&'static str>)> {
        Some(match self {
            Self::Openai => (Dialect::Openai, Some("https://api.openai.com/v1")),
            Self::OpenaiCompatible => (Dialect::OpenaiCompatible, None),
            Self::Anthropic => (Dialect::Anthropic, Some("https://api.anthropic.com")),
            Self::Cohere => (Dialect::Cohere, Some("https://api.cohere.com")),
            Self::Local => return None,
        })
    }
}

/// What becomes of the keys that a configuration names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    /// They are read.
    Read,
    /// Whoever asks no model needs none.
    Leave,
}

/// Where a key stands: never in the file itself.
#[derive(Debug)]
enum Key {
    Env(String),
    File(PathBuf),
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KeyVisitor)
    }
}

struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{ env = \"NAME\" } or { file = \"PATH\" }")
    }

    /// A key itself, which no error may repeat.
    fn visit_str<E: de::Error>(self, _: &str) -> Result<Key, E> {
        Err(E::custom("the key itself cannot stand here: write { env = \"NAME\" } or { file = \"PATH\" }"))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Key, A::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "snake_case", deny_unknown_fields)]
        enum Written {
            Env(String),
            File(PathBuf),
        }
        Ok(match Written::deserialize(de::value::MapAccessDeserializer::new(map))? {
            Written::Env(variable) => Key::Env(variable),
            Written::File(path) => Key::File(path),
        })
    }
}

/// An address of HTTP, without a query.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Url(String);

impl TryFrom<String> for Url {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let uri: Option<axum::http::Uri> = text.parse().ok();
        let fits = uri.is_some_and(|uri| {
            // A name and a password in it would be printed with it.
            let plain =
                uri.query().is_none() && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
            plain
                && matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some_and(|host| !host.is_empty())
        });
        if fits {
            Ok(Self(text.trim_end_matches('/').to_owned()))
        } else {
            Err("expected an address such as https://api.openai.com/v1, without a query and a password")
        }
    }
}

/// 1 to 1,024.
#[derive(Debug, Deserialize)]
#[serde(try_from = "usize")]
struct Concurrent(usize);

impl TryFrom<usize> for Concurrent {
    type Error = &'static str;

    fn try_from(count: usize) -> Result<Self, Self::Error> {
        if (1..=1024).contains(&count) { Ok(Self(count)) } else { Err("expected 1 to 1024 requests") }
    }
}

fn default_timeout() -> Deadline {
    Deadline::from_millis(30_000)
}

fn default_output() -> std::num::NonZero<u32> {
    std::num::NonZero::new(4096).expect("not zero")
}

fn default_retention() -> Retention {
    Retention(ModelDefinition::RETENTION)
}

/// Requests to a provider that may be under way where the operator does not say.
const CONCURRENT: usize = 16;

/// Why a model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// Something that its provider needs is not said.
    #[error("model {alias}: it needs a `{what}`")]
    Missing {
        /// The model.
        alias: Name,
        /// The key.
        what: &'static str,
    },
    /// Something is said that its provider has no use for.
    #[error("model {alias}: `{key}` means nothing where the provider is {provider}")]
    Meaningless {
        /// The model.
        alias: Name,
        /// The key.
        key: &'static str,
        /// The provider.
        provider: Provider,
    },
    /// The weights of a local model can't be read.
    #[error(
        "model {alias}: cannot read {}; a local model is a folder with config.json, tokenizer.json and model.safetensors",
        path.display()
    )]
    Weights {
        /// The model.
        alias: Name,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The variable with its key is not there.
    #[error("model {alias}: the environment has no {}, where its key should be", .variable.as_deref().unwrap_or("such variable"))]
    Variable {
        /// The model.
        alias: Name,
        /// The variable, where that is the name of one, and not the key.
        variable: Option<String>,
    },
    /// The file with its key can't be read.
    #[error("model {alias}: cannot read its key from {}", path.display())]
    File {
        /// The model.
        alias: Name,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// Its key is empty, or has what no header can have.
    #[error("model {alias}: its key is empty or has characters that a header cannot have")]
    Key {
        /// The model.
        alias: Name,
    },
}

impl Table {
    pub(super) fn resolve(
        self,
        alias: Name,
        folder: &Path,
        keys: Keys,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<ModelDefinition, ModelError> {
        let (model, source, concurrent) = match self.provider.dialect() {
            Some((dialect, usual)) => {
                no_key(&alias, self.provider, [("path", self.path.is_some())])?;
                let missing = |what| ModelError::Missing { alias: alias.clone(), what };
                let model = self.model.ok_or_else(|| missing("model"))?;
                if self.base_url.is_none() && self.api_key.is_none() && usual.is_some() {
                    return Err(missing("api_key"));
                }
                let base_url = self.base_url.map(|url| url.0).or_else(|| usual.map(str::to_owned));
                let base_url = base_url.ok_or_else(|| missing("base_url"))?;
                let key = self.api_key.filter(|_| keys == Keys::Read);
                let key = key.map(|key| key.read(&alias, folder, environment)).transpose()?;
                (model, Source::Remote(Remote { dialect, base_url, key }), CONCURRENT)
            }
            None => {
                let remote = [
                    ("base_url", self.base_url.is_some()),
                    ("api_key", self.api_key.is_some()),
                    ("budget", self.budget.is_some()),
                    ("requests_per_minute", self.requests_per_minute.is_some()),
                ];
                no_key(&alias, self.provider, remote)?;
                let path = self.path.ok_or_else(|| ModelError::Missing { alias: alias.clone(), what: "path" })?;
                let folder = folder.join(path);
                let name = self.model.or_else(|| Some(folder.file_name()?.to_str()?.to_owned()));
                let weights = weights(&alias, &folder)?;
                let model = format!("{} sha256:{weights}", name.unwrap_or_default());
                (
                    model,
                    Source::Local { folder, weights: *weights.as_bytes() },
                    std::thread::available_parallelism().map_or(1, usize::from),
                )
            }
        };
        Ok(ModelDefinition {
            alias,
            model,
            source,
            timeout: self.timeout,
            max_concurrent: self.max_concurrent.map_or(concurrent, |count| count.0),
            requests_per_minute: self.requests_per_minute.map(std::num::NonZero::get),
            max_output_tokens: self.max_output_tokens.get(),
            budget: self.budget,
            record_in: self.record_in,
            retention: self.retention.0,
        })
    }
}

/// Refuses keys that mean nothing for that provider.
fn no_key<const N: usize>(alias: &Name, provider: Provider, keys: [(&'static str, bool); N]) -> Result<(), ModelError> {
    match keys.into_iter().find(|(_, is_there)| *is_there) {
        Some((key, _)) => Err(ModelError::Meaningless { alias: alias.clone(), key, provider }),
        None => Ok(()),
    }
}

/// The sha256 of a local model's weights: which model it is.
fn weights(alias: &Name, folder: &Path) -> Result<ComponentDigest, ModelError> {
    let path = folder.join("model.safetensors");
    match std::fs::read(&path) {
        Ok(bytes) => Ok(ComponentDigest::of(&bytes)),
        Err(source) => Err(ModelError::Weights { alias: alias.clone(), path, source }),
    }
}

impl Key {
    fn read(
        self,
        alias: &Name,
        folder: &Path,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Secret, ModelError> {
        let alias = alias.clone();
        let key = match self {
            Self::Env(variable) => match environment(&variable) {
                Some(key) => key,
                None => {
                    let fits = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
                    let variable = Some(variable).filter(|variable| variable.bytes().all(fits));
                    return Err(ModelError::Variable { alias, variable });
                }
            },
            Self::File(path) => {
                let path = folder.join(path);
                match std::fs::read_to_string(&path) {
                    Ok(key) => key,
                    Err(source) => return Err(ModelError::File { alias, path, source }),
                }
            }
        };
        let key = key.trim();
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ModelError::Key { alias });
        }
        Ok(Secret::new(key.to_owned()))
    }
}
