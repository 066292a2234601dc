//! Backfills: asking for one, looking at it, and ending it.

use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::page::{List, check_range};
use super::plugins::BreakerItem;
use super::{Api, ask};
use crate::dispatch::{BackfillView, Estimate, FillError};
use crate::http::{Problem, ProblemBody, read_json};
use crate::record::{Rate, Time};
use crate::store::{BackfillId, BackfillRow, BackfillStatus, BindingId, BindingRow, Selection};

/// What is to be judged, and by whom.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewBackfill {
    /// The name of a loaded binding. It judges what was recorded before it was loaded; the rest comes to it by itself.
    plugin: String,
    /// Only what was started at this moment or later.
    #[serde(default)]
    from: Option<Time>,
    /// Only what was started before this moment.
    #[serde(default)]
    to: Option<Time>,
    /// Only that for which this CEL expression holds, beside the binding's own filter.
    #[serde(default)]
    filter: Option<String>,
    /// How many evaluations a second at most.
    #[serde(default = "no_rate")]
    #[schema(default = 1e6)]
    rate: Rate,
    /// Makes nothing, and says what would be done.
    #[serde(default)]
    dry_run: bool,
}

fn no_rate() -> Rate {
    Rate::MOST
}

/// What a backfill would come to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct EstimateItem {
    /// The digest of the binding that would judge.
    binding: String,
    /// How many interactions from before the binding was loaded are within the times and not judged.
    interactions: u64,
    /// How many of those the filters and the sample let pass: so many evaluations would be made.
    evaluations: u64,
    /// Whether that was reckoned from 2,000 of them.
    reckoned: bool,
    /// What an evaluation took on the average lately, in microseconds; none where there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    evaluation_us: Option<f64>,
    /// What all of it would take on an idle machine, reading and writing included; none where there was no evaluation to
    /// reckon from.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_seconds: Option<f64>,
    /// How many calls to models all of it would make, by the binding's newest evaluations; none where it asks none, or none
    /// was made yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_model_calls: Option<f64>,
    /// What these would cost if none of them was answered with what is kept, in US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_cost_usd: Option<f64>,
}

impl From<Estimate> for EstimateItem {
    fn from(estimate: Estimate) -> Self {
        let calls = estimate.model_calls.map(|mean| (mean.calls * estimate.evaluations as f64, mean.cost_of_one));
        Self {
            expected_model_calls: calls.map(|(calls, _)| calls),
            expected_cost_usd: calls.map(|(calls, cost_of_one)| calls * cost_of_one.dollars()),
            binding: estimate.binding.to_string(),
            interactions: estimate.interactions,
            evaluations: estimate.evaluations,
            reckoned: estimate.is_reckoned,
            evaluation_us: estimate.evaluation_us,
            expected_seconds: estimate.expected.map(|expected| expected.as_secs_f64()),
        }
    }
}

/// A backfill.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct BackfillItem {
    /// Its number.
    id: i64,
    /// The name of the binding that judges.
    plugin: String,
    /// The digest of that binding.
    binding: String,
    /// Only what was started at this moment or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Time>,
    /// Only what was started before this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Time>,
    /// Only that for which this CEL expression holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<String>,
    /// How many evaluations a second at most.
    rate: Rate,
    /// `running`; `waiting` where the binding is not loaded now; `cancelled`; `done`.
    status: &'static str,
    /// How far it has come.
    progress: ProgressItem,
    /// How many evaluations it brought.
    evaluated: u64,
    /// How many interactions it passed over: outside the selection, filtered, outside the sample, or judged before.
    passed_over: u64,
    /// When it was made.
    created_at: Time,
    /// When it was done or cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Time>,
    /// How it gets on, while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    running: Option<RunningItem>,
}

/// How far a backfill has come in the log, in places: each interaction has one.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct ProgressItem {
    /// The first place of its range.
    first: u64,
    /// The last place of its range.
    last: u64,
    /// How many places are done and stored.
    done: u64,
    /// How many there are.
    all: u64,
    /// `done` of `all`, from 0 to 1.
    share: f64,
}

/// A backfill that runs.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct RunningItem {
    /// Evaluations a second in the last ten seconds.
    evaluations_per_second: f64,
    /// When it will be done if it goes on like this; none where it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_end: Option<Time>,
    /// Whether it is held back because its plugin keeps failing.
    breaker: BreakerItem,
}

impl RunningItem {
    fn new(row: &BackfillRow, view: &BackfillView) -> Self {
        let left = (row.places() - row.places_done()) as f64;
        let speed = view.places_per_second;
        let end = |seconds| std::time::Duration::try_from_secs_f64(seconds).ok().map(|wait| Time::now() + wait);
        Self {
            evaluations_per_second: view.evaluations_per_second,
            expected_end: (speed > 0.0).then(|| end(left / speed)).flatten(),
            breaker: view.breaker.clone().into(),
        }
    }
}

/// What items are made of beside their rows.
struct Around {
    bindings: Vec<BindingRow>,
    loaded: Vec<BindingId>,
    views: Vec<BackfillView>,
}

impl Around {
    fn read(api: &Api) -> Result<Self, Problem> {
        let loaded = api.bench.lanes().into_iter().map(|lane| lane.id).collect();
        Ok(Self { bindings: api.store.binding_list()?, loaded, views: api.bench.backfills() })
    }

    fn item(&self, row: BackfillRow) -> BackfillItem {
        let binding = self.bindings.iter().find(|binding| binding.id == row.binding);
        let is_running = row.status == BackfillStatus::Running;
        let view = self.views.iter().find(|view| view.id == row.id && is_running);
        let (all, done) = (row.places(), row.places_done());
        let share = if all == 0 { 1.0 } else { done as f64 / all as f64 };
        BackfillItem {
            id: row.id.0,
            plugin: binding.map(|binding| binding.name.clone()).unwrap_or_default(),
            binding: binding.map(|binding| binding.digest.to_string()).unwrap_or_default(),
            status: if is_running && !self.loaded.contains(&row.binding) { "waiting" } else { row.status.as_str() },
            rate: row.rate,
            progress: ProgressItem { first: row.first.0, last: row.last.0, done, all, share },
            evaluated: row.evaluated,
            passed_over: done.saturating_sub(row.evaluated),
            created_at: row.created_at,
            ended_at: row.ended_at,
            running: view.map(|view| RunningItem::new(&row, view)),
            from: row.selection.from,
            to: row.selection.to,
            filter: row.selection.filter,
        }
    }
}

/// Make a backfill
///
/// A loaded binding judges what was recorded before it was loaded, within a range of time or for which a filter holds. What
/// it has judged already is passed over. A backfill goes on over restarts; where its binding is changed or removed, it
/// waits until that binding is loaded again.
#[utoipa::path(
    post, path = "/v1/backfills", tag = "backfills", request_body = NewBackfill,
    responses(
        (status = 201, description = "It runs, or is done where there is nothing to do", body = BackfillItem,
            links(
                ("read" = (operation_id = "backfill_get", parameters(("id" = "$response.body#/id")))),
                ("cancel" = (operation_id = "backfill_cancel", parameters(("id" = "$response.body#/id")))),
            )),
        (status = 200, description = "What it would come to, where `dry_run` is true", body = EstimateItem),
        (status = 400, description = "The body cannot be read", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "Not JSON", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A field is not valid, such as a plugin that is not loaded", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be written", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn backfill_create(
    State(api): State<Api>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let new: NewBackfill = read_json(body, &headers, api.max_body).await?;
    let NewBackfill { plugin, from, to, filter, rate, dry_run } = new;
    check_range(from, to)?;
    let selection = Selection { from, to, filter };
    if dry_run {
        let estimate = ask(move || api.bench.backfill_estimate(&plugin, selection, rate)).await?;
        return Ok(Json(EstimateItem::from(estimate)).into_response());
    }
    let item = ask::<_, Problem>(move || {
        let row = api.bench.backfill_create(&plugin, selection, rate)?;
        Ok(Around::read(&api)?.item(row))
    })
    .await?;
    Ok((StatusCode::CREATED, Json(item)).into_response())
}

/// List backfills
///
/// All of them, newest first.
#[utoipa::path(
    get, path = "/v1/backfills", tag = "backfills",
    responses((status = 200, description = "Every backfill", body = List<BackfillItem>))
)]
pub(super) async fn backfill_list(State(api): State<Api>) -> Result<Json<List<BackfillItem>>, Problem> {
    let items = ask::<_, Problem>(move || {
        let rows = api.store.backfill_list()?;
        let around = Around::read(&api)?;
        Ok(rows.into_iter().map(|row| around.item(row)).collect())
    });
    Ok(Json(List { items: items.await?, next: None }))
}

/// Read a backfill
#[utoipa::path(
    get, path = "/v1/backfills/{id}", tag = "backfills",
    params(("id" = i64, Path, description = "Its number")),
    responses(
        (status = 200, description = "The backfill as it stands", body = BackfillItem),
        (status = 404, description = "There is none of that number", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn backfill_get(State(api): State<Api>, PathId(id): PathId) -> Result<Json<BackfillItem>, Problem> {
    let item = ask::<_, Problem>(move || {
        let row = api.store.backfill_get(id)?.ok_or_else(|| not_found(&id.0.to_string()))?;
        Ok(Around::read(&api)?.item(row))
    });
    Ok(Json(item.await?))
}

/// End a backfill
///
/// What it judged stays. One that has ended already stays as it is.
#[utoipa::path(
    post, path = "/v1/backfills/{id}/cancel", tag = "backfills",
    params(("id" = i64, Path, description = "Its number")),
    responses(
        (status = 200, description = "The backfill as it then stands", body = BackfillItem),
        (status = 404, description = "There is none of that number", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be written", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn backfill_cancel(State(api): State<Api>, PathId(id): PathId) -> Result<Json<BackfillItem>, Problem> {
    let item = ask::<_, Problem>(move || {
        let row = api.bench.backfill_cancel(id)?.ok_or_else(|| not_found(&id.0.to_string()))?;
        Ok(Around::read(&api)?.item(row))
    });
    Ok(Json(item.await?))
}

/// The number in a path. What cannot be one is that of nothing.
pub(super) struct PathId(BackfillId);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(id) =
            Path::<String>::from_request_parts(parts, state).await.map_err(|_| not_found("of that number"))?;
        id.parse().map(|id| Self(BackfillId(id))).map_err(|_| not_found(&id))
    }
}

fn not_found(id: &str) -> Problem {
    Problem::NotFound { what: "backfill", id: id.chars().take(256).collect() }
}

impl From<FillError> for Problem {
    fn from(error: FillError) -> Self {
        match error {
            FillError::NoBinding(_) => Self::field("plugin", error),
            FillError::Filter(_) => Self::field("filter", error),
            FillError::Store(error) => error.into(),
        }
    }
}
