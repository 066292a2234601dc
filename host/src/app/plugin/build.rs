//! `tribunal plugin build`.

use std::io::{stderr, stdout};
use std::path::{Path, PathBuf};

use crate::app::{Failure, say};
use crate::author::{self, Project};
use crate::record::Kind;

/// Builds the project and gives the finished plugin.
pub(super) fn build(folder: &Path) -> Result<PathBuf, Failure> {
    let project = Project::open(folder)?;
    let mut tell = |command: &str| say(&mut stderr(), &format!("$ {command}"));
    let built = author::build(&project, super::engine()?, &mut tell)?;
    let inspection = built.file.inspection()?;
    if let Some(reason) = built.undescribed {
        let words = format!(
            "its description is not part of the file, and was not compared with plugin.toml, since the plugin does not load \
                 without a config: {reason}. Give every key a default where that can be."
        );
        say(&mut stderr(), &words);
    }
    let mut out = stdout();
    say(&mut out, &format!("{}: {}, {} bytes", built.path.display(), Kind::list(&inspection.kinds), inspection.size));
    say(&mut out, &format!("sha256 {}", built.file.digest));
    Ok(built.path)
}
