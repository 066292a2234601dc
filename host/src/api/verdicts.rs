//! Listing verdicts.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::value::RawValue;

use super::page::{List, ListQuery, ListRequest};
use super::{Api, query};
use crate::http::{Problem, ProblemBody};
use crate::record::{Time, Verdict};
use crate::store::{OutcomeFilter, VerdictRow};

/// A verdict in a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct VerdictItem {
    /// The id of the interaction it is about.
    interaction: String,
    /// When that interaction's call was started.
    started_at: Time,
    /// The name of the binding that gave it.
    plugin: String,
    /// The digest of that binding.
    binding: String,
    /// What was said.
    #[schema(value_type = Verdict)]
    verdict: Box<RawValue>,
}

impl From<VerdictRow> for VerdictItem {
    fn from(row: VerdictRow) -> Self {
        Self {
            interaction: row.interaction,
            started_at: row.position.started_at,
            plugin: row.plugin,
            binding: row.binding.to_string(),
            verdict: row.verdict,
        }
    }
}

/// List verdicts
///
/// Newest interaction first, by the same parameters as the list of interactions.
#[utoipa::path(
    get, path = "/v1/verdicts", tag = "verdicts", params(ListQuery),
    responses(
        (status = 200, description = "A stretch of the list", body = List<VerdictItem>),
        (status = 422, description = "A parameter is not valid", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn verdict_list(
    State(api): State<Api>,
    request: ListRequest,
) -> Result<Json<List<VerdictItem>>, Problem> {
    let ListRequest { filter, after, limit } = request;
    if matches!(filter.verdict.outcome, Some(OutcomeFilter::Failed | OutcomeFilter::FailedFor(_))) {
        let detail = "a failed evaluation has no verdicts; list failures with GET /v1/interactions?outcome=…";
        return Err(Problem::field("outcome", detail));
    }
    let page = query(move || api.store.verdict_list(&filter, after, limit)).await?;
    Ok(Json(List::of(page, VerdictItem::from)))
}
