//! Finds words that stand twice.

use tribunal_sdk::{ErrorClassifier, Failure, Finding, Interaction, Plugin, Severity};

const MOST: usize = 50;

#[derive(serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    allowed: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self { allowed: vec!["had".to_owned(), "that".to_owned()] }
    }
}

struct ExamplePlugin {
    allowed: Vec<String>,
}

impl Plugin for ExamplePlugin {
    type Config = Config;

    fn configure(Config { allowed }: Config) -> Result<Self, String> {
        if allowed.iter().any(|word| word.is_empty() || !word.bytes().all(|byte| byte.is_ascii_lowercase())) {
            return Err("\"allowed\" must be a list of words of the letters a to z".to_owned());
        }
        Ok(Self { allowed })
    }

    fn config_schema() -> Option<String> {
        Some(include_str!("../config.schema.json").to_owned())
    }
}

impl ErrorClassifier for ExamplePlugin {
    fn evaluate(&self, interaction: &Interaction) -> Result<Vec<Finding>, Failure> {
        let mut findings = Vec::new();
        for text in interaction.output_texts() {
            let mut last = "";
            for word in text.as_str().split_ascii_whitespace() {
                if self.is_doubled(last, word) {
                    let start = last.as_ptr() as usize - text.as_ptr() as usize;
                    let end = word.as_ptr() as usize - text.as_ptr() as usize + word.len();
                    let finding = Finding::new("grammatical", "doubled-word", Severity::Low);
                    let because = format!("\"{}\" stands twice", word.to_ascii_lowercase());
                    findings.push(finding.confidence(0.8).at(text.span(start..end)).because(because));
                }
                last = word;
            }
        }
        findings.truncate(MOST);
        Ok(findings)
    }
}

impl ExamplePlugin {
    fn is_doubled(&self, last: &str, word: &str) -> bool {
        word.bytes().all(|byte| byte.is_ascii_alphabetic())
            && word.eq_ignore_ascii_case(last)
            && !self.allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(word))
    }
}

tribunal_sdk::export!(ExamplePlugin: ErrorClassifier);
