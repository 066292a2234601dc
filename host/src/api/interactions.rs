//! Reading interactions, alone and in lists, and what became of them.

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use super::page::{DetailQuery, List, ListQuery, ListRequest, Shadows};
use super::{Api, query};
use crate::dispatch::{Absent, OpenView, Standing};
use crate::http::{Problem, ProblemBody};
use crate::record::{InteractionId, LogLine, NewInteraction, Time, Usd, Verdict};
use crate::store::{EvaluationRow, InteractionRow, ModelCallRow, StoredInteraction};

/// An interaction in a list: what is known of it without its messages.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct InteractionItem {
    id: String,
    started_at: Time,
    recorded_at: Time,
    project: String,
    operation: String,
    provider: String,
    model: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<PromptItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_to_first_token_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<UsageItem>,
    /// The kind of its error, where the call failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// The version of a prompt template.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct PromptItem {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
}

/// The token counts, in disjoint buckets.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct UsageItem {
    input_tokens: u64,
    output_tokens: u64,
    cache_read_tokens: u64,
    cache_write_tokens: u64,
    reasoning_tokens: u64,
}

impl From<InteractionRow> for InteractionItem {
    fn from(row: InteractionRow) -> Self {
        Self {
            id: row.id,
            started_at: row.position.started_at,
            recorded_at: row.recorded_at,
            project: row.project,
            operation: row.operation,
            provider: row.provider,
            model: row.model,
            requested_model: row.requested_model,
            prompt: row.prompt.map(|name| PromptItem { name, version: row.prompt_version }),
            session: row.session,
            user: row.user,
            duration_ms: row.duration_ms,
            time_to_first_token_ms: row.time_to_first_token_ms,
            usage: row.usage.map(
                |[input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens]| UsageItem {
                    input_tokens,
                    output_tokens,
                    cache_read_tokens,
                    cache_write_tokens,
                    reasoning_tokens,
                },
            ),
            error: row.error,
        }
    }
}

/// List interactions
///
/// Newest first by `started_at`.
#[utoipa::path(
    get, path = "/v1/interactions", tag = "interactions", params(ListQuery),
    responses(
        (status = 200, description = "A stretch of the list", body = List<InteractionItem>),
        (status = 422, description = "A parameter is not valid", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn interaction_list(
    State(api): State<Api>,
    request: ListRequest,
) -> Result<Json<List<InteractionItem>>, Problem> {
    let ListRequest { filter, after, limit } = request;
    let page = query(move || api.store.interaction_list(&filter, after, limit)).await?;
    Ok(Json(List::of(page, InteractionItem::from)))
}

/// One interaction as it was posted, with everything that was said of it.
#[derive(Debug, Serialize)]
pub(super) struct InteractionDetail {
    #[serde(flatten)]
    interaction: NewInteraction,
    #[serde(flatten)]
    judged: Judged,
}

/// What the host adds to an interaction.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Judged {
    /// When it was recorded.
    recorded_at: Time,
    /// By binding, oldest first, shadows only where asked for; all of them, and why others gave none, are at
    /// `/v1/interactions/{id}/evaluations`.
    evaluations: Vec<EvaluationItem>,
}

impl utoipa::ToSchema for InteractionDetail {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        NewInteraction::schemas(schemas);
        Judged::schemas(schemas);
    }
}

/// The fields of both in one object: what is posted may have no others, so the two schemas can't both hold of it.
impl utoipa::PartialSchema for InteractionDetail {
    fn schema() -> RefOr<Schema> {
        let mut whole = NewInteraction::schema();
        if let (RefOr::T(Schema::Object(whole)), RefOr::T(Schema::Object(judged))) = (&mut whole, Judged::schema()) {
            whole.description =
                Some("One interaction as it was posted, with everything that was said of it.".to_owned());
            whole.properties.extend(judged.properties);
            whole.required.extend(judged.required);
        }
        whole
    }
}

/// One binding applied to the interaction.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct EvaluationItem {
    /// The binding's name.
    plugin: String,
    /// The plugin's version.
    version: String,
    /// The binding's digest: what judged, and how.
    binding: String,
    /// Whether the binding is a shadow.
    shadow: bool,
    /// The sha256 of the plugin's file.
    sha256: String,
    /// The sha256 of the JSON text that it was configured with.
    config_sha256: String,
    /// The version of the contract that it was built for.
    contract: String,
    /// `succeeded` or `failed`.
    outcome: &'static str,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureItem>,
    /// Wall-clock microseconds, instantiation included.
    duration_us: u32,
    /// Ticks of the clock that ends a call at its deadline, 2 ms each, that passed during it.
    epochs: u32,
    /// How often it was tried.
    attempts: u32,
    /// When it is tried again, where its failure may pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_at: Option<Time>,
    /// What the plugin said.
    #[schema(value_type = Vec<Verdict>)]
    verdicts: Vec<Box<RawValue>>,
    /// What the plugin logged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logs: Vec<LogLine>,
    /// What it asked of models, in its order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    model_calls: Vec<ModelCallItem>,
}

/// One call to a model that an evaluation made.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct ModelCallItem {
    /// The operator's name for the model.
    alias: String,
    /// What was asked and answered is at `/v1/model-exchanges/{exchange}` for as long as it is kept.
    exchange: String,
    /// Tokens of the prompt, those that the provider had in its cache included, where it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    input_tokens: Option<u64>,
    /// Tokens that were made, hidden reasoning included, where the provider says.
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens: Option<u64>,
    /// What it cost in US dollars, where a pricing adapter knows; 0 for what was answered with what was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_usd: Option<f64>,
    /// Microseconds until the answer, tries and waits included.
    duration_us: u64,
    /// Whether it was answered with what was kept of the same request.
    cached: bool,
    /// Why there was no answer: `model-unavailable`, `model-refused`, `model-answer` or `budget-spent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

impl From<ModelCallRow> for ModelCallItem {
    fn from(row: ModelCallRow) -> Self {
        let ModelCallRow { alias, exchange, input_tokens, output_tokens, cost, duration_us, cached, failure } = row;
        let (exchange, cost_usd) = (exchange.to_string(), cost.map(Usd::dollars));
        Self { alias, exchange, input_tokens, output_tokens, cost_usd, duration_us, cached, failure }
    }
}

/// Why an evaluation failed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct FailureItem {
    /// The sort: `deadline`, `out-of-memory`, `stack-overflow`, `trap`, `guest-error`, `invalid-output`,
    /// `output-too-large`, `model-unavailable`, `model-refused`, `model-answer`, `unknown-model` or `budget-spent`.
    reason: String,
    /// What exactly.
    message: String,
}

impl From<EvaluationRow> for EvaluationItem {
    fn from(row: EvaluationRow) -> Self {
        Self {
            plugin: row.plugin,
            version: row.version,
            binding: row.binding.to_string(),
            shadow: row.shadow,
            sha256: row.sha256.to_string(),
            config_sha256: row.config.to_string(),
            contract: row.contract,
            outcome: if row.failure.is_some() { "failed" } else { "succeeded" },
            failure: row.failure.map(|reason| FailureItem { reason, message: row.message.unwrap_or_default() }),
            duration_us: row.duration_us,
            epochs: row.epochs,
            attempts: row.attempts,
            retry_at: row.retry_at,
            verdicts: row.verdicts,
            logs: row.logs,
            model_calls: row.model_calls.into_iter().map(ModelCallItem::from).collect(),
        }
    }
}

/// Read an interaction
#[utoipa::path(
    get, path = "/v1/interactions/{id}", tag = "interactions",
    params(("id" = String, Path, description = "The interaction's id"), DetailQuery),
    responses(
        (status = 200, description = "The interaction with its evaluations", body = InteractionDetail),
        (status = 404, description = "There is none of that id", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A parameter is not valid", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn interaction_get(
    State(api): State<Api>,
    PathId(id): PathId,
    Shadows(shadows): Shadows,
) -> Result<Json<InteractionDetail>, Problem> {
    let StoredInteraction { interaction, evaluations } = find(&api, id).await?;
    let mut posted = interaction.posted.clone();
    posted.id = Some(interaction.id.clone());
    posted.started_at = Some(interaction.started_at);
    Ok(Json(InteractionDetail {
        interaction: posted,
        judged: Judged {
            recorded_at: interaction.recorded_at,
            evaluations: evaluations
                .into_iter()
                .filter(|row| shadows || !row.shadow)
                .map(EvaluationItem::from)
                .collect(),
        },
    }))
}

/// The id in a path. What cannot be an id is the id of nothing.
pub(super) struct PathId(InteractionId);

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(id) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| not_found("that id"))?;
        id.parse().map(Self).map_err(|_| not_found(&id))
    }
}

fn not_found(id: &str) -> Problem {
    Problem::NotFound { what: "interaction", id: id.chars().take(256).collect() }
}

async fn find(api: &Api, id: InteractionId) -> Result<StoredInteraction, Problem> {
    let (store, wanted) = (api.store.clone(), id.clone());
    query(move || store.interaction_get(&wanted)).await?.ok_or_else(|| not_found(id.as_str()))
}

/// What became of an interaction with one binding.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct StandingItem {
    /// The binding's name.
    plugin: String,
    /// The binding's digest; none where it is not loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    binding: Option<String>,
    /// Whether the binding is a shadow; none where it is not loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    shadow: Option<bool>,
    /// `succeeded`, `failed`, `retrying`, `filtered`, `sampled-out`, `pending`, `loaded-later` or `not-loaded`.
    status: &'static str,
    /// Why there is no verdict, where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The evaluation, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    evaluation: Option<EvaluationItem>,
}

/// Say what became of an interaction
///
/// One item for every binding of the configuration and every one that judged it, so that no silence is without a reason.
#[utoipa::path(
    get, path = "/v1/interactions/{id}/evaluations", tag = "interactions",
    params(("id" = String, Path, description = "The interaction's id")),
    responses(
        (status = 200, description = "What became of it with every binding", body = List<StandingItem>),
        (status = 404, description = "There is none of that id", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn evaluation_list(
    State(api): State<Api>,
    PathId(id): PathId,
) -> Result<Json<List<StandingItem>>, Problem> {
    let StoredInteraction { interaction, evaluations } = find(&api, id).await?;
    let evaluated: Vec<_> = evaluations.iter().map(|evaluation| evaluation.binding_id).collect();
    let store = api.store.clone();
    let shadows = query(move || store.binding_shadows()).await?;
    let bench = api.bench.clone();
    let standings = query(move || bench.standings(&interaction)).await?;
    let is_loaded = |row: &EvaluationRow| standings.iter().any(|(_, id, _)| *id == row.binding_id);
    let mut items: Vec<_> = evaluations.into_iter().map(|row| evaluated_item(is_loaded(&row), row)).collect();
    items.extend(standings.into_iter().filter(|(_, id, _)| !evaluated.contains(id)).map(|(plugin, id, standing)| {
        let (status, reason) = in_words(standing);
        let binding = plugin.binding();
        StandingItem {
            plugin: binding.name.to_string(),
            binding: Some(binding.digest().to_string()),
            shadow: Some(shadows.contains(&id)),
            status,
            reason: Some(reason),
            evaluation: None,
        }
    }));
    items.extend(api.bench.absent().into_iter().map(|(name, absent)| StandingItem {
        plugin: name.to_string(),
        binding: None,
        shadow: None,
        status: "not-loaded",
        reason: Some(match absent {
            Absent::Loading => "it is being loaded".to_owned(),
            Absent::Failed(reason) => reason,
        }),
        evaluation: None,
    }));
    Ok(Json(List { items, next: None }))
}

fn evaluated_item(is_loaded: bool, row: EvaluationRow) -> StandingItem {
    let evaluation = EvaluationItem::from(row);
    let status = if evaluation.retry_at.is_some() && is_loaded { "retrying" } else { evaluation.outcome };
    let reason = match &evaluation.failure {
        Some(failure) => Some(format!("{}: {}", failure.reason, failure.message)),
        None if evaluation.verdicts.is_empty() => Some("the plugin found nothing to say".to_owned()),
        None => None,
    };
    StandingItem {
        plugin: evaluation.plugin.clone(),
        binding: Some(evaluation.binding.clone()),
        shadow: Some(evaluation.shadow),
        status,
        reason,
        evaluation: Some(evaluation),
    }
}

fn in_words(standing: Standing) -> (&'static str, String) {
    match standing {
        Standing::LoadedLater => {
            let reason = "it was recorded before the binding was loaded; POST /v1/backfills has such judged";
            ("loaded-later", reason.to_owned())
        }
        Standing::Filtered(None) => ("filtered", "the binding's filter does not let it pass".to_owned()),
        Standing::Filtered(Some(reason)) => ("filtered", reason),
        Standing::JudgesOwn => {
            ("filtered", "a plugin asked it of a model, and no binding that asks models judges such".to_owned())
        }
        Standing::SampledOut => ("sampled-out", "it is not in the binding's sample".to_owned()),
        Standing::HeldBack(OpenView { since, probe_at, reason, .. }) => {
            let reason =
                format!("the binding keeps failing and is held back since {since}: {reason}; next try at {probe_at}");
            ("pending", reason)
        }
        Standing::Pending(None) => ("pending", "the binding has not come to it yet".to_owned()),
        Standing::Pending(Some(backfill)) => ("pending", format!("backfill {} has not come to it yet", backfill.0)),
    }
}
