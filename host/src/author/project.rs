//! A plugin's project: a folder with a `plugin.toml` that says what is built there.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Language;
use crate::record::Kind;

/// The file that makes a folder a project.
const FILE: &str = "plugin.toml";

/// What a plugin's `plugin.toml` says.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The plugin's own name.
    pub name: String,
    /// The plugin's own version.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// What it is written in.
    pub language: Option<Language>,
    /// What it judges.
    pub kinds: Vec<Kind>,
    /// Host imports that it wants; the operator grants them.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// The keys of its config, for those who read the file.
    #[serde(default)]
    pub config: toml::Table,
}

/// A project's folder and what its manifest says.
#[derive(Debug)]
pub struct Project {
    /// The folder.
    pub folder: PathBuf,
    /// What its manifest says.
    pub manifest: Manifest,
    /// The manifest as it is written.
    pub text: String,
}

/// Why there is no project.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// There is no manifest.
    #[error("{} cannot be read; `tribunal plugin new` makes a project that has one", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// It says what it must not.
    #[error("{} is not valid", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// It does not say what it must.
    #[error("{}: {what}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

impl Project {
    /// Reads the manifest of that folder.
    pub fn open(folder: &Path) -> Result<Self, ManifestError> {
        let path = folder.join(FILE);
        let text =
            std::fs::read_to_string(&path).map_err(|source| ManifestError::Read { path: path.clone(), source })?;
        let manifest: Manifest = toml::from_str(&text)
            .map_err(|source| ManifestError::Parse { path: path.clone(), source: Box::new(source) })?;
        if manifest.kinds.is_empty() {
            let what =
                "`kinds` is empty; there are scorer, error-classifier, bias-check and pricing-adapter".to_owned();
            return Err(ManifestError::Invalid { path, what });
        }
        Ok(Self { folder: folder.to_owned(), manifest, text })
    }

    /// What it is written in: as the manifest says, or by the files that are there.
    pub fn language(&self) -> Result<Language, ManifestError> {
        const MARKS: [(&str, Language); 7] = [
            ("Cargo.toml", Language::Rust),
            ("go.mod", Language::Go),
            ("build.zig", Language::Zig),
            ("tsconfig.json", Language::Typescript),
            ("package.json", Language::Javascript),
            ("plugin.py", Language::Python),
            ("plugin.c", Language::C),
        ];
        let marked = || MARKS.iter().find(|(file, _)| self.folder.join(file).exists()).map(|(_, language)| *language);
        self.manifest.language.or_else(marked).ok_or_else(|| ManifestError::Invalid {
            path: self.folder.join(FILE),
            what: format!("it has no `language`; there are {}", Language::ALL.map(Language::as_str).join(", ")),
        })
    }

    /// Where the finished plugin is written.
    pub fn output(&self) -> PathBuf {
        let file = Path::new("build").join(format!("{}.wasm", self.manifest.name));
        if self.folder == Path::new(".") { file } else { self.folder.join(file) }
    }
}
