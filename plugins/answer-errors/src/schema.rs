//! Checks a JSON value against the part of JSON Schema that providers' strict modes support; knows nothing of where
//! the schema or the value come from.
//!
//! `type` (one or a list, Gemini's capitals too), `nullable`, `properties`, `required`, `additionalProperties`,
//! `items`, `enum`, `const`, `anyOf`, `oneOf` (read as `anyOf`), `allOf`, `$ref` into the same schema. Other keywords
//! are passed over, so a value that is called wrong is wrong and one that is not may still be.

use tribunal_sdk::Json;

/// How many schemas may be opened for one value: `anyOf` and `$ref` can make a small schema large. What is left
/// over passes for right.
const MOST_STEPS: usize = 100_000;
/// How deep schemas may nest while they are applied, on a stack of 32 KiB. What is deeper passes for right.
const DEEPEST: usize = 64;

/// One place where the value is not what the schema asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// A JSON pointer into the value.
    pub(crate) path: String,
    pub(crate) problem: String,
}

/// A schema and its root, into which `$ref` points.
#[derive(Debug)]
pub(crate) struct Schema<'s> {
    root: &'s Json,
}

impl<'s> Schema<'s> {
    pub(crate) fn new(root: &'s Json) -> Self {
        Self { root }
    }

    /// The first violations, and whether there are more.
    pub(crate) fn violations(&self, value: &Json, at_most: usize) -> (Vec<Violation>, bool) {
        let mut check =
            Check { root: self.root, path: Vec::new(), found: Vec::new(), at_most: at_most + 1, steps: 0, depth: 0 };
        check.value(self.root, value);
        let more = check.found.len() > at_most;
        check.found.truncate(at_most);
        (check.found, more)
    }
}

/// A step of a path.
#[derive(Debug, Clone, Copy)]
enum Step<'v> {
    Name(&'v str),
    Index(usize),
}

struct Check<'s, 'v> {
    root: &'s Json,
    path: Vec<Step<'v>>,
    found: Vec<Violation>,
    at_most: usize,
    steps: usize,
    depth: usize,
}

impl<'s, 'v> Check<'s, 'v> {
    fn value(&mut self, schema: &'s Json, value: &'v Json) {
        self.steps += 1;
        if self.is_done() || self.depth >= DEEPEST {
            return;
        }
        // `true` allows anything; `false` allows nothing.
        let Some(rules) = schema.as_object() else {
            if schema == &Json::Bool(false) {
                self.report("a value that the schema does not allow".to_owned());
            }
            return;
        };
        self.depth += 1;
        if let Some(target) = rules.get("$ref").and_then(Json::as_str).and_then(|pointer| self.resolve(pointer)) {
            self.value(target, value);
        }
        if self.own_type(schema, value) {
            self.choice(schema, value);
            self.alternatives(schema, value);
            match value {
                Json::Object(_) => self.object(schema, value),
                Json::Array(_) => self.array(schema, value),
                _ => {}
            }
        }
        self.depth -= 1;
    }

    fn is_done(&self) -> bool {
        self.steps >= MOST_STEPS || self.found.len() >= self.at_most
    }

    /// Whether the value has a type that the schema names; nothing else is worth reporting where it has not.
    fn own_type(&mut self, schema: &Json, value: &Json) -> bool {
        let Some(named) = schema.get("type") else { return true };
        if value.is_null() && schema.get("nullable") == Some(&Json::Bool(true)) {
            return true;
        }
        let fits = match named {
            Json::String(name) => is_type(name, value),
            Json::Array(names) => names.iter().filter_map(Json::as_str).any(|name| is_type(name, value)),
            _ => true,
        };
        if !fits {
            self.report(format!("{} in place of {}", type_of(value), listed(named)));
        }
        fits
    }

    fn choice(&mut self, schema: &Json, value: &Json) {
        if let Some(only) = schema.get("const")
            && !is_equal(only, value)
        {
            self.report(format!("{} in place of {}", shortened(value), shortened(only)));
        }
        if let Some(Json::Array(choices)) = schema.get("enum")
            && !choices.iter().any(|choice| is_equal(choice, value))
        {
            self.report(format!("{}, which is none of the {} values of `enum`", shortened(value), choices.len()));
        }
    }

    fn alternatives(&mut self, schema: &'s Json, value: &'v Json) {
        for all in schema.get("allOf").and_then(Json::as_array).into_iter().flatten() {
            self.value(all, value);
        }
        for key in ["anyOf", "oneOf"] {
            let Some(Json::Array(alternatives)) = schema.get(key) else { continue };
            let before = self.found.len();
            let mut fits = alternatives.is_empty();
            for alternative in alternatives {
                self.value(alternative, value);
                fits |= self.found.len() == before;
                self.found.truncate(before);
                if fits {
                    break;
                }
            }
            if !fits {
                self.report(format!(
                    "{}, which fits none of the {} schemas of `{key}`",
                    shortened(value),
                    alternatives.len()
                ));
            }
        }
    }

    fn object(&mut self, schema: &'s Json, value: &'v Json) {
        let Some(fields) = value.as_object() else { return };
        let properties = schema.get("properties").and_then(Json::as_object);
        for name in schema.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str) {
            if !fields.contains_key(name) {
                self.report(format!("no `{}`, which is required,", cut(name)));
            }
        }
        let additional = schema.get("additionalProperties");
        for (name, field) in fields {
            let known = properties.and_then(|properties| properties.get(name));
            let Some(schema) = known.or(additional) else { continue };
            self.path.push(Step::Name(name));
            if known.is_none() && schema == &Json::Bool(false) {
                self.report("a property that the schema does not name".to_owned());
            } else {
                self.value(schema, field);
            }
            self.path.pop();
        }
    }

    fn array(&mut self, schema: &'s Json, value: &'v Json) {
        let (Some(items), Some(elements)) = (schema.get("items"), value.as_array()) else { return };
        for (index, element) in elements.iter().enumerate() {
            if self.is_done() {
                return;
            }
            self.path.push(Step::Index(index));
            self.value(items, element);
            self.path.pop();
        }
    }

    fn resolve(&self, pointer: &str) -> Option<&'s Json> {
        self.root.pointer(pointer.strip_prefix('#')?)
    }

    fn report(&mut self, problem: String) {
        if self.found.len() < self.at_most {
            let path = self.path.iter().map(|step| match step {
                Step::Name(name) => format!("/{}", cut(&name.replace('~', "~0").replace('/', "~1"))),
                Step::Index(index) => format!("/{index}"),
            });
            self.found.push(Violation { path: path.collect(), problem });
        }
    }
}

fn is_type(name: &str, value: &Json) -> bool {
    match name.to_ascii_lowercase().as_str() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        // JSON Schema counts 1.0 as an integer.
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0),
        _ => true,
    }
}

fn type_of(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    }
}

/// Equal as JSON Schema has it: `1` and `1.0` are the same number.
fn is_equal(a: &Json, b: &Json) -> bool {
    a == b || matches!((a, b), (Json::Number(a), Json::Number(b)) if a.as_f64() == b.as_f64())
}

fn listed(types: &Json) -> String {
    match types {
        Json::Array(names) => names.iter().filter_map(Json::as_str).map(cut).collect::<Vec<_>>().join(" or "),
        name => cut(name.as_str().unwrap_or_default()).to_owned(),
    }
}

fn shortened(value: &Json) -> String {
    match value {
        Json::String(text) => format!("“{}”", cut(text)),
        Json::Array(_) | Json::Object(_) => type_of(value).to_owned(),
        _ => value.to_string(),
    }
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(60)]
}

#[cfg(test)]
mod tests {
    use super::{Schema, Violation};

    fn check(schema: &str, value: &str, expected: &[(&str, &str)]) {
        let (schema, value) = (serde_json::from_str(schema).unwrap(), serde_json::from_str(value).unwrap());
        let (found, _) = Schema::new(&schema).violations(&value, 5);
        let found: Vec<_> = found.iter().map(|Violation { path, problem }| (path.as_str(), problem.as_str())).collect();
        assert_eq!(found, expected, "{schema} {value}");
    }

    #[test]
    fn types() {
        check("{}", "1", &[]);
        check("true", "1", &[]);
        check("false", "1", &[("", "a value that the schema does not allow")]);
        check(r#"{"type":"object"}"#, "[]", &[("", "an array in place of object")]);
        check(r#"{"type":["string","null"]}"#, "null", &[]);
        check(r#"{"type":["string","null"]}"#, "1", &[("", "a number in place of string or null")]);
        check(r#"{"type":"STRING","nullable":true}"#, "null", &[]);
        check(r#"{"type":"integer"}"#, "1.0", &[]);
        check(r#"{"type":"integer"}"#, "1.5", &[("", "a number in place of integer")]);
        check(r#"{"type":"unheard"}"#, "1", &[]);
    }

    #[test]
    fn objects_and_arrays() {
        let schema = r#"{"type":"object","properties":{"a/b":{"type":"number"},"c":{"type":"array","items":{"enum":[1,"x"]}}},
            "required":["a/b","c"],"additionalProperties":false}"#;
        check(schema, r#"{"a/b":1,"c":[1.0,"x"]}"#, &[]);
        check(
            schema,
            r#"{"a/b":"1","c":[2],"d":0}"#,
            &[
                ("/a~1b", "a string in place of number"),
                ("/c/0", "2, which is none of the 2 values of `enum`"),
                ("/d", "a property that the schema does not name"),
            ],
        );
        check(schema, "{}", &[("", "no `a/b`, which is required,"), ("", "no `c`, which is required,")]);
        check(r#"{"additionalProperties":{"type":"string"}}"#, r#"{"x":1}"#, &[("/x", "a number in place of string")]);
    }

    #[test]
    fn alternatives_and_references() {
        let either = r#"{"anyOf":[{"type":"string"},{"const":3}]}"#;
        check(either, "3", &[]);
        check(either, "4", &[("", "4, which fits none of the 2 schemas of `anyOf`")]);
        let list = r##"{"$defs":{"n":{"type":"object","properties":{"next":{"anyOf":[{"type":"null"},{"$ref":"#/$defs/n"}]}},
            "required":["next"]}},"$ref":"#/$defs/n"}"##;
        check(list, r#"{"next":{"next":null}}"#, &[]);
        check(list, r#"{"next":1}"#, &[("/next", "1, which fits none of the 2 schemas of `anyOf`")]);
        check(r##"{"$ref":"#/nowhere"}"##, "1", &[]);
        check(r#"{"allOf":[{"type":"string"}]}"#, "1", &[("", "a number in place of string")]);
    }

    #[test]
    fn hostile() {
        // A schema that refers to itself, and one that doubles at each level.
        check(r##"{"$ref":"#"}"##, "1", &[]);
        check(r##"{"anyOf":[{"$ref":"#"},{"$ref":"#"}]}"##, "1", &[]);
        check(r##"{"allOf":[{"$ref":"#"},{"$ref":"#"}]}"##, "1", &[]);
        let many = format!("[{}1]", "1,".repeat(100_000));
        let first = ["/0", "/1", "/2", "/3", "/4"].map(|path| (path, "a number in place of string"));
        check(r#"{"items":{"type":"string"}}"#, &many, &first);
        check(r#"{"items":{"type":"number"}}"#, &many, &[]);
    }
}
