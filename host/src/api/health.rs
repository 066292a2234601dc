//! Whether the host is alive, and whether it is ready.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;

use super::Api;
use crate::dispatch::Absent;

/// Alive
#[utoipa::path(get, path = "/healthz", tag = "host", responses((status = 200, description = "The process answers", body = String)))]
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether the host is ready, and what it waits for.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Readiness {
    /// Every binding of the start was loaded or has failed, and the store can be written. A reload changes nothing of that.
    ready: bool,
    /// The last attempt to write succeeded.
    store_writable: bool,
    /// Bindings that are being loaded.
    loading: Vec<String>,
    /// Bindings that could not be loaded; they do not hold up the others.
    failed: Vec<String>,
}

/// Ready
#[utoipa::path(
    get, path = "/readyz", tag = "host",
    responses(
        (status = 200, description = "Ready", body = Readiness),
        (status = 503, description = "The bindings of the start are being loaded, or the store cannot be written", body = Readiness),
    )
)]
pub(super) async fn readyz(State(api): State<Api>) -> (StatusCode, Json<Readiness>) {
    let named = |wanted: fn(&Absent) -> bool| {
        let absent = api.bench.absent().into_iter();
        absent.filter(|(_, absent)| wanted(absent)).map(|(name, _)| name.to_string()).collect::<Vec<_>>()
    };
    let loading = named(|absent| *absent == Absent::Loading);
    let failed = named(|absent| *absent != Absent::Loading);
    let store_writable = api.store.is_writable();
    let ready = api.bench.is_up() && store_writable;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, store_writable, loading, failed }))
}
