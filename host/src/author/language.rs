//! The languages that there are templates for.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::new::capitalized;
use crate::record::Kind;

/// A language that plugins are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "they have names")]
pub enum Language {
    Rust,
    Python,
    Javascript,
    Typescript,
    Go,
    C,
    Cpp,
    Zig,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 8] =
        [Self::Rust, Self::Python, Self::Javascript, Self::Typescript, Self::Go, Self::C, Self::Cpp, Self::Zig];

    /// As users write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::Javascript => "javascript",
            Self::Typescript => "typescript",
            Self::Go => "go",
            Self::C => "c",
            Self::Cpp => "cpp",
            Self::Zig => "zig",
        }
    }

    /// The folders of `examples/templates` that its projects are made of; a file takes the place of those before it.
    pub(super) fn templates(self) -> impl Iterator<Item = &'static str> {
        let shared = match self {
            Self::C | Self::Cpp => Some("native"),
            Self::Javascript | Self::Typescript => Some("script"),
            Self::Rust | Self::Python | Self::Go | Self::Zig => None,
        };
        [Some("common"), shared, Some(self.as_str())].into_iter().flatten()
    }

    /// The command that installs what a project of it is built with; for all but Rust, into the project.
    pub fn install(self) -> &'static str {
        match self {
            Self::Rust => "rustup target add wasm32-unknown-unknown",
            Self::Javascript | Self::Typescript => "npm install --no-package-lock --ignore-scripts",
            Self::Python | Self::Go | Self::C | Self::Cpp | Self::Zig => {
                "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt"
            }
        }
    }

    /// What is often the matter where a plugin of those kinds traps before it says anything.
    pub(super) fn hint(self, kinds: &[Kind]) -> Option<String> {
        if !matches!(self, Self::Javascript | Self::Typescript) {
            return None;
        }
        let camel = |words: &str| {
            let mut words = words.split('-');
            words.next().unwrap_or_default().to_owned() + &words.map(capitalized).collect::<String>()
        };
        let kind = camel(kinds.first()?.as_str());
        Some(format!(
            "\n\nA kind of plugin.toml that the source does not export traps like this. The source has to say\n\n    \
             export const {{ describe, configure, {kind} }} = define{}({{ … }});\n",
            capitalized(&kind)
        ))
    }

    /// As it calls itself.
    pub fn title(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::Python => "Python",
            Self::Javascript => "JavaScript",
            Self::Typescript => "TypeScript",
            Self::Go => "Go",
            Self::C => "C",
            Self::Cpp => "C++",
            Self::Zig => "Zig",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
