//! From the configuration to loaded plugins.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config;
use crate::plugin::{Engine, EngineError, FileError, LoadError, Plugin, PluginFile, Workshop};
use crate::record::Binding;

/// Why one plugin of the configuration is not loaded.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// The engine, with compiled plugins in a folder beside the database. A reload is in no hurry, and those who post are: it
/// compiles on half of the processors.
pub(super) fn engine(data: &Path) -> Result<Engine, EngineError> {
    let engine = Engine::start(&data.with_added_extension("cache"))?;
    Ok(engine.preparing(workshop((processors() / 2).max(1))))
}

/// The engine of a command that somebody waits for, with compiled plugins in that folder.
pub(super) fn engine_in(folder: &Path) -> Result<Engine, EngineError> {
    Engine::start(folder).map(|engine| engine.preparing(workshop(processors())))
}

/// The same, which keeps no compiled plugins.
pub(super) fn engine_without_cache() -> Result<Engine, EngineError> {
    Engine::without_cache().map(|engine| engine.preparing(workshop(processors())))
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// This program prepares plugins in a process of its own. Where its file was replaced meanwhile, this still is what runs.
fn workshop(processors: usize) -> Workshop {
    Workshop::Process { program: "/proc/self/exe".into(), processors }
}

/// The folder of the files of every plugin that was ever loaded, beside the database.
pub(super) fn archive_folder(data: &Path) -> PathBuf {
    data.with_added_extension("plugins")
}

/// Reads the plugin's file and makes the binding that the configuration wants.
pub(super) fn bind(plugin: config::Plugin) -> Result<(PluginFile, Binding), Error> {
    let file = PluginFile::read(&plugin.component, plugin.limits.size)?;
    if let Some(expected) = plugin.sha256.filter(|expected| *expected != file.digest) {
        return Err(LoadError::Digest { found: file.digest, expected }.into());
    }
    let binding = Binding {
        name: plugin.name,
        component: file.digest,
        config: plugin.config.0,
        filter: plugin.filter,
        sample: plugin.sample,
        limits: plugin.limits,
        capabilities: plugin.capabilities,
        models: plugin.models,
    };
    Ok((file, binding))
}

/// Loads one plugin of the configuration.
pub(super) fn load(engine: &Engine, plugin: config::Plugin) -> Result<Plugin, Error> {
    let (file, binding) = bind(plugin)?;
    Ok(Plugin::load(engine, &file, Arc::new(binding))?)
}
