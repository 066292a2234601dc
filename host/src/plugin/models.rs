//! The capability `models`: from a guest's words to a request, and back. Knows nothing of providers.

use std::sync::Arc;
use std::time::Instant;

use wasmtime::Trap;

use super::sandbox::Guest;
use super::v0_1::{models as wit, types};
use crate::record::{
    Ask, Binding, Completion, ExchangeDigest, InteractionId, ModelAnswer, ModelCall, ModelFailure, ModelFailureKind,
    ModelRequest, Models, Prompt, PromptMessage, Usage, short,
};

/// The most messages of a prompt, and texts of one `embed`.
const MOST: usize = 256;
/// The most calls to models of one evaluation.
const MOST_CALLS: usize = 256;
/// The most of the likeliest first tokens.
const MOST_LOGPROBS: u32 = 20;

/// What a guest may ask, and what it asked.
pub(super) struct Granted {
    models: Arc<dyn Models>,
    binding: Arc<Binding>,
    pub(super) calls: Vec<ModelCall>,
    /// What it judges.
    pub(super) about: Option<InteractionId>,
    /// The last failure that the guest was told of.
    failed: Option<ModelFailure>,
}

impl Granted {
    pub(super) fn new(models: Arc<dyn Models>, binding: Arc<Binding>) -> Self {
        Self { models, binding, calls: Vec::new(), about: None, failed: None }
    }

    /// The failure that the guest hands on, where that is what it says.
    pub(super) fn handed_on(&self, code: &str) -> Option<&ModelFailure> {
        self.failed.as_ref().filter(|failure| failure.kind.as_str() == code)
    }

    async fn ask(&mut self, alias: String, request: ModelRequest, until: Instant) -> Result<ModelAnswer, ModelFailure> {
        let Some(model) = self.binding.models.iter().find(|model| model.alias.as_str() == alias) else {
            let names: Vec<_> = self.binding.models.iter().map(|model| model.alias.as_str()).collect();
            let granted = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let message = format!("the binding does not grant a model {:?}; it grants {granted}", short(alias));
            return Err(ModelFailure::new(ModelFailureKind::UnknownModel, message));
        };
        if self.calls.len() >= MOST_CALLS {
            let message = format!("one evaluation may ask models {MOST_CALLS} times");
            return Err(ModelFailure::new(ModelFailureKind::ModelRefused, message));
        }
        let exchange = ExchangeDigest::of_request(model, &request);
        // What stands here where the plugin's time ends before the answer comes.
        let mut call = ModelCall::new(model, exchange);
        call.failure = Some(ModelFailureKind::ModelUnavailable);
        self.calls.push(call);
        let ask = Ask { binding: &self.binding.name, about: self.about.as_ref(), model, exchange, request, until };
        let (answer, call) = self.models.ask(ask).await;
        self.calls.pop();
        self.calls.push(call);
        answer
    }
}

impl Guest {
    /// Asks, and gives up when the call's time is over: it ends then as it would have within the guest.
    async fn ask(
        &mut self,
        alias: String,
        request: Result<ModelRequest, String>,
    ) -> wasmtime::Result<Result<ModelAnswer, types::Failure>> {
        let until = self.end();
        let granted = self.granted.as_mut().ok_or_else(|| wasmtime::Error::msg("`models` is not granted"))?;
        let answer = match request {
            Ok(request) => {
                let asked = granted.ask(alias, request, until);
                tokio::time::timeout_at(until.into(), asked).await.map_err(|_| Trap::Interrupt)?
            }
            Err(message) => Err(ModelFailure::new(ModelFailureKind::ModelRefused, message)),
        };
        Ok(answer.map_err(|failure| {
            let failure = ModelFailure { message: short(failure.message), ..failure };
            let (code, transient) = (failure.kind.as_str().to_owned(), failure.kind.is_transient());
            let message = failure.message.clone();
            granted.failed = Some(failure);
            types::Failure { code, message, transient }
        }))
    }
}

impl wit::Host for Guest {
    async fn complete(
        &mut self,
        alias: String,
        prompt: wit::Prompt,
    ) -> wasmtime::Result<Result<wit::Completion, types::Failure>> {
        let request = checked(prompt).map(ModelRequest::Complete);
        Ok(match self.ask(alias, request).await? {
            Ok(ModelAnswer::Completion(completion)) => Ok(lowered(completion)),
            Ok(ModelAnswer::Embeddings(_)) => Err(no_answer()),
            Err(failure) => Err(failure),
        })
    }

    async fn embed(
        &mut self,
        alias: String,
        texts: Vec<String>,
    ) -> wasmtime::Result<Result<Vec<Vec<f32>>, types::Failure>> {
        let request = match texts.len() {
            1..=MOST => Ok(ModelRequest::Embed(texts)),
            count => Err(format!("{count} texts, and there may be 1 to {MOST}")),
        };
        Ok(match self.ask(alias, request).await? {
            Ok(ModelAnswer::Embeddings(embeddings)) => Ok(embeddings.vectors),
            Ok(ModelAnswer::Completion(_)) => Err(no_answer()),
            Err(failure) => Err(failure),
        })
    }
}

fn no_answer() -> types::Failure {
    let code = ModelFailureKind::ModelAnswer.as_str().to_owned();
    types::Failure { code, message: "the model gave another sort of answer".to_owned(), transient: false }
}

/// The prompt, where it is one.
fn checked(prompt: wit::Prompt) -> Result<Prompt, String> {
    let wit::Prompt { messages, schema, max_tokens, temperature, seed, top_logprobs } = prompt;
    if messages.is_empty() || messages.len() > MOST {
        return Err(format!("{} messages, and there may be 1 to {MOST}", messages.len()));
    }
    if let Some(message) = messages.iter().find(|message| !["system", "user", "assistant"].contains(&&*message.role)) {
        let role = short(message.role.clone());
        return Err(format!("a message's `role` is {role:?}, and there are `system`, `user` and `assistant`"));
    }
    if max_tokens == Some(0) {
        return Err("`max-tokens` is 0".to_owned());
    }
    if let Some(temperature) = temperature.filter(|temperature| !(0.0..=2.0).contains(temperature)) {
        return Err(format!("`temperature` is {temperature}, and may be from 0 to 2"));
    }
    if top_logprobs > MOST_LOGPROBS {
        return Err(format!("`top-logprobs` is {top_logprobs}, and may be at most {MOST_LOGPROBS}"));
    }
    let schema = schema.map(|text| serde_json::from_str(&text)).transpose();
    let schema = schema.map_err(|error| format!("`schema` is not JSON: {error}"))?;
    let messages = messages.into_iter().map(|message| PromptMessage { role: message.role, content: message.content });
    Ok(Prompt { messages: messages.collect(), schema, max_tokens, temperature, seed, top_logprobs })
}

fn lowered(completion: Completion) -> wit::Completion {
    let Completion { text, model, finish_reason, usage, first_token } = completion;
    let first_token = first_token.into_iter();
    wit::Completion {
        text,
        model,
        finish_reason,
        input_tokens: usage.as_ref().map(Usage::all_input),
        output_tokens: usage.as_ref().map(Usage::all_output),
        first_token: first_token
            .map(|first| wit::TokenLogprob { token: first.token, logprob: first.logprob })
            .collect(),
    }
}
