//! The models behind the capability: who answers, how often and how long it is tried, and what a request looks like to
//! each provider. Knows nothing of plugins.

mod anthropic;
mod cohere;
mod exchange;
mod openai;
mod pace;
mod schema;

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout_at};

use self::exchange::{Exchange, Fault};
use self::pace::Pace;
use self::schema::Schema;
use crate::record::{
    Ask, Asked, ModelAnswer, ModelCall, ModelDefinition, ModelFailure, ModelFailureKind, ModelRequest, Models, Name,
    Provider,
};

/// How often a request is sent at most.
const TRIES: u32 = 5;
/// The pause after the first try; it doubles.
const PAUSE: Duration = Duration::from_millis(200);
/// The longest that a provider's wish to be left alone is waited for within a call.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Every model of the configuration.
pub struct ModelDesk {
    models: RwLock<HashMap<Name, Arc<Model>>>,
    client: reqwest::Client,
}

/// Why there is no desk.
#[derive(Debug, thiserror::Error)]
#[error("cannot make a client for models")]
pub struct DeskError(#[from] reqwest::Error);

/// One model, and how much is asked of it.
struct Model {
    definition: ModelDefinition,
    room: Semaphore,
    pace: Option<Pace>,
}

impl ModelDesk {
    /// A desk with those models.
    pub fn new(models: Vec<ModelDefinition>) -> Result<Self, DeskError> {
        // A redirect would take the key elsewhere.
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
        let desk = Self { models: RwLock::default(), client };
        desk.set(models);
        Ok(desk)
    }

    /// Puts these models in the place of those that were there. One that is as it was goes on as it stands; what is under way
    /// ends as it began.
    pub fn set(&self, definitions: Vec<ModelDefinition>) {
        let mut models = self.models.write().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *models);
        for definition in definitions {
            let same = before.remove(&definition.alias).filter(|model| model.definition == definition);
            let model = same.unwrap_or_else(|| Arc::new(Model::new(definition)));
            models.insert(model.definition.alias.clone(), model);
        }
    }

    fn model(&self, alias: &Name) -> Option<Arc<Model>> {
        self.models.read().unwrap_or_else(PoisonError::into_inner).get(alias).cloned()
    }

    async fn answer(&self, ask: Ask<'_>) -> Asked {
        let began = Instant::now();
        let mut call = ModelCall {
            alias: ask.model.alias.clone(),
            exchange: [0; 32],
            usage: None,
            cost: None,
            took: Duration::ZERO,
            cached: false,
            failure: None,
        };
        let answer = match self.model(&ask.model.alias) {
            Some(model) if model.definition.granted() == *ask.model => {
                model.ask(&self.client, &ask.request, ask.until).await
            }
            // Another binding takes the place of the one that asks.
            Some(_) | None => Err(ModelFailure {
                kind: ModelFailureKind::ModelUnavailable,
                message: format!("the configuration has another model for {:?} now, or none", ask.model.alias.as_str()),
            }),
        };
        call.took = began.elapsed();
        match &answer {
            Ok(ModelAnswer::Completion(completion)) => call.usage = completion.usage.clone(),
            Ok(ModelAnswer::Embeddings(_)) => {}
            Err(failure) => call.failure = Some(failure.kind),
        }
        (answer, call)
    }
}

impl Models for ModelDesk {
    fn ask<'a>(&'a self, ask: Ask<'a>) -> Pin<Box<dyn Future<Output = Asked> + Send + 'a>> {
        Box::pin(self.answer(ask))
    }
}

impl Model {
    fn new(definition: ModelDefinition) -> Self {
        let room = Semaphore::new(definition.max_concurrent);
        let pace = definition.requests_per_minute.map(Pace::per_minute);
        Self { definition, room, pace }
    }

    /// The answer, after as many tries as it takes and may take.
    async fn ask(
        &self,
        client: &reqwest::Client,
        request: &ModelRequest,
        until: Instant,
    ) -> Result<ModelAnswer, ModelFailure> {
        let fail = |kind, message| ModelFailure { kind, message: format!("{}: {message}", self.definition.alias) };
        let exchange =
            self.exchange(client, request).map_err(|message| fail(ModelFailureKind::ModelRefused, message))?;
        let schema = match request {
            ModelRequest::Complete(prompt) => prompt.schema.as_ref().map(Schema::new).transpose(),
            ModelRequest::Embed(_) => Ok(None),
        };
        let schema = schema.map_err(|message| fail(ModelFailureKind::ModelRefused, message))?;
        let mut tries = 0;
        loop {
            tries += 1;
            let fault = match self.try_once(&exchange, until).await {
                Ok(answer) => {
                    return check(&answer, request, schema.as_ref())
                        .map(|()| answer)
                        .map_err(|message| fail(ModelFailureKind::ModelAnswer, message));
                }
                Err(fault) => fault,
            };
            let (kind, pause) = match &fault {
                Fault::Passing { wait, .. } => {
                    // Not in step with all others that were turned away.
                    let backoff = PAUSE * 2u32.pow(tries - 1);
                    let pause = wait.unwrap_or(backoff).min(LONGEST_PAUSE) + jitter(backoff);
                    (ModelFailureKind::ModelUnavailable, Some(pause))
                }
                Fault::Refused(_) => (ModelFailureKind::ModelRefused, None),
                Fault::Answer(_) => (ModelFailureKind::ModelAnswer, None),
            };
            let message = fault.message();
            match pause.filter(|pause| tries < TRIES && Instant::now() + *pause < until) {
                Some(pause) => sleep(pause).await,
                None if tries > 1 => return Err(fail(kind, format!("{message}, at the last of {tries} tries"))),
                None => return Err(fail(kind, message)),
            }
        }
    }

    /// One try: waits for room and for its turn, and then for the answer.
    async fn try_once(&self, exchange: &Exchange, until: Instant) -> Result<ModelAnswer, Fault> {
        let late = |what: &str| Fault::Passing { message: format!("{what} within the call's deadline"), wait: None };
        let room = timeout_at(until.into(), self.room.acquire()).await;
        let _room = room.map_err(|_| late("other requests left no room"))?.expect("a semaphore that is never closed");
        if let Some(pace) = &self.pace {
            let turn = pace.turn();
            if Instant::now() + turn >= until {
                return Err(late("`requests_per_minute` left no turn"));
            }
            sleep(turn).await;
        }
        let timeout = self.definition.timeout;
        let end = until.min(Instant::now() + timeout.get());
        match timeout_at(end.into(), exchange.send()).await {
            Ok(answer) => answer,
            Err(_) if end == until => Err(late("it did not answer")),
            Err(_) => Err(Fault::Passing {
                message: format!("it did not answer within its `timeout` of {timeout}"),
                wait: None,
            }),
        }
    }

    fn exchange(&self, client: &reqwest::Client, request: &ModelRequest) -> Result<Exchange, String> {
        let definition = &self.definition;
        match definition.provider {
            Provider::Openai | Provider::OpenaiCompatible => openai::exchange(client, definition, request),
            Provider::Anthropic => anthropic::exchange(client, definition, request),
            Provider::Cohere => cohere::exchange(client, definition, request),
        }
    }
}

/// A pause from nothing to that.
fn jitter(most: Duration) -> Duration {
    use std::hash::{BuildHasher, RandomState};

    let random = RandomState::new().hash_one(Instant::now());
    most.mul_f64((random >> 11) as f64 / (1u64 << 53) as f64)
}

/// What is wrong with an answer, where something is.
fn check(answer: &ModelAnswer, request: &ModelRequest, schema: Option<&Schema>) -> Result<(), String> {
    match (answer, request) {
        (ModelAnswer::Completion(completion), ModelRequest::Complete(_)) => {
            let checked = schema.map_or(Ok(()), |schema| schema.check(&completion.text));
            let cut = completion.finish_reason.as_deref() == Some("length");
            checked.map_err(|wrong| if cut { format!("{wrong}; it was cut at `max-tokens`") } else { wrong })
        }
        (ModelAnswer::Embeddings(vectors), ModelRequest::Embed(texts)) => {
            if vectors.len() != texts.len() {
                return Err(format!("{} vectors came for {} texts", vectors.len(), texts.len()));
            }
            let whole = |vector: &Vec<f32>| !vector.is_empty() && vector.iter().all(|number| number.is_finite());
            if vectors.iter().all(whole) { Ok(()) } else { Err("a vector is empty or not finite".to_owned()) }
        }
        _ => Err("another sort of answer came".to_owned()),
    }
}
