//! `GET /metrics`: the host's own figures, in the text format of Prometheus, read afresh at each call.

mod family;
mod models;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use super::{Api, query};
use crate::dispatch::{Absent, LaneView, Pace};
use crate::histogram::Histogram;
use crate::http::{Answers, Problem};
use crate::plugin::{PoolUse, Warm};
use crate::record::Time;
use crate::store::{BackfillRow, BackfillStatus, BindingId, BindingRow, Store, StoreError, WriterStats};
use family::{Families, Figure, Row};
use models::ModelFigures;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Figures for Prometheus
#[utoipa::path(
    get, path = "/metrics", tag = "host",
    responses((status = 200, description = "OpenMetrics text", body = String, content_type = OPEN_METRICS)),
)]
pub(super) async fn metrics(State(api): State<Api>) -> Result<impl IntoResponse, Problem> {
    let text = query(move || {
        let figures = Figures::read(&api)?;
        let mut registry = Registry::with_prefix("tribunal");
        registry.register_collector(Box::new(figures));
        let mut text = String::new();
        // A String takes whatever is written to it.
        let _ = encode(&mut text, &registry);
        Ok(text)
    })
    .await?;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text))
}

#[derive(Debug)]
struct Figures {
    answers: Vec<Answers>,
    writer: WriterStats,
    writable: bool,
    head: u64,
    bindings: Vec<BindingFigures>,
    loading: usize,
    failed: usize,
    config_valid: bool,
    pool: [PoolUse; 5],
    cache_hits: u64,
    cache_misses: u64,
    models: ModelFigures,
}

/// A loaded binding. All that is said of it has its name as the label `plugin`.
#[derive(Debug)]
struct BindingFigures {
    name: String,
    cursor: u64,
    lag: u64,
    lag_seconds: f64,
    outcomes: Vec<(String, u64)>,
    durations: Histogram,
    memory: Histogram,
    is_slow: bool,
    is_open: bool,
    trips: u64,
    retries: usize,
    is_rejected: bool,
    is_shadow: bool,
    /// Places of the log that its backfills have yet to pass.
    to_fill: u64,
}

impl Figures {
    fn read(api: &Api) -> Result<Self, StoreError> {
        let Api { store, bench, engine, traffic, reloads, models, .. } = api;
        let lanes = bench.lanes();
        let mut rows = store.binding_list()?;
        let backfills = store.backfill_list()?;
        let bindings = lanes.into_iter().map(|lane| {
            let row = rows.iter().position(|row| row.id == lane.id).map(|at| rows.swap_remove(at));
            let to_fill = to_fill(&backfills, lane.id);
            BindingFigures::read(store, lane, row, to_fill)
        });
        let bindings = bindings.collect::<Result<_, _>>()?;
        let absent = bench.absent();
        let loading = absent.iter().filter(|(_, absent)| *absent == Absent::Loading).count();
        let (cache_hits, cache_misses) = engine.cache_lookups();
        Ok(Self {
            answers: traffic.snapshot(),
            writer: store.writer_stats(),
            writable: store.is_writable(),
            head: store.head().0,
            bindings,
            loading,
            failed: absent.len() - loading,
            config_valid: reloads.fault().is_none(),
            pool: engine.pool(),
            cache_hits,
            cache_misses,
            models: ModelFigures::read(store, models)?,
        })
    }
}

impl BindingFigures {
    fn read(store: &Store, lane: LaneView, row: Option<BindingRow>, to_fill: u64) -> Result<Self, StoreError> {
        // What is evaluated and not yet stored is work still to come.
        let cursor = row.as_ref().map_or(lane.cursor, |row| row.cursor);
        let waiting_since = store.recorded_at(cursor.next())?;
        let waits = |since: Time| Time::now().as_nanoseconds().saturating_sub(since.as_nanoseconds()).max(0);
        Ok(Self {
            name: lane.plugin.binding().name.to_string(),
            cursor: cursor.0,
            lag: store.head().0.saturating_sub(cursor.0),
            lag_seconds: waiting_since.map_or(0.0, |since| waits(since) as f64 / 1e9),
            is_shadow: row.as_ref().is_some_and(|row| row.shadow),
            outcomes: row.map(|row| row.tallies).unwrap_or_default(),
            durations: lane.durations,
            memory: lane.memory,
            is_slow: lane.pace == Pace::Slow,
            is_open: lane.breaker.open.is_some(),
            trips: lane.breaker.trips,
            retries: lane.retries,
            is_rejected: lane.rejected.is_some(),
            to_fill,
        })
    }
}

fn to_fill(backfills: &[BackfillRow], binding: BindingId) -> u64 {
    let running = backfills.iter().filter(|row| row.binding == binding && row.status == BackfillStatus::Running);
    running.map(|row| row.last.0.saturating_sub(row.cursor.0)).sum()
}

impl Collector for Figures {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let mut families = Families(encoder);
        families.info("build", "The running version", ("version", env!("CARGO_PKG_VERSION")))?;
        self.encode_ingest(&mut families)?;
        self.encode_bindings(&mut families)?;
        self.models.encode(&mut families)?;
        self.encode_store(&mut families)?;
        self.encode_sandbox(&mut families)
    }
}

impl Figures {
    fn encode_ingest(&self, families: &mut Families<'_>) -> std::fmt::Result {
        let statuses: Vec<_> = self.answers.iter().map(|answers| answers.status.to_string()).collect();
        let rows = self.answers.iter().zip(&statuses).map(|(answers, status)| Row {
            labels: vec![("method", answers.method), ("route", &answers.route), ("status", status)],
            figure: Figure::Histogram(&answers.durations),
        });
        families.add("http_request_duration_seconds", "From the head of a request to that of its answer", rows)?;
        let writer = &self.writer;
        families.counter("interactions_recorded", "Interactions recorded", writer.recorded)?;
        families.counter("interactions_duplicate", "Posts that were there already", writer.duplicates)?;
        families.gauge("log_head", "The last place of the log", self.head as f64)
    }

    fn encode_bindings(&self, families: &mut Families<'_>) -> std::fmt::Result {
        let statuses = [("loaded", self.bindings.len()), ("loading", self.loading), ("failed", self.failed)];
        let rows = statuses.map(|(status, count)| Row::new(("status", status), Figure::Gauge(count as f64)));
        families.add("plugins", "Bindings of the configuration", rows)?;
        let help = "1 if the configuration's file could be read when it was last tried";
        families.gauge("config_valid", help, self.config_valid.into())?;
        let each = |figure: for<'a> fn(&'a BindingFigures) -> Figure<'a>| {
            self.bindings.iter().map(move |binding| Row::new(("plugin", &binding.name), figure(binding)))
        };
        type Column = (&'static str, &'static str, for<'a> fn(&'a BindingFigures) -> Figure<'a>);
        let columns: [Column; 12] = [
            ("plugin_cursor", "Everything up to this place of the log is done and stored", |binding| {
                Figure::Gauge(binding.cursor as f64)
            }),
            ("plugin_lag_interactions", "Interactions that the binding has yet to judge", |binding| {
                Figure::Gauge(binding.lag as f64)
            }),
            ("plugin_lag_seconds", "How long ago the oldest of them was recorded; 0 without one", |binding| {
                Figure::Gauge(binding.lag_seconds)
            }),
            ("plugin_evaluation_duration_seconds", "Evaluations, instantiation included", |binding| {
                Figure::Histogram(&binding.durations)
            }),
            ("plugin_evaluation_memory_bytes", "The most that memories and tables of a call took", |binding| {
                Figure::Histogram(&binding.memory)
            }),
            ("plugin_slow", "1 if calls take so long that other workers make them", |binding| {
                Figure::Gauge(binding.is_slow.into())
            }),
            ("plugin_breaker_open", "1 if it keeps failing and is only tried now and then", |binding| {
                Figure::Gauge(binding.is_open.into())
            }),
            ("plugin_breaker_trips", "How often that began", |binding| Figure::Counter(binding.trips)),
            ("plugin_retries_waiting", "Evaluations that are to be tried again", |binding| {
                Figure::Gauge(binding.retries as f64)
            }),
            ("plugin_rejected", "1 if what the configuration wants in its place could not be loaded", |binding| {
                Figure::Gauge(binding.is_rejected.into())
            }),
            ("plugin_shadow", "1 if its verdicts are left out of lists that do not ask for them", |binding| {
                Figure::Gauge(binding.is_shadow.into())
            }),
            ("plugin_backfill_interactions", "Places of the log that its backfills have yet to pass", |binding| {
                Figure::Gauge(binding.to_fill as f64)
            }),
        ];
        for (name, help, figure) in columns {
            families.add(name, help, each(figure))?;
        }
        let rows = self.bindings.iter().flat_map(|binding| {
            binding.outcomes.iter().map(|(outcome, count)| Row {
                labels: vec![("plugin", &binding.name), ("outcome", outcome)],
                figure: Figure::Counter(*count),
            })
        });
        families.add("plugin_outcomes", "Interactions by what became of them, ever", rows)
    }

    fn encode_store(&self, families: &mut Families<'_>) -> std::fmt::Result {
        let writer = &self.writer;
        families.counter("evaluations_stored", "Evaluations stored", writer.evaluations)?;
        families.counter("store_transactions", "Transactions committed", writer.transactions)?;
        families.counter("store_failures", "Transactions that could not be committed", writer.failures)?;
        let gauges = [
            ("store_writable", "1 if the last attempt to write succeeded", usize::from(self.writable)),
            ("store_backlog_bytes", "Records that wait to be written", writer.backlog_bytes),
            ("store_backlog_limit_bytes", "With more than this, posts are refused", writer.max_backlog_bytes),
            ("store_backlog_evaluations", "Evaluations that wait to be written", writer.backlog_evaluations),
            ("store_backlog_limit_evaluations", "With more, workers wait", writer.max_backlog_evaluations),
        ];
        for (name, help, value) in gauges {
            families.gauge(name, help, value as f64)?;
        }
        let histograms = [
            ("store_transaction_duration_seconds", "Transactions, the commit included", &writer.transaction),
            ("store_commit_duration_seconds", "Commits, which wait for the disk", &writer.commit),
            ("store_transaction_records", "Records of each transaction that has any", &writer.records_at_once),
            (
                "store_transaction_evaluations",
                "Evaluations of each transaction that has any",
                &writer.evaluations_at_once,
            ),
        ];
        for (name, help, histogram) in histograms {
            families.histogram(name, help, histogram)?;
        }
        Ok(())
    }

    fn encode_sandbox(&self, families: &mut Families<'_>) -> std::fmt::Result {
        let each = |figure: fn(&PoolUse) -> f64| {
            self.pool.iter().map(move |part| Row::new(("resource", part.what), Figure::Gauge(figure(part))))
        };
        families.add("pool_used", "Parts of the pool that calls hold", each(|part| part.used as f64))?;
        families.add("pool_limit", "How many of them there can be", each(|part| part.limit as f64))?;
        let warm = |figure: fn(&Warm) -> f64| {
            let parts = self.pool.iter().filter_map(|part| Some((part.what, part.warm.as_ref()?)));
            parts.map(move |(what, warm)| Row::new(("resource", what), Figure::Gauge(figure(warm))))
        };
        families.add("pool_warm", "Parts that wait to be used again", warm(|warm| warm.slots as f64))?;
        let resident = warm(|warm| warm.resident.0 as f64);
        families.add("pool_warm_bytes", "What those hold of the machine's memory", resident)?;
        let lookups = [("hit", self.cache_hits), ("miss", self.cache_misses)]
            .map(|(result, count)| Row::new(("result", result), Figure::Counter(count)));
        families.add("plugin_cache_lookups", "Prepared plugins found in the cache, or made anew", lookups)
    }
}
