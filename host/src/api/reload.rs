//! Asking for a reload of the configuration. Who does it is on the other side of a channel.

use std::fmt;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use tokio::sync::oneshot;

use super::Api;
use crate::http::{Problem, ProblemBody};
use crate::record::Name;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReloadCause {
    /// Somebody over HTTP.
    Http,
    /// SIGHUP.
    Signal,
    /// The configuration's file changed.
    File,
}

/// One wish for a reload.
pub struct ReloadRequest {
    /// Who asks.
    pub cause: ReloadCause,
    /// Where to answer, if anywhere.
    pub reply: Option<oneshot::Sender<Result<ReloadReport, Problem>>>,
}

/// A handle for asking, and what came of the last reload. Cheap to clone.
#[derive(Clone)]
pub struct Reloads {
    requests: SyncSender<ReloadRequest>,
    fault: Arc<Mutex<Option<String>>>,
}

impl Reloads {
    /// Over the channel to whoever reloads.
    pub fn new(requests: SyncSender<ReloadRequest>) -> Self {
        Self { requests, fault: Arc::default() }
    }

    /// Why the configuration could not be read when it was last tried, if so.
    pub fn fault(&self) -> Option<String> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says whether the configuration could be read, for whoever reloads.
    pub fn note_fault(&self, fault: Option<String>) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// Asks without waiting; an error where too many wait already.
    pub fn ask(
        &self,
        cause: ReloadCause,
        reply: Option<oneshot::Sender<Result<ReloadReport, Problem>>>,
    ) -> Result<(), Problem> {
        self.requests.try_send(ReloadRequest { cause, reply }).map_err(|_| Problem::Busy)
    }
}

/// What a reload did.
#[derive(Debug, Clone, Default, Serialize, utoipa::ToSchema)]
pub struct ReloadReport {
    /// What became of each binding.
    pub items: Vec<ReloadItem>,
    /// Keys of the configuration that changed and take effect at the next start only.
    pub needs_restart: Vec<&'static str>,
}

impl fmt::Display for ReloadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |outcome: &str| self.items.iter().filter(|item| item.outcome == outcome).count();
        let outcomes = ["loaded", "replaced", "changed", "unchanged", "removed", "failed"];
        let counts = outcomes.map(|outcome| format!("{} {outcome}", count(outcome)));
        f.write_str(&counts.join(", "))
    }
}

/// What became of one binding.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct ReloadItem {
    /// Its name.
    pub name: String,
    /// `loaded`, `replaced`, `changed` (it goes on as it is, and is a shadow now or no longer one), `unchanged`, `removed`
    /// or `failed`.
    pub outcome: &'static str,
    /// Why it could not be loaded. What was loaded under its name before goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What became of one binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReloadOutcome {
    /// It is new.
    Loaded,
    /// It took the place of another.
    Replaced,
    /// It is loaded already, and has become a shadow or is no longer one.
    Changed,
    /// It is loaded already.
    Unchanged,
    /// The configuration has it no more.
    Removed,
    /// It could not be loaded.
    Failed(String),
}

impl ReloadItem {
    /// That this became of the binding.
    pub fn new(name: &Name, outcome: ReloadOutcome) -> Self {
        let (outcome, error) = match outcome {
            ReloadOutcome::Loaded => ("loaded", None),
            ReloadOutcome::Replaced => ("replaced", None),
            ReloadOutcome::Changed => ("changed", None),
            ReloadOutcome::Unchanged => ("unchanged", None),
            ReloadOutcome::Removed => ("removed", None),
            ReloadOutcome::Failed(reason) => ("failed", Some(reason)),
        };
        Self { name: name.to_string(), outcome, error }
    }
}

/// Reload the configuration
///
/// Reads the file again and loads what is new or changed, beside what runs; a binding that does not load leaves the
/// running one in place. Answers when it is done, which can take seconds where something has to be compiled.
#[utoipa::path(
    post, path = "/v1/plugins/reload", tag = "plugins",
    responses(
        (status = 200, description = "What became of each binding", body = ReloadReport),
        (status = 422, description = "The configuration is not valid; everything stays as it is", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many reloads wait", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The host is stopping", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn plugin_reload(State(api): State<Api>) -> Result<Json<ReloadReport>, Problem> {
    let (reply, answer) = oneshot::channel();
    api.reloads.ask(ReloadCause::Http, Some(reply))?;
    Ok(Json(answer.await.map_err(|_| Problem::Unavailable)??))
}
