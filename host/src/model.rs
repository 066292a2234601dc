//! The models behind the capability: who answers, how often and how long it is tried, what it costs and may cost, and what
//! was answered before. Knows nothing of plugins.

mod anthropic;
mod cache;
mod cohere;
mod exchange;
mod ledger;
mod local;
mod openai;
mod own;
mod pace;
mod purse;
mod schema;
mod tries;

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Instant;

use tokio::time::timeout_at;

use self::cache::Cache;
pub use self::ledger::BudgetView;
use self::ledger::{Ledger, Payer};
pub use self::local::LocalError;
use self::own::Asked as OwnCall;
use self::purse::Purse;
pub use self::tries::check_answer;
use self::tries::{Missed, Model};
use crate::record::{
    Ask, Asked, Budget, ExchangeDigest, GrantedModel, Hour, InteractionId, ModelAnswer, ModelCall, ModelDefinition,
    ModelExchange, ModelFailure, ModelFailureKind, ModelRequest, Models, Name, Period, Prices, Source, Time, Usd,
};
use crate::store::{NewExchange, NewRecord, Store, StoreError};

/// Every model of the configuration. Cheap to clone.
#[derive(Clone)]
pub struct ModelDesk {
    shared: Arc<Shared>,
}

struct Shared {
    models: RwLock<HashMap<Name, Arc<Model>>>,
    client: reqwest::Client,
    store: Option<Store>,
    cache: Cache,
    ledger: Ledger,
    prices: OnceLock<Arc<dyn Prices>>,
}

/// Why there is no desk.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// No client.
    #[error("cannot make a client for models")]
    Client(#[from] reqwest::Error),
    /// What was spent is not known.
    #[error("cannot tell what was spent on models")]
    Spent(#[from] StoreError),
    /// A local model is of no use.
    #[error("model {alias} cannot be used")]
    Local {
        /// The model.
        alias: Name,
        /// Why.
        #[source]
        source: LocalError,
    },
}

/// A model as it stands.
#[derive(Debug, Clone)]
pub struct ModelView {
    /// What the operator says of it.
    pub definition: ModelDefinition,
    /// Requests under way.
    pub under_way: usize,
    /// Its budget, where it has one.
    pub budget: Option<BudgetView>,
}

/// A request on its way, which outlives whoever asked.
struct Errand {
    binding: Name,
    about: Option<InteractionId>,
    model: GrantedModel,
    exchange: ExchangeDigest,
    request: ModelRequest,
    until: Instant,
}

impl ModelDesk {
    /// A desk with those models, and with budgets for the bindings of those names. What it is asked and answered is kept in
    /// the store, where there is one.
    pub fn new(
        models: Vec<ModelDefinition>,
        budgets: Vec<(Name, Budget)>,
        store: Option<Store>,
    ) -> Result<Self, DeskError> {
        // A redirect would take the key elsewhere.
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
        let ledger = Ledger::default();
        if let Some(store) = &store {
            let (month, _) = Period::Month.around(Hour::of(Time::now()));
            ledger.carry_over(store.model_spent(month)?);
        }
        let cache = Cache::new(store.clone());
        let shared = Shared { models: RwLock::default(), client, store, cache, ledger, prices: OnceLock::new() };
        let desk = Self { shared: Arc::new(shared) };
        desk.set(models, budgets)?;
        Ok(desk)
    }

    /// Has calls priced by these from now on, where nobody did before.
    pub fn priced_by(&self, prices: Arc<dyn Prices>) {
        // The first ones stay: there is one host.
        let _ = self.shared.prices.set(prices);
    }

    /// Puts these models and budgets in the place of those that were there, or leaves all as it is where one cannot be used. A
    /// model that is as it was goes on as it stands; what is under way ends as it began.
    pub fn set(&self, definitions: Vec<ModelDefinition>, budgets: Vec<(Name, Budget)>) -> Result<(), DeskError> {
        let of_models = definitions.iter().filter_map(|model| Some((Payer::Model(model.alias.clone()), model.budget?)));
        let of_bindings = budgets.into_iter().map(|(binding, budget)| (Payer::Binding(binding), budget));
        let budgets: Vec<_> = of_models.chain(of_bindings).collect();
        let before = self.shared.models.read().unwrap_or_else(PoisonError::into_inner).clone();
        let model = |definition: ModelDefinition| {
            let alias = definition.alias.clone();
            let same = before.get(&alias).filter(|model| model.definition == definition);
            let model = match same {
                Some(same) => Arc::clone(same),
                None => match Model::new(definition) {
                    Ok(new) => Arc::new(new),
                    Err(source) => return Err(DeskError::Local { alias, source }),
                },
            };
            Ok((alias, model))
        };
        let models = definitions.into_iter().map(model).collect::<Result<_, _>>()?;
        *self.shared.models.write().unwrap_or_else(PoisonError::into_inner) = models;
        self.shared.ledger.set(budgets);
        Ok(())
    }

    /// Every model as it stands, by alias.
    pub fn models(&self) -> Vec<ModelView> {
        let models = self.shared.models.read().unwrap_or_else(PoisonError::into_inner);
        let view = |model: &Arc<Model>| ModelView {
            definition: model.definition.clone(),
            under_way: model.under_way(),
            budget: self.budget_of_model(&model.definition.alias),
        };
        let mut views: Vec<_> = models.values().map(view).collect();
        views.sort_by(|one, other| one.definition.alias.as_str().cmp(other.definition.alias.as_str()));
        views
    }

    /// The budget of the binding of that name as it stands, where it has one.
    pub fn budget_of_binding(&self, binding: &Name) -> Option<BudgetView> {
        self.shared.ledger.view(&Payer::Binding(binding.clone()))
    }

    /// The budgets of bindings as they stand, by name.
    pub fn budgets_of_bindings(&self) -> Vec<(Name, BudgetView)> {
        self.shared.ledger.views_of_bindings()
    }

    /// The budget of the model of that alias as it stands, where it has one.
    pub fn budget_of_model(&self, alias: &Name) -> Option<BudgetView> {
        self.shared.ledger.view(&Payer::Model(alias.clone()))
    }
}

impl Models for ModelDesk {
    fn ask<'a>(&'a self, ask: Ask<'a>) -> Pin<Box<dyn Future<Output = Asked> + Send + 'a>> {
        let shared = Arc::clone(&self.shared);
        let Ask { binding, about, model, exchange, request, until } = ask;
        let began = Instant::now();
        if let Some(answer) = shared.cache.find(exchange) {
            return Box::pin(std::future::ready(cached(model, exchange, answer, began)));
        }
        let errand =
            Errand { binding: binding.clone(), about: about.cloned(), model: model.clone(), exchange, request, until };
        Box::pin(async move {
            // Of its own accord: the answer is kept though whoever asked has no time left for it.
            let running = tokio::spawn(async move { shared.answer(errand).await });
            running.await.unwrap_or_else(|error| {
                tracing::error!(%error, "a request to a model ended before its time");
                unavailable(model, exchange, "the host gave up the request")
            })
        })
    }
}

/// An answer that was kept.
fn cached(model: &GrantedModel, exchange: ExchangeDigest, answer: ModelAnswer, began: Instant) -> Asked {
    let usage = answer.usage().cloned();
    let (cost, took) = (Some(Usd::ZERO), began.elapsed());
    let call = ModelCall { usage, cost, took, cached: true, ..ModelCall::new(model, exchange) };
    (Ok(answer), call)
}

fn unavailable(model: &GrantedModel, exchange: ExchangeDigest, message: &str) -> Asked {
    let failure = ModelFailure::new(ModelFailureKind::ModelUnavailable, message);
    let call = ModelCall { failure: Some(failure.kind), ..ModelCall::new(model, exchange) };
    (Err(failure), call)
}

impl Shared {
    async fn answer(&self, errand: Errand) -> Asked {
        let Errand { binding, about, model: granted, exchange, request, until } = &errand;
        let began = Instant::now();
        let model = self.models.read().unwrap_or_else(PoisonError::into_inner).get(&granted.alias).cloned();
        let Some(model) = model.filter(|model| model.definition.granted() == *granted) else {
            // Another binding takes the place of the one that asks.
            let message = format!("the configuration has another model for {:?} now, or none", granted.alias.as_str());
            return unavailable(granted, *exchange, &message);
        };
        let turn = self.cache.turn(*exchange);
        let Ok(_turn) = timeout_at((*until).into(), turn.lock()).await else {
            return unavailable(granted, *exchange, "the same request is under way and was not answered in time");
        };
        // Whoever had the turn before looked into the store.
        if let Some(answer) = self.cache.find_recent(*exchange) {
            return cached(granted, *exchange, answer, began);
        }
        let started_at = Time::now();
        let bounded = bounded(request, model.definition.max_output_tokens);
        let payers = [Payer::Model(granted.alias.clone()), Payer::Binding(binding.clone())];
        let prices = self.prices.get().map(|prices| &**prices);
        let purse = Purse::new(&self.ledger, prices, payers, &model.definition, &bounded);
        let asked = model.ask(&self.client, &bounded, *until, &purse).await;
        let free = matches!(model.definition.source, Source::Local { .. }).then_some(Usd::ZERO);
        let mut call =
            ModelCall { cost: purse.paid().or(free), took: began.elapsed(), ..ModelCall::new(granted, *exchange) };
        let (answer, failure, was_asked) = match asked {
            Ok(answer) => (Some(answer), None, true),
            Err(Missed { failure, answer, was_asked }) => (answer, Some(failure), was_asked),
        };
        call.usage = answer.as_ref().and_then(ModelAnswer::usage).cloned();
        call.failure = failure.as_ref().map(|failure| failure.kind);
        let (model, about, exchange, took) = (&model.definition, about.as_ref(), *exchange, call.took);
        let own = OwnCall { model, binding, about, exchange, request, started_at, took };
        let made = ModelExchange { model: granted.clone(), request: request.clone(), answer, failure };
        if was_asked {
            self.keep(&own, &made, &call);
        }
        (made.outcome(), call)
    }

    /// Keeps what was asked and answered.
    fn keep(&self, own: &OwnCall<'_>, made: &ModelExchange, call: &ModelCall) {
        if let (Some(answer), None) = (&made.answer, &made.failure) {
            self.cache.put(call.exchange, answer);
        }
        let Some(store) = &self.store else { return };
        let record = own.model.record_in.as_ref().map(|project| {
            let (answer, failure) = (made.answer.as_ref(), made.failure.as_ref());
            let interaction = own::recorded(own, project, call.usage.clone(), answer, failure);
            let json = serde_json::to_vec(&interaction).expect("an interaction, which is plain data");
            NewRecord::new(interaction, &json)
        });
        if let Err(error) = store.exchange_keep(NewExchange::new(own.binding, made, call, record)) {
            tracing::debug!(error = crate::report(&error), "what a model answered is not stored");
        }
    }
}

/// The request with no more output than the model may make.
fn bounded(request: &ModelRequest, most: u32) -> ModelRequest {
    let mut request = request.clone();
    if let ModelRequest::Complete(prompt) = &mut request {
        prompt.max_tokens = Some(prompt.max_tokens.map_or(most, |wanted| wanted.min(most)));
    }
    request
}
