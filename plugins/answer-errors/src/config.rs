//! The operator's config, parsed once into valid settings; knows nothing of the checks' work.

use serde::Deserialize;

/// The config as the operator writes it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    grammar: Option<bool>,
    checks: Option<Vec<String>>,
    max_findings: Option<usize>,
    ignore: Vec<String>,
}

/// What the plugin looks for, in the order in which findings are given back: what explains most comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    Provider,
    Empty,
    Truncated,
    Format,
    Repetition,
    Grammatical,
}

impl Check {
    pub(crate) const ALL: [Self; 6] =
        [Self::Provider, Self::Empty, Self::Truncated, Self::Format, Self::Repetition, Self::Grammatical];

    /// The category of its findings.
    pub(crate) fn category(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Empty => "empty",
            Self::Truncated => "truncated",
            Self::Format => "format",
            Self::Repetition => "repetition",
            Self::Grammatical => "grammatical",
        }
    }

    fn parse(category: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|check| check.category() == category).ok_or_else(|| {
            let known = Self::ALL.map(Self::category).join("`, `");
            format!("checks: `{category}` is not a category; there are `{known}`")
        })
    }
}

/// The config, valid.
#[derive(Debug)]
pub(crate) struct Settings {
    checks: Vec<Check>,
    ignored: Vec<String>,
    /// The most findings for one interaction.
    pub(crate) max_findings: usize,
}

impl Settings {
    /// Whether the config asks for that check.
    pub(crate) fn runs(&self, check: Check) -> bool {
        self.checks.contains(&check)
    }

    /// Whether the config wants no findings of that code.
    pub(crate) fn ignores(&self, code: &str) -> bool {
        self.ignored.iter().any(|ignored| ignored == code)
    }
}

/// Whether this build holds the grammar checker.
const HAS_GRAMMAR: bool = cfg!(feature = "grammar");
const MOST_FINDINGS: usize = 100;

impl TryFrom<Config> for Settings {
    type Error = String;

    fn try_from(config: Config) -> Result<Self, String> {
        let named =
            config.checks.map(|names| names.iter().map(|name| Check::parse(name)).collect::<Result<Vec<_>, _>>());
        let named = named.transpose()?;
        let names_grammar = named.as_ref().is_some_and(|checks| checks.contains(&Check::Grammatical));
        if !HAS_GRAMMAR && (config.grammar == Some(true) || (names_grammar && config.grammar.is_none())) {
            return Err("grammar: this build of answer-errors was made without its grammar checker; set `grammar` to \
                        false (and leave `grammatical` out of `checks`), or load answer-errors.wasm"
                .to_owned());
        }
        let grammar = config.grammar.unwrap_or(HAS_GRAMMAR);
        let mut checks = named.unwrap_or_else(|| Check::ALL.to_vec());
        checks.retain(|check| grammar || *check != Check::Grammatical);
        let max_findings = config.max_findings.unwrap_or(20);
        if !(1..=MOST_FINDINGS).contains(&max_findings) {
            return Err(format!("max_findings: {max_findings} is not from 1 to {MOST_FINDINGS}"));
        }
        if config.ignore.iter().any(String::is_empty) {
            return Err("ignore: a code can't be empty".to_owned());
        }
        Ok(Self { checks, ignored: config.ignore, max_findings })
    }
}

#[cfg(test)]
mod tests {
    use super::{Check, Config, Settings};

    fn check(json: &str, expected: Result<(usize, usize), &str>) {
        let config: Result<Config, _> = serde_json::from_str(json);
        let settings = config.map_err(|error| error.to_string()).and_then(Settings::try_from);
        match (settings, expected) {
            (Ok(settings), Ok(expected)) => {
                assert_eq!((settings.checks.len(), settings.max_findings), expected, "{json}");
            }
            (Err(error), Err(start)) => assert!(error.starts_with(start), "{json}: {error}"),
            (settings, _) => panic!("{json}: {settings:?}"),
        }
    }

    #[test]
    fn configs() {
        let all = if cfg!(feature = "grammar") { 6 } else { 5 };
        check("{}", Ok((all, 20)));
        check(r#"{"grammar": false}"#, Ok((5, 20)));
        check(r#"{"checks": ["empty", "format"], "max_findings": 1, "ignore": ["blank"]}"#, Ok((2, 1)));
        check(r#"{"checks": []}"#, Ok((0, 20)));
        check(r#"{"checks": ["grammatical"], "grammar": false}"#, Ok((0, 20)));
        check(r#"{"checks": ["gramatical"]}"#, Err("checks: `gramatical` is not a category"));
        check(r#"{"max_findings": 0}"#, Err("max_findings: 0 is not"));
        check(r#"{"max_findings": 101}"#, Err("max_findings: 101 is not"));
        check(r#"{"ignore": [""]}"#, Err("ignore: "));
        check(r#"{"max": 1}"#, Err("unknown field `max`"));
    }

    #[test]
    fn a_build_without_grammar_says_so() {
        let result = Settings::try_from(Config { grammar: Some(true), ..Config::default() });
        assert_eq!(result.is_ok(), cfg!(feature = "grammar"));
        let named = Config { checks: Some(vec!["grammatical".to_owned()]), ..Config::default() };
        assert_eq!(
            Settings::try_from(named).map(|settings| settings.runs(Check::Grammatical)).unwrap_or(false),
            cfg!(feature = "grammar")
        );
    }
}
