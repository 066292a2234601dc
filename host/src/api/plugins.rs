//! Listing the bindings and how they are doing.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::value::RawValue;

use super::models::{AskedOf, BudgetItem};
use super::{Api, query};
use crate::dispatch::{Absent, BreakerView, LaneView, Pace};
use crate::http::Problem;
use crate::model::ModelDesk;
use crate::record::{Kind, Limits, Time};
use crate::store::BindingRow;

/// Every binding of the configuration.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct PluginList {
    /// The bindings, by name.
    items: Vec<PluginItem>,
    /// Why the configuration's file could not be read when it was last tried. What was loaded before goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    config_error: Option<String>,
}

/// A binding.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct PluginItem {
    /// The operator's name for it.
    name: String,
    /// `loaded`, `loading` or `failed`.
    status: &'static str,
    /// Why what the configuration wants under this name could not be loaded. Where the status is `loaded`, what was
    /// loaded before goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// What is known of it once it is loaded.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    loaded: Option<LoadedItem>,
}

/// A loaded binding.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct LoadedItem {
    /// The plugin's own name.
    plugin: String,
    /// The plugin's own version.
    version: String,
    /// What the plugin says of itself.
    summary: String,
    /// The sha256 of the plugin's file.
    sha256: String,
    /// The version of the contract that it was built for.
    contract: String,
    /// The binding's digest: what judges, and how.
    binding: String,
    /// Whether it is a shadow: its verdicts are left out of lists that do not ask for them.
    shadow: bool,
    /// What it judges.
    kinds: Vec<Kind>,
    /// What every call stays within.
    limits: Limits,
    /// The granted host imports.
    capabilities: Vec<String>,
    /// What the plugin was configured with.
    #[schema(value_type = Object)]
    config: Box<RawValue>,
    /// The sha256 of that, as JSON text.
    config_sha256: String,
    /// Its filter, in CEL.
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<String>,
    /// The share of those that pass the filter.
    #[schema(value_type = f64)]
    sample: crate::record::Sample,
    /// Why each call configures the plugin anew, where no snapshot of it could be taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    no_snapshot: Option<String>,
    /// When it was first loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    loaded_at: Option<Time>,
    /// Everything up to this place of the log is done and stored.
    cursor: u64,
    /// How many interactions it has yet to see, or has seen and not yet stored.
    backlog: u64,
    /// How often it came to each outcome, ever: `succeeded`, `filtered`, `filter-failed`, `sampled-out`, or the reason of
    /// a failure.
    outcomes: BTreeMap<String, u64>,
    /// `quick`; `slow` where its calls take so long that they have workers of their own, at a lower priority; `waiting` where
    /// it asks models.
    pace: &'static str,
    /// Whether it is held back because it keeps failing.
    breaker: BreakerItem,
    /// Failures that may pass, and are tried again.
    retries: RetriesItem,
    /// Evaluations since it was loaded, and how long they took.
    since_start: SinceStart,
    /// The models that it may ask.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    models: Vec<GrantedItem>,
    /// How its own budget for these stands, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<BudgetItem>,
    /// What bindings of this name asked of models, ever.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    asked: Vec<AskedOf>,
}

/// A model that a binding may ask.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct GrantedItem {
    /// The operator's name for it.
    alias: String,
    /// How the budget stands that all who ask it share, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<BudgetItem>,
}

/// The circuit breaker of a binding. While it is open, what the binding has yet to judge waits in the log.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct BreakerItem {
    /// `closed`; `open` where half of its last 32 evaluations failed; `half-open` while one interaction is tried.
    state: &'static str,
    /// How often it opened since the binding was loaded.
    trips: u64,
    /// Since when it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Time>,
    /// When the next interaction is tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_probe: Option<Time>,
    /// The failure that opened it, or that of the last try.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl From<BreakerView> for BreakerItem {
    fn from(view: BreakerView) -> Self {
        let state = match &view.open {
            None => "closed",
            Some(open) if open.probing => "half-open",
            Some(_) => "open",
        };
        let (since, next_probe, reason) = match view.open {
            Some(open) => (Some(open.since), Some(open.probe_at), Some(open.reason)),
            None => (None, None, None),
        };
        Self { state, trips: view.trips, since, next_probe, reason }
    }
}

/// Evaluations that are tried again.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct RetriesItem {
    /// How many wait.
    waiting: usize,
    /// When the next of them is tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Time>,
}

/// Evaluations since this host loaded the binding, at its start or later; `loaded_at` is when that first happened.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct SinceStart {
    /// How many.
    evaluations: u64,
    /// The median duration in microseconds, at most a tenth too high.
    p50_us: u64,
    /// 99 of 100 took at most this many microseconds.
    p99_us: u64,
}

impl LoadedItem {
    fn new(lane: LaneView, row: Option<BindingRow>, desk: &ModelDesk, asked: Vec<AskedOf>) -> Self {
        let binding = lane.plugin.binding();
        let granted = binding.models.iter().map(|model| GrantedItem {
            alias: model.alias.to_string(),
            budget: desk.budget_of_model(&model.alias).map(BudgetItem::from),
        });
        let description = lane.plugin.description();
        let stored = row.as_ref().map_or(lane.cursor, |row| row.cursor);
        Self {
            models: granted.collect(),
            budget: desk.budget_of_binding(&binding.name).map(BudgetItem::from),
            asked,
            plugin: description.name.clone(),
            version: description.version.clone(),
            summary: description.summary.clone(),
            sha256: binding.component.to_string(),
            contract: lane.plugin.contract().to_owned(),
            binding: binding.digest().to_string(),
            shadow: row.as_ref().is_some_and(|row| row.shadow),
            kinds: lane.plugin.kinds().collect(),
            limits: binding.limits,
            capabilities: binding.capabilities.clone(),
            config: RawValue::from_string(binding.config.clone()).unwrap_or_default(),
            config_sha256: binding.config_digest().to_string(),
            filter: binding.filter.as_ref().map(|filter| filter.source().to_owned()),
            sample: binding.sample,
            no_snapshot: lane.plugin.no_snapshot().map(str::to_owned),
            loaded_at: row.as_ref().map(|row| row.loaded_at),
            cursor: stored.0,
            // What is evaluated and not yet stored is work still to come.
            backlog: lane.backlog + lane.cursor.0.saturating_sub(stored.0),
            outcomes: row.map(|row| row.tallies.into_iter().collect()).unwrap_or_default(),
            pace: match lane.pace {
                Pace::Quick => "quick",
                Pace::Slow => "slow",
                Pace::Waiting => "waiting",
            },
            breaker: lane.breaker.into(),
            retries: RetriesItem { waiting: lane.retries, next: lane.next_retry },
            since_start: SinceStart {
                evaluations: lane.durations.count(),
                p50_us: lane.durations.quantile(0.5),
                p99_us: lane.durations.quantile(0.99),
            },
        }
    }
}

/// List the bindings
///
/// Every binding of the configuration, loaded or not.
#[utoipa::path(
    get, path = "/v1/plugins", tag = "plugins",
    responses((status = 200, description = "Every binding", body = PluginList))
)]
pub(super) async fn plugin_list(State(api): State<Api>) -> Result<Json<PluginList>, Problem> {
    let Api { store, bench, reloads, models, .. } = api;
    let (rows, usage) = query(move || Ok((store.binding_list()?, store.model_usage()?))).await?;
    let mut items: Vec<_> = bench
        .lanes()
        .into_iter()
        .map(|lane| {
            let row = rows.iter().find(|row| row.id == lane.id).cloned();
            let name = lane.plugin.binding().name.to_string();
            let error = lane.rejected.clone();
            let asked = usage.iter().filter(|row| row.binding == name).map(|row| row.clone().into()).collect();
            PluginItem { name, status: "loaded", error, loaded: Some(LoadedItem::new(lane, row, &models, asked)) }
        })
        .collect();
    items.extend(bench.absent().into_iter().map(|(name, absent)| {
        let (status, error) = match absent {
            Absent::Loading => ("loading", None),
            Absent::Failed(reason) => ("failed", Some(reason)),
        };
        PluginItem { name: name.to_string(), status, error, loaded: None }
    }));
    items.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(Json(PluginList { items, config_error: reloads.fault() }))
}
