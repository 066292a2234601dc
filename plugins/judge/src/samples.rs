//! Asks for a verdict as often as the config says and makes scores of the answers; knows nothing of prompts' words.

use serde::Deserialize;
use tribunal_sdk::{Attribute, AttributeValue, Completion, Failure, Json, Prompt, Score};

use crate::config::Settings;
use crate::{Ask, Question, prompt};

/// The longest reasoning that is kept, in bytes.
const LONGEST_KEPT: usize = 2_000;

/// What a judge answers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    pub(crate) reasoning: String,
    pub(crate) verdict: Json,
    /// Who answered.
    #[serde(skip)]
    pub(crate) model: String,
}

/// The answers that came to one question, and how many did not.
pub(crate) struct Samples<T> {
    pub(crate) came: Vec<T>,
    missing: u32,
    /// What of the texts was not shown.
    cuts: Option<String>,
}

impl<T> Samples<T> {
    /// Draws the samples, each with a seed of its own. A judge sometimes gives an answer that is none: it is left out, as long
    /// as half of them are there.
    pub(crate) fn draw(
        settings: &Settings,
        cuts: Option<String>,
        draw: impl Fn(u32) -> Result<T, Failure>,
    ) -> Result<Self, Failure> {
        let mut came = Vec::new();
        let mut last = None;
        for seed in 0..settings.samples {
            match draw(seed) {
                Ok(sample) => came.push(sample),
                Err(failure) if failure.code == "model-answer" => last = Some(failure),
                Err(failure) => return Err(failure),
            }
        }
        let missing = settings.samples - u32::try_from(came.len()).unwrap_or(u32::MAX);
        match last {
            Some(failure) if missing * 2 > settings.samples => Err(failure),
            _ => Ok(Self { came, missing, cuts }),
        }
    }

    /// What there is to say beside the reasoning, given the verdict of each.
    pub(crate) fn notes<S: AsRef<str>>(&self, verdicts: &[S]) -> Vec<String> {
        let all = verdicts.len() + self.missing as usize;
        let verdicts: Vec<_> = verdicts.iter().map(AsRef::as_ref).collect();
        let drawn = (all > 1).then(|| format!("Samples: {}.", verdicts.join(", ")));
        let missing = (self.missing > 0).then(|| format!("{} of {all} samples gave no valid answer.", self.missing));
        [drawn, missing, self.cuts.clone()].into_iter().flatten().collect()
    }
}

/// Asks once.
pub(crate) fn ask(prompt: &Prompt, seed: u32, ask: Ask<'_>) -> Result<Answer, Failure> {
    let Completion { text, model, .. } = ask(&prompt.clone().seed(seed))?;
    let answer: Result<Answer, _> = serde_json::from_str(&text);
    let answer = answer.map_err(|error| Failure::new("model-answer", format!("the judge's answer: {error}")))?;
    Ok(Answer { model, ..answer })
}

/// The answers to a criterion; none where there is nothing to judge.
fn answers(question: &Question<'_>) -> Result<Option<Samples<Answer>>, Failure> {
    let Question { settings, criterion, interaction, ask: asked } = *question;
    let Some(exhibits) = prompt::exhibits(settings, interaction) else { return Ok(None) };
    let prompt = prompt::score(settings, criterion, &exhibits);
    Samples::draw(settings, exhibits.cuts(), |seed| ask(&prompt, seed, asked)).map(Some)
}

/// The mean of the numbers that were given, and how far they lie apart.
pub(crate) fn on_scale(question: &Question<'_>) -> Result<Vec<Score>, Failure> {
    let criterion = question.criterion;
    let Some(samples) = answers(question)? else { return Ok(Vec::new()) };
    let numbers: Option<Vec<_>> = samples.came.iter().map(|answer| answer.verdict.as_f64()).collect();
    let numbers = numbers.ok_or_else(no_verdict)?;
    let (mean, spread) = mean_and_spread(&numbers);
    let nearest = numbers.iter().zip(&samples.came).min_by(|(one, _), (other, _)| {
        let distance = |number: &f64| (number - mean).abs();
        distance(one).total_cmp(&distance(other))
    });
    let (_, answer) = nearest.ok_or_else(no_verdict)?;
    let verdicts: Vec<_> = numbers.iter().map(f64::to_string).collect();
    let because = explanation(&answer.reasoning, samples.notes(&verdicts));
    let mut scores = vec![score(Score::number(&criterion.name, mean), because, answer)];
    scores.extend(spread.map(|spread| Score::number(&criterion.spread(), spread)));
    Ok(scores)
}

/// The label that was given most often, and by how many.
pub(crate) fn by_label(question: &Question<'_>, labels: &[String]) -> Result<Vec<Score>, Failure> {
    let criterion = question.criterion;
    let Some(samples) = answers(question)? else { return Ok(Vec::new()) };
    let given: Option<Vec<_>> = samples.came.iter().map(|answer| answer.verdict.as_str()).collect();
    let given = given.ok_or_else(no_verdict)?;
    let (label, share) = majority(&given, labels).ok_or_else(no_verdict)?;
    let first = given.iter().zip(&samples.came).find(|(one, _)| **one == label);
    let (_, answer) = first.ok_or_else(no_verdict)?;
    let because = explanation(&answer.reasoning, samples.notes(&given));
    let mut scores = vec![score(Score::label(&criterion.name, label), because, answer)];
    scores.extend((question.settings.samples > 1).then(|| Score::number(&criterion.agreement(), share)));
    Ok(scores)
}

/// What no answer that satisfies the schema leads to.
pub(crate) fn no_verdict() -> Failure {
    Failure::new("model-answer", "the judge's answer has no verdict of the criterion")
}

/// The arithmetic mean, and the sample standard deviation where there is one.
fn mean_and_spread(numbers: &[f64]) -> (f64, Option<f64>) {
    let count = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / count;
    let squares: f64 = numbers.iter().map(|number| (number - mean).powi(2)).sum();
    (mean, (numbers.len() > 1).then(|| (squares / (count - 1.0)).sqrt()))
}

/// The label that was given most often, the first in the config's order where several were, and its share.
fn majority<'a>(given: &[&str], labels: &'a [String]) -> Option<(&'a str, f64)> {
    let count = |label: &str| given.iter().filter(|one| **one == label).count();
    // The last of the largest is what `max_by_key` gives.
    let label = labels.iter().rev().max_by_key(|label| count(label)).filter(|label| count(label) > 0)?;
    Some((label, count(label) as f64 / given.len() as f64))
}

/// The score with the reasoning and who reasoned.
pub(crate) fn score(score: Score, because: String, answer: &Answer) -> Score {
    let mut score = score.because(because);
    if !answer.model.is_empty() {
        let value = AttributeValue::Text(answer.model.clone());
        score.attributes.push(Attribute { key: "model".to_owned(), value });
    }
    score
}

/// The reasoning in quotation marks, since it is not this plugin's, and what there is to say beside it.
pub(crate) fn explanation(reasoning: &str, notes: Vec<String>) -> String {
    let kept = &reasoning[..reasoning.floor_char_boundary(LONGEST_KEPT)];
    let dots = if kept.len() < reasoning.len() { "…" } else { "" };
    let quoted = std::iter::once(format!("“{kept}{dots}”"));
    quoted.chain(notes).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{majority, mean_and_spread};

    #[test]
    fn numbers_have_a_mean_and_a_spread() {
        assert_eq!(mean_and_spread(&[3.0]), (3.0, None));
        assert_eq!(mean_and_spread(&[4.0, 4.0]), (4.0, Some(0.0)));
        let (mean, spread) = mean_and_spread(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
        assert_eq!(mean, 5.0);
        assert!((spread.unwrap() - 2.138_089_935).abs() < 1e-9);
    }

    #[test]
    fn labels_have_a_majority() {
        let labels = ["good", "bad", "neither"].map(str::to_owned);
        assert_eq!(majority(&["bad", "good", "bad"], &labels), Some(("bad", 2.0 / 3.0)));
        assert_eq!(majority(&["bad", "good"], &labels), Some(("good", 0.5)));
        assert_eq!(majority(&["excellent"], &labels), None);
        assert_eq!(majority(&[], &labels), None);
    }
}
