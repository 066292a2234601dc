//! Errors as clients see them: RFC 9457 problem details that name the field at fault. Internals go to the log.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::store::StoreError;

/// Everything that can be wrong with a request, or with the host while it answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The body is not what its content type says.
    #[error("{detail}")]
    Malformed {
        /// What is wrong, and where.
        detail: String,
    },
    /// A field of the body, of the query or of the path.
    #[error("{detail}")]
    Field {
        /// The path to it, such as `usage.input_tokens`.
        field: String,
        /// What is wrong with it.
        detail: String,
    },
    /// There is no such thing.
    #[error("there is no {what} {id:?}")]
    NotFound {
        /// What sort of thing.
        what: &'static str,
        /// What was asked for.
        id: String,
    },
    /// There is no such route.
    #[error("there is nothing at this path; GET /openapi.json lists what there is")]
    NoRoute,
    /// The route takes another method.
    #[error("this path does not take this method; GET /openapi.json lists what it takes")]
    Method,
    /// The id exists with another body.
    #[error("interaction {id:?} is recorded already with another body; nothing was changed")]
    Conflict {
        /// The id.
        id: String,
    },
    /// The body is larger than the limit.
    #[error("the body is larger than {limit} bytes; send fewer interactions at once, or raise `max_body`")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The body is of a type that is not taken.
    #[error("expected the content type {expected}, got {got:?}")]
    MediaType {
        /// The types that are taken.
        expected: &'static str,
        /// The content type.
        got: String,
    },
    /// The body is compressed.
    #[error("expected a body without content-encoding, got {got:?}: send it as it is")]
    Encoding {
        /// The encoding.
        got: String,
    },
    /// Too much waits to be written.
    #[error("too much is waiting to be written; try again in a second")]
    Busy,
    /// The store can't be written, or is being closed.
    #[error("nothing can be recorded at the moment; try again later")]
    Unavailable,
    /// The host failed.
    #[error("the host failed to answer; its log says why")]
    Internal,
}

/// A problem as it is sent, in the media type `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ProblemBody {
    /// Which sort of problem: a URN that does not change.
    #[serde(rename = "type")]
    pub kind: String,
    /// The sort of problem in words.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong here, and what to do.
    pub detail: String,
    /// The path to the field at fault, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl Problem {
    /// A problem with a field.
    pub fn field(field: impl Into<String>, detail: impl ToString) -> Self {
        Self::Field { field: field.into(), detail: detail.to_string() }
    }

    /// The status, the last part of the type, and the title.
    fn sort(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::Malformed { .. } => (StatusCode::BAD_REQUEST, "malformed-body", "The body cannot be read"),
            Self::Field { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "invalid-field", "A field is not valid"),
            Self::NotFound { .. } => (StatusCode::NOT_FOUND, "not-found", "Not found"),
            Self::NoRoute => (StatusCode::NOT_FOUND, "no-route", "No such path"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "method", "Method not allowed"),
            Self::Conflict { .. } => (StatusCode::CONFLICT, "conflict", "The id exists with another body"),
            Self::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large"),
            Self::MediaType { .. } => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", "Unsupported media type"),
            Self::Encoding { .. } => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "encoding", "Unsupported content encoding"),
            Self::Busy => (StatusCode::TOO_MANY_REQUESTS, "busy", "Too much is waiting"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "The store cannot be written"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "The host failed"),
        }
    }

    /// The problem as it is sent.
    pub fn body(&self) -> ProblemBody {
        let (status, kind, title) = self.sort();
        let field = match self {
            Self::Field { field, .. } => Some(field.clone()),
            _ => None,
        };
        ProblemBody {
            kind: format!("urn:tribunal:problem:{kind}"),
            title,
            status: status.as_u16(),
            detail: self.to_string(),
            field,
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy => Self::Busy,
            StoreError::Unavailable(_) | StoreError::Closed => Self::Unavailable,
            StoreError::TooBroad { .. } => Self::field("plugin", error),
            StoreError::InUse { .. }
            | StoreError::File { .. }
            | StoreError::TooNew { .. }
            | StoreError::TooOld { .. }
            | StoreError::Query { .. }
            | StoreError::Damaged { .. } => {
                tracing::error!(error = crate::report(&error), "a request failed");
                Self::Internal
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, ..) = self.sort();
        let mut response = (status, Json(self.body())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if matches!(self, Self::Busy | Self::Unavailable) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
