//! `GET /metrics`: the host's own figures, in the text format of Prometheus, read afresh at each call.

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::{Api, query};
use crate::dispatch::Bench;
use crate::http::Problem;
use crate::store::{BindingRow, Store, WriterStats};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Figures for Prometheus
#[utoipa::path(
    get, path = "/metrics", tag = "host",
    responses((status = 200, description = "OpenMetrics text", body = String, content_type = OPEN_METRICS)),
)]
pub(super) async fn metrics(State(api): State<Api>) -> Result<impl IntoResponse, Problem> {
    let text = query(move || {
        let figures = Figures::read(&api.store, &api.bench)?;
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
    writer: WriterStats,
    writable: bool,
    head: u64,
    bindings: Vec<(String, u64, u64, u64, u64)>,
    rows: Vec<BindingRow>,
    loading: usize,
}

impl Figures {
    fn read(store: &Store, bench: &Bench) -> Result<Self, crate::store::StoreError> {
        let lane = |lane: crate::dispatch::LaneView| {
            let name = lane.plugin.binding().name.to_string();
            (name, lane.cursor.0, lane.backlog, lane.p50_us, lane.p99_us)
        };
        let lanes = bench.lanes();
        let loaded: Vec<_> = lanes.iter().map(|lane| lane.id).collect();
        Ok(Self {
            writer: store.writer_stats(),
            writable: store.is_writable(),
            head: store.head().0,
            rows: store.binding_list()?.into_iter().filter(|row| loaded.contains(&row.id)).collect(),
            bindings: lanes.into_iter().map(lane).collect(),
            loading: bench.absent().len(),
        })
    }
}

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let writer = &self.writer;
        let counters = [
            ("interactions_recorded", "Interactions recorded since the start", writer.recorded),
            ("interactions_duplicate", "Posts that were there already", writer.duplicates),
            ("evaluations_stored", "Evaluations stored since the start", writer.evaluations),
            ("store_transactions", "Transactions committed", writer.transactions),
            ("store_failures", "Transactions that could not be committed", writer.failures),
        ];
        for (name, help, value) in counters {
            ConstCounter::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
        }
        let gauges = [
            ("log_head", "The last place of the log", self.head),
            ("store_writable", "1 if the last attempt to write succeeded", u64::from(self.writable)),
            ("store_backlog_bytes", "Bytes of records that wait to be written", writer.backlog_bytes as u64),
            ("store_backlog_evaluations", "Evaluations that wait to be written", writer.backlog_evaluations as u64),
            ("plugins_absent", "Bindings that are loading or could not be loaded", self.loading as u64),
        ];
        for (name, help, value) in gauges {
            gauge(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        }
        self.encode_bindings(&mut encoder)?;
        let mut outcomes =
            encoder.encode_descriptor("outcomes", "Outcomes by binding, ever", None, MetricType::Counter)?;
        for row in &self.rows {
            for (outcome, count) in &row.tallies {
                let labels = [("plugin", row.name.as_str()), ("outcome", outcome.as_str())];
                ConstCounter::new(*count).encode(outcomes.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

impl Figures {
    fn encode_bindings(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        type Column = (&'static str, &'static str, fn(&(String, u64, u64, u64, u64)) -> u64);
        let columns: [Column; 4] = [
            ("plugin_cursor", "Everything up to this place of the log is done", |lane| lane.1),
            ("plugin_backlog", "Interactions the binding has yet to see", |lane| lane.2),
            ("plugin_duration_p50_microseconds", "Median duration since the start", |lane| lane.3),
            ("plugin_duration_p99_microseconds", "99th percentile since the start", |lane| lane.4),
        ];
        for (name, help, column) in columns {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for lane in &self.bindings {
                gauge(column(lane)).encode(family.encode_family(&[("plugin", lane.0.as_str())])?)?;
            }
        }
        Ok(())
    }
}

fn gauge(value: u64) -> ConstGauge<i64> {
    ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX))
}
