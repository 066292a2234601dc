//! `tribunal plugin new`.

use std::io::stdout;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::app::{Failure, say};
use crate::author::{Language, create};
use crate::record::Kind;

pub(super) fn new(name: &str, language: Language, kind: Kind, dir: Option<PathBuf>) -> Result<ExitCode, Failure> {
    let folder = dir.unwrap_or_else(|| PathBuf::from(name));
    let files = create(&folder, name, language, kind)?;
    let mut out = stdout();
    for file in files.iter().filter(|file| file.components().count() == 1 || file.starts_with("src")) {
        say(&mut out, &format!("  {}", folder.join(file).display()));
    }
    say(&mut out, &format!("{} files in all. Next:\n", files.len()));
    say(&mut out, &format!("    cd {}", folder.display()));
    say(&mut out, &format!("    {}", language.install()));
    say(&mut out, "    tribunal plugin build");
    say(&mut out, "    tribunal plugin test");
    Ok(ExitCode::SUCCESS)
}
