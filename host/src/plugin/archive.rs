//! The file of every plugin that was ever loaded, by its sha256, so that what it said can be made again after the
//! operator has put another in its place. Nothing is ever removed from it.

use std::io;
use std::path::{Path, PathBuf};

use super::file::{FileError, PluginFile};
use super::private::PrivateFolder;
use crate::record::{ByteSize, ComponentDigest};

/// The folder of plugins' files, for those who add to it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Archive {
    folder: PrivateFolder,
}

/// Why a plugin's file is not kept, or not found again.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It could not be written.
    #[error("cannot keep the plugin's file in {}, without which its verdicts could not be made again", path.display())]
    Keep {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// It could not be read.
    #[error(transparent)]
    Read(#[from] FileError),
    /// It is not what it was when it was kept.
    #[error("{} is damaged: its sha256 is {found}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Its digest.
        found: ComponentDigest,
    },
}

impl Archive {
    /// Opens the folder, making it where there is none.
    pub fn open(path: &Path) -> Result<Self, ArchiveError> {
        let folder = PrivateFolder::open(path);
        let folder = folder.map_err(|source| ArchiveError::Keep { path: path.to_owned(), source })?;
        Ok(Self { folder })
    }

    /// Comes back when the file is durable there. One that is there and damaged is written again.
    pub fn keep(&self, file: &PluginFile) -> Result<(), ArchiveError> {
        let name = name(file.digest);
        if self.folder.read(&name).is_ok_and(|(_, kept)| kept == file.bytes) {
            return Ok(());
        }
        let path = self.folder.path();
        self.folder.write(&name, &[&file.bytes]).map_err(|source| ArchiveError::Keep { path: path.to_owned(), source })
    }

    /// The file of that digest from the archive in that folder. Whoever may read the folder may read it, since it is
    /// what its digest says.
    pub fn read(folder: &Path, digest: ComponentDigest) -> Result<PluginFile, ArchiveError> {
        let path = folder.join(name(digest));
        // It was taken within its `size` when it was loaded.
        let file = PluginFile::read(&path, ByteSize(usize::MAX))?;
        if file.digest == digest { Ok(file) } else { Err(ArchiveError::Damaged { path, found: file.digest }) }
    }
}

fn name(digest: ComponentDigest) -> String {
    format!("{digest}.wasm")
}
