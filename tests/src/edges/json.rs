//! What is posted becomes an interaction or a problem that says what is wrong, and what was taken reads the same again.

use arbitrary::{Result, Unstructured};
use serde_json::{Map, Value as Json};
use tribunal::http::Problem;
use tribunal::ingest::{parse_array, parse_lines, parse_one};
use tribunal::plugin::Evaluator;
use tribunal::record::{NewInteraction, Outcome};

use super::{loader, made, make};

/// Takes the bytes for the body of a post, in each of its three forms.
pub fn check(bytes: &[u8]) {
    let written = made(bytes).and_then(|mut u| write(&mut u).ok());
    let body = written.as_deref().unwrap_or(bytes);
    match parse_one(body) {
        Ok(_) => taken(body),
        Err(problem) => refused(&problem),
    }
    match parse_array(body) {
        Ok(items) => items.iter().filter_map(|item| item.as_ref().err()).for_each(refused),
        Err(problem) => refused(&problem),
    }
    for (line, item) in parse_lines(body) {
        assert!(line <= body.len(), "line {line} of {} bytes", body.len());
        if let Err(problem) = item {
            refused(&problem);
        }
    }
    let listed = parse_array(&[b"[", body, b"]"].concat());
    if let (Ok(_), Ok(items)) = (parse_one(body), listed) {
        assert!(matches!(items.as_slice(), [Ok(_)]), "it is taken alone and not in an array");
    }
    super::panics::none_of_ours();
}

/// What was taken can be stored, read back, posted again, and put before a plugin.
fn taken(body: &[u8]) {
    let posted: NewInteraction = serde_json::from_slice(body.trim_ascii()).expect("an interaction that was taken");
    let stored = serde_json::to_string(&posted).expect("plain data");
    let read: NewInteraction = serde_json::from_str(&stored).expect("what is given out can be posted again");
    assert_eq!(read, posted, "what is given out reads as something else");
    assert!(parse_one(stored.as_bytes()).is_ok(), "what is given out is refused");
    let interaction = make::of_log(posted);
    let evaluation = Evaluator::default().evaluate(loader::plain(), &interaction);
    assert_eq!(evaluation.outcome, Outcome::Succeeded(Vec::new()), "a plugin could not be given it");
}

/// A problem is the client's, says something, and names a field by a path.
fn refused(problem: &Problem) {
    let body = problem.body();
    assert!(matches!(problem, Problem::Malformed { .. } | Problem::Field { .. }), "{problem:?}");
    assert!((400..500).contains(&body.status) && !body.detail.is_empty(), "{body:?}");
}

/// A valid interaction, or one that is off in a place or two.
fn write(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut posted = make::posted(u)?;
    for _ in 0..u.int_in_range(0..=2)? {
        spoil(u, &mut posted)?;
    }
    let mut text = Json::Object(posted).to_string();
    if u.ratio(1, 8)? {
        text.truncate(text.floor_char_boundary(u.int_in_range(0..=text.len())?));
    }
    let mut body = text.into_bytes();
    if u.ratio(1, 8)? {
        let at = u.int_in_range(0..=body.len().saturating_sub(1))?;
        if let Some(byte) = body.get_mut(at) {
            *byte = u.arbitrary()?;
        }
    }
    Ok(body)
}

/// Puts something into a field, known or not, at some depth.
fn spoil(u: &mut Unstructured<'_>, object: &mut Map<String, Json>) -> Result<()> {
    let Some(at) = u.int_in_range(0..=object.len())?.checked_sub(1) else {
        object.insert(make::text(u)?, make::json(u, 1)?);
        return Ok(());
    };
    let value = object.values_mut().nth(at).expect("a field of the object");
    spoil_value(u, value)
}

fn spoil_value(u: &mut Unstructured<'_>, value: &mut Json) -> Result<()> {
    match value {
        Json::Object(object) if u.arbitrary()? => spoil(u, object),
        Json::Array(items) if !items.is_empty() && u.arbitrary()? => {
            let at = u.choose_index(items.len())?;
            spoil_value(u, &mut items[at])
        }
        Json::String(text) if u.arbitrary()? => {
            text.push('\0');
            Ok(())
        }
        other => {
            *other = make::json(u, 1)?;
            Ok(())
        }
    }
}
