//! How near the question, the answer and the scope of an interaction lie to each other; knows nothing of thresholds for
//! findings.

use exhibits::{answer, is_blank, question, system_prompt};
use tribunal_sdk::{Failure, Interaction};

use crate::Embed;
use crate::config::Settings;
use crate::scope::phrases;

/// What any assistant might be told. All questions lie somewhat near to it, so what is nearer to a scope than to this is in
/// the scope.
const ANY_ASSISTANT: &str = "You are a helpful assistant. Answer the user's questions. Be friendly and brief.";
/// A phrase that is so near to that says nothing of a scope.
const SAYS_NOTHING: f64 = 0.62;

/// What was measured; each is none where one of the two texts is missing.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    /// The cosine between question and answer, -1 to 1.
    pub(crate) relevance: Option<f64>,
    pub(crate) question: Option<Margin>,
    pub(crate) answer: Option<Margin>,
    /// What was not looked at, in a sentence.
    pub(crate) cut: Option<String>,
}

/// How much nearer a text lies to the scope than to what any assistant is told.
#[derive(Debug)]
pub(crate) struct Margin {
    /// -2 to 2.
    pub(crate) value: f64,
    /// The phrase of the scope that is nearest.
    pub(crate) nearest: String,
}

pub(crate) fn measured(settings: &Settings, interaction: &Interaction, embed: Embed<'_>) -> Result<Measured, Failure> {
    let most = settings.max_characters;
    let texts = [("question", question(interaction)), ("answer", answer(interaction))];
    let [question, answer] =
        &texts.each_ref().map(|(_, text)| if is_blank(text) { String::new() } else { first(text, most) });
    let cuts = texts.iter().filter(|(_, text)| first(text, most).len() < text.trim().len());
    let cuts: Vec<_> =
        cuts.map(|(name, _)| format!("Of the {name} only the first {most} characters were looked at.")).collect();
    let cut = (!cuts.is_empty()).then(|| cuts.join(" "));

    let scope = match settings.topics.as_slice() {
        [] => phrases(&system_prompt(interaction)),
        topics => topics.to_vec(),
    };
    let there: Vec<_> = [question, answer].into_iter().filter(|text| !text.is_empty()).cloned().collect();
    // One text alone has nothing to be compared with.
    if there.len() + usize::from(!scope.is_empty()) < 2 {
        return Ok(Measured::default());
    }
    let vectors = vectors(embed, &there)?;
    let mut vectors = vectors.iter();
    let question = if question.is_empty() { None } else { vectors.next() };
    let answer = if answer.is_empty() { None } else { vectors.next() };
    let relevance = question.zip(answer).map(|(one, other)| cosine(one, other));
    let scope = if scope.is_empty() { None } else { Scope::new(scope, settings, embed)? };
    let margin = |text: Option<&Vec<f32>>| scope.as_ref().zip(text).and_then(|(scope, text)| scope.margin(text));
    Ok(Measured { relevance, question: margin(question), answer: margin(answer), cut })
}

/// What an assistant is for, as vectors.
struct Scope {
    phrases: Vec<(String, Vec<f32>)>,
    any: Vec<f32>,
}

impl Scope {
    /// None where all that is said could be said of any assistant. The request is the same for all interactions with the same
    /// system prompt.
    fn new(phrases: Vec<String>, settings: &Settings, embed: Embed<'_>) -> Result<Option<Self>, Failure> {
        let mut texts = vec![ANY_ASSISTANT.to_owned()];
        texts.extend(phrases);
        let mut vectors = vectors(embed, &texts)?.into_iter();
        let Some(any) = vectors.next() else { return Ok(None) };
        let mut phrases: Vec<_> = texts.into_iter().skip(1).zip(vectors).collect();
        if settings.topics.is_empty() {
            phrases.retain(|(_, vector)| cosine(vector, &any) < SAYS_NOTHING);
        }
        Ok((!phrases.is_empty()).then_some(Self { phrases, any }))
    }

    fn margin(&self, text: &[f32]) -> Option<Margin> {
        let near = self.phrases.iter().map(|(phrase, vector)| (cosine(text, vector), phrase));
        let (near, phrase) = near.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
        Some(Margin { value: round(near - cosine(text, &self.any)), nearest: phrase.clone() })
    }
}

/// The beginning of a text, of at most so many characters.
fn first(text: &str, most: usize) -> String {
    text.trim().chars().take(most).collect()
}

fn vectors(embed: Embed<'_>, texts: &[String]) -> Result<Vec<Vec<f32>>, Failure> {
    let vectors = embed(texts)?;
    let same = vectors.len() == texts.len() && vectors.iter().all(|vector| vector.len() == vectors[0].len());
    same.then_some(vectors)
        .ok_or_else(|| Failure::new("model-answer", "the vectors are not one for each text, of one length"))
}

/// Of two vectors of length 1.
fn cosine(one: &[f32], other: &[f32]) -> f64 {
    round(one.iter().zip(other).map(|(one, other)| f64::from(*one) * f64::from(*other)).sum())
}

/// Four decimals: what differs in the last bits of a float must not show.
fn round(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}
