//! The plugin: runs the checks that the config asks for and keeps the worst of what they find; knows nothing of
//! how a check works.

mod config;
mod empty;
mod excerpt;
mod format;
#[cfg(feature = "grammar")]
mod grammar;
mod lines;
mod place;
mod provider;
mod repetition;
mod schema;
mod truncated;

use tribunal_sdk::{ErrorClassifier, Failure, Finding, Interaction, Plugin};

use crate::config::{Check, Config, Settings};

/// The configured plugin.
pub struct AnswerErrors {
    settings: Settings,
    #[cfg(feature = "grammar")]
    grammar: Option<grammar::Grammar>,
}

impl Plugin for AnswerErrors {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, String> {
        let settings = Settings::try_from(config)?;
        Ok(Self {
            #[cfg(feature = "grammar")]
            grammar: settings.runs(Check::Grammatical).then(grammar::Grammar::new),
            settings,
        })
    }

    fn config_schema() -> Option<String> {
        Some(include_str!("../config.schema.json").to_owned())
    }
}

impl ErrorClassifier for AnswerErrors {
    fn evaluate(&self, interaction: &Interaction) -> Result<Vec<Finding>, Failure> {
        let mut findings = Findings { settings: &self.settings, kept: Vec::new() };
        for check in Check::ALL {
            if self.settings.runs(check) && !findings.full() {
                self.run(check, interaction, &mut findings);
            }
        }
        Ok(findings.kept)
    }
}

impl AnswerErrors {
    fn run(&self, check: Check, interaction: &Interaction, findings: &mut Findings) {
        match check {
            Check::Provider => provider::check(interaction, findings),
            Check::Empty => empty::check(interaction, findings),
            Check::Truncated => truncated::check(interaction, findings),
            Check::Format => format::check(interaction, findings),
            Check::Repetition => repetition::check(interaction, findings),
            #[cfg(feature = "grammar")]
            Check::Grammatical => {
                if let Some(grammar) = &self.grammar {
                    grammar.check(interaction, findings);
                }
            }
            #[cfg(not(feature = "grammar"))]
            Check::Grammatical => {}
        }
    }
}

/// What was found so far: at most as many as the config allows, without the codes it ignores.
struct Findings<'a> {
    settings: &'a Settings,
    kept: Vec<Finding>,
}

impl Findings<'_> {
    fn full(&self) -> bool {
        self.kept.len() >= self.settings.max_findings
    }

    fn push(&mut self, finding: Finding) {
        if !self.full() && !self.settings.ignores(&finding.code) {
            self.kept.push(finding);
        }
    }
}

tribunal_sdk::export!(AnswerErrors: ErrorClassifier);
