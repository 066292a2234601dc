//! Makes prompts of an interaction and a criterion; knows nothing of what becomes of the answers.

use exhibits::{Exhibits, Shown, answer, fill, is_blank, question, system_prompt, turns};
use tribunal_sdk::{Interaction, Prompt};

use crate::config::{Field, Settings};
use crate::rubric::Criterion;

const SYSTEM: &str = include_str!("../prompts/system.txt");
const SCORE: &str = include_str!("../prompts/score.txt");
const COMPARE: &str = include_str!("../prompts/compare.txt");

/// The longest reasoning in characters, where the schema bounds it.
const LONGEST_REASONING: usize = 600;

/// What the judge is shown; none where what is to be judged is not there.
pub(crate) fn exhibits(settings: &Settings, interaction: &Interaction) -> Option<Exhibits> {
    if settings.fields.contains(&Field::Answer) && is_blank(&answer(interaction)) {
        return None;
    }
    let exhibits = fields(settings, interaction);
    (!exhibits.is_empty()).then_some(exhibits)
}

/// The fields that the config names.
pub(crate) fn fields(settings: &Settings, interaction: &Interaction) -> Exhibits {
    let most = settings.max_characters;
    let mut exhibits = Exhibits::default();
    for field in &settings.fields {
        match field {
            Field::System => exhibits.show("system prompt", &system_prompt(interaction), most),
            Field::Conversation => {
                let turns: Vec<_> = turns(interaction).collect();
                let named = turns.iter().zip(1..);
                let named = named.map(|((speaker, text), at)| (format!("{speaker}'s message {at}"), text.as_ref()));
                exhibits.show_newest(named.collect(), most);
            }
            Field::Question => exhibits.show("question", &question(interaction), most),
            Field::Context => {
                let documents = interaction.context.iter().zip(1..);
                let named = documents.map(|(document, at)| (format!("document {at}"), document.text.as_str()));
                exhibits.show_all(named, most);
            }
            Field::Reference => exhibits.show("reference", interaction.reference.as_deref().unwrap_or(""), most),
            Field::Answer => exhibits.show("answer", &answer(interaction), most),
        }
    }
    exhibits
}

/// Asks for a verdict on what is shown.
pub(crate) fn score(settings: &Settings, criterion: &Criterion, exhibits: &Exhibits) -> Prompt {
    prompt(settings, criterion, exhibits, SCORE)
}

/// Asks which of two answers is better.
pub(crate) fn compare(settings: &Settings, criterion: &Criterion, exhibits: &Exhibits) -> Prompt {
    prompt(settings, criterion, exhibits, COMPARE)
}

fn prompt(settings: &Settings, criterion: &Criterion, exhibits: &Exhibits, text: &str) -> Prompt {
    let Shown { code, text: shown } = exhibits.shown();
    let words = criterion.words();
    let values = [("code", code.as_str()), ("criterion", &words), ("exhibits", &shown)];
    let longest_reasoning = settings.bounds.then_some(LONGEST_REASONING);
    Prompt::new()
        .system(fill(SYSTEM, &values).trim_end())
        .user(fill(text, &values).trim_end())
        .schema(&criterion.schema(longest_reasoning))
        .temperature(settings.temperature)
        .max_tokens(settings.max_tokens)
}
