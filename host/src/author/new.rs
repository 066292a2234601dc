//! `plugin new`: a project that builds at once, from the templates that are part of this program.

use std::path::{Path, PathBuf};

use super::bindings::{self, BindingsError};
use super::language::Language;
use crate::record::Kind;

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// What the crate in a project in Rust is called.
const SDK_NAME: &str = "tribunal-sdk";

/// Why there is no new project.
#[derive(Debug, thiserror::Error)]
pub enum NewError {
    /// The name is none.
    #[error("{0:?} is no name for a plugin: small letters, digits and hyphens, beginning with a letter, at most 64")]
    Name(String),
    /// The name is that of the SDK.
    #[error("{SDK_NAME} is the name of the SDK; choose another")]
    Taken,
    /// There is something already.
    #[error("{} is there already; name another folder", .0.display())]
    Exists(PathBuf),
    /// A file can't be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The bindings can't be made.
    #[error(transparent)]
    Bindings(#[from] BindingsError),
}

/// Makes the project in a new folder and gives the paths of its files, inside of it.
pub fn create(folder: &Path, name: &str, language: Language, kind: Kind) -> Result<Vec<PathBuf>, NewError> {
    let is_name = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.len() <= 64
        && !name.ends_with('-')
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !is_name {
        return Err(NewError::Name(name.to_owned()));
    }
    if name == SDK_NAME {
        return Err(NewError::Taken);
    }
    if folder.exists() {
        return Err(NewError::Exists(folder.to_owned()));
    }
    let words = Words { name, language, kind };
    let mut files = Vec::new();
    for (path, bytes) in project_files(language, kind) {
        let path = PathBuf::from(words.fill(&path));
        write(&folder.join(&path), &words.fill_bytes(bytes))?;
        files.push(path);
    }
    files.extend(bindings::generate(folder, language, &[kind])?);
    files.sort();
    Ok(files)
}

/// Writes the contract's files into that folder and gives their paths.
pub fn write_contract(folder: &Path) -> Result<Vec<PathBuf>, NewError> {
    let paths = WIT.iter().map(|(name, bytes)| {
        let path = folder.join(name);
        write(&path, bytes)?;
        Ok(path)
    });
    paths.collect()
}

/// Every file of a project and its text before names are put in.
fn project_files(language: Language, kind: Kind) -> Vec<(String, &'static [u8])> {
    let mut files: Vec<(String, &[u8])> = Vec::new();
    let mut add = |path: String, bytes| {
        files.retain(|(there, _)| *there != path);
        files.push((path, bytes));
    };
    for layer in language.templates() {
        let layered =
            TEMPLATES.iter().filter_map(|(path, bytes)| Some((path.strip_prefix(layer)?.strip_prefix('/')?, *bytes)));
        for (path, bytes) in layered.clone() {
            if !Kind::ALL.iter().any(|kind| path.starts_with(&format!("{}/", kind.as_str()))) {
                add(shown(path), bytes);
            }
        }
        for (path, bytes) in layered {
            if let Some(path) = path.strip_prefix(kind.as_str()).and_then(|path| path.strip_prefix('/')) {
                add(shown(path), bytes);
            }
        }
    }
    WIT.iter().for_each(|(path, bytes)| add(format!("wit/{path}"), bytes));
    if language == Language::Rust {
        SDK.iter().for_each(|(path, bytes)| add(format!("tribunal-sdk/{path}"), bytes));
    }
    files
}

/// The path with the dots that a stored template does not have.
fn shown(path: &str) -> String {
    path.split('/')
        .map(|part| part.strip_prefix("dot-").map_or(part.to_owned(), |rest| format!(".{rest}")))
        .collect::<Vec<_>>()
        .join("/")
}

/// What is put in the place of a template's words.
struct Words<'a> {
    name: &'a str,
    language: Language,
    kind: Kind,
}

impl Words<'_> {
    fn fill(&self, text: &str) -> String {
        let snake = self.name.replace('-', "_");
        let camel: String = self.name.split('-').map(capitalized).collect();
        text.replace("example-plugin", self.name)
            .replace("example_plugin", &snake)
            .replace("ExamplePlugin", &camel)
            .replace("example-kind", self.kind.as_str())
            .replace("example-language", self.language.as_str())
            .replace("Example Language", self.language.title())
            .replace("example-install", self.language.install())
            .replace("An example plugin.", summary(self.kind))
    }

    fn fill_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.fill(text).into_bytes(),
            Err(_) => bytes.to_vec(),
        }
    }
}

pub(super) fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or(String::new(), |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}

/// What the template's check does.
fn summary(kind: Kind) -> &'static str {
    match kind {
        Kind::Scorer => "Counts the words of an answer.",
        Kind::ErrorClassifier => "Finds words that stand twice.",
        Kind::BiasCheck => "Finds words for people that name a gender.",
        Kind::PricingAdapter => "Prices tokens by a fixed list.",
    }
}

pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), NewError> {
    let written = match path.parent() {
        Some(parent) => std::fs::create_dir_all(parent),
        None => Ok(()),
    };
    written
        .and_then(|()| std::fs::write(path, bytes))
        .map_err(|source| NewError::Write { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_put_in() {
        let words = Words { name: "my-check-2", language: Language::Cpp, kind: Kind::BiasCheck };
        let filled =
            words.fill("example-plugin example_plugin ExamplePlugin example-kind example-language Example Language");
        assert_eq!(filled, "my-check-2 my_check_2 MyCheck2 bias-check cpp C++");
        assert_eq!(shown("dot-cargo/config.toml"), ".cargo/config.toml");
    }
}
