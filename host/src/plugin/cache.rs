//! Prepared plugins on disk: the compiled snapshot and what was learnt while preparing it, so that a second start
//! neither takes apart, nor configures, nor compiles.
//!
//! An entry is one file: a sha256 over all that follows, the length of its header, the header as JSON, the compiled
//! code. The header says of what it was made and by which engine, so that an entry under another's name is not taken.

use std::hash::{Hash, Hasher};
use std::io;
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use wasmtime::component::Component;

use super::Description;
use super::file::Inspection;
use super::private::PrivateFolder;

/// Counts what changes in the entries' form or meaning.
const FORMAT: u32 = 2;
/// With more than this in the folder, what was not used for longest goes.
const MAX_BYTES: u64 = 4 << 30;
/// Where an entry's header begins: behind its digest and the header's length.
const HEADER: usize = 32 + 4;

/// What is kept of a prepared plugin beside its code.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(super) struct Prepared {
    pub(super) inspection: Inspection,
    pub(super) description: Description,
    /// Why the configured instance could not be snapshot; calls configure it each time then.
    pub(super) no_snapshot: Option<String>,
}

#[derive(Deserialize, Serialize)]
struct Header {
    /// The entry's own name, which holds what it was made of and the engine that made it.
    name: String,
    prepared: Prepared,
}

/// A private folder of prepared plugins.
#[derive(Debug, Clone)]
pub(super) struct Cache {
    folder: PrivateFolder,
    /// What entries of this engine end in.
    suffix: String,
}

/// Why an entry is not used.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("it cannot be read")]
    Read(#[from] io::Error),
    #[error("it is damaged")]
    Damaged,
    #[error("its header is not valid")]
    Header(#[from] serde_json::Error),
    #[error("it was made as {0}")]
    Another(String),
    #[error("the engine refuses it: {0:#}")]
    Code(wasmtime::Error),
}

impl Cache {
    /// Opens the folder and removes from it what other versions or settings of this host left there.
    pub(super) fn open(folder: &Path, engine: &wasmtime::Engine) -> io::Result<Self> {
        let mut hasher = std::hash::DefaultHasher::new();
        (FORMAT, env!("CARGO_PKG_VERSION")).hash(&mut hasher);
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let cache =
            Self { folder: PrivateFolder::open(folder)?, suffix: format!("-{:016x}.compiled", hasher.finish()) };
        for stale in cache.folder.list()?.iter().filter(|file| is_entry(&file.name) && !cache.is_current(&file.name)) {
            cache.folder.remove(&stale.name);
        }
        Ok(cache)
    }

    fn name(&self, key: &[u8; 32]) -> String {
        format!("{}{}", crate::record::ComponentDigest::from_bytes(*key), self.suffix)
    }

    fn is_current(&self, name: &str) -> bool {
        name.ends_with(&self.suffix)
    }

    /// The prepared plugin of that key, or none where there is none that is whole.
    pub(super) fn load(&self, key: &[u8; 32], engine: &wasmtime::Engine) -> Option<(Prepared, Component)> {
        let name = self.name(key);
        match self.read(&name, engine) {
            Ok(found) => Some(found),
            Err(Unusable::Read(error)) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                let error = crate::report(&error);
                tracing::warn!(folder = %self.folder.path().display(), name, error, "a compiled plugin is made anew");
                None
            }
        }
    }

    fn read(&self, name: &str, engine: &wasmtime::Engine) -> Result<(Prepared, Component), Unusable> {
        let (file, bytes) = self.folder.read(name)?;
        let (header, code) = open(&bytes)?;
        if header.name != name {
            return Err(Unusable::Another(header.name));
        }
        let component = deserialize(engine, code).map_err(Unusable::Code)?;
        // So that what is in use is not what goes when there is too much.
        if let Err(error) = file.set_modified(SystemTime::now()) {
            tracing::warn!(folder = %self.folder.path().display(), name, %error, "cannot note that a compiled plugin is used");
        }
        Ok((header.prepared, component))
    }

    /// Reads every entry and deserializes its code, and nothing else: what a benchmark puts beside a start.
    pub(super) fn deserialize_all(&self, engine: &wasmtime::Engine) -> io::Result<usize> {
        let mut count = 0;
        for entry in self.folder.list()?.iter().filter(|file| self.is_current(&file.name)) {
            let (_, bytes) = self.folder.read(&entry.name)?;
            let (_, code) = split(&bytes).ok_or(io::ErrorKind::InvalidData)?;
            deserialize(engine, code).map_err(io::Error::other)?;
            count += 1;
        }
        Ok(count)
    }

    /// Keeps a prepared plugin and its compiled code. The cache is an aid: where it cannot be written, the next start is
    /// slower.
    pub(super) fn store(&self, key: &[u8; 32], prepared: &Prepared, code: &[u8]) {
        let name = self.name(key);
        let write = || -> io::Result<()> {
            let header = Header { name: name.clone(), prepared: prepared.clone() };
            let header = serde_json::to_vec(&header)?;
            let (digest, length) = seal(&header, code)?;
            self.folder.write(&name, &[&digest, &length, &header, code])?;
            self.trim(&name, MAX_BYTES)
        };
        if let Err(error) = write() {
            tracing::warn!(folder = %self.folder.path().display(), %error, "cannot keep a compiled plugin");
        }
    }

    /// Removes what was not used for longest until there is no more than that, but never `newest`.
    fn trim(&self, newest: &str, most: u64) -> io::Result<()> {
        let mut entries = self.folder.list()?;
        entries.retain(|file| is_entry(&file.name) && file.name != newest);
        entries.sort_by_key(|file| std::cmp::Reverse(file.modified));
        let mut total = 0;
        for entry in entries {
            total += entry.bytes;
            if total > most {
                self.folder.remove(&entry.name);
            }
        }
        Ok(())
    }
}

/// Whether a file is an entry of this or another version of the host: a digest, what the engine is known by, an ending.
/// Nothing else that lies in the folder is touched.
fn is_entry(name: &str) -> bool {
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts = name.split_once('-').and_then(|(key, rest)| Some((key, rest.split_once('.')?)));
    parts.is_some_and(|(key, (engine, ending))| {
        let known = matches!(ending, "compiled" | "cwasm" | "json");
        key.len() == 64 && engine.len() == 16 && is_hex(key) && is_hex(engine) && known
    })
}

/// What stands before a header and its code.
fn seal(header: &[u8], code: &[u8]) -> io::Result<([u8; 32], [u8; 4])> {
    let length = u32::try_from(header.len()).map_err(io::Error::other)?.to_le_bytes();
    let digest = Sha256::new().chain_update(length).chain_update(header).chain_update(code).finalize();
    Ok((digest.into(), length))
}

/// The header and the code of an entry that is whole.
fn open(entry: &[u8]) -> Result<(Header, &[u8]), Unusable> {
    let (digest, sealed) = entry.split_at_checked(32).ok_or(Unusable::Damaged)?;
    if Sha256::digest(sealed).as_slice() != digest {
        return Err(Unusable::Damaged);
    }
    let (header, code) = split(entry).ok_or(Unusable::Damaged)?;
    Ok((serde_json::from_slice(header)?, code))
}

/// The header and the code of an entry, whatever its digest is.
fn split(entry: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = entry.get(32..HEADER)?.first_chunk::<4>()?;
    entry.get(HEADER..)?.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
}

/// Makes a component of code that an entry holds or that this program has just compiled.
pub(super) fn deserialize(engine: &wasmtime::Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: these bytes come from this very program, or they were read from a file that nobody but this user could
    // write, in a folder of which the same holds, and their digest and name are those that this host noted when it
    // compiled them. wasmtime itself checks that its version and settings are the same.
    #[allow(unsafe_code, reason = "the one place where compiled code is read back")]
    unsafe {
        Component::deserialize(engine, code)
    }
}
