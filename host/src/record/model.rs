//! What plugins ask of models, and what models answer. Knows nothing of providers.

use std::path::PathBuf;
use std::pin::Pin;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{Budget, Deadline, ExchangeDigest, GrantedModel, Interaction, InteractionId, Name, Time, Usage, Usd};

/// What a plugin asks.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModelRequest {
    /// A language model's answer.
    Complete(Prompt),
    /// A vector for each of these texts.
    Embed(Vec<String>),
}

/// What a language model is asked.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, utoipa::ToSchema)]
pub struct Prompt {
    /// Oldest first.
    pub messages: Vec<PromptMessage>,
    /// The JSON Schema that the answer has to satisfy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub schema: Option<serde_json::Value>,
    /// The provider's own limit where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// The provider's own where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// What the provider draws from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u32>,
    /// How many of the likeliest first tokens are wanted.
    #[serde(default)]
    pub top_logprobs: u32,
}

/// One message of a prompt.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
pub struct PromptMessage {
    /// `system`, `user` or `assistant`.
    pub role: String,
    /// Its text.
    pub content: String,
}

/// What a model answered.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModelAnswer {
    /// To a prompt.
    Completion(Completion),
    /// To texts.
    Embeddings(Embeddings),
}

impl ModelAnswer {
    /// What it used, where that is known.
    pub fn usage(&self) -> Option<&Usage> {
        match self {
            Self::Completion(completion) => completion.usage.as_ref(),
            Self::Embeddings(embeddings) => embeddings.usage.as_ref(),
        }
    }
}

/// A vector for each text, in their order.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, utoipa::ToSchema)]
pub struct Embeddings {
    /// The vectors.
    pub vectors: Vec<Vec<f32>>,
    /// What they used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

/// A language model's answer.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, utoipa::ToSchema)]
pub struct Completion {
    /// The answer.
    pub text: String,
    /// Who answered, as the provider names it.
    pub model: String,
    /// Why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    /// What it used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// The likeliest first tokens, likeliest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub first_token: Vec<TokenLogprob>,
}

/// A token that an answer could have begun with.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, utoipa::ToSchema)]
pub struct TokenLogprob {
    /// The token.
    pub token: String,
    /// The natural logarithm of its probability.
    pub logprob: f64,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
pub struct ModelFailure {
    /// The sort.
    pub kind: ModelFailureKind,
    /// What exactly, for the operator. No key and no address that holds one.
    pub message: String,
    /// Before when asking again is in vain, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again_at: Option<Time>,
}

impl ModelFailure {
    /// One of that sort.
    pub fn new(kind: ModelFailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), again_at: None }
    }
}

/// The sorts of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ModelFailureKind {
    /// The provider can't be reached, fails, or takes no more for now.
    ModelUnavailable,
    /// The provider does not take the request: a wrong key, a model that is not there, a prompt that is too long.
    ModelRefused,
    /// What was answered is not what was asked for.
    ModelAnswer,
    /// The budget of the alias or of the binding is spent.
    BudgetSpent,
    /// The binding does not grant that alias.
    UnknownModel,
}

impl ModelFailureKind {
    /// As plugins read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ModelUnavailable => "model-unavailable",
            Self::ModelRefused => "model-refused",
            Self::ModelAnswer => "model-answer",
            Self::BudgetSpent => "budget-spent",
            Self::UnknownModel => "unknown-model",
        }
    }

    /// Whether it may pass by itself.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::ModelUnavailable | Self::BudgetSpent)
    }
}

/// One call to a model that an evaluation made.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelCall {
    /// The operator's name for the model.
    pub alias: Name,
    /// What is kept of request and answer is found under this.
    pub exchange: ExchangeDigest,
    /// What the model used, where it said.
    pub usage: Option<Usage>,
    /// What it cost, where that is known. Nothing for an answer that was kept.
    pub cost: Option<Usd>,
    /// How long the answer took, tries and waits included.
    pub took: Duration,
    /// Whether the answer was kept from an earlier call.
    pub cached: bool,
    /// Why there was no answer.
    pub failure: Option<ModelFailureKind>,
}

impl ModelCall {
    /// One that has had no answer yet.
    pub fn new(model: &GrantedModel, exchange: ExchangeDigest) -> Self {
        let (took, alias) = (Duration::ZERO, model.alias.clone());
        Self { alias, exchange, usage: None, cost: None, took, cached: false, failure: None }
    }
}

/// One call to a model, as a plugin makes it.
#[derive(Debug)]
pub struct Ask<'a> {
    /// The binding that asks.
    pub binding: &'a Name,
    /// The interaction that it judges.
    pub about: Option<&'a InteractionId>,
    /// Which model is asked.
    pub model: &'a GrantedModel,
    /// The digest of model and request.
    pub exchange: ExchangeDigest,
    /// What is asked.
    pub request: ModelRequest,
    /// When the plugin's own time is over.
    pub until: Instant,
}

/// An answer, and what it took.
pub type Asked = (Result<ModelAnswer, ModelFailure>, ModelCall);

/// Those who answer plugins. The one that matters stands before the providers; another answers with what was recorded.
pub trait Models: Send + Sync {
    /// The answer, and what it took.
    fn ask<'a>(&'a self, ask: Ask<'a>) -> Pin<Box<dyn Future<Output = Asked> + Send + 'a>>;
}

impl<T: Models + ?Sized> Models for std::sync::Arc<T> {
    fn ask<'a>(&'a self, ask: Ask<'a>) -> Pin<Box<dyn Future<Output = Asked> + Send + 'a>> {
        (**self).ask(ask)
    }
}

/// Answers nothing: for hosts that have no models.
#[derive(Debug)]
pub struct NoModels;

impl Models for NoModels {
    fn ask<'a>(&'a self, ask: Ask<'a>) -> Pin<Box<dyn Future<Output = Asked> + Send + 'a>> {
        let failure = ModelFailure::new(ModelFailureKind::ModelUnavailable, "there are no models here");
        let mut call = ModelCall::new(ask.model, ask.exchange);
        call.failure = Some(failure.kind);
        Box::pin(std::future::ready((Err(failure), call)))
    }
}

/// A model as the operator defines it.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelDefinition {
    /// The operator's name for it.
    pub alias: Name,
    /// Which model, as the provider names it; a local one by its folder and the sha256 of its weights.
    pub model: String,
    /// Who answers.
    pub source: Source,
    /// The longest that one try may take.
    pub timeout: Deadline,
    /// How many requests may be under way.
    pub max_concurrent: usize,
    /// How many requests may begin within a minute.
    pub requests_per_minute: Option<u32>,
    /// The most tokens that one answer may have.
    pub max_output_tokens: u32,
    /// The most that may be spent on it.
    pub budget: Option<Budget>,
    /// The project in which its calls are recorded as interactions, where they are.
    pub record_in: Option<Name>,
    /// How long a request and its answer are kept after they were last used.
    pub retention: Duration,
}

/// What a call costs, by those who know prices.
pub trait Prices: Send + Sync {
    /// The cost of that call in US dollars, where anybody knows it.
    fn cost(&self, call: &Interaction) -> Option<Usd>;
}

impl ModelDefinition {
    /// How long requests and answers are kept where the operator does not say, and those of models that are not there any
    /// more.
    pub const RETENTION: Duration = Duration::from_secs(90 * 24 * 3600);

    /// What of it decides what is answered.
    pub fn granted(&self) -> GrantedModel {
        GrantedModel {
            alias: self.alias.clone(),
            provider: self.source.provider().to_owned(),
            model: self.model.clone(),
        }
    }
}

/// Who answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A provider, over HTTP.
    Remote(Remote),
    /// This process, with the model in that folder.
    Local {
        /// The folder.
        folder: PathBuf,
        /// The sha256 of its weights.
        weights: [u8; 32],
    },
}

impl Source {
    /// Its provider, as the operator writes it.
    pub fn provider(&self) -> &'static str {
        match self {
            Self::Remote(remote) => remote.dialect.as_str(),
            Self::Local { .. } => "local",
        }
    }
}

/// A provider.
#[derive(Debug, Clone, PartialEq)]
pub struct Remote {
    /// How it is talked to.
    pub dialect: Dialect,
    /// Where it is, without a slash at the end.
    pub base_url: String,
    /// What it knows the operator by.
    pub key: Option<Secret>,
}

/// How a provider is talked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI's own.
    Openai,
    /// OpenAI's, as others speak it.
    OpenaiCompatible,
    /// Anthropic's.
    Anthropic,
    /// Cohere's.
    Cohere,
}

impl Dialect {
    /// As the operator writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::OpenaiCompatible => "openai-compatible",
            Self::Anthropic => "anthropic",
            Self::Cohere => "cohere",
        }
    }
}

/// A key. It is never printed: whoever needs it says so.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Of that text.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, for the provider alone.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(a key)")
    }
}
