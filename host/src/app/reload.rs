//! Brings what is loaded in line with the configuration: at the start, at SIGHUP, when the file changes, and when
//! somebody asks over HTTP. One thread does it, off everybody's path.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use notify::{RecursiveMode, Watcher};

use super::{Failure, load};
use crate::api::{ReloadCause, ReloadItem, ReloadOutcome, ReloadReport, ReloadRequest, Reloads};
use crate::config::{self, Config};
use crate::dispatch::Dispatcher;
use crate::http::Problem;
use crate::model::ModelDesk;
use crate::plugin::{Archive, Engine, Plugin};
use crate::record::{Name, Seq};

/// How many reloads may wait.
const QUEUE: usize = 8;
/// How often the configuration's file is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// An editor writes a file in several steps: what comes within this time is one change.
const SETTLE: Duration = Duration::from_millis(200);

/// How often an idle loader looks whether it is to stop: those who may ask outlive it.
const IDLE: Duration = Duration::from_millis(100);

/// Owns the thread that loads plugins: dropping it lets it finish the plugin it is at, and joins it.
pub(super) struct Loader {
    reloads: Reloads,
    _watcher: Option<notify::PollWatcher>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Loader {
    pub(super) fn start(
        engine: Engine,
        archive: Archive,
        models: ModelDesk,
        dispatcher: Arc<Dispatcher>,
        config: Config,
    ) -> Self {
        let (asked, requests) = sync_channel(QUEUE);
        let reloads = Reloads::new(asked);
        let watcher = config.file.as_deref().and_then(|file| watch(file, reloads.clone()));
        let stop = Arc::default();
        let (stopped, reloaded) = (Arc::clone(&stop), reloads.clone());
        let mut state =
            State { engine, archive, models, dispatcher, config, seen: None, reloads: reloaded, stop: stopped };
        let thread = crate::spawn("loader", move || {
            crate::Priority::Leisure.take();
            state.run(&requests);
        });
        Self { reloads, _watcher: watcher, stop, thread: Some(thread) }
    }

    /// A handle for those who ask for a reload.
    pub(super) fn reloads(&self) -> Reloads {
        self.reloads.clone()
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the loader panicked");
        }
    }
}

/// Asks for a reload whenever the file changes. It is read again and again, since editors and orchestrators put another
/// file, or another folder, in its place; and the folder cannot be watched in its stead where the database lies in it too,
/// as the system would wake this process at each of its writes.
fn watch(file: &Path, reloads: Reloads) -> Option<notify::PollWatcher> {
    let settings = notify::Config::default().with_poll_interval(LOOK).with_compare_contents(true);
    let tell = move |event: notify::Result<notify::Event>| {
        if event.is_ok() {
            // Where many wait already, one of them will see this change too.
            let _ = reloads.ask(ReloadCause::File, None);
        }
    };
    let watched = notify::PollWatcher::new(tell, settings).and_then(|mut watcher| {
        watcher.watch(file, RecursiveMode::NonRecursive)?;
        Ok(watcher)
    });
    watched.inspect_err(|error| tracing::warn!(%error, "cannot watch the configuration; SIGHUP still reloads it")).ok()
}

struct State {
    engine: Engine,
    archive: Archive,
    models: ModelDesk,
    dispatcher: Arc<Dispatcher>,
    config: Config,
    /// The text that was loaded last, so that a change that changes nothing does nothing.
    seen: Option<String>,
    reloads: Reloads,
    stop: Arc<AtomicBool>,
}

impl State {
    fn run(&mut self, requests: &Receiver<ReloadRequest>) {
        self.seen = self.config.file.as_deref().and_then(|file| std::fs::read_to_string(file).ok());
        let wanted = std::mem::take(&mut self.config.plugins);
        self.apply(wanted, true);
        while !self.is_to_stop() {
            let request = match requests.recv_timeout(IDLE) {
                Ok(request) => request,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            match request.cause {
                ReloadCause::File => {
                    let others = settle(requests);
                    let text = self.config.file.as_deref().and_then(|file| std::fs::read_to_string(file).ok());
                    if text.as_ref().is_some_and(|text| text.trim().is_empty()) && others.is_empty() {
                        tracing::warn!(
                            "the configuration is empty, which is taken for half a change; SIGHUP takes it as it is"
                        );
                    } else if text != self.seen || !others.is_empty() {
                        self.answer(ReloadCause::File, others);
                    }
                }
                cause => self.answer(cause, vec![request]),
            }
        }
    }

    fn is_to_stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn answer(&mut self, cause: ReloadCause, requests: Vec<ReloadRequest>) {
        tracing::info!(?cause, "reloading the configuration");
        let span = tracing::info_span!("reload", tribunal.cause = ?cause);
        let _entered = span.enter();
        let report = self.reload().map_err(|error| crate::report(&*error));
        self.reloads.note_fault(report.as_ref().err().cloned());
        match &report {
            Ok(report) => tracing::info!(%report, "reloaded"),
            Err(error) => tracing::error!(error, "the configuration cannot be read; everything stays as it is"),
        }
        for reply in requests.into_iter().filter_map(|request| request.reply) {
            // Whoever asked may have gone.
            let _ = reply.send(report.clone().map_err(|error| Problem::field("configuration", error)));
        }
    }

    fn reload(&mut self) -> Result<ReloadReport, Failure> {
        let Some(file) = self.config.file.clone() else { return Ok(ReloadReport::default()) };
        self.seen = std::fs::read_to_string(&file).ok();
        let config = Config::read(&file)?;
        let needs_restart = self.config.needs_restart(&config);
        if !needs_restart.is_empty() {
            tracing::warn!(keys = needs_restart.join(", "), "these take effect at the next start only");
        }
        let budgets = config.plugin_budgets();
        self.models.set(config.models, budgets)?;
        let items = self.apply(config.plugins, false);
        self.dispatcher.hasten();
        Ok(ReloadReport { items, needs_restart })
    }

    /// Loads what is new or changed and takes away what is gone.
    fn apply(&self, wanted: Vec<config::Plugin>, is_start: bool) -> Vec<ReloadItem> {
        let names: Vec<_> = wanted.iter().map(|plugin| plugin.name.clone()).collect();
        let gone = self.dispatcher.names().into_iter().filter(|name| !names.contains(name));
        let mut items: Vec<_> = gone
            .map(|name| {
                self.dispatcher.remove(&name);
                tracing::info!(%name, "plugin removed; its verdicts stay");
                ReloadItem::new(&name, ReloadOutcome::Removed)
            })
            .collect();
        names.iter().for_each(|name| self.dispatcher.expect(name));
        let latest = (!is_start).then(|| self.dispatcher.head());
        for plugin in wanted {
            if self.is_to_stop() {
                break;
            }
            items.push(self.load(plugin, latest));
        }
        items.sort_by(|one, other| one.name.cmp(&other.name));
        items
    }

    fn load(&self, plugin: config::Plugin, latest: Option<Seq>) -> ReloadItem {
        let name = plugin.name.clone();
        let outcome = self.bring(&name, plugin, latest).unwrap_or_else(|reason| {
            tracing::error!(%name, reason, "plugin not loaded");
            self.dispatcher.fail(&name, reason.clone());
            ReloadOutcome::Failed(reason)
        });
        ReloadItem::new(&name, outcome)
    }

    /// Loads one plugin where it is not what is loaded under that name.
    fn bring(&self, name: &Name, plugin: config::Plugin, latest: Option<Seq>) -> Result<ReloadOutcome, String> {
        let began = Instant::now();
        let (start, shadow) = (plugin.start, plugin.shadow);
        let (file, binding) = load::bind(plugin).map_err(|error| crate::report(&error))?;
        let (running, wanted) = (self.dispatcher.loaded(name), binding.digest());
        if running == Some(wanted) {
            let changed = self.dispatcher.keep(name, shadow).map_err(|error| crate::report(&error))?;
            return Ok(if changed { ReloadOutcome::Changed } else { ReloadOutcome::Unchanged });
        }
        let plugin = Plugin::load(&self.engine, &file, Arc::new(binding)).map_err(|error| crate::report(&error))?;
        self.archive.keep(&file).map_err(|error| crate::report(&error))?;
        self.dispatcher.load(plugin, shadow, start, latest).map_err(|error| crate::report(&error))?;
        tracing::info!(%name, binding = %wanted, ms = began.elapsed().as_millis() as u64, "plugin loaded");
        Ok(if running.is_some() { ReloadOutcome::Replaced } else { ReloadOutcome::Loaded })
    }
}

/// Waits until nothing has happened to the file for a moment, and gives what else was asked for meanwhile.
fn settle(requests: &Receiver<ReloadRequest>) -> Vec<ReloadRequest> {
    let mut others = Vec::new();
    let began = Instant::now();
    while began.elapsed() < SETTLE * 10 {
        match requests.recv_timeout(SETTLE) {
            Ok(request) if request.cause == ReloadCause::File => {}
            Ok(request) => others.push(request),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
        }
    }
    others
}
