//! A folder of files that only this user can read and write, since what is in it is run or trusted. Knows nothing of
//! what is in it.
//!
//! The boundary is the system's user: one who can act as this user, or as root, can do whatever this process can, and
//! no check here would stop that. Everybody else is kept out by the folder's mode, and what they may have put there
//! while it was open to them is told by its owner.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::OFlags;

/// Stands in the names of files that are being written.
const UNFINISHED: &str = ".unfinished-";

#[derive(Debug, Clone)]
pub(super) struct PrivateFolder {
    path: PathBuf,
}

/// A file of the folder, as it is listed.
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) modified: std::time::SystemTime,
}

impl PrivateFolder {
    /// Opens the folder, making it where there is none. One that is open to others is closed to them; one that is not
    /// this user's is refused. What a process left half written there is removed.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let found = fs::metadata(path)?;
        let (owner, us) = (found.uid(), rustix::process::geteuid().as_raw());
        if owner != us {
            let reason = format!(
                "it belongs to user {owner} and this process runs as user {us}, so others could put code there; remove \
                 it, or give it to the user that runs this"
            );
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
        }
        if found.mode() & 0o077 != 0 {
            let mode = format!("{:04o}", found.mode() & 0o7777);
            tracing::warn!(folder = %path.display(), mode, "others could use a private folder; it is closed to them now");
            fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
        }
        let folder = Self { path: path.to_owned() };
        for left in folder.list()?.iter().filter(|file| file.name.contains(UNFINISHED)) {
            folder.remove(&left.name);
        }
        Ok(folder)
    }

    /// Where the folder is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes of a file that only this user can have written.
    pub(super) fn read(&self, name: &str) -> io::Result<(File, Vec<u8>)> {
        // Neither a link to elsewhere nor a pipe that waits.
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let mut file = OpenOptions::new().read(true).custom_flags(flags).open(self.path.join(name))?;
        let found = file.metadata()?;
        let is_ours = found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o022 == 0;
        if !found.is_file() || !is_ours {
            let reason = "it is no plain file that only this user could have written";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(found.len()).unwrap_or(0));
        file.read_to_end(&mut bytes)?;
        Ok((file, bytes))
    }

    /// Writes a file beside its place and renames it, so that it is whole or not there, and survives the machine.
    pub(super) fn write(&self, name: &str, pieces: &[&[u8]]) -> io::Result<()> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let unfinished = self.path.join(format!("{name}{UNFINISHED}{}-{count}", std::process::id()));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
        let written = (|| {
            pieces.iter().try_for_each(|piece| file.write_all(piece))?;
            file.sync_all()?;
            fs::rename(&unfinished, self.path.join(name))?;
            File::open(&self.path)?.sync_all()
        })();
        written.inspect_err(|_| {
            // What is left of it is removed at the next start at the latest.
            let _ = fs::remove_file(&unfinished);
        })
    }

    /// The files of the folder.
    pub(super) fn list(&self) -> io::Result<Vec<Listed>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            // Another process may have removed it since.
            let Ok(found) = entry.metadata() else { continue };
            if let (true, Ok(name)) = (found.is_file(), entry.file_name().into_string()) {
                files.push(Listed { name, bytes: found.len(), modified: found.modified()? });
            }
        }
        Ok(files)
    }

    /// Removes a file that is of no use any more.
    pub(super) fn remove(&self, name: &str) {
        if let Err(error) = fs::remove_file(self.path.join(name)) {
            tracing::warn!(folder = %self.path.display(), name, %error, "cannot remove a file of no use");
        }
    }
}
