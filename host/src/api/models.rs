//! The models that plugins ask, and what was asked and answered.

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;

use super::page::List;
use super::{Api, query};
use crate::http::{Problem, ProblemBody};
use crate::model::{BudgetView, ModelView};
use crate::record::{ExchangeDigest, Period, Time};
use crate::store::ModelUsage;

/// A model of the configuration.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct ModelItem {
    /// The operator's name for it.
    alias: String,
    /// `openai`, `openai-compatible`, `anthropic`, `cohere` or `local`.
    provider: &'static str,
    /// The model, as the provider names it.
    model: String,
    /// Requests under way.
    under_way: usize,
    /// How many may be.
    max_concurrent: usize,
    /// How many may begin within a minute, where that is bounded.
    #[serde(skip_serializing_if = "Option::is_none")]
    requests_per_minute: Option<u32>,
    /// The most tokens of one answer.
    max_output_tokens: u32,
    /// How its budget stands, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<BudgetItem>,
    /// The project in which its calls are recorded as interactions.
    #[serde(skip_serializing_if = "Option::is_none")]
    record_in: Option<String>,
    /// For how many hours requests and answers are kept after they were last used.
    retention_hours: u64,
    /// What plugins asked of it, ever.
    used_by: Vec<UsedBy>,
}

/// How a budget stands.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct BudgetItem {
    /// The most that may be spent within each period, in US dollars.
    usd: f64,
    /// The period, by the calendar in UTC.
    per: Period,
    /// What was spent in the period that it is. Requests whose answer never came are counted with the most that they may have
    /// cost.
    spent_usd: f64,
    /// What requests under way may cost at most; it is held back until they are answered.
    held_usd: f64,
    /// When the next period begins.
    renews_at: Time,
}

impl From<BudgetView> for BudgetItem {
    fn from(view: BudgetView) -> Self {
        Self {
            usd: view.budget.limit.dollars(),
            per: view.budget.per,
            spent_usd: view.spent.dollars(),
            held_usd: view.held.dollars(),
            renews_at: view.renews_at,
        }
    }
}

/// What a plugin asked of a model.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct UsedBy {
    /// The binding's name.
    plugin: String,
    #[serde(flatten)]
    usage: UsageSum,
}

/// Sums over requests to models.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct UsageSum {
    /// Requests that were made.
    calls: u64,
    /// Those of them that gave no answer.
    failed: u64,
    /// Requests that were answered with what was kept.
    cached: u64,
    /// Tokens of the prompts of requests that were made, those that the provider had in its cache included.
    input_tokens: u64,
    /// Tokens that were made, hidden reasoning included.
    output_tokens: u64,
    /// What it cost in US dollars, as far as the loaded pricing adapters know.
    cost_usd: f64,
    /// Requests that were answered, and whose cost no adapter knew: `cost_usd` is without them.
    unpriced: u64,
}

impl From<ModelUsage> for UsageSum {
    fn from(row: ModelUsage) -> Self {
        let ModelUsage { calls, failed, cached, input_tokens, output_tokens, cost, unpriced, .. } = row;
        Self { calls, failed, cached, input_tokens, output_tokens, cost_usd: cost.dollars(), unpriced }
    }
}

/// What a binding asked of one model, for the list of plugins.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct AskedOf {
    /// The model's alias.
    alias: String,
    #[serde(flatten)]
    usage: UsageSum,
}

impl From<ModelUsage> for AskedOf {
    fn from(row: ModelUsage) -> Self {
        Self { alias: row.alias.clone(), usage: row.into() }
    }
}

/// List the models
///
/// Every model of the configuration, with what was asked of it. Keys and addresses are not shown.
#[utoipa::path(
    get, path = "/v1/models", tag = "models",
    responses((status = 200, description = "Every model", body = List<ModelItem>))
)]
pub(super) async fn model_list(State(api): State<Api>) -> Result<Json<List<ModelItem>>, Problem> {
    let Api { store, models, .. } = api;
    let usage = query(move || store.model_usage()).await?;
    let item = |ModelView { definition, under_way, budget }: ModelView| {
        let of_it = usage.iter().filter(|row| row.alias == definition.alias.as_str());
        ModelItem {
            used_by: of_it.map(|row| UsedBy { plugin: row.binding.clone(), usage: row.clone().into() }).collect(),
            alias: definition.alias.to_string(),
            provider: definition.source.provider(),
            model: definition.model,
            under_way,
            max_concurrent: definition.max_concurrent,
            requests_per_minute: definition.requests_per_minute,
            max_output_tokens: definition.max_output_tokens,
            budget: budget.map(BudgetItem::from),
            record_in: definition.record_in.map(|project| project.to_string()),
            retention_hours: definition.retention.as_secs() / 3600,
        }
    };
    Ok(Json(List { items: models.models().into_iter().map(item).collect(), next: None }))
}

/// What was asked of a model and answered.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct ExchangeItem {
    /// The sha256 of model and request.
    exchange: String,
    /// The operator's name for the model.
    alias: String,
    /// Who provides it.
    provider: String,
    /// The model, as the provider names it.
    model: String,
    /// What the plugin asked: `complete` with messages and settings, or `embed` with texts. The model's `max_output_tokens`
    /// bounds `max_tokens` before it is sent.
    request: crate::record::ModelRequest,
    /// What was answered: `completion` or `embeddings`. Beside a failure it is what the plugin was not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<crate::record::ModelAnswer>,
    /// Why the plugin was given no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<crate::record::ModelFailure>,
    /// When it was answered.
    made_at: Time,
    /// When it was last used.
    used_at: Time,
    /// How often the same request was answered with it.
    hits: u64,
}

/// Read what a model was asked and answered
///
/// The words that a verdict rests on. The digest stands in the `model_calls` of an evaluation.
#[utoipa::path(
    get, path = "/v1/model-exchanges/{digest}", tag = "models",
    params(("digest" = String, Path, description = "The exchange's digest")),
    responses(
        (status = 200, description = "Request and answer", body = ExchangeItem),
        (status = 404, description = "None of that digest is kept", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn exchange_get(
    State(api): State<Api>,
    Path(digest): Path<String>,
) -> Result<Json<ExchangeItem>, Problem> {
    let missing = || Problem::NotFound { what: "model exchange", id: digest.chars().take(64).collect() };
    let wanted: ExchangeDigest = digest.parse().map_err(|_| missing())?;
    let found = query(move || api.store.exchange_find(wanted)).await?;
    let kept = found.ok_or_else(missing)?;
    let exchange = kept.exchange;
    Ok(Json(ExchangeItem {
        exchange: wanted.to_string(),
        alias: exchange.model.alias.to_string(),
        provider: exchange.model.provider,
        model: exchange.model.model,
        request: exchange.request,
        answer: exchange.answer,
        failure: exchange.failure,
        made_at: kept.made_at,
        used_at: kept.used_at,
        hits: kept.hits,
    }))
}
