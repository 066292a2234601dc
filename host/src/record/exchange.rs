//! What is kept of one request to a model: what was asked and what was answered.

use serde::{Deserialize, Serialize};

use super::digest::digest;
use super::{GrantedModel, ModelAnswer, ModelFailure, ModelFailureKind, ModelRequest};

digest! {
    /// The sha256 of an alias, its model and a request: where these are the same, so is the answer.
    ExchangeDigest
}

impl ExchangeDigest {
    /// That of a request to a model.
    pub fn of_request(model: &GrantedModel, request: &ModelRequest) -> Self {
        let text = serde_json::to_vec(&(model, request)).expect("a request, which is plain data");
        Self::of(&text)
    }
}

/// A request to a model and what came of it.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct ModelExchange {
    /// Who was asked.
    pub model: GrantedModel,
    /// What.
    pub request: ModelRequest,
    /// What was answered, where anything was. Beside a failure it is what the plugin was not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<ModelAnswer>,
    /// Why the plugin was given no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<ModelFailure>,
}

impl ModelExchange {
    /// What the plugin was given.
    pub fn outcome(self) -> Result<ModelAnswer, ModelFailure> {
        match (self.answer, self.failure) {
            (_, Some(failure)) => Err(failure),
            (Some(answer), None) => Ok(answer),
            (None, None) => Err(ModelFailure::new(ModelFailureKind::ModelAnswer, "the kept answer is empty")),
        }
    }
}
