//! Embeds what `tribunal plugin new` writes: the templates, the SDK for Rust and the contract.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

const FOLDERS: [(&str, &str); 3] = [("TEMPLATES", "examples/templates"), ("SDK", "plugins/sdk"), ("WIT", "wit/v0.1")];

fn main() -> io::Result<()> {
    let told = |name| env::var_os(name).map(PathBuf::from).expect("cargo says where");
    let root = told("CARGO_MANIFEST_DIR").join("..");
    let mut code = String::new();
    for (name, folder) in FOLDERS {
        let folder = fs::canonicalize(root.join(folder))?;
        println!("cargo::rerun-if-changed={}", folder.display());
        let mut files = Vec::new();
        collect(&folder, &mut files)?;
        files.sort();
        writeln!(code, "pub(super) const {name}: &[(&str, &[u8])] = &[").expect("a text takes it");
        for file in files {
            let inside = file.strip_prefix(&folder).expect("it was found there");
            writeln!(code, "    ({inside:?}, include_bytes!({file:?})),").expect("a text takes it");
        }
        code.push_str("];\n");
    }
    fs::write(told("OUT_DIR").join("embedded.rs"), code)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { collect(&path, files)? } else { files.push(path) }
    }
    Ok(())
}
