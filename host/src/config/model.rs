//! One `[models.NAME]` table.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::record::{Budget, Deadline, ModelDefinition, Name, Provider, Secret};

/// The table as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    provider: Provider,
    model: String,
    base_url: Option<Url>,
    api_key: Option<Key>,
    #[serde(default = "default_timeout")]
    timeout: Deadline,
    #[serde(default = "default_concurrent")]
    max_concurrent: Concurrent,
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

/// Where a key stands: never in the file itself.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Key {
    Env(String),
    File(PathBuf),
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

fn default_concurrent() -> Concurrent {
    Concurrent(16)
}

/// Why a model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// Nobody knows where it is.
    #[error("model {alias}: provider `openai-compatible` needs a `base_url`")]
    Address {
        /// The model.
        alias: Name,
    },
    /// The variable with its key is not there.
    #[error("model {alias}: the environment has no {variable}, where its key should be")]
    Variable {
        /// The model.
        alias: Name,
        /// The variable.
        variable: String,
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
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<ModelDefinition, ModelError> {
        let usual = match self.provider {
            Provider::Openai => Some("https://api.openai.com/v1"),
            Provider::Anthropic => Some("https://api.anthropic.com"),
            Provider::Cohere => Some("https://api.cohere.com"),
            Provider::OpenaiCompatible => None,
        };
        let base_url = self.base_url.map(|url| url.0).or_else(|| usual.map(str::to_owned));
        let base_url = base_url.ok_or_else(|| ModelError::Address { alias: alias.clone() })?;
        let key = match self.api_key {
            None => None,
            Some(Key::Env(variable)) => match environment(&variable) {
                Some(key) => Some(key),
                None => return Err(ModelError::Variable { alias, variable }),
            },
            Some(Key::File(path)) => {
                let path = folder.join(path);
                match std::fs::read_to_string(&path) {
                    Ok(key) => Some(key),
                    Err(source) => return Err(ModelError::File { alias, path, source }),
                }
            }
        };
        let key = key.map(|key| key.trim().to_owned());
        if key.as_ref().is_some_and(|key| key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic())) {
            return Err(ModelError::Key { alias });
        }
        Ok(ModelDefinition {
            alias,
            provider: self.provider,
            model: self.model,
            base_url,
            key: key.map(Secret::new),
            timeout: self.timeout,
            max_concurrent: self.max_concurrent.0,
            requests_per_minute: self.requests_per_minute.map(std::num::NonZero::get),
            max_output_tokens: self.max_output_tokens.get(),
            budget: self.budget,
            record_in: self.record_in,
            retention: self.retention.0,
        })
    }
}
