//! Checks that the answer is the JSON that the request asked for; knows nothing of JSON Schema's keywords.

use tribunal_sdk::{Attribute, AttributeValue, Finding, Interaction, Json, Message, Severity};

use crate::place::{self, Place};
use crate::schema::{self, Schema};
use crate::{Findings, excerpt};

/// JSON that is nested deeper is not judged: reading it would need more stack than a plugin has.
const DEEPEST: usize = 48;
/// So many of the schema's rules are reported for one answer.
const MOST_VIOLATIONS: usize = 5;

/// What the request asked for.
#[derive(Debug, Clone, PartialEq)]
struct Wanted {
    schema: Option<Json>,
}

pub(crate) fn check(interaction: &Interaction, findings: &mut Findings) {
    if interaction.call.error.is_some() {
        return;
    }
    let Some(wanted) = wanted(&interaction.call.parameters) else { return };
    for (index, message) in place::choices(interaction) {
        check_choice(index, message, &wanted, findings);
    }
}

fn check_choice(index: u32, message: &Message, wanted: &Wanted, findings: &mut Findings) {
    let mut texts = place::texts(index, message).filter(|place| !place.text.trim().is_empty());
    // No text is the business of `empty`; a tool call is no answer yet; JSON cut into parts has no one place.
    let (Some(place), None) = (texts.next(), texts.next()) else { return };
    if place::has_more_than_text(message) {
        return;
    }
    let answer = place.text.trim();
    let json = match unfenced(answer) {
        Some(inside) => {
            let finding = Finding::new("format", "fenced-json", Severity::Low)
                .at(place.whole())
                .because("The answer is JSON inside a code fence; what reads it as JSON will fail.");
            findings.push(finding);
            inside
        }
        None => answer,
    };
    if depth(json) > DEEPEST {
        return;
    }
    match serde_json::from_str::<Json>(json) {
        Err(error) => findings.push(not_json(place, json, &error)),
        Ok(value) => check_schema(place, &value, wanted, findings),
    }
}

fn not_json(place: Place, json: &str, error: &serde_json::Error) -> Finding {
    let why = if json.starts_with(['{', '[']) {
        format!("JSON was asked for, and the answer does not parse: {error}.")
    } else {
        format!("JSON was asked for, and the answer starts with {}.", excerpt::start(json))
    };
    Finding::new("format", "not-json", Severity::High).at(place.whole()).because(why)
}

fn check_schema(place: Place, value: &Json, wanted: &Wanted, findings: &mut Findings) {
    let Some(schema) = &wanted.schema else { return };
    let (violations, more) = Schema::new(schema).violations(value, MOST_VIOLATIONS);
    for violation in violations {
        let schema::Violation { path, problem } = violation;
        let mut finding = Finding::new("format", "schema", Severity::High).at(place.whole()).because(format!(
            "The answer is not what the schema asks for: {problem} at `{}`.",
            if path.is_empty() { "/" } else { &path }
        ));
        finding.attributes.push(Attribute { key: "path".to_owned(), value: AttributeValue::Text(path) });
        findings.push(finding);
    }
    if more
        && let Some(last) = findings.kept.last_mut()
        && last.code == "schema"
    {
        last.explanation.get_or_insert_default().push_str(" There is more that differs.");
    }
}

/// What stands inside the one code fence that the whole answer is.
fn unfenced(answer: &str) -> Option<&str> {
    let inside = answer.strip_prefix("```")?.strip_suffix("```")?;
    let (language, json) = inside.split_once('\n')?;
    let language = language.trim();
    let is_json = language.is_empty() || language.eq_ignore_ascii_case("json");
    (is_json && !json.contains("\n```")).then(|| json.trim())
}

/// How deep the brackets nest.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// What the request's parameters ask for, in the spellings of OpenAI (`response_format`, `text`), Anthropic
/// (`output_config`, `output_format`), Gemini (`response_mime_type`, `response_schema`, alone or inside
/// `generation_config`), Ollama and vLLM (`format`, `guided_json`) and OpenTelemetry (`gen_ai.output.type`).
fn wanted(parameters: &[Attribute]) -> Option<Wanted> {
    let mut wanted: Option<Wanted> = None;
    for parameter in parameters {
        let key = parameter.key.strip_prefix("gen_ai.request.").unwrap_or(&parameter.key);
        if let Some(found) = wanted_by(key, &parameter.value) {
            let schema = found.schema.or(wanted.and_then(|wanted| wanted.schema));
            wanted = Some(Wanted { schema });
        }
    }
    wanted
}

fn wanted_by(key: &str, value: &AttributeValue) -> Option<Wanted> {
    let any = Wanted { schema: None };
    match key {
        "response_mime_type" | "responseMimeType" => (value.as_text()? == "application/json").then_some(any),
        "gen_ai.output.type" | "output.type" => (value.as_text()? == "json").then_some(any),
        "response_schema" | "responseSchema" | "response_json_schema" | "responseJsonSchema" | "guided_json" => {
            object(value).map(|schema| Wanted { schema: Some(schema) })
        }
        "response_format" | "output_format" | "format" => match value.as_text() {
            Some(text) if !text.starts_with('{') => (text == "json" || text == "json_object").then_some(any),
            _ => of_format(object(value)?),
        },
        "text" | "output_config" => of_format(object(value)?.get_mut("format")?.take()),
        "generation_config" | "generationConfig" => of_generation_config(object(value)?),
        _ => None,
    }
}

/// The value as a JSON object that is not nested too deep.
fn object(value: &AttributeValue) -> Option<Json> {
    let (AttributeValue::Json(text) | AttributeValue::Text(text)) = value else { return None };
    if depth(text) > DEEPEST {
        return None;
    }
    serde_json::from_str(text).ok().filter(Json::is_object)
}

/// `{"type": "json_object"}`, `{"type": "json_schema", "json_schema": {"schema": …}}`,
/// `{"type": "json_schema", "schema": …}`, or a schema itself.
fn of_format(mut format: Json) -> Option<Wanted> {
    match format.get("type").and_then(Json::as_str) {
        Some("json_object" | "json") => Some(Wanted { schema: format.get_mut("schema").map(Json::take) }),
        Some("json_schema") => {
            let inside = format.get_mut("json_schema").map(Json::take).unwrap_or(format);
            let schema = inside.get("schema").cloned().filter(Json::is_object);
            Some(Wanted { schema })
        }
        Some("object" | "array") => Some(Wanted { schema: Some(format) }),
        _ => None,
    }
}

fn of_generation_config(mut config: Json) -> Option<Wanted> {
    let fields = config.as_object_mut()?;
    let mut take = |names: [&str; 4]| names.iter().find_map(|name| fields.remove(*name)).filter(Json::is_object);
    let schema = take(["response_schema", "responseSchema", "response_json_schema", "responseJsonSchema"]);
    let mime = ["response_mime_type", "responseMimeType"].iter().find_map(|name| config.get(name)?.as_str());
    (mime == Some("application/json")).then_some(Wanted { schema })
}
