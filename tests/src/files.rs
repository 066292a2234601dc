//! What tests do with files.

use std::fs::File;
use std::path::Path;

use sha2::{Digest, Sha256};

/// The sha256 of these bytes, in hexadecimal digits.
pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Waits until no other has the file, and has it until what is given back goes. Tests are processes of their own: one makes something, and the others find it there.
pub fn locked(path: &Path) -> File {
    let lock = File::create(path).expect("a folder that can be written");
    lock.lock().expect("a lock");
    lock
}
