//! The bindings of those languages that have them generated from the contract.

use std::path::{Path, PathBuf};

use wit_bindgen_core::{Files, WorldGenerator};

use super::Language;
use super::new::{NewError, write};
use crate::plugin::contract_world;
use crate::record::Kind;

/// Where they are written, inside a project.
const FOLDER: &str = "bindings";

/// The bindings could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot make the bindings of {language}: {reason}")]
pub struct BindingsError {
    language: Language,
    reason: String,
}

/// Writes the bindings for a plugin of those kinds, and gives the paths of the files inside the project; none where the
/// language's own tools make them.
pub(super) fn generate(project: &Path, language: Language, kinds: &[Kind]) -> Result<Vec<PathBuf>, NewError> {
    if !matches!(language, Language::C | Language::Cpp | Language::Zig) {
        return Ok(Vec::new());
    }
    let generator = wit_bindgen_c::Opts::default().build();
    let files = run(generator, kinds).map_err(|reason| BindingsError { language, reason })?;
    let mut written = Vec::new();
    for (name, bytes) in files.iter() {
        let path = Path::new(FOLDER).join(name);
        write(&project.join(&path), bytes)?;
        written.push(path);
    }
    Ok(written)
}

fn run(mut generator: Box<dyn WorldGenerator>, kinds: &[Kind]) -> Result<Files, String> {
    let mut files = Files::default();
    let (mut resolve, world) = contract_world(kinds)?;
    generator.generate(&mut resolve, world, &mut files).map_err(|error| format!("{error:#}"))?;
    Ok(files)
}
