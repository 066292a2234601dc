//! JSON that people write, in texts and on the lines of files: the value, or where it is wrong.

use std::path::Path;

use serde::de::DeserializeOwned;

/// The value of a text, or which of its fields is wrong.
pub fn parsed<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = serde_path_to_error::deserialize(&mut reader);
    read.map_err(|error| format!("`{}`: {}", error.path(), error.inner()))
}

/// What each line of a file is, with the line's number from 1; empty ones are passed over.
pub(super) fn read_lines<T>(path: &Path, parse: impl Fn(&str) -> Result<T, String>) -> Result<Vec<(usize, T)>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
    let values = lines.map(|(line, number)| match parse(line) {
        Ok(value) => Ok((number, value)),
        Err(wrong) => Err(format!("{}:{number}: {wrong}", path.display())),
    });
    values.collect()
}
