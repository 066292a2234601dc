//! A plugin's project: a folder with a `plugin.toml` that says what is built there.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::Language;
use crate::record::Kind;

/// The file that makes a folder a project.
const FILE: &str = "plugin.toml";

/// What compilers and those who install them write into a project, and cases, which are read anew each time.
const MADE: [&str; 11] = [
    "build",
    "target",
    "bindings",
    "cases",
    "venv",
    ".venv",
    "node_modules",
    ".zig-cache",
    "zig-out",
    ".git",
    "Cargo.lock",
];

/// When the newest source in that folder was changed.
fn newest(folder: &Path) -> Option<SystemTime> {
    let entries = std::fs::read_dir(folder).ok()?.filter_map(Result::ok);
    let sources = entries.filter(|entry| Project::is_source(Path::new(&entry.file_name())));
    let changed = sources.filter_map(|entry| {
        let metadata = entry.metadata().ok()?;
        if metadata.is_dir() { newest(&entry.path()) } else { metadata.modified().ok() }
    });
    changed.max()
}

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

impl Manifest {
    /// Whether it wants the capability to ask models.
    pub fn asks_models(&self) -> bool {
        self.capabilities.iter().any(|capability| capability == "models")
    }
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

    /// Whether something that the plugin is made of changed after it was built, or it was never built.
    pub fn is_stale(&self) -> bool {
        let built = std::fs::metadata(self.output()).and_then(|file| file.modified());
        built.map_or(true, |built| newest(&self.folder).is_some_and(|newest| newest > built))
    }

    /// Whether that path, inside the project or not, is of what it is made of.
    pub fn is_source(path: &Path) -> bool {
        !path.iter().any(|part| MADE.iter().any(|made| part == *made))
    }

    /// Where the finished plugin is written.
    pub fn output(&self) -> PathBuf {
        let file = Path::new("build").join(format!("{}.wasm", self.manifest.name));
        if self.folder == Path::new(".") { file } else { self.folder.join(file) }
    }
}
