//! One model: how many requests are with it at a time, how often each is sent, and what each try may cost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout_at};

use super::exchange::{Exchange, Fault, Recipient};
use super::local::{EmbedError, LocalError, LocalModel};
use super::pace::Pace;
use super::purse::Purse;
use super::schema::Schema;
use super::{anthropic, cohere, openai};
use crate::record::{
    Dialect, Embeddings, ModelAnswer, ModelDefinition, ModelFailure, ModelFailureKind, ModelRequest, Source, Time,
};

/// How often a request is sent at most.
const TRIES: u32 = 5;
/// The pause after the first try; it doubles.
const PAUSE: Duration = Duration::from_millis(200);
/// The longest that a provider's wish to be left alone is waited for within a call.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The longest that such a wish keeps an evaluation waiting.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// One model, and how much is asked of it.
pub(super) struct Model {
    pub(super) definition: ModelDefinition,
    room: Semaphore,
    pace: Option<Pace>,
    /// The model itself, where this process is who answers.
    local: Option<Arc<LocalModel>>,
}

/// Why there is no answer, and what was answered instead, where anything was.
pub(super) struct Missed {
    pub(super) failure: ModelFailure,
    pub(super) answer: Option<ModelAnswer>,
    /// Whether anything was asked at all.
    pub(super) was_asked: bool,
}

impl From<ModelFailure> for Missed {
    /// Before anything was asked.
    fn from(failure: ModelFailure) -> Self {
        Self { failure, answer: None, was_asked: false }
    }
}

impl Model {
    pub(super) fn new(definition: ModelDefinition) -> Result<Self, LocalError> {
        let room = Semaphore::new(definition.max_concurrent);
        let pace = definition.requests_per_minute.map(Pace::per_minute);
        let local = match &definition.source {
            Source::Remote(_) => None,
            Source::Local { folder, weights } => {
                let model = LocalModel::open(folder)?;
                if model.digest() != *weights {
                    return Err(LocalError::Changed { path: folder.join("model.safetensors") });
                }
                Some(Arc::new(model))
            }
        };
        Ok(Self { definition, room, pace, local })
    }

    /// How many requests are under way.
    pub(super) fn under_way(&self) -> usize {
        self.definition.max_concurrent - self.room.available_permits()
    }

    /// The answer, after as many tries as it takes and may take.
    pub(super) async fn ask(
        &self,
        client: &reqwest::Client,
        request: &ModelRequest,
        until: Instant,
        purse: &Purse<'_>,
    ) -> Result<ModelAnswer, Missed> {
        let fail = |kind, message: String| ModelFailure::new(kind, format!("{}: {message}", self.definition.alias));
        let refused = |message| fail(ModelFailureKind::ModelRefused, message);
        let remote = match &self.definition.source {
            Source::Remote(remote) => remote,
            Source::Local { .. } => {
                let computed = self.compute(request, until).await;
                return computed.map_err(|failure| Missed { failure, answer: None, was_asked: true });
            }
        };
        let to = Recipient { client, remote, model: &self.definition.model };
        let exchange = match remote.dialect {
            Dialect::Openai | Dialect::OpenaiCompatible => Ok(openai::exchange(&to, request)),
            Dialect::Anthropic => anthropic::exchange(&to, request),
            Dialect::Cohere => Ok(cohere::exchange(&to, request)),
        };
        let exchange = exchange.map_err(refused)?;
        let schema = schema_of(request).map_err(refused)?;
        let (mut tries, mut was_asked) = (0, false);
        loop {
            tries += 1;
            let tried = self.try_once(&exchange, until, purse).await;
            let tried = tried.map_err(|failure| Missed { failure, answer: None, was_asked })?;
            was_asked |= !matches!(tried, Err(Fault::Late(_)));
            let fault = match tried {
                Ok(answer) => {
                    let checked = check(&answer, request, schema.as_ref());
                    return match checked {
                        Ok(()) => Ok(answer),
                        Err(message) => {
                            let failure = fail(ModelFailureKind::ModelAnswer, message);
                            Err(Missed { failure, answer: Some(answer), was_asked })
                        }
                    };
                }
                Err(fault) => fault,
            };
            let mut again_at = None;
            let (kind, pause) = match &fault {
                Fault::Passing { wait, .. } => {
                    again_at = wait.map(|wait| Time::now() + wait.min(LONGEST_WAIT));
                    // Not in step with all others that were turned away.
                    let backoff = PAUSE * 2u32.pow(tries - 1);
                    let pause = wait.unwrap_or(backoff).min(LONGEST_PAUSE) + jitter(backoff);
                    (ModelFailureKind::ModelUnavailable, Some(pause))
                }
                Fault::Late(_) => (ModelFailureKind::ModelUnavailable, None),
                Fault::Refused(_) => (ModelFailureKind::ModelRefused, None),
                Fault::Answer(_) => (ModelFailureKind::ModelAnswer, None),
            };
            let message = fault.message();
            match pause.filter(|pause| tries < TRIES && Instant::now() + *pause < until) {
                Some(pause) => sleep(pause).await,
                None => {
                    let message = if tries > 1 { format!("{message}, at the last of {tries} tries") } else { message };
                    let failure = ModelFailure { again_at, ..fail(kind, message) };
                    return Err(Missed { failure, answer: None, was_asked });
                }
            }
        }
    }

    /// One try: waits for room, for its turn and until the budgets allow it, and then for the answer. An answer that is on its
    /// way is waited for though whoever asked has given up: it is paid for, and serves the next who asks.
    async fn try_once(
        &self,
        exchange: &Exchange,
        until: Instant,
        purse: &Purse<'_>,
    ) -> Result<Result<ModelAnswer, Fault>, ModelFailure> {
        let late = |what: &str| Ok(Err(Fault::Late(format!("{what} within the call's deadline"))));
        let Ok(room) = timeout_at(until.into(), self.room.acquire()).await else {
            return late("other requests left no room");
        };
        let _room = room.expect("a semaphore that is never closed");
        let hold = purse.hold(until).await?;
        if let Some(pace) = &self.pace {
            let Some(turn) = pace.turn(until) else { return late("`requests_per_minute` left no turn") };
            sleep(turn).await;
        }
        let timeout = self.definition.timeout;
        let tried = match timeout_at((Instant::now() + timeout.get()).into(), exchange.send()).await {
            Ok(tried) => tried,
            Err(_) => Err(Fault::lost(format!("it did not answer within its `timeout` of {timeout}"))),
        };
        match &tried {
            Ok(answer) => purse.pay(hold, answer),
            // What was sent may be billed though the answer did not come.
            Err(Fault::Passing { lost: true, .. } | Fault::Answer(_)) => purse.pay_most(hold),
            Err(_) => drop(hold),
        }
        Ok(tried)
    }

    /// The answer of the model in this process, by a thread of lower priority.
    async fn compute(&self, request: &ModelRequest, until: Instant) -> Result<ModelAnswer, ModelFailure> {
        let alias = &self.definition.alias;
        let fail = |kind, message: String| ModelFailure::new(kind, format!("{alias}: {message}"));
        let (Some(model), ModelRequest::Embed(texts)) = (&self.local, request) else {
            let message = "a local model embeds texts, and completes none".to_owned();
            return Err(fail(ModelFailureKind::ModelRefused, message));
        };
        let late = || fail(ModelFailureKind::ModelUnavailable, "it did not come to its end in time".to_owned());
        let Ok(room) = timeout_at(until.into(), self.room.acquire()).await else { return Err(late()) };
        let _room = room.expect("a semaphore that is never closed");
        let (model, texts) = (Arc::clone(model), texts.clone());
        let end = until.min(Instant::now() + self.definition.timeout.get());
        let computed = tokio::task::spawn_blocking(move || {
            crate::Priority::Leisure.take();
            model.embed(&texts, &|| Instant::now() >= end)
        });
        match computed.await {
            Ok(Ok(vectors)) => Ok(ModelAnswer::Embeddings(Embeddings { vectors, usage: None })),
            Ok(Err(EmbedError::Cancelled)) => Err(late()),
            Ok(Err(error)) => Err(fail(ModelFailureKind::ModelRefused, crate::report(&error))),
            Err(error) => Err(fail(ModelFailureKind::ModelUnavailable, error.to_string())),
        }
    }
}

/// A pause from nothing to that.
fn jitter(most: Duration) -> Duration {
    use std::hash::{BuildHasher, RandomState};

    let random = RandomState::new().hash_one(Instant::now());
    most.mul_f64((random >> 11) as f64 / (1u64 << 53) as f64)
}

/// Checks an answer that somebody wrote down as one that came is checked.
pub fn check_answer(request: &ModelRequest, answer: &ModelAnswer) -> Result<(), String> {
    check(answer, request, schema_of(request)?.as_ref())
}

/// The schema of an answer to that, where one is wanted.
fn schema_of(request: &ModelRequest) -> Result<Option<Schema>, String> {
    match request {
        ModelRequest::Complete(prompt) => prompt.schema.as_ref().map(Schema::new).transpose(),
        ModelRequest::Embed(_) => Ok(None),
    }
}

/// What is wrong with an answer, where something is.
fn check(answer: &ModelAnswer, request: &ModelRequest, schema: Option<&Schema>) -> Result<(), String> {
    match (answer, request) {
        (ModelAnswer::Completion(completion), ModelRequest::Complete(_)) => {
            let checked = schema.map_or(Ok(()), |schema| schema.check(&completion.text));
            let cut = completion.finish_reason.as_deref() == Some("length");
            checked.map_err(|wrong| if cut { format!("{wrong}; it was cut at `max-tokens`") } else { wrong })
        }
        (ModelAnswer::Embeddings(Embeddings { vectors, .. }), ModelRequest::Embed(texts)) => {
            if vectors.len() != texts.len() {
                return Err(format!("{} vectors came for {} texts", vectors.len(), texts.len()));
            }
            let whole = |vector: &Vec<f32>| !vector.is_empty() && vector.iter().all(|number| number.is_finite());
            if vectors.iter().all(whole) { Ok(()) } else { Err("a vector is empty or not finite".to_owned()) }
        }
        _ => Err("another sort of answer came".to_owned()),
    }
}
