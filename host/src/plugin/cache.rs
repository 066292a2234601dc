//! Prepared plugins on disk: the compiled snapshot and what was learnt while preparing it, so that a second start
//! neither configures nor compiles.

use std::fs;
use std::hash::{Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use wasmtime::component::Component;

use super::Description;

/// What is kept of a prepared plugin beside its code.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(super) struct Prepared {
    pub(super) description: Description,
    /// Why the configured instance could not be snapshot; calls configure it each time then.
    pub(super) no_snapshot: Option<String>,
}

#[derive(Deserialize, Serialize)]
struct Entry {
    prepared: Prepared,
    /// Of the compiled code, so that a damaged file is made anew and never run.
    code_sha256: [u8; 32],
}

/// A private folder of prepared plugins.
#[derive(Debug, Clone)]
pub(super) struct Cache {
    folder: PathBuf,
    engine: u64,
}

impl Cache {
    pub(super) fn open(folder: &Path, engine: &wasmtime::Engine) -> io::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
        let mut hasher = std::hash::DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Ok(Self { folder: folder.to_owned(), engine: hasher.finish() })
    }

    fn paths(&self, key: &[u8; 32]) -> (PathBuf, PathBuf) {
        let digest = crate::record::ComponentDigest::from_bytes(*key);
        let stem = format!("{digest}-{:016x}", self.engine);
        (self.folder.join(format!("{stem}.json")), self.folder.join(format!("{stem}.cwasm")))
    }

    /// The prepared plugin of that key, or none where there is none that is whole.
    pub(super) fn load(&self, key: &[u8; 32], engine: &wasmtime::Engine) -> Option<(Prepared, Component)> {
        let (entry_path, code_path) = self.paths(key);
        let entry: Entry = serde_json::from_slice(&fs::read(entry_path).ok()?).ok()?;
        let code = fs::read(&code_path).ok()?;
        if <[u8; 32]>::from(Sha256::digest(&code)) != entry.code_sha256 {
            tracing::warn!(file = %code_path.display(), "a compiled plugin is damaged and will be made anew");
            return None;
        }
        drop(code);
        // SAFETY: the file lies in a folder that only this user can write and its digest is the one that was
        // noted when this host compiled it; wasmtime itself checks that version and settings are the same.
        #[allow(unsafe_code, reason = "the one place where compiled code is read back")]
        let component = unsafe { Component::deserialize_file(engine, &code_path) };
        match component {
            Ok(component) => Some((entry.prepared, component)),
            Err(error) => {
                tracing::warn!(file = %code_path.display(), %error, "a compiled plugin will be made anew");
                None
            }
        }
    }

    /// Keeps a prepared plugin. The cache is an aid: where it cannot be written, the next start is slower.
    pub(super) fn store(&self, key: &[u8; 32], prepared: &Prepared, component: &Component) {
        let (entry_path, code_path) = self.paths(key);
        let write = || -> io::Result<()> {
            let code = component.serialize().map_err(io::Error::other)?;
            let entry = Entry { prepared: prepared.clone(), code_sha256: Sha256::digest(&code).into() };
            write_whole(&code_path, &code)?;
            write_whole(&entry_path, &serde_json::to_vec(&entry)?)
        };
        if let Err(error) = write() {
            tracing::warn!(folder = %self.folder.display(), %error, "cannot keep a compiled plugin");
        }
    }
}

/// Writes beside the file and renames, so that another process never reads half of it.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension(format!("unfinished-{}", std::process::id()));
    let mut file = fs::File::create(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    fs::rename(&unfinished, path)
}
