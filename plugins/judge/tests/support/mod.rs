//! Makes plugins, answers of models and interactions; knows nothing of scores.
#![allow(dead_code, reason = "each file of tests uses a part of it")]

pub(crate) mod read;

use judge::Judge;
use serde_json::Value;
use tribunal_sdk::{Completion, Document, Interaction, Message, Plugin, Prompt};

use read::Read;

/// The prompt, taken apart.
pub(crate) fn taken_apart(prompt: &Prompt) -> Read {
    let [system, user] = prompt.messages.as_slice() else { panic!("{} messages", prompt.messages.len()) };
    assert_eq!((system.role.as_str(), user.role.as_str()), ("system", "user"));
    Read::of(&system.content, &user.content)
}

/// The plugin with that config.
pub(crate) fn configured(config: &Value) -> Judge {
    let config = serde_json::from_value(config.clone()).expect("a config");
    Judge::configure(config).expect("a valid config")
}

/// A model's answer.
pub(crate) fn answered(text: &str) -> Completion {
    Completion {
        text: text.to_owned(),
        model: "judge-1".to_owned(),
        finish_reason: Some("stop".to_owned()),
        input_tokens: None,
        output_tokens: None,
        first_token: Vec::new(),
    }
}

/// An interaction that has every field, with that text in one of them.
pub(crate) fn attacked(field: &str, text: &str) -> Interaction {
    let or = |name: &str, usual: &str| if name == field { text.to_owned() } else { usual.to_owned() };
    let question = or("question", "What is the capital of Australia?");
    let mut interaction = Interaction::example(&question, &or("answer", "Sydney."));
    interaction.input.insert(0, Message::text("system", &or("system", "You help with geography.")));
    interaction.reference = Some(or("reference", "Canberra."));
    let document = Document { id: None, text: or("document", "Canberra is the capital."), attributes: Vec::new() };
    interaction.context.push(document);
    interaction
}
