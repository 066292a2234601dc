//! `GET /v1/compare`: two bindings on the interactions that both judged.

use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use serde::Deserialize;
use tokio::sync::oneshot;
use utoipa::IntoParams;

use super::Api;
use super::page::{ListQuery, ListRequest, limit, parse_query};
use crate::http::{Problem, ProblemBody};
use crate::record::Time;
use crate::store::{Comparison, ComparisonError, ComparisonRequest};

/// How many of the interactions that differ most are given where nothing is said of it, and at most. Each comes with all
/// verdicts of both.
const INTERACTIONS: (usize, usize) = (20, 100);

/// The query of a comparison. Every parameter but `a`, `b` and `limit` narrows what is compared.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct CompareQuery {
    /// One binding: its name, which means the one of that name that judged last, or enough of its digest.
    a: String,
    /// The other binding, likewise.
    b: String,
    /// How many of the interactions that differ most are given, 1 to 100; 20 where absent.
    #[param(value_type = u32, required = false, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// Filed under this project.
    project: Option<String>,
    /// Answered by this provider.
    provider: Option<String>,
    /// Answered by this model.
    model: Option<String>,
    /// Of this session.
    session: Option<String>,
    /// Of this user.
    user: Option<String>,
    /// Made from the prompt template of this name.
    prompt: Option<String>,
    /// `true`: the call failed. `false`: it did not.
    #[param(value_type = bool, required = false)]
    has_error: Option<String>,
    /// Started at this moment (RFC 3339) or later.
    #[param(value_type = Time, required = false)]
    from: Option<String>,
    /// Started before this moment (RFC 3339).
    #[param(value_type = Time, required = false)]
    to: Option<String>,
}

/// The query of a comparison, with every parameter valid.
pub(super) struct CompareRequest(ComparisonRequest);

impl<S: Send + Sync> FromRequestParts<S> for CompareRequest {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query: CompareQuery = parse_query(parts.uri.query().unwrap_or_default())?;
        let CompareQuery { a, b, limit: most, project, provider, model, session, user, prompt, has_error, from, to } =
            query;
        let limit = limit(most, INTERACTIONS)?;
        let narrowed =
            ListQuery { project, provider, model, session, user, prompt, has_error, from, to, ..ListQuery::default() };
        let ListRequest { filter, .. } = narrowed.try_into()?;
        Ok(Self(ComparisonRequest { a, b, filter, limit }))
    }
}

/// Compare two bindings
///
/// On the interactions that both judged: how often they agree, how what they say differs, and the interactions on which it
/// differs most. Takes some seconds for a million interactions; one comparison is made at a time.
#[utoipa::path(
    get, path = "/v1/compare", tag = "plugins", params(CompareQuery),
    responses(
        (status = 200, description = "How the two differ", body = Comparison),
        (status = 422, description = "A parameter is not valid, or there is no such binding", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn compare(
    State(api): State<Api>,
    CompareRequest(request): CompareRequest,
) -> Result<Json<Comparison>, Problem> {
    let turn = api.comparisons.acquire_owned().await.map_err(|_| Problem::Unavailable)?;
    let (reply, answer) = oneshot::channel();
    // A thread of its own, behind all that is more urgent. Where whoever asked has gone, it leaves off.
    crate::spawn("compare", move || {
        crate::Priority::Leisure.take();
        let compared = api.store.compare(&request, &|| !reply.is_closed());
        let _ = reply.send(compared);
        drop(turn);
    });
    match answer.await {
        Ok(compared) => Ok(Json(compared?)),
        Err(_) => {
            tracing::error!("a comparison panicked");
            Err(Problem::Internal)
        }
    }
}

impl From<ComparisonError> for Problem {
    fn from(error: ComparisonError) -> Self {
        match error {
            ComparisonError::A(source) => Self::field("a", source),
            ComparisonError::B(source) => Self::field("b", source),
            ComparisonError::Same { .. } => Self::field("b", error),
            ComparisonError::Unwanted => Self::Unavailable,
            ComparisonError::Store(source) => source.into(),
        }
    }
}
