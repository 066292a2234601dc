//! Builds interactions for tests and measurements; knows nothing of the checks.

use tribunal_sdk::{Attribute, AttributeValue, Interaction, Message, Part};

/// A successful chat call with these choices, each of which holds these parts.
pub fn interaction(choices: Vec<Vec<Part>>) -> Interaction {
    let output =
        choices.into_iter().map(|parts| Message { role: "assistant".to_owned(), parts, attributes: Vec::new() });
    Interaction { input: Vec::new(), output: output.collect(), ..Interaction::example("", "") }
}

/// A successful chat call with one answer of one text.
pub fn answer(text: &str) -> Interaction {
    interaction(vec![vec![Part::Text(text.to_owned())]])
}

/// With a parameter of the request, as JSON text.
#[allow(dead_code, reason = "the measurements need no parameters")]
pub fn with_parameter(mut interaction: Interaction, key: &str, json: &str) -> Interaction {
    let value = match serde_json::from_str(json).expect("JSON in the test") {
        serde_json::Value::String(text) => AttributeValue::Text(text),
        _ => AttributeValue::Json(json.to_owned()),
    };
    interaction.call.parameters.push(Attribute { key: key.to_owned(), value });
    interaction
}
