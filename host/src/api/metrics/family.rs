//! Writing families of figures. Knows nothing of what they say.

use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use crate::histogram::Histogram;

/// A figure of one of the sorts that are here.
pub(super) enum Figure<'a> {
    Counter(u64),
    /// A counter of what has parts.
    Amount(f64),
    Gauge(f64),
    Histogram(&'a Histogram),
}

/// A figure and what tells it from the others of its family.
pub(super) struct Row<'a> {
    pub(super) labels: Vec<(&'static str, &'a str)>,
    pub(super) figure: Figure<'a>,
}

impl<'a> Row<'a> {
    /// A figure with one label.
    pub(super) fn new((name, value): (&'static str, &'a str), figure: Figure<'a>) -> Self {
        Self { labels: vec![(name, value)], figure }
    }
}

impl Figure<'_> {
    fn metric_type(&self) -> MetricType {
        match self {
            Self::Counter(_) | Self::Amount(_) => MetricType::Counter,
            Self::Gauge(_) => MetricType::Gauge,
            Self::Histogram(_) => MetricType::Histogram,
        }
    }

    fn encode(&self, mut encoder: MetricEncoder<'_>) -> std::fmt::Result {
        match self {
            Self::Counter(value) => encoder.encode_counter::<NoLabelSet, u64, u64>(value, None),
            Self::Amount(value) => encoder.encode_counter::<NoLabelSet, f64, u64>(value, None),
            Self::Gauge(value) => encoder.encode_gauge(value),
            Self::Histogram(histogram) => encoder.encode_histogram::<NoLabelSet>(
                histogram.shown_sum(),
                histogram.count(),
                &histogram.shown_buckets(),
                None,
            ),
        }
    }
}

/// Where families are written, one after the other.
pub(super) struct Families<'a>(pub(super) DescriptorEncoder<'a>);

impl Families<'_> {
    /// A family whose rows are all of one sort; nothing where there is no row.
    pub(super) fn add<'a>(
        &mut self,
        name: &str,
        help: &str,
        rows: impl IntoIterator<Item = Row<'a>>,
    ) -> std::fmt::Result {
        let mut rows = rows.into_iter().peekable();
        let Some(metric_type) = rows.peek().map(|row| row.figure.metric_type()) else { return Ok(()) };
        let (stem, unit) = match name.rsplit_once('_') {
            Some((stem, "seconds")) => (stem, Some(Unit::Seconds)),
            Some((stem, "bytes")) => (stem, Some(Unit::Bytes)),
            _ => (name, None),
        };
        let mut family = self.0.encode_descriptor(stem, help, unit.as_ref(), metric_type)?;
        for Row { labels, figure } in rows {
            if labels.is_empty() {
                return figure.encode(family);
            }
            figure.encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    pub(super) fn counter(&mut self, name: &str, help: &str, value: u64) -> std::fmt::Result {
        self.add(name, help, [Row { labels: Vec::new(), figure: Figure::Counter(value) }])
    }

    pub(super) fn gauge(&mut self, name: &str, help: &str, value: f64) -> std::fmt::Result {
        self.add(name, help, [Row { labels: Vec::new(), figure: Figure::Gauge(value) }])
    }

    pub(super) fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) -> std::fmt::Result {
        self.add(name, help, [Row { labels: Vec::new(), figure: Figure::Histogram(histogram) }])
    }

    /// What does not change while the process runs.
    pub(super) fn info(&mut self, name: &str, help: &str, label: (&str, &str)) -> std::fmt::Result {
        self.0.encode_descriptor(name, help, None, MetricType::Info)?.encode_info(&[label])
    }
}
