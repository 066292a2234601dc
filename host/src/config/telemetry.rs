//! The table `[telemetry]`: where the host's own spans go.

use serde::Deserialize;

use crate::record::Name;

/// Where the host's own spans go.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// The collector.
    #[serde(rename = "otlp")]
    pub endpoint: Endpoint,
    /// What the host is called there.
    #[serde(default = "default_service_name")]
    pub service_name: Name,
}

/// A collector that takes OTLP as protobuf over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Endpoint(String);

impl Endpoint {
    pub(super) const EXPECTED: &'static str =
        "a collector's address such as http://127.0.0.1:4318; for TLS put a collector on this machine";

    /// Where spans are posted.
    pub fn traces(&self) -> String {
        format!("{}/v1/traces", self.0)
    }
}

impl TryFrom<String> for Endpoint {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let uri: Option<axum::http::Uri> = text.parse().ok();
        let fits = uri.is_some_and(|uri| {
            uri.scheme_str() == Some("http") && uri.host().is_some_and(|host| !host.is_empty()) && uri.query().is_none()
        });
        if fits { Ok(Self(text.trim_end_matches('/').to_owned())) } else { Err(format!("expected {}", Self::EXPECTED)) }
    }
}

pub(super) fn default_service_name() -> Name {
    "tribunal".parse().expect("a valid name")
}
