//! Compares the answer with the reference, each time in both orders: judges favour one place, and what they say of one order
//! alone is worth little. Knows nothing of scales and labels.

use exhibits::is_blank;
use tribunal_sdk::{Attribute, AttributeValue, Failure, Score};

use crate::samples::{Answer, Samples, ask, explanation, no_verdict, score};
use crate::{Question, prompt};

/// What both orders say of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Win,
    Tie,
    Loss,
    /// They do not agree.
    Biased,
}

impl Outcome {
    fn label(self) -> &'static str {
        match self {
            Self::Win => "win",
            Self::Tie | Self::Biased => "tie",
            Self::Loss => "loss",
        }
    }

    /// From the verdict where the answer was A, and from that where it was B.
    fn of(first: &str, second: &str) -> Option<Self> {
        match (first, second) {
            ("A", "B") => Some(Self::Win),
            ("B", "A") => Some(Self::Loss),
            ("tie", "tie") => Some(Self::Tie),
            ("A" | "B" | "tie", "A" | "B" | "tie") => Some(Self::Biased),
            _ => None,
        }
    }
}

/// Which is better, the answer or the reference; nothing where one of them is not there.
pub(crate) fn with_reference(question: &Question<'_>) -> Result<Vec<Score>, Failure> {
    let Question { settings, criterion, interaction, ask: asked } = *question;
    let answer = exhibits::answer(interaction);
    let reference = interaction.reference.as_deref().unwrap_or_default();
    if is_blank(&answer) || is_blank(reference) {
        return Ok(Vec::new());
    }
    let order = |first: &str, second: &str| {
        let mut exhibits = prompt::fields(settings, interaction);
        exhibits.show("answer A", first, settings.max_characters);
        exhibits.show("answer B", second, settings.max_characters);
        exhibits
    };
    let (answer_first, reference_first) = (order(&answer, reference), order(reference, &answer));
    let [one, other] = [&answer_first, &reference_first].map(|order| prompt::compare(settings, criterion, order));
    let samples = Samples::draw(settings, answer_first.cuts(), |seed| {
        let (first, second) = (ask(&one, seed, asked)?, ask(&other, seed, asked)?);
        let outcome = outcome(&first, &second).ok_or_else(no_verdict)?;
        Ok((outcome, first))
    })?;
    scores(question, &samples)
}

fn scores(question: &Question<'_>, samples: &Samples<(Outcome, Answer)>) -> Result<Vec<Score>, Failure> {
    let Question { settings, criterion, .. } = *question;
    let outcomes: Vec<_> = samples.came.iter().map(|(outcome, _)| *outcome).collect();
    let (label, share) = majority(&outcomes);
    let typical = samples.came.iter().find(|(outcome, _)| outcome.label() == label);
    let (_, answer) = typical.or(samples.came.first()).ok_or_else(no_verdict)?;
    let biased = outcomes.iter().filter(|outcome| **outcome == Outcome::Biased).count();
    let verdicts: Vec<_> = outcomes.iter().map(|outcome| outcome.label()).collect();
    let notes = position_note(biased, outcomes.len()).into_iter().chain(samples.notes(&verdicts)).collect();
    let because = format!("The answer as A, the reference as B: {}", explanation(&answer.reasoning, notes));
    let mut verdict = score(Score::label(&criterion.name, label), because, answer);
    let value = AttributeValue::Number(biased as f64 / outcomes.len() as f64);
    verdict.attributes.push(Attribute { key: "position_bias".to_owned(), value });
    let mut scores = vec![verdict];
    scores.extend((settings.samples > 1).then(|| Score::number(&criterion.agreement(), share)));
    Ok(scores)
}

fn outcome(first: &Answer, second: &Answer) -> Option<Outcome> {
    Outcome::of(first.verdict.as_str()?, second.verdict.as_str()?)
}

/// The label that most of them have, `tie` where several have it as often, and its share.
fn majority(outcomes: &[Outcome]) -> (&'static str, f64) {
    let counts = ["win", "tie", "loss"].map(|label| {
        let count = outcomes.iter().filter(|outcome| outcome.label() == label).count();
        (count, label)
    });
    let most = counts.iter().map(|(count, _)| *count).max().unwrap_or(0);
    let mut first = counts.iter().filter(|(count, _)| *count == most);
    let label = match (first.next(), first.next()) {
        (Some((_, label)), None) => label,
        _ => "tie",
    };
    let count = counts.iter().find(|(_, one)| *one == label).map_or(0, |(count, _)| *count);
    (label, count as f64 / outcomes.len().max(1) as f64)
}

fn position_note(biased: usize, of: usize) -> Option<String> {
    match (biased, of) {
        (0, _) => None,
        (_, 1) => Some("Position bias: with the answers swapped the judge said otherwise, so it is a tie.".to_owned()),
        _ => Some(format!(
            "Position bias: in {biased} of {of} samples the judge said otherwise with the answers swapped."
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome::{Biased, Loss, Tie, Win};
    use super::{Outcome, majority};

    #[test]
    fn an_answer_wins_where_both_orders_say_so() {
        for (first, second, wanted) in [
            ("A", "B", Some(Win)),
            ("B", "A", Some(Loss)),
            ("tie", "tie", Some(Tie)),
            ("A", "A", Some(Biased)),
            ("B", "B", Some(Biased)),
            ("A", "tie", Some(Biased)),
            ("A", "C", None),
        ] {
            assert_eq!(Outcome::of(first, second), wanted);
        }
    }

    #[test]
    fn as_many_wins_as_losses_are_a_tie() {
        assert_eq!(majority(&[Win, Win, Loss]), ("win", 2.0 / 3.0));
        assert_eq!(majority(&[Win, Loss]), ("tie", 0.0));
        assert_eq!(majority(&[Biased, Tie, Win]), ("tie", 2.0 / 3.0));
        assert_eq!(majority(&[Loss]), ("loss", 1.0));
    }
}
