//! `tribunal plugin build`.

use std::io::{stderr, stdout};
use std::path::Path;
use std::process::ExitCode;

use crate::app::{Failure, say};
use crate::author::{self, Project};
use crate::record::Kind;

pub(super) fn build(folder: &Path) -> Result<ExitCode, Failure> {
    let project = Project::open(folder)?;
    let mut tell = |command: &str| say(&mut stderr(), &format!("$ {command}"));
    let built = author::build(&project, super::engine()?, &mut tell)?;
    let inspection = built.file.inspection()?;
    let kinds: Vec<_> = inspection.kinds.iter().copied().map(Kind::as_str).collect();
    if let Some(reason) = built.undescribed {
        let words =
            format!("its description is not part of the file, since it does not load without a config: {reason}");
        say(&mut stderr(), &words);
    }
    let mut out = stdout();
    say(&mut out, &format!("{}: {}, {} bytes", built.path.display(), kinds.join(", "), inspection.size));
    say(&mut out, &format!("sha256 {}", built.file.digest));
    Ok(ExitCode::SUCCESS)
}
