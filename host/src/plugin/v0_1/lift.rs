//! From what a plugin of contract 0.1 gave back to verdicts, checking every promise of the contract. A plugin's
//! output is hostile until it has passed here.

use serde_json::{Map, Value as Json};

use super::types as wit;
use crate::plugin::Description;
use crate::record::{
    ByteSize, Content, Cost, CostItem, Interaction, Limits, Message, Part, Severity, Span, TextSource, Value, Verdict,
    VerdictKind, short,
};

/// Why an output is refused.
#[derive(Debug, thiserror::Error)]
pub(in crate::plugin) enum LiftError {
    /// It breaks the contract.
    #[error("{0}")]
    Invalid(String),
    /// It is more than the limits allow.
    #[error("{0}")]
    TooLarge(String),
}

/// Collects the verdicts of one evaluation within its limits.
pub(in crate::plugin) struct Lifter<'a> {
    interaction: &'a Interaction,
    limits: &'a Limits,
    /// Of all texts so far.
    bytes: usize,
    /// Verdicts, attributes and items of costs so far.
    things: usize,
    verdicts: Vec<Verdict>,
}

/// The longest name, label or code.
const NAME_BYTES: usize = 256;
/// How deep the JSON of an attribute may be. Beside what stands around it, every JSON reader takes that.
const MAX_DEPTH: usize = 64;
/// No byte of a text, and no thing beside its texts, takes more as JSON.
const MOST_FOR_BYTE: usize = "\\u0000".len();
const MOST_FOR_THING: usize = 512;
/// What one takes beside its texts, about.
const THING: usize = 64;

/// A millionth, rounded half to even.
fn millionth(exact: u128) -> u128 {
    let (whole, rest) = (exact / 1_000_000, exact % 1_000_000);
    whole + u128::from(rest > 500_000 || rest == 500_000 && whole % 2 == 1)
}

impl<'a> Lifter<'a> {
    pub(in crate::plugin) fn new(interaction: &'a Interaction, limits: &'a Limits) -> Self {
        Self { interaction, limits, bytes: 0, things: 0, verdicts: Vec::new() }
    }

    /// The verdicts and about what they take, where they stay within `output` as they will be stored.
    pub(in crate::plugin) fn finish(self) -> Result<(Vec<Verdict>, ByteSize), LiftError> {
        let most = self.bytes * MOST_FOR_BYTE + self.things * MOST_FOR_THING;
        // Writing them out to count is dear, and hardly ever needed.
        if most > self.limits.output.0 && json_bytes(&self.verdicts) > self.limits.output.0 {
            return Err(self.too_large());
        }
        Ok((self.verdicts, ByteSize(self.bytes + self.things * THING)))
    }

    fn too_large(&self) -> LiftError {
        LiftError::TooLarge(format!("more than {}", self.limits.output))
    }

    pub(in crate::plugin) fn scores(&mut self, scores: Vec<wit::Score>) -> Result<(), LiftError> {
        for score in scores {
            if self.verdicts.iter().any(|v| v.kind == VerdictKind::Score && v.name == score.name) {
                return Err(LiftError::Invalid(format!("two scores are named {:?}", score.name)));
            }
            let value = match score.value {
                wit::ScoreValue::Number(number) if !number.is_finite() => {
                    return Err(LiftError::Invalid(format!("score {:?} is {number}", score.name)));
                }
                wit::ScoreValue::Number(number) => Value::Number(number),
                wit::ScoreValue::Boolean(boolean) => Value::Boolean(boolean),
                wit::ScoreValue::Label(label) => Value::Label(self.name("a label", label)?),
            };
            // It stands in the verdict twice.
            let label = match &value {
                Value::Label(label) => self.text(Some(label.clone()))?,
                Value::Number(_) | Value::Boolean(_) => None,
            };
            let verdict = Verdict {
                value: Some(value),
                label,
                explanation: self.text(score.explanation)?,
                attributes: self.attributes(score.attributes)?,
                ..self.verdict(VerdictKind::Score, score.name)?
            };
            self.push(verdict)?;
        }
        Ok(())
    }

    pub(in crate::plugin) fn findings(&mut self, findings: Vec<wit::Finding>) -> Result<(), LiftError> {
        for finding in findings {
            let verdict = Verdict {
                label: Some(self.name("a code", finding.code)?),
                severity: Some(severity(finding.severity)),
                confidence: Some(confidence(finding.confidence)?),
                span: finding.span.map(|span| self.span(span)).transpose()?,
                explanation: self.text(finding.explanation)?,
                attributes: self.attributes(finding.attributes)?,
                ..self.verdict(VerdictKind::Finding, finding.category)?
            };
            self.push(verdict)?;
        }
        Ok(())
    }

    pub(in crate::plugin) fn bias_findings(&mut self, findings: Vec<wit::BiasFinding>) -> Result<(), LiftError> {
        for finding in findings {
            let verdict = Verdict {
                severity: Some(severity(finding.severity)),
                confidence: Some(confidence(finding.confidence)?),
                span: finding.span.map(|span| self.span(span)).transpose()?,
                explanation: self.text(finding.explanation)?,
                attributes: self.attributes(finding.attributes)?,
                ..self.verdict(VerdictKind::BiasFinding, finding.dimension)?
            };
            self.push(verdict)?;
        }
        Ok(())
    }

    pub(in crate::plugin) fn cost(&mut self, cost: Option<wit::Cost>) -> Result<(), LiftError> {
        let Some(cost) = cost else { return Ok(()) };
        if cost.currency.len() != 3 || !cost.currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(LiftError::Invalid(format!("the currency {:?} is not three capital letters", cost.currency)));
        }
        // Both are within what can be counted: an item is below 2^128, and an amount below 2^64.
        let mut sum = Some(0u128);
        let items = cost.items.into_iter().map(|item| {
            self.things += 1;
            let exact = u128::from(item.quantity) * u128::from(item.unit_price);
            sum = sum.and_then(|sum| sum.checked_add(exact));
            if u128::from(item.amount) != millionth(exact) {
                let (name, quantity, price) = (short(item.name), item.quantity, item.unit_price);
                let words = format!("cost item {name:?} is {}, and {quantity} units at {price} are not", item.amount);
                return Err(LiftError::Invalid(words));
            }
            Ok(CostItem {
                name: self.name("a cost item", item.name)?,
                quantity: item.quantity,
                unit_price_billionths_per_million: item.unit_price,
                amount_billionths: item.amount,
            })
        });
        let items = items.collect::<Result<Vec<_>, LiftError>>()?;
        if !items.is_empty() && sum.map(millionth) != Some(cost.amount.into()) {
            return Err(LiftError::Invalid(format!("the amount {} is not the sum of its items", cost.amount)));
        }
        let verdict = Verdict {
            value: Some(Value::Number(cost.amount as f64 / 1e9)),
            label: Some(cost.currency.clone()),
            cost: Some(Cost {
                currency: cost.currency,
                amount_billionths: cost.amount,
                items,
                price_list: self.name("a price list", cost.price_list)?,
            }),
            attributes: self.attributes(cost.attributes)?,
            ..self.verdict(VerdictKind::Cost, "cost".to_owned())?
        };
        self.push(verdict)
    }

    fn push(&mut self, verdict: Verdict) -> Result<(), LiftError> {
        if self.verdicts.len() >= self.limits.verdicts {
            return Err(LiftError::TooLarge(format!("more than {} verdicts", self.limits.verdicts)));
        }
        self.things += 1;
        self.verdicts.push(verdict);
        Ok(())
    }

    fn verdict(&mut self, kind: VerdictKind, name: String) -> Result<Verdict, LiftError> {
        Ok(Verdict {
            kind,
            name: self.name("a verdict's name", name)?,
            value: None,
            label: None,
            severity: None,
            confidence: None,
            span: None,
            explanation: None,
            cost: None,
            attributes: Map::new(),
        })
    }

    /// Counts a text on its way in.
    fn spend(&mut self, bytes: usize) -> Result<(), LiftError> {
        self.bytes += bytes;
        if self.bytes > self.limits.output.0 { Err(self.too_large()) } else { Ok(()) }
    }

    /// A name, label or code: short, not empty, printable.
    fn name(&mut self, what: &str, name: String) -> Result<String, LiftError> {
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err(LiftError::Invalid(format!("{what} is empty or has control characters")));
        }
        if name.len() > NAME_BYTES {
            return Err(LiftError::TooLarge(format!("{what} has {} bytes of at most {NAME_BYTES}", name.len())));
        }
        self.spend(name.len())?;
        Ok(name)
    }

    fn text(&mut self, text: Option<String>) -> Result<Option<String>, LiftError> {
        if let Some(text) = &text {
            self.spend(text.len())?;
        }
        Ok(text)
    }

    fn span(&self, span: wit::Span) -> Result<Span, LiftError> {
        let (source, messages) = match span.source {
            wit::TextSource::Input => (TextSource::Input, &self.interaction.posted.input),
            wit::TextSource::Output => (TextSource::Output, &self.interaction.posted.output),
        };
        let inside = text_at(messages, span.message, span.part)
            .and_then(|text| text.get(span.start as usize..span.end as usize))
            .is_some_and(|stretch| !stretch.is_empty());
        if !inside {
            let wit::Span { message, part, start, end, .. } = span;
            return Err(LiftError::Invalid(format!(
                "the span {start}..{end} of {source:?} message {message}, part {part} is not inside that text"
            )));
        }
        Ok(Span { source, message: span.message, part: span.part, start: span.start, end: span.end })
    }

    fn attributes(&mut self, attributes: Vec<wit::AttributeResult>) -> Result<Map<String, Json>, LiftError> {
        let mut map = Map::new();
        for attribute in attributes {
            let key = self.name("an attribute's key", attribute.key)?;
            self.things += 1;
            let value = match attribute.value {
                wit::AttributeValueResult::Text(text) => {
                    self.spend(text.len())?;
                    Json::String(text)
                }
                wit::AttributeValueResult::Integer(integer) => Json::from(integer),
                wit::AttributeValueResult::Boolean(boolean) => Json::from(boolean),
                wit::AttributeValueResult::Number(number) => serde_json::Number::from_f64(number)
                    .map(Json::Number)
                    .ok_or_else(|| LiftError::Invalid(format!("attribute {key:?} is {number}")))?,
                wit::AttributeValueResult::Json(text) => {
                    self.spend(text.len())?;
                    let value = serde_json::from_str(&text)
                        .map_err(|error| LiftError::Invalid(format!("attribute {key:?} is not JSON: {error}")))?;
                    if !is_shallow(&value, MAX_DEPTH) {
                        return Err(LiftError::Invalid(format!("attribute {key:?} is more than {MAX_DEPTH} deep")));
                    }
                    value
                }
            };
            if map.insert(key.clone(), value).is_some() {
                return Err(LiftError::Invalid(format!("two attributes are named {key:?}")));
            }
        }
        Ok(map)
    }
}

/// Whether arrays and objects stand at most `depth` deep in one another. The parser has bounded how deep it has to look.
fn is_shallow(value: &Json, depth: usize) -> bool {
    let inside = |value| depth.checked_sub(1).is_some_and(|depth| is_shallow(value, depth));
    match value {
        Json::Array(items) => depth > 0 && items.iter().all(inside),
        Json::Object(map) => depth > 0 && map.values().all(inside),
        _ => true,
    }
}

/// How many bytes they take as they are stored.
fn json_bytes(verdicts: &[Verdict]) -> usize {
    struct Counter(usize);

    impl std::io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let mut counter = Counter(0);
    serde_json::to_writer(&mut counter, verdicts).expect("plain data");
    counter.0
}

fn text_at(messages: &[Message], message: u32, part: u32) -> Option<&str> {
    match &messages.get(message as usize)?.content {
        Content::Text(text) => (part == 0).then_some(text),
        Content::Parts(parts) => match parts.get(part as usize)? {
            Part::Text(text) | Part::Reasoning(text) => Some(text),
            Part::ToolCall { .. } | Part::ToolResult { .. } | Part::Other { .. } => None,
        },
    }
}

fn severity(severity: wit::Severity) -> Severity {
    match severity {
        wit::Severity::Info => Severity::Info,
        wit::Severity::Low => Severity::Low,
        wit::Severity::Medium => Severity::Medium,
        wit::Severity::High => Severity::High,
        wit::Severity::Critical => Severity::Critical,
    }
}

fn confidence(confidence: f64) -> Result<f64, LiftError> {
    if (0.0..=1.0).contains(&confidence) {
        Ok(confidence)
    } else {
        Err(LiftError::Invalid(format!("a confidence is {confidence}, not from 0 to 1")))
    }
}

/// What the plugin says of itself, where it keeps the contract.
pub(in crate::plugin) fn lift_description(description: wit::Description) -> Result<Description, LiftError> {
    let wit::Description { name, version, summary, config_schema, attributes: _ } = description;
    let name_byte = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_./".contains(&byte);
    if name.is_empty() || name.len() > NAME_BYTES || !name.bytes().all(name_byte) {
        return Err(LiftError::Invalid("its name is not 1 to 256 bytes of a-z, 0-9, -, _, . and /".to_owned()));
    }
    for (what, text, most) in [("version", &version, NAME_BYTES), ("summary", &summary, 1024)] {
        if text.is_empty() || text.len() > most || text.chars().any(char::is_control) {
            return Err(LiftError::Invalid(format!("its {what} is not 1 to {most} bytes without control characters")));
        }
    }
    if config_schema.as_ref().is_some_and(|schema| schema.len() > 64 << 10) {
        return Err(LiftError::TooLarge("its config schema has more than 64 KiB".to_owned()));
    }
    Ok(Description { name, version, summary, config_schema })
}
