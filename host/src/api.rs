//! HTTP out: what is stored and how the host is. Handlers extract, make one call and respond; they know no SQL and
//! no wasmtime.

mod backfills;
mod compare;
mod health;
mod interactions;
mod metrics;
mod models;
mod page;
mod plugins;
mod reload;
mod retries;
mod verdicts;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
pub use reload::{ReloadCause, ReloadItem, ReloadOutcome, ReloadReport, ReloadRequest, Reloads};
use tokio::sync::Semaphore;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::dispatch::Bench;
use crate::http::{Problem, ProblemBody, Traffic};
use crate::model::ModelDesk;
use crate::plugin::Engine;
use crate::store::{Store, StoreError};

/// What the handlers see of the host.
#[derive(Clone)]
pub struct Api {
    /// The log and the verdicts.
    pub store: Store,
    /// The loaded bindings.
    pub bench: Bench,
    /// The most bytes of a body.
    pub max_body: usize,
    /// Asks for a reload of the configuration.
    pub reloads: Reloads,
    /// What runs plugins.
    pub engine: Engine,
    /// The models that plugins ask.
    pub models: ModelDesk,
    /// What was answered.
    pub traffic: Arc<Traffic>,
    /// Whose turn it is to have bindings compared.
    pub comparisons: Arc<Semaphore>,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tribunal",
        description = "Records what applications say to language models and what the models answer, puts each \
                       interaction before sandboxed plugins, and keeps every verdict beside it.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    components(schemas(ProblemBody)),
    tags(
        (name = "interactions", description = "What was recorded, with what was said of it"),
        (name = "verdicts", description = "What plugins said"),
        (name = "plugins", description = "The bindings that are loaded, and their evaluations that failed"),
        (name = "models", description = "The models that plugins ask, and what these answered"),
        (name = "backfills", description = "Judging what was recorded before a binding was loaded"),
        (name = "host", description = "How the host is"),
    ),
)]
struct Document;

/// The document that the routes are added to.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// The routes that read, and those that ask the host to do something.
pub fn router(api: Api) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(interactions::interaction_list))
        .routes(routes!(interactions::interaction_get))
        .routes(routes!(interactions::evaluation_list))
        .routes(routes!(verdicts::verdict_list))
        .routes(routes!(plugins::plugin_list))
        .routes(routes!(reload::plugin_reload))
        .routes(routes!(retries::retry_create))
        .routes(routes!(models::model_list))
        .routes(routes!(models::exchange_get))
        .routes(routes!(compare::compare))
        .routes(routes!(backfills::backfill_list, backfills::backfill_create))
        .routes(routes!(backfills::backfill_get))
        .routes(routes!(backfills::backfill_cancel))
        // Handlers read bodies themselves, to say in their own words when one is too large.
        .layer(DefaultBodyLimit::disable())
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(metrics::metrics))
        .with_state(api)
}

/// Runs a query off the threads that serve HTTP.
async fn query<T: Send + 'static>(work: impl FnOnce() -> Result<T, StoreError> + Send + 'static) -> Result<T, Problem> {
    ask(work).await
}

/// Runs what may take a while off the threads that serve HTTP.
async fn ask<T: Send + 'static, E: Into<Problem> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(E::into),
        Err(error) => {
            tracing::error!(%error, "a query panicked");
            Err(Problem::Internal)
        }
    }
}
