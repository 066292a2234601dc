//! JSON Schemas that plugins hand over, and answers held to them. A plugin is hostile, and a schema is a program: what is
//! accepted takes time in proportion to its size and the answer's.

use jsonschema::{PatternOptions, Validator};
use serde_json::Value as Json;

/// The most places of a schema once what it refers to stands in it.
const LARGEST: usize = 10_000;
/// What one regular expression counts for, so that there are no more than fifty.
const PATTERN: usize = LARGEST / 50;
/// The most bytes of a compiled one.
const LARGEST_PATTERN: usize = 128 << 10;
/// How deep they may lie in each other: what checks an answer goes as deep.
const DEEPEST: usize = 100;

/// A schema that is one.
pub(super) struct Schema(Validator);

impl Schema {
    /// The schema, or why it is none.
    pub(super) fn new(schema: &Json) -> Result<Self, String> {
        let mut left = LARGEST;
        weigh(schema, schema, DEEPEST, &mut left)?;
        // Regular expressions that take time in proportion to the text.
        let patterns = PatternOptions::regex().size_limit(LARGEST_PATTERN).dfa_size_limit(LARGEST_PATTERN);
        let options = jsonschema::draft202012::options().with_pattern_options(patterns);
        options.build(schema).map(Self).map_err(|error| format!("`schema` is no JSON Schema: {error}"))
    }

    /// What is wrong with a text, where something is.
    pub(super) fn check(&self, text: &str) -> Result<(), String> {
        let json: Json = serde_json::from_str(text).map_err(|error| format!("the answer is no JSON: {error}"))?;
        self.0.validate(&json).map_err(|error| {
            let place = error.instance_path().to_string();
            format!("the answer does not satisfy the schema at {place:?}: {error}")
        })
    }
}

const BEYOND: &str = "`schema` is too large or too deep, has too many patterns, or refers to itself";

fn spend(places: usize, left: &mut usize) -> Result<(), String> {
    *left = left.checked_sub(places).ok_or(BEYOND)?;
    Ok(())
}

/// Counts the places of a part, each time anew where it is referred to: a few that refer to each other can stand for
/// millions, and one that refers to itself has no end.
fn weigh(part: &Json, whole: &Json, depth: usize, left: &mut usize) -> Result<(), String> {
    let depth = depth.checked_sub(1).ok_or(BEYOND)?;
    spend(1, left)?;
    match part {
        Json::Array(items) => items.iter().try_for_each(|item| weigh(item, whole, depth, left)),
        Json::Object(object) => object.iter().try_for_each(|(key, value)| match (key.as_str(), value) {
            ("$ref", Json::String(at)) => {
                let place = at.strip_prefix('#').and_then(|at| whole.pointer(at));
                let place = place.ok_or_else(|| format!("`schema` refers to {at:?}, which is not in it"))?;
                weigh(place, whole, depth, left)
            }
            ("$ref" | "$dynamicRef" | "$id" | "$anchor" | "$dynamicAnchor", _) => {
                Err(format!("`schema` has {key}, which is not supported here"))
            }
            ("pattern", Json::String(_)) => spend(PATTERN, left),
            ("patternProperties", Json::Object(patterns)) => {
                spend(PATTERN.saturating_mul(patterns.len()), left)?;
                patterns.values().try_for_each(|value| weigh(value, whole, depth, left))
            }
            // What it was made for is not read, and stands in no way.
            ("$defs" | "definitions", _) => Ok(()),
            _ => weigh(value, whole, depth, left),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(schema: &Json, answer: &str, wanted: Result<(), &str>) {
        let got = Schema::new(schema).and_then(|schema| schema.check(answer));
        match (&got, wanted) {
            (Ok(()), Ok(())) => {}
            (Err(got), Err(wanted)) => assert!(got.contains(wanted), "{got}"),
            _ => panic!("{schema} and {answer} gave {got:?}, not {wanted:?}"),
        }
    }

    #[test]
    fn answers_are_held_to_schemas() {
        let score = json!({
            "type": "object", "required": ["score"], "additionalProperties": false,
            "properties": {"score": {"$ref": "#/$defs/score"}}, "$defs": {"score": {"type": "integer", "maximum": 5}},
        });
        check(&score, r#"{"score": 3}"#, Ok(()));
        check(&score, r#"{"score": 7}"#, Err("at \"/score\": 7 is greater than the maximum of 5"));
        check(&score, r#"{"score": 3} and"#, Err("the answer is no JSON"));
        check(&json!({"type": "text"}), "1", Err("`schema` is no JSON Schema"));
    }

    #[test]
    fn schemas_that_have_no_end_are_refused() {
        let loops = json!({"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"});
        check(&loops, "1", Err("or refers to itself"));
        let mut defs = serde_json::Map::new();
        defs.insert("0".to_owned(), json!({"type": "string"}));
        for level in 1..40 {
            let before = format!("#/$defs/{}", level - 1);
            defs.insert(level.to_string(), json!({"anyOf": [{"$ref": before}, {"$ref": before}]}));
        }
        check(&json!({"$defs": defs, "$ref": "#/$defs/39"}), "1", Err("or refers to itself"));
        check(&json!({"$ref": "https://elsewhere/schema"}), "1", Err("which is not in it"));
        let many: Vec<_> = (0..60).map(|at| json!({"pattern": format!("(a|b){{{at}}}")})).collect();
        check(&json!({"anyOf": many}), "\"a\"", Err("has too many patterns"));
        check(&json!({"anyOf": many[..40]}), "\"a\"", Ok(()));
        check(&json!({"pattern": "(\\w|-){500}"}), "1", Err("`schema` is no JSON Schema"));
        let slow = json!({"pattern": "^(a+)+$"});
        check(&slow, &format!("{:?}", "a".repeat(64) + "b"), Err("does not match"));
    }
}
