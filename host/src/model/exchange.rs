//! One request to a provider and its answer, as bytes over HTTP. Knows nothing of what stands in them.

use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::Value as Json;

use crate::record::{Dialect, ModelAnswer, Remote, Secret, short};

/// What stands where a key stood.
const REDACTED: &str = "(a key)";

/// The largest answer that is read.
const LARGEST: usize = 16 << 20;

/// Whom requests go to.
pub(super) struct Recipient<'a> {
    pub(super) client: &'a Client,
    pub(super) remote: &'a Remote,
    /// The model, as the provider names it.
    pub(super) model: &'a str,
}

impl Recipient<'_> {
    /// A request to that path, to be answered in that way.
    pub(super) fn post(&self, path: &str, body: &Json, read: fn(&Json) -> Option<ModelAnswer>) -> Exchange {
        let Remote { dialect, base_url, key } = self.remote;
        let mut request = self.client.post(format!("{base_url}/{path}")).json(body);
        if let Some(key) = key {
            request = match dialect {
                Dialect::Anthropic => request.header("x-api-key", key.expose()),
                Dialect::Openai | Dialect::OpenaiCompatible | Dialect::Cohere => request.bearer_auth(key.expose()),
            };
        }
        Exchange { request, key: key.clone(), read }
    }
}

/// A request, and how its answer is read.
pub(super) struct Exchange {
    pub(super) request: RequestBuilder,
    /// What is taken out of whatever comes back.
    key: Option<Secret>,
    read: fn(&Json) -> Option<ModelAnswer>,
}

/// Why a try gave no answer.
#[derive(Debug)]
pub(super) enum Fault {
    /// It may pass; by then, where the provider said. What was lost was sent, and not answered.
    Passing { message: String, wait: Option<Duration>, lost: bool },
    /// There was no time to send it.
    Late(String),
    /// The provider does not take the request.
    Refused(String),
    /// The answer is none.
    Answer(String),
}

impl Fault {
    /// The request was not sent.
    pub(super) fn unsent(message: String) -> Self {
        Self::Passing { message, wait: None, lost: false }
    }

    /// The request was sent, and its answer did not come whole.
    pub(super) fn lost(message: String) -> Self {
        Self::Passing { message, wait: None, lost: true }
    }

    pub(super) fn message(self) -> String {
        match self {
            Self::Passing { message, .. } | Self::Late(message) | Self::Refused(message) | Self::Answer(message) => {
                message
            }
        }
    }
}

/// A failure of the connection. Its address is left out, as are the bodies: what they hold is the provider's affair.
fn broken(error: reqwest::Error) -> Fault {
    let unsent = error.is_connect();
    let message = crate::report(&error.without_url());
    if unsent { Fault::unsent(message) } else { Fault::lost(message) }
}

impl Exchange {
    pub(super) async fn send(&self) -> Result<ModelAnswer, Fault> {
        let request = self.request.try_clone().ok_or_else(|| Fault::Refused("it cannot be sent twice".to_owned()))?;
        let mut response = request.send().await.map_err(broken)?;
        let (status, wait) = (response.status(), retry_after(response.headers()));
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(broken)? {
            if body.len() + piece.len() > LARGEST {
                return Err(Fault::Answer(format!("the answer has more than {} MiB", LARGEST >> 20)));
            }
            body.extend_from_slice(&piece);
        }
        let body = self.without_key(body);
        if status.is_success() {
            let mut json: Json = serde_json::from_slice(&body)
                .map_err(|error| Fault::Answer(format!("what the provider sent is no JSON: {error}")))?;
            self.clean(&mut json);
            return (self.read)(&json)
                .ok_or_else(|| Fault::Answer("what the provider sent has no answer where one should be".to_owned()));
        }
        let mut json = serde_json::from_slice(&body).unwrap_or_default();
        self.clean(&mut json);
        let message = format!("the provider answered {status}: {}", said(&body, &json));
        let passes = status.is_server_error()
            || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT);
        Err(if passes { Fault::Passing { message, wait, lost: false } } else { Fault::Refused(message) })
    }
}

impl Exchange {
    /// Takes the key out of JSON's texts, where it may have stood behind escapes.
    fn clean(&self, json: &mut Json) {
        let Some(key) = self.key.as_ref().map(Secret::expose) else { return };
        match json {
            Json::String(text) if text.contains(key) => *text = text.replace(key, REDACTED),
            Json::Array(items) => items.iter_mut().for_each(|item| self.clean(item)),
            Json::Object(fields) => fields.values_mut().for_each(|value| self.clean(value)),
            Json::String(_) | Json::Number(_) | Json::Bool(_) | Json::Null => {}
        }
    }

    /// The body without the key, which some providers repeat to those who have a wrong one.
    fn without_key(&self, body: Vec<u8>) -> Vec<u8> {
        let Some(key) = self.key.as_ref().map(Secret::expose) else { return body };
        if body.windows(key.len()).any(|part| part == key.as_bytes()) {
            String::from_utf8_lossy(&body).replace(key, REDACTED).into_bytes()
        } else {
            body
        }
    }
}

/// Seconds; the other form, a date, is hardly ever sent by a provider, and a backoff does as well.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: f64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// What a provider says of an error, in the forms that there are.
fn said(body: &[u8], json: &Json) -> String {
    let message = ["/error/message", "/message", "/error"].into_iter().find_map(|at| json.pointer(at)?.as_str());
    // JSON may hide what it says behind escapes.
    let text = || if json.is_null() { String::from_utf8_lossy(body).into_owned() } else { json.to_string() };
    let start = |text: String| text[..text.floor_char_boundary(256)].to_owned();
    short(message.map_or_else(|| start(text()), str::to_owned))
}
