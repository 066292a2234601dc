//! What models answered, in a file beside a plugin's cases, so that these can be run without any model.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::json::{parsed, read_lines};
use crate::model::check_answer;
use crate::record::{
    Ask, Asked, ExchangeDigest, GrantedModel, ModelAnswer, ModelCall, ModelExchange, ModelFailure, ModelFailureKind,
    ModelRequest, Models,
};

/// The answers of a file, and a model to ask where one is missing.
pub struct Answers {
    path: PathBuf,
    kept: HashMap<ExchangeDigest, ModelExchange>,
    recorder: Option<Box<dyn Models>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    used: HashSet<ExchangeDigest>,
    /// Those that are not in the file yet, in the order in which they came.
    new: Vec<ModelExchange>,
}

/// Whoever answered then, the request is the same.
fn key(model: &GrantedModel, request: &ModelRequest) -> ExchangeDigest {
    let nobody = GrantedModel { provider: String::new(), model: String::new(), ..model.clone() };
    ExchangeDigest::of_request(&nobody, request)
}

impl Answers {
    /// Those of that file, which need not be there.
    pub fn read(path: &Path) -> Result<Self, String> {
        let lines = if path.exists() { read_lines(path, parsed::<ModelExchange>)? } else { Vec::new() };
        let kept = lines.into_iter().map(|(_, exchange)| (key(&exchange.model, &exchange.request), exchange));
        Ok(Self { path: path.to_owned(), kept: kept.collect(), recorder: None, state: Mutex::default() })
    }

    /// Asks these models for what is missing.
    #[must_use]
    pub fn recording(self, models: impl Models + 'static) -> Self {
        Self { recorder: Some(Box::new(models)), ..self }
    }

    /// The models that answered.
    pub fn models(&self) -> Vec<GrantedModel> {
        self.kept.values().map(|exchange| exchange.model.clone()).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the file has none.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// How many answers of the file nobody has asked for.
    pub fn unused(&self) -> usize {
        self.kept.len() - self.state().used.len()
    }

    /// Adds to the file what is new, and gives how much that is.
    pub fn save(&self) -> Result<usize, String> {
        let new = std::mem::take(&mut self.state().new);
        if new.is_empty() {
            return Ok(0);
        }
        let failed = |error| format!("cannot write {}: {error}", self.path.display());
        let mut text =
            if self.path.exists() { std::fs::read_to_string(&self.path).map_err(failed)? } else { String::new() };
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        for exchange in &new {
            let line = serde_json::to_string(exchange).expect("an exchange, which is plain data");
            writeln!(text, "{line}").expect("a text takes it");
        }
        std::fs::write(&self.path, text).map_err(failed)?;
        Ok(new.len())
    }

    fn known(&self, key: ExchangeDigest) -> Option<Result<ModelAnswer, ModelFailure>> {
        if let Some(exchange) = self.kept.get(&key) {
            self.state().used.insert(key);
            return Some(given(exchange.clone()));
        }
        self.state()
            .new
            .iter()
            .find(|new| self::key(&new.model, &new.request) == key)
            .cloned()
            .map(ModelExchange::outcome)
    }

    async fn answer(&self, ask: Ask<'_>) -> Asked {
        let key = key(ask.model, &ask.request);
        let mut call = ModelCall::new(ask.model, ask.exchange);
        let answer = match (self.known(key), &self.recorder) {
            (Some(answer), _) => {
                call.cached = true;
                answer
            }
            (None, Some(recorder)) => {
                let (model, request) = (ask.model.clone(), ask.request.clone());
                let (answer, asked) = recorder.ask(ask).await;
                if let Ok(answer) = &answer {
                    let answer = Some(answer.clone());
                    self.state().new.push(ModelExchange { model, request, answer, failure: None });
                }
                return (answer, asked);
            }
            (None, None) => {
                let message = format!(
                    "{} has no answer of {:?} to this request; `--record --models FILE` asks the model and adds it",
                    self.path.display(),
                    ask.model.alias.as_str()
                );
                Err(ModelFailure::new(ModelFailureKind::ModelUnavailable, message))
            }
        };
        call.failure = answer.as_ref().err().map(|failure| failure.kind);
        (answer, call)
    }
}

/// What the plugin is given: an answer that a host would not let pass is none.
fn given(exchange: ModelExchange) -> Result<ModelAnswer, ModelFailure> {
    let (alias, request) = (exchange.model.alias.clone(), exchange.request.clone());
    let answer = exchange.outcome()?;
    let wrong = |message| ModelFailure::new(ModelFailureKind::ModelAnswer, format!("{alias}: {message}"));
    check_answer(&request, &answer).map_err(wrong).map(|()| answer)
}

impl Models for Answers {
    fn ask<'a>(&'a self, ask: Ask<'a>) -> Pin<Box<dyn Future<Output = Asked> + Send + 'a>> {
        Box::pin(self.answer(ask))
    }
}
