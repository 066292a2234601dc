//! Makes scores and findings of what was measured; knows nothing of models.

use exhibits::is_blank;
use tribunal_sdk::{Finding, Interaction, Score, Severity, Span};

use crate::config::Settings;
use crate::likeness::{Margin, Measured};

pub(crate) fn scores(measured: &Measured) -> Vec<Score> {
    let Measured { relevance, question, answer, cut } = measured;
    let noted = |said: String| [said].into_iter().chain(cut.clone()).collect::<Vec<_>>().join(" ");
    let relevance = relevance.map(|value| {
        let score = Score::number("answer_relevance", value);
        match cut {
            Some(cut) => score.because(cut.clone()),
            None => score,
        }
    });
    let margins = [("question_in_scope", question), ("answer_in_scope", answer)].map(|(name, margin)| {
        let Margin { value, nearest } = margin.as_ref()?;
        Some(Score::number(name, *value).because(noted(format!("Nearest of the scope: “{nearest}”."))))
    });
    relevance.into_iter().chain(margins.into_iter().flatten()).collect()
}

/// How sure a finding is. Distances say little of a single text, whatever the threshold.
const CONFIDENCE: f64 = 0.5;

pub(crate) fn findings(settings: &Settings, interaction: &Interaction, measured: &Measured) -> Vec<Finding> {
    let Measured { relevance, question, answer, cut } = measured;
    let irrelevant = relevance.filter(|value| *value < settings.min_relevance).map(|value| {
        let because = format!("The answer lies far from the question: {value}, below {}.", settings.min_relevance);
        Finding::new("semantic", "irrelevant", Severity::Low).at(answer_span(interaction)).because(because)
    });
    let below = |margin: &Option<Margin>| margin.as_ref().filter(|margin| margin.value < settings.min_scope).is_some();
    let least = settings.min_scope;
    let out_of_scope = question.as_ref().filter(|_| below(question)).map(|Margin { value, nearest }| {
        let asked = format!(
            "The question lies outside of what the assistant is for: {value}, below {least}; nearest is “{nearest}”."
        );
        match answer {
            Some(said) if below(answer) => {
                let because = format!("{asked} The answer follows it there: {}.", said.value);
                Finding::new("out-of-scope", "answer", Severity::Medium).at(answer_span(interaction)).because(because)
            }
            _ => Finding::new("out-of-scope", "question", Severity::Info).at(question_span(interaction)).because(asked),
        }
    });
    let sure = |finding: Finding| finding.confidence(CONFIDENCE);
    let noted = |finding: Finding| match (cut, finding.explanation.clone()) {
        (Some(cut), Some(said)) => finding.because(format!("{said} {cut}")),
        _ => finding,
    };
    irrelevant.into_iter().chain(out_of_scope).map(sure).map(noted).collect()
}

/// The first text of the answer that says something.
fn answer_span(interaction: &Interaction) -> Option<Span> {
    interaction.output_texts().find(|text| !is_blank(text))?.whole()
}

/// The last text of the user that says something.
fn question_span(interaction: &Interaction) -> Option<Span> {
    let texts = interaction.input_texts().filter(|text| text.role() == "user" && !is_blank(text));
    texts.last()?.whole()
}
