//! Makes a score and findings of checked claims; knows nothing of models.

use tribunal_sdk::{Attribute, AttributeValue, Finding, Interaction, Score, Severity, Span, Text};

use crate::check::{Checked, Support, Verdict};
use crate::locate::Plain;

/// The longest quotation in an explanation, in bytes.
const LONGEST: usize = 300;

/// The share of claims that are supported; none where there is no claim.
pub(crate) fn score(checked: &Checked) -> Option<Score> {
    let all = checked.verdicts.len();
    let count = |support: Support| checked.verdicts.iter().filter(|verdict| verdict.support == support).count();
    let supported = count(Support::Supported);
    let rest = [
        (count(Support::Contradicted), "contradicted"),
        (count(Support::NotMentioned), "not mentioned"),
        (count(Support::Unproven), "said to be supported by words that are in no document"),
    ];
    let rest: Vec<_> =
        rest.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    let rest = if rest.is_empty() { String::new() } else { format!("; {}", rest.join(", ")) };
    let mut because = vec![format!("Of {all} claims {supported} supported{rest}.")];
    because.extend(checked.notes.iter().cloned());
    let mut score = Score::number("faithfulness", supported as f64 / all as f64).because(because.join(" "));
    let value = AttributeValue::Integer(i64::try_from(all).unwrap_or(i64::MAX));
    score.attributes.push(Attribute { key: "claims".to_owned(), value });
    (all > 0).then_some(score)
}

/// What is wrong with each claim that is not supported.
pub(crate) fn findings(interaction: &Interaction, checked: &Checked) -> Vec<Finding> {
    let texts: Vec<_> = interaction.output_texts().map(|text| (text, Plain::new(&text))).collect();
    checked
        .verdicts
        .iter()
        .filter_map(|verdict| finding(verdict, &texts))
        .map(|finding| noted(finding, checked))
        .collect()
}

/// With what a reviewer has to know: what was not shown may hold what is missed.
fn noted(finding: Finding, checked: &Checked) -> Finding {
    let said = finding.explanation.clone().unwrap_or_default();
    let all: Vec<_> = std::iter::once(said).chain(checked.notes.iter().cloned()).collect();
    finding.because(all.join(" "))
}

fn finding(verdict: &Verdict, texts: &[(Text<'_>, Plain)]) -> Option<Finding> {
    let (claim, evidence) = (excerpt(&verdict.claim.claim), excerpt(&verdict.evidence));
    let (code, severity, confidence, because) = match (verdict.support, verdict.is_found) {
        (Support::Supported, _) => return None,
        (Support::Contradicted, true) => {
            ("contradicted", Severity::High, 0.9, format!("A document contradicts {claim}: {evidence}"))
        }
        (Support::Contradicted, false) => {
            let because =
                format!("The documents are said to contradict {claim}, but {evidence} stands in none of them.");
            ("contradicted", Severity::High, 0.5, because)
        }
        (Support::NotMentioned, _) => ("not-mentioned", Severity::Medium, 0.7, format!("No document says {claim}.")),
        (Support::Unproven, _) => {
            let because = format!("The documents are said to support {claim}, but {evidence} stands in none of them.");
            ("unproven", Severity::Low, 0.5, because)
        }
    };
    let span: Option<Span> =
        texts.iter().find_map(|(text, plain)| plain.find(&verdict.claim.quote).map(|place| text.span(place)));
    Some(Finding::new("semantic", code, severity).confidence(confidence).at(span).because(because))
}

/// The beginning of a text in quotation marks.
fn excerpt(text: &str) -> String {
    if text.len() <= LONGEST {
        return format!("“{text}”");
    }
    format!("“{}…”", &text[..text.floor_char_boundary(LONGEST)])
}
