//! The report's Markdown; knows nothing of how figures come about.

use std::path::Path;

use tribunal::author::ratio;

use crate::data::{Data, is_test};

/// What was measured on.
pub(crate) fn head(folder: &Path, data: &Data) -> String {
    let line = |file: &str, tests: Vec<bool>| {
        vec![file.to_owned(), tests.len().to_string(), tests.iter().filter(|test| **test).count().to_string()]
    };
    let files = [
        line("xstest.jsonl", data.xstest.iter().map(|row| row.is_test()).collect()),
        line("halueval.jsonl", data.halueval.iter().map(|row| row.is_test()).collect()),
        line("moderation.jsonl", data.moderation.iter().map(|row| is_test(&row.text)).collect()),
    ];
    format!(
        "# How good the plugins are\n\nThe compiled plugins of target/plugins, each with its default config where \
         nothing else is said, on the rows of `{}`. A row is in the TEST half, which nothing was trained on, when the \
         first byte of the sha256 of its prompt or text is odd. An evaluation that fails counts as a judgement that \
         found nothing.\n\n{}",
        folder.display(),
        table(&["file", "rows", "of those TEST"], files)
    )
}

/// A table in Markdown.
pub(crate) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut text = format!("| {} |\n|{}\n", header.join(" | "), "---|".repeat(header.len()));
    for row in rows {
        text.push_str(&format!("| {} |\n", row.join(" | ")));
    }
    text
}

/// A figure from 0 to 1; a dash where there is none.
pub(crate) fn figure(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"))
}

/// A part of a whole, also in per cent.
pub(crate) fn share(part: usize, whole: usize) -> String {
    match ratio(part, whole) {
        Some(ratio) => format!("{part} ({:.2} %)", 100.0 * ratio),
        None => "–".to_owned(),
    }
}
