//! What commands that talk to a running server share. Knows nothing of what they ask for.

use std::time::Duration;

use reqwest::blocking::{RequestBuilder, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Failure;
use crate::config::Config;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server.
pub(super) struct Client {
    /// To make requests with.
    pub(super) http: reqwest::blocking::Client,
    base: String,
}

/// What is wrong with a request.
#[derive(Debug, Deserialize)]
pub(super) struct Problem {
    /// In words.
    pub(super) detail: String,
    /// The field at fault.
    pub(super) field: Option<String>,
}

impl Client {
    /// The server at that address; by default where the configuration listens.
    pub(super) fn new(url: Option<String>, config: &Config) -> Result<Self, Failure> {
        let url = url.unwrap_or_else(|| format!("http://{}", config.listen));
        let url = if url.contains("://") { url } else { format!("http://{url}") };
        let http = reqwest::blocking::Client::builder().timeout(PATIENCE).build()?;
        Ok(Self { http, base: url.trim_end_matches('/').to_owned() })
    }

    /// The address of a route.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// GET, which must succeed.
    pub(super) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        read(send(self.http.get(self.url(path)))?)
    }

    /// POST, which must succeed.
    pub(super) fn post<T: DeserializeOwned>(&self, path: &str, body: &impl serde::Serialize) -> Result<T, Failure> {
        read(send(self.http.post(self.url(path)).json(body))?)
    }
}

/// Sends a request, or says in words that nobody is there.
pub(super) fn send(request: RequestBuilder) -> Result<Response, Failure> {
    request.send().map_err(|error| {
        let url = error.url().map(ToString::to_string).unwrap_or_default();
        format!("cannot reach {url}: {}; is the server running?", crate::report(&error.without_url())).into()
    })
}

fn read<T: DeserializeOwned>(response: Response) -> Result<T, Failure> {
    let status = response.status();
    if status.is_success() {
        return Ok(response.json()?);
    }
    let said = response.json::<Problem>().map(|Problem { detail, field }| match field {
        Some(field) if !field.is_empty() => format!("{field}: {detail}"),
        _ => detail,
    });
    Err(said.unwrap_or_else(|_| format!("the server answered {status}")).into())
}
