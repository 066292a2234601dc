//! Having failed evaluations made again.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};

use super::page::check_range;
use super::{Api, ask};
use crate::dispatch::Retried;
use crate::http::{Problem, ProblemBody, read_json};
use crate::record::{Reason, Time};
use crate::store::FailedFilter;

/// Which evaluations are made again.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRetry {
    /// The name of a loaded binding.
    plugin: String,
    /// Only those that failed for this reason.
    #[serde(default)]
    outcome: Option<Reason>,
    /// Only of what was started at this moment or later.
    #[serde(default)]
    from: Option<Time>,
    /// Only of what was started before this moment.
    #[serde(default)]
    to: Option<Time>,
    /// Does nothing, and says how many have failed.
    #[serde(default)]
    dry_run: bool,
}

/// What is made again.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct RetryItem {
    /// The digest of the binding.
    binding: String,
    /// How many of its evaluations had failed like that, and were tried no more.
    failed: u64,
    /// How many of them are made again now, oldest first. The rest has no room: ask again when these are done.
    retrying: u64,
}

/// Make failed evaluations again
///
/// For failures that had nothing to do with the plugin and were given up, as where a model's provider was away or had the wrong
/// key. They are `retrying` from now on, with all their attempts before them; a verdict takes the place of the failure. Where it
/// was the plugin that failed, load another and make a backfill.
#[utoipa::path(
    post, path = "/v1/retries", tag = "plugins", request_body = NewRetry,
    responses(
        (status = 200, description = "What is made again", body = RetryItem),
        (status = 400, description = "The body cannot be read", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "Not JSON", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A field is not valid, such as a plugin that is not loaded", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be written", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn retry_create(
    State(api): State<Api>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<RetryItem>, Problem> {
    let new: NewRetry = read_json(body, &headers, api.max_body).await?;
    let NewRetry { plugin, outcome: reason, from, to, dry_run } = new;
    check_range(from, to)?;
    let retried = ask(move || api.bench.retry(&plugin, FailedFilter { reason, from, to }, dry_run)).await?;
    let Retried { binding, failed, retrying } = retried;
    Ok(Json(RetryItem { binding: binding.to_string(), failed, retrying }))
}
