//! Makes texts, numbers, JSON and interactions from bytes: valid ones, near the limits of what is valid.

use arbitrary::{Result, Unstructured};
use serde_json::{Map, Value as Json, json};
use tribunal::record::{Interaction, InteractionId, NewInteraction, Seq, Time};

/// Pieces that texts are made of: what needs escaping, more than one byte, or thought.
const PIECES: [&str; 18] = [
    "a",
    "stop",
    " ",
    "é",
    "日本",
    "🙂",
    "\"",
    "\\",
    "\n",
    "\t",
    "\u{1}",
    "\u{7f}",
    "\u{85}",
    "\u{feff}",
    "{",
    "[1]",
    "0123456789abcdef",
    "\\u0000",
];
/// Pieces that names are made of.
const NAME_PIECES: [&str; 9] = ["a", "b", "gpt-4.1", "é", "日本", "🙂", " ", "\"", "x.y/z"];
/// Numbers that stand at an edge.
const NUMBERS: [f64; 16] = [
    0.0,
    -0.0,
    1.0,
    0.5,
    -1.0,
    0.1,
    1e-300,
    5e-324,
    1e15,
    9_007_199_254_740_993.0,
    1e12,
    f64::MAX,
    f64::MIN,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
];
/// JSON as deep as the parser of a post takes it inside a part of a message.
const DEPTH: usize = 120;

/// A text of a few pieces, now and then a long one. It has no NUL.
pub fn text(u: &mut Unstructured<'_>) -> Result<String> {
    let pieces: String = (0..u.int_in_range(0..=6)?).map(|_| u.choose(&PIECES).copied()).collect::<Result<_>>()?;
    let times = if u.ratio(1, 24)? { u.int_in_range(1..=400)? } else { 1 };
    Ok(pieces.repeat(times))
}

/// A text that is a valid name.
pub fn name(u: &mut Unstructured<'_>) -> Result<String> {
    let first = *u.choose(&NAME_PIECES)?;
    let rest: String = (0..u.int_in_range(0..=3)?).map(|_| u.choose(&NAME_PIECES).copied()).collect::<Result<_>>()?;
    let times = if u.ratio(1, 24)? { 256 } else { 1 };
    let mut name = format!("{first}{rest}").repeat(times);
    name.truncate(name.floor_char_boundary(256));
    Ok(name)
}

/// Any double.
pub fn number(u: &mut Unstructured<'_>) -> Result<f64> {
    if u.arbitrary()? { u.choose(&NUMBERS).copied() } else { u.arbitrary() }
}

/// Any JSON, a few levels deep or, now and then, very deep.
pub fn json(u: &mut Unstructured<'_>, levels: usize) -> Result<Json> {
    Ok(match u.int_in_range(0..=if levels == 0 { 5 } else { 8 })? {
        0 => Json::Null,
        1 => Json::Bool(u.arbitrary()?),
        2 => Json::from(u.arbitrary::<i64>()?),
        3 => Json::from(u.arbitrary::<u64>()?),
        4 => Json::from(number(u)?),
        5 => Json::String(text(u)?),
        6 => (0..u.int_in_range(0..=3)?).map(|_| json(u, levels - 1)).collect::<Result<_>>()?,
        7 => Json::Object(object(u, levels - 1)?),
        _ => {
            let depth = u.int_in_range(0..=DEPTH - levels)?;
            (0..depth).fold(Json::Null, |inner, _| Json::Array(vec![inner]))
        }
    })
}

/// An object of such JSON.
pub fn object(u: &mut Unstructured<'_>, levels: usize) -> Result<Map<String, Json>> {
    (0..u.int_in_range(0..=3)?).map(|_| Ok((text(u)?, json(u, levels)?))).collect()
}

/// An interaction as it may be posted, which is valid.
pub fn posted(u: &mut Unstructured<'_>) -> Result<Map<String, Json>> {
    let mut posted = Map::new();
    posted.insert("provider".to_owned(), name(u)?.into());
    posted.insert("model".to_owned(), name(u)?.into());
    posted.insert("output".to_owned(), messages(u)?);
    for field in FIELDS {
        if u.ratio(1, 4)? {
            posted.insert((*field).to_owned(), value(field, u)?);
        }
    }
    Ok(posted)
}

/// What may be left out.
const FIELDS: &[&str] = &[
    "id",
    "project",
    "operation",
    "requested_model",
    "session",
    "user",
    "started_at",
    "duration_ms",
    "time_to_first_token_ms",
    "input",
    "usage",
    "parameters",
    "attributes",
    "finish_reasons",
    "error",
    "context",
    "reference",
    "prompt",
];

fn value(field: &str, u: &mut Unstructured<'_>) -> Result<Json> {
    Ok(match field {
        "started_at" => Time::from_nanoseconds(u.arbitrary()?).to_string().into(),
        "duration_ms" | "time_to_first_token_ms" => milliseconds(u)?.into(),
        "input" => messages(u)?,
        "usage" => usage(u)?,
        "parameters" | "attributes" => object(u, 2)?.into(),
        "finish_reasons" => (0..u.int_in_range(0..=2)?).map(|_| text(u)).collect::<Result<Vec<_>>>()?.into(),
        "error" => json!({"kind": name(u)?, "message": text(u)?, "status": u.int_in_range(100..=599)?}),
        "context" => json!([text(u)?, {"id": text(u)?, "text": text(u)?, "attributes": object(u, 2)?}]),
        "reference" => text(u)?.into(),
        "prompt" => json!({"name": name(u)?, "version": name(u)?}),
        _ => name(u)?.into(),
    })
}

fn milliseconds(u: &mut Unstructured<'_>) -> Result<f64> {
    let number = number(u)?;
    Ok(if (0.0..=1e12).contains(&number) { number } else { 812.5 })
}

fn usage(u: &mut Unstructured<'_>) -> Result<Json> {
    let mut count = || u.int_in_range(0..=(1u64 << 53) - 1);
    let (input, output, reasoning) = (count()?, count()?, count()?);
    Ok(json!({"input_tokens": input, "output_tokens": output, "reasoning_tokens": reasoning,
              "other": {text(u)?: u.int_in_range(0..=9)?}}))
}

fn messages(u: &mut Unstructured<'_>) -> Result<Json> {
    (0..u.int_in_range(0..=2)?).map(|_| message(u)).collect()
}

fn message(u: &mut Unstructured<'_>) -> Result<Json> {
    let content = match u.int_in_range(0..=3)? {
        0 => (0..u.int_in_range(0..=3)?).map(|_| part(u)).collect::<Result<_>>()?,
        1 => Json::Null,
        _ => text(u)?.into(),
    };
    Ok(json!({"role": text(u)?, "content": content, "attributes": object(u, 2)?}))
}

fn part(u: &mut Unstructured<'_>) -> Result<Json> {
    Ok(match u.int_in_range(0..=4)? {
        0 => json!({"type": "text", "text": text(u)?}),
        1 => json!({"type": "reasoning", "text": text(u)?}),
        2 => json!({"type": "tool_call", "id": text(u)?, "name": text(u)?, "arguments": json(u, 2)?}),
        3 => json!({"type": "tool_result", "content": json(u, 2)?}),
        _ => json!({"type": "image", "of": json(u, 2)?}),
    })
}

/// An interaction of the log.
pub fn interaction(u: &mut Unstructured<'_>) -> Result<Interaction> {
    Ok(of_log(serde_json::from_value(posted(u)?.into()).expect("a valid interaction")))
}

/// What was posted, as it would stand in the log.
pub fn of_log(posted: NewInteraction) -> Interaction {
    let time = posted.started_at.unwrap_or(Time::from_nanoseconds(1_772_366_400_000_000_000));
    let id = posted.id.clone().unwrap_or_else(|| InteractionId("fuzz".parse().expect("a valid name")));
    Interaction { seq: Seq(1), id, started_at: time, recorded_at: time, posted }
}
