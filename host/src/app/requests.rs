//! What surrounds every HTTP request: it is counted, and has a span. Knows nothing of what is asked.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use tracing::field::Empty;
use tracing::{Instrument, info_span};

use super::telemetry;
use crate::http::Traffic;

/// Passes the request on, and notes how it was answered.
pub(super) async fn observe(State(traffic): State<Arc<Traffic>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = method(request.method());
    let matched = request.extensions().get::<MatchedPath>().cloned();
    // What clients make up is no label.
    let route = matched.as_ref().map_or("none", MatchedPath::as_str);
    let span = info_span!(
        "request",
        otel.name = %format_args!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
    );
    telemetry::continue_trace(&span, request.headers());
    let response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    traffic.record(method, route, status.as_u16(), began.elapsed());
    response
}

fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
