//! Asking models.

#[cfg(target_family = "wasm")]
use crate::bindings::models;
pub use crate::bindings::models::{Completion, Prompt, PromptMessage, TokenLogprob};
use crate::{Failure, Json};

impl Prompt {
    /// An empty prompt: no message, and the provider's own settings.
    ///
    /// ```
    /// # use tribunal_sdk::{Failure, Prompt};
    /// # fn judge(answer: &str) -> Result<String, Failure> {
    /// let prompt = Prompt::new().system("Answer yes or no.").user(&format!("Is this polite? {answer}"));
    /// let completion = prompt.temperature(0.0).max_tokens(1).ask("judge")?;
    /// # Ok(completion.text)
    /// # }
    /// ```
    #[expect(clippy::new_without_default, reason = "a prompt without a message is none")]
    pub fn new() -> Self {
        Self { messages: Vec::new(), schema: None, max_tokens: None, temperature: None, seed: None, top_logprobs: 0 }
    }

    fn message(mut self, role: &str, content: &str) -> Self {
        self.messages.push(PromptMessage { role: role.to_owned(), content: content.to_owned() });
        self
    }

    /// With what the model is to hold to.
    ///
    /// ```
    /// # use tribunal_sdk::Prompt;
    /// assert_eq!(Prompt::new().system("Be brief.").messages.len(), 1);
    /// ```
    #[must_use]
    pub fn system(self, content: &str) -> Self {
        self.message("system", content)
    }

    /// With a question.
    ///
    /// ```
    /// # use tribunal_sdk::Prompt;
    /// assert_eq!(Prompt::new().user("Who are you?").messages[0].role, "user");
    /// ```
    #[must_use]
    pub fn user(self, content: &str) -> Self {
        self.message("user", content)
    }

    /// With an answer that the model is to take for its own.
    ///
    /// ```
    /// # use tribunal_sdk::Prompt;
    /// let shown = Prompt::new().user("2 + 2?").assistant("4").user("2 + 3?");
    /// assert_eq!(shown.messages.len(), 3);
    /// ```
    #[must_use]
    pub fn assistant(self, content: &str) -> Self {
        self.message("assistant", content)
    }

    /// Wants an answer in JSON that satisfies this schema.
    ///
    /// ```
    /// # use tribunal_sdk::{Json, Prompt};
    /// // Or with `serde_json::json!`, where that is among the dependencies.
    /// let schema: Json = r#"{"type": "object", "properties": {"score": {"type": "integer"}}}"#.parse().expect("JSON");
    /// let prompt = Prompt::new().user("How good is it, from 1 to 5?").schema(&schema);
    /// assert!(prompt.schema.is_some());
    /// ```
    #[must_use]
    pub fn schema(mut self, schema: &Json) -> Self {
        self.schema = Some(schema.to_string());
        self
    }

    /// Wants an answer of at most so many tokens.
    ///
    /// ```
    /// # use tribunal_sdk::Prompt;
    /// assert_eq!(Prompt::new().max_tokens(10).max_tokens, Some(10));
    /// ```
    #[must_use]
    pub fn max_tokens(mut self, tokens: u32) -> Self {
        self.max_tokens = Some(tokens);
        self
    }

    /// From 0, the likeliest answer, to 2.
    ///
    /// ```
    /// # use tribunal_sdk::Prompt;
    /// assert_eq!(Prompt::new().temperature(0.0).temperature, Some(0.0));
    /// ```
    #[must_use]
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.temperature = Some(temperature);
        self
    }

    /// What the model draws from. Each of several answers to one question needs a seed of its own: the host gives the same
    /// answer to the same prompt.
    ///
    /// ```
    /// # use tribunal_sdk::Prompt;
    /// let samples = (0..3).map(|seed| Prompt::new().user("Yes or no?").seed(seed));
    /// # assert_eq!(samples.count(), 3);
    /// ```
    #[must_use]
    pub fn seed(mut self, seed: u32) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Wants the likeliest first tokens with their probabilities, at most 20, where the provider offers them.
    ///
    /// ```
    /// # use tribunal_sdk::Prompt;
    /// assert_eq!(Prompt::new().top_logprobs(5).top_logprobs, 5);
    /// ```
    #[must_use]
    pub fn top_logprobs(mut self, count: u32) -> Self {
        self.top_logprobs = count;
        self
    }

    /// Asks the model of that alias. Hand a failure on with `?`: the host knows its own, and tries again later what may pass.
    ///
    /// ```
    /// # use tribunal_sdk::{Failure, Prompt};
    /// # fn judge() -> Result<f64, Failure> {
    /// let completion = Prompt::new().user("How good is it, from 1 to 5?").ask("judge")?;
    /// let score: f64 = completion.text.trim().parse().map_err(|_| Failure::new("no-number", completion.text))?;
    /// # Ok(score)
    /// # }
    /// ```
    pub fn ask(&self, alias: &str) -> Result<Completion, Failure> {
        #[cfg(target_family = "wasm")]
        return models::complete(alias, self);
        #[cfg(not(target_family = "wasm"))]
        Err(nobody(alias))
    }
}

/// A vector for each text, in their order, each as long as 1: the likeness of two is the sum of their products.
///
/// ```
/// # use tribunal_sdk::{Failure, embed};
/// fn likeness(one: &str, other: &str) -> Result<f32, Failure> {
///     let vectors = embed("minilm", &[one.to_owned(), other.to_owned()])?;
///     Ok(vectors[0].iter().zip(&vectors[1]).map(|(one, other)| one * other).sum())
/// }
/// # assert!(likeness("a", "b").is_err());
/// ```
pub fn embed(alias: &str, texts: &[String]) -> Result<Vec<Vec<f32>>, Failure> {
    #[cfg(target_family = "wasm")]
    return models::embed(alias, texts);
    #[cfg(not(target_family = "wasm"))]
    {
        let _ = texts;
        Err(nobody(alias))
    }
}

/// Outside a host there is nobody to ask.
#[cfg(not(target_family = "wasm"))]
fn nobody(alias: &str) -> Failure {
    Failure { transient: true, ..Failure::new("model-unavailable", format!("{alias}: there is no host here")) }
}
