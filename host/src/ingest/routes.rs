//! `POST /v1/interactions`.

use axum::Json;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::native::{Item, parse_array, parse_lines, parse_one};
use crate::http::{Problem, ProblemBody, content_type, read_body};
use crate::record::NewInteraction;
use crate::store::{Recorded, Store};

#[derive(Clone)]
struct Ingest {
    store: Store,
    max_body: usize,
}

/// The routes that record.
pub fn router(store: Store, max_body: usize) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(interaction_create))
        // The handler reads the body itself, to say in its own words when it is too large.
        .layer(DefaultBodyLimit::disable())
        .with_state(Ingest { store, max_body })
}

/// One interaction, or many.
#[derive(utoipa::ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it is there for its schema")]
enum Posted {
    One(Box<NewInteraction>),
    Many(Vec<NewInteraction>),
}

/// What became of one interaction.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct OneAnswer {
    /// Its id.
    id: String,
    /// `recorded`, or `duplicate` where it was there already with the same body.
    status: &'static str,
}

/// What became of many.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct BatchAnswer {
    /// How many are new in the log, durable by now.
    recorded: u64,
    /// How many were there already with the same body.
    duplicates: u64,
    /// Those that were not recorded.
    rejected: Vec<Rejected>,
    /// The ids that the host made, for those that were posted without.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    assigned: Vec<Assigned>,
}

/// An id that the host made.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Assigned {
    /// The interaction's place in the array, or its line in NDJSON, from 0.
    index: usize,
    /// Its id.
    id: String,
}

/// One that was not recorded.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Rejected {
    /// Its place in the array, or its line in NDJSON, from 0.
    index: usize,
    /// Why.
    error: ProblemBody,
}

/// Record interactions
///
/// Takes one interaction, an array of them, or one on each line (`application/x-ndjson`). The answer comes when what
/// it calls recorded is durable. Each item stands for itself: what is valid is recorded though others are not.
/// Posting an id again with the same body is not an error and changes nothing.
#[utoipa::path(
    post, path = "/v1/interactions", tag = "interactions",
    request_body(content(
        (Posted = "application/json"),
        (String = "application/x-ndjson"),
    )),
    responses(
        (status = 201, description = "The one interaction is recorded, or was there already", body = OneAnswer,
            links(("read" = (operation_id = "interaction_get", parameters(("id" = "$response.body#/id")))))),
        (status = 200, description = "What became of each of many", body = BatchAnswer),
        (status = 400, description = "The body cannot be read", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The id exists with another body", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "Neither JSON nor NDJSON", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A field is not valid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too much waits to be written; see Retry-After", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The store cannot be written", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn interaction_create(State(ingest): State<Ingest>, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let lines = is_lines(&headers)?;
    let body = read_body(body, &headers, ingest.max_body).await?;
    if lines {
        return record_many(&ingest.store, parse_lines(&body)).await;
    }
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'[') => record_many(&ingest.store, parse_array(&body)?.into_iter().enumerate().collect()).await,
        _ => record_one(&ingest.store, parse_one(&body)?).await,
    }
}

/// Whether the body has one interaction on each line.
fn is_lines(headers: &HeaderMap) -> Result<bool, Problem> {
    let lines = ["application/x-ndjson", "application/ndjson", "application/jsonl"];
    let taken = |kind: &str| kind == "application/json" || lines.contains(&kind);
    let kind = content_type(headers, "application/json or application/x-ndjson", taken)?;
    Ok(kind.is_some_and(|kind| lines.contains(&kind.as_str())))
}

async fn record_one(store: &Store, record: crate::store::NewRecord) -> Result<Response, Problem> {
    let recorded = store.interaction_insert(vec![record]).await?.pop();
    let (id, status) = match recorded {
        Some(Recorded::New(id)) => (id, "recorded"),
        Some(Recorded::Duplicate(id)) => (id, "duplicate"),
        Some(Recorded::Conflict(id)) => return Err(Problem::Conflict { id: id.to_string() }),
        None => return Err(Problem::Internal),
    };
    Ok((StatusCode::CREATED, Json(OneAnswer { id: id.to_string(), status })).into_response())
}

async fn record_many(store: &Store, items: Vec<(usize, Item)>) -> Result<Response, Problem> {
    let mut rejected = Vec::new();
    let mut assigned = Vec::new();
    let mut places = Vec::with_capacity(items.len());
    let mut records = Vec::with_capacity(items.len());
    for (index, item) in items {
        match item {
            Ok(record) => {
                places.push((index, record.has_id()));
                records.push(record);
            }
            Err(problem) => rejected.push(Rejected { index, error: problem.body() }),
        }
    }
    let (mut recorded, mut duplicates) = (0, 0);
    let answers = if records.is_empty() { Vec::new() } else { store.interaction_insert(records).await? };
    for ((index, has_id), answer) in places.into_iter().zip(answers) {
        match answer {
            Recorded::New(id) => {
                recorded += 1;
                if !has_id {
                    assigned.push(Assigned { index, id: id.to_string() });
                }
            }
            Recorded::Duplicate(_) => duplicates += 1,
            Recorded::Conflict(id) => {
                rejected.push(Rejected { index, error: Problem::Conflict { id: id.to_string() }.body() });
            }
        }
    }
    rejected.sort_by_key(|rejected| rejected.index);
    Ok(Json(BatchAnswer { recorded, duplicates, rejected, assigned }).into_response())
}
