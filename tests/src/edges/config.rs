//! An operator's file becomes a configuration whose values are valid, or an error that says where it is wrong.

use std::sync::OnceLock;

use arbitrary::{Result, Unstructured};
use tribunal::config::{Config, ConfigError};
use tribunal::record::Filter;

use super::{made, make};

/// Takes the bytes for a configuration file.
pub fn check(bytes: &[u8]) {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| tempfile::tempdir().expect("a temporary folder"));
    let written = made(bytes).and_then(|mut u| write(&mut u).ok());
    let file = folder.path().join("tribunal.toml");
    std::fs::write(&file, written.as_deref().map_or(bytes, str::as_bytes)).expect("a file that can be written");
    match Config::read(&file) {
        Ok(config) => valid(&config),
        Err(ConfigError::Parse { line, column, message, .. }) => assert!(line > 0 && column > 0 && !message.is_empty()),
        Err(ConfigError::Read { source, .. }) => {
            assert_eq!(source.kind(), std::io::ErrorKind::InvalidData, "{source}");
        }
        Err(error @ (ConfigError::Model { .. } | ConfigError::NoModel { .. })) => {
            assert!(!error.to_string().is_empty())
        }
        Err(error @ ConfigError::Environment { .. }) => panic!("{error}"),
    }
    super::panics::none_of_ours();
}

fn valid(config: &Config) {
    assert!((1..=256).contains(&config.workers), "{config:?}");
    assert!(config.plugins.is_sorted_by(|one, next| one.name < next.name), "{config:?}");
    for plugin in &config.plugins {
        let given: serde_json::Value = serde_json::from_str(&plugin.config.0).expect("a plugin's config is JSON");
        assert!(given.is_object(), "{given}");
        assert!(plugin.capabilities.is_sorted(), "{:?}", plugin.capabilities);
        let milliseconds = plugin.limits.deadline.get().as_millis();
        assert!((1..=3_600_000).contains(&milliseconds), "{:?}", plugin.limits);
        if let Some(filter) = &plugin.filter {
            assert!(Filter::new(filter.source()).is_ok(), "{filter:?} is not taken twice");
        }
    }
}

const TOP: [(&str, &[&str]); 5] = [
    ("listen", &["\"127.0.0.1:8700\"", "\"[::1]:0\"", "\"here\"", "1"]),
    ("data", &["\"t.db\"", "\"\"", "[]"]),
    ("workers", &["1", "256", "0", "257", "-1", "18446744073709551616", "1.0"]),
    ("max_body", &["\"16MiB\"", "\"0B\"", "\"MiB\"", "\"18446744073709551615GiB\"", "\"é\"", "16"]),
    ("max_backlog", &["\"1KiB\"", "\"1 KiB\"", "\"+1KiB\"", "\"1kib\""]),
];
const PLUGIN: [(&str, &[&str]); 16] = [
    ("component", &["\"a.wasm\"", "\"\"", "\"../../a\"", "\"\\u0000\""]),
    ("sha256", &["\"0000000000000000000000000000000000000000000000000000000000000000\"", "\"é\"", "\"+f\""]),
    ("config", &["{}", "{ at = 2026-01-01 }", "{ a = [1, { b = 1e400 }] }", "{ a.b.c = -0.0 }", "{ a = nan }"]),
    ("filter", &["'true'", "'model.matches(\"(\")'", "'modle == 1'", "'size(input) > 0'", "''"]),
    ("sample", &["1", "1.0", "0.25", "-0.0", "nan", "1.0000000001", "\"1\""]),
    ("start", &["\"beginning\"", "\"latest\"", "\"middle\""]),
    ("capabilities", &["[]", "[\"log\", \"log\"]", "[\"models\"]", "[1]"]),
    ("size", &["\"64MiB\"", "\"0B\"", "\"17179869184GiB\""]),
    ("load_deadline", &["\"60s\"", "\"0s\""]),
    ("load_memory", &["\"1GiB\"", "\"0B\""]),
    ("deadline", &["\"500ms\"", "\"1h\"", "\"0ms\"", "\"61m\"", "\"99999999999999999999h\"", "\"5\""]),
    ("memory", &["\"64MiB\"", "\"0B\"", "\"1GiB\"", "\"1TiB\""]),
    ("output", &["\"256KiB\"", "\"0B\""]),
    ("verdicts", &["256", "0", "-1"]),
    ("attempts", &["3", "0", "20", "21"]),
    ("log_lines", &["32", "18446744073709551615", "9223372036854775807"]),
];

/// A file whose values are valid as a rule.
fn write(u: &mut Unstructured<'_>) -> Result<String> {
    let mut text = String::new();
    lines(u, &TOP, &mut text)?;
    for _ in 0..u.int_in_range(0..=2)? {
        let name = serde_json::to_string(&make::text(u)?).expect("a text");
        text.push_str(&format!("[plugins.{name}]\ncomponent = \"a.wasm\"\n"));
        lines(u, &PLUGIN[1..], &mut text)?;
    }
    if u.ratio(1, 8)? {
        text.push_str(&make::text(u)?);
    }
    Ok(text)
}

fn lines(u: &mut Unstructured<'_>, keys: &[(&str, &[&str])], text: &mut String) -> Result<()> {
    for (key, values) in keys {
        if u.ratio(1, 4)? {
            let value = if u.arbitrary()? { values[0] } else { *u.choose(values)? };
            text.push_str(&format!("{key} = {value}\n"));
        }
    }
    Ok(())
}
