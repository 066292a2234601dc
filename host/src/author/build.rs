//! `plugin build`: from a project to one file that a host loads.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde_json::Value as Json;

use super::Language;
use super::bindings;
use super::bundle::bundled;
use super::new::NewError;
use super::project::{ManifestError, Project};
use super::recipe::{Recipe, Tool};
use super::rig::Rig;
use crate::plugin::{Description, Engine, FileError, LoadError, PluginFile, with_component_type};
use crate::record::{Kind, Limits};

/// A finished plugin.
pub struct Built {
    /// Its file.
    pub path: PathBuf,
    /// What is in it.
    pub file: PluginFile,
    /// Why its description is not part of the file, where it is not.
    pub undescribed: Option<String>,
}

/// Why nothing was built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// There is no project.
    #[error(transparent)]
    Project(#[from] ManifestError),
    /// The bindings can't be made.
    #[error(transparent)]
    Bindings(#[from] NewError),
    /// A tool is not there.
    #[error("{language} needs {what}, which is not here. Install it with\n\n    {install}\n")]
    Missing {
        /// The language.
        language: Language,
        /// The tool.
        what: String,
        /// The command that installs it.
        install: String,
    },
    /// A tool can't be started.
    #[error("cannot run `{command}`")]
    Start {
        /// The command.
        command: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// A tool failed, and said why.
    #[error("`{command}` ended with {status}")]
    Step {
        /// The command.
        command: String,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// What the tools should have written can't be read or kept.
    #[error("cannot read or write {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// No host would load what was built.
    #[error("what was built does not load: {reason}{hint}")]
    Load {
        /// Why.
        reason: String,
        /// What else could be the matter, in that language.
        hint: String,
    },
    /// What was built can't be given its component type.
    #[error("what was built is no core module: {0}")]
    ComponentType(String),
    /// What was built is no plugin.
    #[error("what was built is no plugin")]
    Plugin(#[from] FileError),
    /// The manifest and the code do not say the same.
    #[error("plugin.toml has {key} {manifest}, and what was built has {built}")]
    Differs {
        /// The manifest's key.
        key: &'static str,
        /// What the manifest has.
        manifest: String,
        /// What the code has.
        built: String,
    },
}

/// Builds the project. Each command is told to `progress` before it runs; what it prints goes where this process prints.
pub fn build(project: &Project, engine: Engine, progress: &mut dyn FnMut(&str)) -> Result<Built, BuildError> {
    let language = project.language()?;
    let folder = std::fs::canonicalize(&project.folder)
        .map_err(|source| BuildError::File { path: project.folder.clone(), source })?;
    bindings::generate(&folder, language, &project.manifest.kinds)?;
    let recipe = Recipe::of(language, project, &folder);
    for Tool { what, check, install } in &recipe.tools {
        if !check(&folder) {
            return Err(BuildError::Missing { language, what: what.clone(), install: install.clone() });
        }
    }
    let path = project.output();
    let keep = |path: &Path, source| BuildError::File { path: path.to_owned(), source };
    std::fs::create_dir_all(folder.join("build")).map_err(|source| keep(&path, source))?;
    // What was built before is not what these sources make.
    match std::fs::remove_file(&path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => return Err(keep(&path, source)),
        _ => {}
    }
    for step in &recipe.steps {
        let command = step.to_string();
        progress(&command);
        let mut process = Command::new(step.program(&folder));
        process.args(&step.arguments).current_dir(&folder);
        for (name, value) in &step.environment {
            match value {
                Some(value) => process.env(name, value),
                None => process.env_remove(name),
            };
        }
        let status = process.status().map_err(|source| BuildError::Start { command: command.clone(), source })?;
        if !status.success() {
            return Err(BuildError::Step { command, status });
        }
    }
    let written = folder.join(&recipe.output);
    let mut bytes = std::fs::read(&written).map_err(|source| keep(&written, source))?;
    if recipe.is_bare {
        bytes = with_component_type(&bytes, &project.manifest.kinds).map_err(BuildError::ComponentType)?;
    }
    let built = PluginFile::parse(&bytes)?;
    check_world(project, &built)?;
    let component = built.component()?.to_vec();
    let (description, undescribed) = match describe(project, built, engine) {
        Ok(description) => (Some(description), None),
        // A config that it cannot do without is the operator's to give.
        Err(error) if matches!(*error, LoadError::Refused(_)) => (None, Some(crate::report(&*error))),
        Err(error) => {
            let reason = crate::report(&*error);
            let is_trap = reason.contains("trap: ");
            let hint = is_trap.then(|| language.hint(&project.manifest.kinds)).flatten().unwrap_or_default();
            return Err(BuildError::Load { reason, hint });
        }
    };
    if let Some(description) = &description {
        check_description(project, description)?;
    }
    let bytes = bundled(&component, &project.text, description.as_ref());
    std::fs::write(&path, &bytes).map_err(|source| keep(&path, source))?;
    Ok(Built { path, file: PluginFile::parse(&bytes)?, undescribed })
}

fn check_world(project: &Project, built: &PluginFile) -> Result<(), BuildError> {
    let inspection = built.inspection()?;
    let mut wanted = project.manifest.kinds.clone();
    wanted.sort_unstable();
    if wanted != inspection.kinds {
        let (manifest, built) = (Kind::list(&wanted), Kind::list(&inspection.kinds));
        return Err(BuildError::Differs { key: "kinds", manifest, built });
    }
    let granted = &project.manifest.capabilities;
    match inspection.capabilities().find(|capability| !granted.iter().any(|granted| granted == capability)) {
        None => Ok(()),
        Some(capability) => Err(BuildError::Differs {
            key: "capabilities",
            manifest: format!("[{}]", granted.join(", ")),
            built: format!("the import `{capability}`: add {capability:?} to them"),
        }),
    }
}

/// What the plugin says of itself, configured as where the operator writes no config.
fn describe(project: &Project, built: PluginFile, engine: Engine) -> Result<Description, Arc<LoadError>> {
    let capabilities = project.manifest.capabilities.clone();
    let plugin = Rig::new(engine, built, Limits::default(), capabilities).load("{}");
    plugin.map(|plugin| plugin.description().clone())
}

fn check_description(project: &Project, description: &Description) -> Result<(), BuildError> {
    let manifest = &project.manifest;
    let fields = [
        ("name", &manifest.name, &description.name),
        ("version", &manifest.version, &description.version),
        ("summary", &manifest.summary, &description.summary),
    ];
    if let Some((key, manifest, built)) = fields.into_iter().find(|(_, manifest, built)| manifest != built) {
        return Err(BuildError::Differs { key, manifest: format!("{manifest:?}"), built: format!("{built:?}") });
    }
    let Some(schema) = description.config_schema.as_deref().and_then(|text| serde_json::from_str::<Json>(text).ok())
    else {
        return Ok(());
    };
    let Some(properties) = schema["properties"].as_object() else { return Ok(()) };
    let written: BTreeSet<_> = manifest.config.keys().collect();
    let known: BTreeSet<_> = properties.keys().collect();
    if written == known {
        return Ok(());
    }
    let list = |keys: BTreeSet<&String>| format!("{:?}", keys.into_iter().collect::<Vec<_>>());
    Err(BuildError::Differs { key: "[config] with the keys", manifest: list(written), built: list(known) })
}
