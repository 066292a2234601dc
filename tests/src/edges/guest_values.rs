//! What a plugin gives back becomes verdicts, or a failure: whatever it is, a verdict keeps the contract's promises.

use std::collections::BTreeSet;

use arbitrary::{Result, Unstructured};
use serde_json::Value as Json;
use tribunal::plugin::answers::{
    Answer, AttributeResult, AttributeValueResult, BiasFinding, Cost, CostItem, Failure, Finding, Score, ScoreValue,
    Severity, Span, TextSource, lift,
};
use tribunal::record::{
    ByteSize, Content, Interaction, Limits, Message, Outcome, Part, Reason, Value, Verdict, VerdictKind,
};

use super::make;

/// The longest message of a failure.
const MESSAGE: usize = 4 << 10;

/// Makes answers from the bytes, lifts them and checks the promises.
pub fn check(bytes: &[u8]) {
    let mut u = Unstructured::new(bytes);
    let Ok((interaction, limits, answers)) = make(&mut u) else { return };
    let failed = answers.iter().any(|answer| {
        matches!(
            answer,
            Answer::Scores(Err(_)) | Answer::Findings(Err(_)) | Answer::BiasFindings(Err(_)) | Answer::Cost(Err(_))
        )
    });
    match lift(&interaction, &limits, answers) {
        Outcome::Succeeded(verdicts) => {
            assert!(!failed, "a guest's failure became verdicts");
            promises(&verdicts, &interaction, &limits);
        }
        Outcome::Failed(failure) => {
            let reasons = [Reason::InvalidOutput, Reason::OutputTooLarge, Reason::GuestError];
            assert!(reasons.contains(&failure.reason), "{failure:?}");
            assert!(failure.reason != Reason::GuestError || failed, "no guest said this: {failure:?}");
            assert!(failure.message.len() <= MESSAGE, "a message of {} bytes", failure.message.len());
        }
    }
}

/// What the contract promises of the verdicts of one evaluation.
pub fn promises(verdicts: &[Verdict], interaction: &Interaction, limits: &Limits) {
    assert!(verdicts.len() <= limits.verdicts, "{} verdicts of {}", verdicts.len(), limits.verdicts);
    let scores: Vec<_> = verdicts.iter().filter(|v| v.kind == VerdictKind::Score).map(|v| &v.name).collect();
    assert_eq!(scores.iter().collect::<BTreeSet<_>>().len(), scores.len(), "two scores of one name");
    for verdict in verdicts {
        promises_of_one(verdict, interaction);
    }
    let stored = serde_json::to_string(verdicts).expect("plain data");
    // An evaluation without verdicts has no text in the store, and its two brackets are the host's.
    assert!(stored.len() <= limits.output.0 + 2, "{} bytes stored of {}", stored.len(), limits.output);
    let read: Vec<Verdict> = serde_json::from_str(&stored).expect("what is stored can be read");
    assert_eq!(read, verdicts, "what is stored reads as something else");
}

fn promises_of_one(verdict: &Verdict, interaction: &Interaction) {
    let cost = verdict.cost.iter();
    let items = cost.clone().flat_map(|cost| cost.items.iter().map(|item| &item.name));
    let label = match &verdict.value {
        Some(Value::Label(label)) => Some(label),
        Some(Value::Number(number)) => {
            assert!(number.is_finite(), "{verdict:?}");
            None
        }
        Some(Value::Boolean(_)) | None => None,
    };
    let keys = verdict.attributes.keys();
    let names = std::iter::once(&verdict.name).chain(&verdict.label).chain(label).chain(items).chain(keys);
    for name in names.chain(cost.map(|cost| &cost.price_list)) {
        assert!((1..=256).contains(&name.len()) && !name.chars().any(char::is_control), "the name {name:?}");
    }
    assert!(verdict.confidence.is_none_or(|confidence| (0.0..=1.0).contains(&confidence)), "{verdict:?}");
    if let Some(span) = &verdict.span {
        let messages = match span.source {
            tribunal::record::TextSource::Input => &interaction.posted.input,
            tribunal::record::TextSource::Output => &interaction.posted.output,
        };
        let text = text_of(messages, span.message, span.part).expect("a span of a text");
        assert!(span.start < span.end && text.get(span.start as usize..span.end as usize).is_some(), "{span:?}");
    }
    let is_finding = matches!(verdict.kind, VerdictKind::Finding | VerdictKind::BiasFinding);
    assert_eq!(is_finding, verdict.severity.is_some() && verdict.confidence.is_some(), "{verdict:?}");
    assert_eq!(verdict.kind == VerdictKind::Cost, verdict.cost.is_some(), "{verdict:?}");
    assert!(is_finding || verdict.value.is_some(), "{verdict:?}");
}

fn text_of(messages: &[Message], message: u32, part: u32) -> Option<&str> {
    match &messages.get(message as usize)?.content {
        Content::Text(text) if part == 0 => Some(text),
        Content::Text(_) => None,
        Content::Parts(parts) => match parts.get(part as usize)? {
            Part::Text(text) | Part::Reasoning(text) => Some(text),
            _ => None,
        },
    }
}

type Made = (Interaction, Limits, Vec<Answer>);

fn make(u: &mut Unstructured<'_>) -> Result<Made> {
    let limits = Limits {
        output: ByteSize(1 << u.int_in_range(0..=16)?),
        verdicts: u.int_in_range(0..=8)?,
        ..Limits::default()
    };
    let interaction = make::interaction(u)?;
    let answers = (0..u.int_in_range(0..=3)?).map(|_| answer(u, &interaction)).collect::<Result<_>>()?;
    Ok((interaction, limits, answers))
}

fn answer(u: &mut Unstructured<'_>, interaction: &Interaction) -> Result<Answer> {
    Ok(match u.int_in_range(0..=3)? {
        0 => Answer::Scores(given(u, |u| many(u, score))?),
        1 => Answer::Findings(given(u, |u| many(u, |u| finding(u, interaction)))?),
        2 => Answer::BiasFindings(given(u, |u| many(u, |u| bias_finding(u, interaction)))?),
        _ => Answer::Cost(given(u, |u| option(u, cost))?),
    })
}

fn given<T>(
    u: &mut Unstructured<'_>,
    make: impl FnOnce(&mut Unstructured<'_>) -> Result<T>,
) -> Result<std::result::Result<T, Failure>> {
    if u.ratio(1, 16)? {
        return Ok(Err(Failure { code: any_name(u)?, message: make::text(u)?, transient: u.arbitrary()? }));
    }
    make(u).map(Ok)
}

fn many<T>(u: &mut Unstructured<'_>, mut make: impl FnMut(&mut Unstructured<'_>) -> Result<T>) -> Result<Vec<T>> {
    (0..u.int_in_range(0..=4)?).map(|_| make(u)).collect()
}

fn option<T>(u: &mut Unstructured<'_>, make: impl FnOnce(&mut Unstructured<'_>) -> Result<T>) -> Result<Option<T>> {
    if u.arbitrary()? { make(u).map(Some) } else { Ok(None) }
}

/// A name, as a rule a valid one.
fn any_name(u: &mut Unstructured<'_>) -> Result<String> {
    if u.ratio(1, 12)? { make::text(u) } else { make::name(u) }
}

/// A number, as a rule a valid confidence.
fn any_confidence(u: &mut Unstructured<'_>) -> Result<f64> {
    if u.ratio(1, 12)? { make::number(u) } else { Ok(f64::from(u.arbitrary::<u16>()?) / 65_535.0) }
}

fn score(u: &mut Unstructured<'_>) -> Result<Score> {
    let value = match u.int_in_range(0..=2)? {
        0 => ScoreValue::Number(make::number(u)?),
        1 => ScoreValue::Boolean(u.arbitrary()?),
        _ => ScoreValue::Label(any_name(u)?),
    };
    Ok(Score { name: any_name(u)?, value, explanation: option(u, make::text)?, attributes: many(u, attribute)? })
}

fn finding(u: &mut Unstructured<'_>, interaction: &Interaction) -> Result<Finding> {
    Ok(Finding {
        category: any_name(u)?,
        code: any_name(u)?,
        severity: *u.choose(&SEVERITIES)?,
        confidence: any_confidence(u)?,
        span: option(u, |u| span(u, interaction))?,
        explanation: option(u, make::text)?,
        attributes: many(u, attribute)?,
    })
}

fn bias_finding(u: &mut Unstructured<'_>, interaction: &Interaction) -> Result<BiasFinding> {
    Ok(BiasFinding {
        dimension: any_name(u)?,
        severity: *u.choose(&SEVERITIES)?,
        confidence: any_confidence(u)?,
        span: option(u, |u| span(u, interaction))?,
        explanation: option(u, make::text)?,
        attributes: many(u, attribute)?,
    })
}

const SEVERITIES: [Severity; 5] = [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

/// A span in or near a text of the interaction.
fn span(u: &mut Unstructured<'_>, interaction: &Interaction) -> Result<Span> {
    let source = *u.choose(&[TextSource::Input, TextSource::Output])?;
    let messages = match source {
        TextSource::Input => &interaction.posted.input,
        TextSource::Output => &interaction.posted.output,
    };
    let (message, part) = (u.int_in_range(0..=2)?, u.int_in_range(0..=2)?);
    let text = text_of(messages, message, part).unwrap_or_default();
    let end = u.int_in_range(0..=text.len() as u32 + 1)?;
    let start = if u.ratio(1, 12)? { u.arbitrary()? } else { u.int_in_range(0..=end)? };
    Ok(Span { source, message, part, start, end })
}

fn attribute(u: &mut Unstructured<'_>) -> Result<AttributeResult> {
    let value = match u.int_in_range(0..=4)? {
        0 => AttributeValueResult::Text(make::text(u)?),
        1 => AttributeValueResult::Integer(u.arbitrary()?),
        2 => AttributeValueResult::Number(make::number(u)?),
        3 => AttributeValueResult::Boolean(u.arbitrary()?),
        _ => AttributeValueResult::Json(json_text(u)?),
    };
    Ok(AttributeResult { key: any_name(u)?, value })
}

/// JSON text, as a rule; some of it as deep as a parser goes.
fn json_text(u: &mut Unstructured<'_>) -> Result<String> {
    Ok(match u.int_in_range(0..=3)? {
        0 => make::text(u)?,
        1 => {
            let depth = u.int_in_range(0..=130)?;
            format!("{}{}", "[".repeat(depth), "]".repeat(depth))
        }
        _ => {
            let value: Json = make::json(u, 3)?;
            value.to_string()
        }
    })
}

fn cost(u: &mut Unstructured<'_>) -> Result<Cost> {
    let item = |u: &mut Unstructured<'_>| {
        Ok(CostItem {
            name: any_name(u)?,
            quantity: u.arbitrary()?,
            unit_price: u.arbitrary()?,
            amount: u.arbitrary()?,
        })
    };
    Ok(Cost {
        currency: if u.ratio(1, 12)? { make::text(u)? } else { "EUR".to_owned() },
        amount: u.arbitrary()?,
        items: many(u, item)?,
        price_list: any_name(u)?,
        attributes: many(u, attribute)?,
    })
}
