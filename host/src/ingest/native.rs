//! The native wire format: an interaction as JSON, alone, in an array, or one on each line.

use serde_json::value::RawValue;

use crate::http::{Problem, explain, malformed, text};
use crate::record::{NewInteraction, short};
use crate::store::NewRecord;

/// One item of a post: a record, or what is wrong with it.
pub type Item = Result<NewRecord, Problem>;

/// How a NUL stands in JSON text.
const NUL: &str = "\\u0000";

/// Parses one interaction.
pub fn parse_one(json: &[u8]) -> Item {
    let text = text(json)?.trim_ascii();
    // serde would take an array for the fields in their order.
    if text.starts_with('[') {
        return Err(Problem::field("", "expected an interaction as an object, got an array"));
    }
    match serde_json::from_str::<NewInteraction>(text) {
        Ok(interaction) => {
            no_nul(text)?;
            let reserved = |name: &&String| name.starts_with(NewInteraction::RESERVED);
            if let Some(name) = interaction.attributes.keys().find(reserved) {
                let field = format!("attributes.{}", short(name.clone()));
                return Err(Problem::field(&field, "the host alone sets what begins with `tribunal.`"));
            }
            Ok(NewRecord::new(interaction, text.as_bytes()))
        }
        Err(_) => Err(explain::<NewInteraction>(text)),
    }
}

/// Parses an array of interactions; each of them stands for itself.
pub fn parse_array(json: &[u8]) -> Result<Vec<Item>, Problem> {
    let items: Vec<&RawValue> = serde_json::from_str(text(json)?).map_err(malformed)?;
    Ok(items.into_iter().map(|item| parse_one(item.get().as_bytes())).collect())
}

/// Parses one interaction from each line; empty lines are passed over and counted.
pub fn parse_lines(lines: &[u8]) -> Vec<(usize, Item)> {
    let lines = lines.split(|byte| *byte == b'\n').enumerate();
    lines.filter(|(_, line)| !line.trim_ascii().is_empty()).map(|(at, line)| (at, parse_one(line))).collect()
}

/// A NUL in a text is refused: SQL, C and many a tool would cut the text there without a word.
fn no_nul(text: &str) -> Result<(), Problem> {
    if !text.contains(NUL) {
        return Ok(());
    }
    // An escaped backslash before `u0000` is no NUL, so the parsed texts decide.
    let value: serde_json::Value = serde_json::from_str(text).map_err(malformed)?;
    match find_nul(&value) {
        Some(path) => Err(Problem::field(path.trim_start_matches('.'), "expected text without NUL characters")),
        None => Ok(()),
    }
}

/// The path to a text or key with a NUL. The parser has bounded how deeply values nest.
fn find_nul(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) => text.contains('\0').then(String::new),
        serde_json::Value::Array(items) => {
            items.iter().enumerate().find_map(|(at, item)| find_nul(item).map(|path| format!("[{at}]{path}")))
        }
        serde_json::Value::Object(map) => map.iter().find_map(|(key, item)| {
            let path = if key.contains('\0') { Some(String::new()) } else { find_nul(item) };
            path.map(|path| format!(".{}{path}", key.escape_default()))
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: Option<(Option<&str>, &str)>) {
        match (parse_one(json.as_bytes()), expected) {
            (Ok(_), None) => {}
            (Ok(_), Some(expected)) => panic!("{json} was taken, not refused with {expected:?}"),
            (Err(problem), None) => panic!("{json} was refused: {problem}"),
            (Err(problem), Some((field, detail))) => {
                assert_eq!(problem.body().field.as_deref(), field, "{json}: {problem}");
                assert!(problem.to_string().contains(detail), "{json}: {problem}");
            }
        }
    }

    #[test]
    fn names_the_field_at_fault() {
        let with = |fields: &str| format!(r#"{{"provider":"p","model":"m",{fields}}}"#);
        check(r#"{"provider":"p","model":"m"}"#, None);
        check(r#"{"provider":"p"}"#, Some((Some("model"), "missing field `model`")));
        check(&with(r#""modle":1"#), Some((Some("modle"), "unknown field `modle`")));
        check(&with(r#""usage":{"input_tokens":-1}"#), Some((Some("usage.input_tokens"), "expected u64")));
        check(&with(r#""usage":{"input_tokens":9007199254740992}"#), Some((Some("usage.input_tokens"), "at most")));
        check(&with(r#""duration_ms":-0.5"#), Some((Some("duration_ms"), "from 0 to 1e12")));
        check(&with(r#""started_at":"yesterday""#), Some((Some("started_at"), "RFC 3339")));
        check(&with(r#""id":"""#), Some((Some("id"), "at least one character")));
        check(&with(r#""id":"a\u0000b""#), Some((Some("id"), "control character")));
        check(
            &with(r#""input":[{"role":"user","content":[{"type":"text"}]}]"#),
            Some((Some("input[0].content[0].text"), "missing field `text`")),
        );
        check(&with(r#""input":[{"role":"user","content":"a\u0000b"}]"#), Some((Some("input[0].content"), "NUL")));
        check(&with(r#""input":[{"role":"user","content":"a\\u0000b"}]"#), None);
        check(&with(r#""error":{"kind":"x","status":99}"#), Some((Some("error.status"), "100 to 599")));
        check(
            &with(r#""attributes":{"tribunal.asked_by":"x"}"#),
            Some((Some("attributes.tribunal.asked_by"), "the host alone")),
        );
        check("[1]", Some((Some(""), "expected an interaction as an object")));
        check("{", Some((None, "EOF")));
        check(r#"{"provider":"p","model":"m"} x"#, Some((None, "trailing characters")));
        check(
            &with(&format!(r#""attributes":{{"a":{}{}}}"#, "[".repeat(200), "]".repeat(200))),
            Some((None, "recursion limit")),
        );
    }
}
