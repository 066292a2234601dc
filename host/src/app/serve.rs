//! `tribunal serve`: what starts and stops in which order.

use std::future::{Future, IntoFuture};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use utoipa_axum::router::OpenApiRouter;

use super::{Failure, load};
use crate::config::{self, Config};
use crate::dispatch::Dispatcher;
use crate::http::Problem;
use crate::plugin::Engine;
use crate::store::{Store, StoreOptions};
use crate::{api, ingest};

/// How long clients whose request is under way are waited for at the end.
const DRAIN: Duration = Duration::from_secs(15);

pub(super) fn serve(config: Config) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind(config.listen)).map_err(|error| {
        let hint = "is another server running there? TRIBUNAL_LISTEN or `listen` chooses another address";
        format!("cannot listen on {}: {error}; {hint}", config.listen)
    })?;
    let store = Store::open(&config.data, &StoreOptions { max_backlog: config.max_backlog.0 })?;
    let engine = Engine::start(&load::cache_folder(&config.data))?;
    let names: Vec<_> = config.plugins.iter().map(|plugin| plugin.name.clone()).collect();
    let dispatcher = Arc::new(Dispatcher::start(store.clone(), config.workers, names));
    tracing::info!(listen = %listener.local_addr()?, data = %config.data.display(), plugins = config.plugins.len(), "serving");

    let loader = std::thread::spawn({
        let dispatcher = Arc::clone(&dispatcher);
        move || load_all(&engine, &dispatcher, config.plugins)
    });
    let app = router(&store, &dispatcher, config.max_body.0);
    runtime.block_on(answer_until_stopped(listener, app))?;

    // Nothing comes in any more: let evaluations in flight end and be written, then close the log.
    tracing::info!("stopping");
    if loader.join().is_err() {
        tracing::error!("the loader panicked");
    }
    drop(dispatcher);
    store.close();
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Serves until the first SIGTERM or SIGINT, and then until the answers in flight are given.
async fn answer_until_stopped(listener: TcpListener, app: Router) -> std::io::Result<()> {
    let stop = stop_signal()?;
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
        () = overdue => {
            tracing::warn!("some clients have not sent all of their request or not taken their answer; leaving them");
            Ok(())
        }
    }
}

fn load_all(engine: &Engine, dispatcher: &Dispatcher, plugins: Vec<config::Plugin>) {
    for plugin in plugins {
        let (name, start) = (plugin.name.clone(), plugin.start);
        let began = std::time::Instant::now();
        let loaded = load::load(engine, plugin).map_err(|error| crate::report(&error)).and_then(|plugin| {
            let digest = plugin.binding().digest();
            dispatcher.add(plugin, start).map(|()| digest).map_err(|error| crate::report(&error))
        });
        match loaded {
            Ok(binding) => {
                tracing::info!(%name, %binding, ms = began.elapsed().as_millis() as u64, "plugin loaded");
            }
            Err(reason) => {
                tracing::error!(%name, reason, "plugin not loaded");
                dispatcher.fail(&name, reason);
            }
        }
    }
}

fn router(store: &Store, dispatcher: &Dispatcher, max_body: usize) -> Router {
    let bench = dispatcher.bench();
    let (router, document) = OpenApiRouter::with_openapi(api::document())
        .merge(ingest::router(store.clone(), max_body))
        .merge(api::router(api::Api { store: store.clone(), bench }))
        .split_for_parts();
    let document = axum::Json(document);
    router
        .route("/openapi.json", get(move || std::future::ready(document.clone())))
        .fallback(|| std::future::ready(Problem::NoRoute))
        .method_not_allowed_fallback(|| std::future::ready(Problem::Method))
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
