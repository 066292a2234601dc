//! `tribunal serve`: what starts and stops in which order.

use std::future::{Future, IntoFuture};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use utoipa_axum::router::OpenApiRouter;

use super::prices::Adapters;
use super::reload::Loader;
use super::retention::Retention;
use super::telemetry::Telemetry;
use super::{Failure, load, requests};
use crate::api::{Api, ReloadCause, Reloads};
use crate::config::Config;
use crate::dispatch::Dispatcher;
use crate::http::Problem;
use crate::model::ModelDesk;
use crate::plugin::Archive;
use crate::store::{Store, StoreOptions};
use crate::{api, ingest};

/// How long clients whose request is under way are waited for at the end.
const DRAIN: Duration = Duration::from_secs(15);

pub(super) fn serve(config: Config) -> Result<ExitCode, Failure> {
    // Ends last, so that the spans of the end are sent.
    let _telemetry = Telemetry::start(config.telemetry.as_ref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind(config.listen)).map_err(|error| {
        let hint = "is another server running there? TRIBUNAL_LISTEN or `listen` chooses another address";
        format!("cannot listen on {}: {error}; {hint}", config.listen)
    })?;
    let store = Store::open(&config.data, &StoreOptions { max_backlog: config.max_backlog.0 })?;
    let models = ModelDesk::new(config.models.clone(), config.plugin_budgets(), Some(store.clone()))?;
    let engine = load::engine(&config.data)?.asking(Arc::new(models.clone()));
    let archive = Archive::open(&load::archive_folder(&config.data))?;
    let names: Vec<_> = config.plugins.iter().map(|plugin| plugin.name.clone()).collect();
    let dispatcher = Arc::new(Dispatcher::start(store.clone(), config.workers, names));
    models.priced_by(Arc::new(Adapters::new(dispatcher.bench())));
    let retention = Retention::start(store.clone(), models.clone());
    tracing::info!(listen = %listener.local_addr()?, data = %config.data.display(), plugins = config.plugins.len(), "serving");

    let max_body = config.max_body.0;
    let loader = Loader::start(engine.clone(), archive, models.clone(), Arc::clone(&dispatcher), config);
    let (bench, reloads) = (dispatcher.bench(), loader.reloads());
    let comparisons = Arc::new(Semaphore::new(1));
    let api =
        Api { store: store.clone(), bench, max_body, reloads, comparisons, engine, models, traffic: Arc::default() };
    runtime.block_on(answer_until_stopped(listener, router(api), loader.reloads()))?;

    // Nothing comes in any more: let evaluations in flight end and be written, then close the log.
    tracing::info!("stopping");
    drop(loader);
    drop(retention);
    drop(dispatcher);
    store.close();
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Serves until the first SIGTERM or SIGINT, and then until the answers in flight are given.
async fn answer_until_stopped(listener: TcpListener, app: Router, reloads: Reloads) -> std::io::Result<()> {
    let stop = stop_signal()?;
    let reloading = reload_at_hangup(reloads)?;
    let (stopping, told) = tokio::sync::oneshot::channel();
    let serving = axum::serve(listener, app).with_graceful_shutdown(async move {
        stop.await;
        // Whoever waits for it is below.
        let _ = stopping.send(());
    });
    let overdue = async {
        match told.await {
            Ok(()) => tokio::time::sleep(DRAIN).await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        served = serving.into_future() => served,
        () = reloading => Ok(()),
        () = overdue => {
            tracing::warn!("some clients have not sent all of their request or not taken their answer; leaving them");
            Ok(())
        }
    }
}

fn router(api: Api) -> Router {
    let traffic = Arc::clone(&api.traffic);
    let (router, document) = OpenApiRouter::with_openapi(api::document())
        .merge(ingest::router(api.store.clone(), api.max_body))
        .merge(api::router(api))
        .split_for_parts();
    let document = axum::Json(document);
    router
        .route("/openapi.json", get(move || std::future::ready(document.clone())))
        .fallback(|| std::future::ready(Problem::NoRoute))
        .method_not_allowed_fallback(|| std::future::ready(Problem::Method))
        .layer(from_fn_with_state(traffic, requests::observe))
}

/// Ends at the first SIGTERM or SIGINT.
fn stop_signal() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Asks for a reload at each SIGHUP. Never ends.
fn reload_at_hangup(reloads: Reloads) -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        loop {
            hangup.recv().await;
            if reloads.ask(ReloadCause::Signal, None).is_err() {
                tracing::warn!("too many reloads wait; this SIGHUP is passed over");
            }
        }
    })
}
