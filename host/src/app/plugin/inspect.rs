//! `tribunal plugin inspect`: what a plugin's file is.

use std::io::stdout;
use std::path::Path;
use std::process::ExitCode;

use crate::app::{Failure, say};
use crate::author::Bundle;
use crate::plugin::PluginFile;
use crate::record::{ByteSize, Kind};

pub(super) fn inspect(path: &Path, json: bool) -> Result<ExitCode, Failure> {
    // A binding's `size` is not known here, and whoever looks at a file waits for it.
    let file = PluginFile::read(path, ByteSize(usize::MAX))?;
    if json {
        let mut value = serde_json::to_value(file.inspection()?)?;
        value["sha256"] = file.digest.to_string().into();
        let Bundle { manifest, description, .. } = Bundle::read(file.bytes());
        value["manifest"] = serde_json::to_value(manifest)?;
        value["description"] = serde_json::to_value(description)?;
        say(&mut stdout(), &serde_json::to_string_pretty(&value)?);
        return Ok(ExitCode::SUCCESS);
    }
    show(&file)?;
    if let Some(description) = Bundle::read(file.bytes()).description {
        let words = format!("said      {} {}: {}", description.name, description.version, description.summary);
        say(&mut stdout(), &words);
    }
    Ok(ExitCode::SUCCESS)
}

/// In words.
pub(super) fn show(file: &PluginFile) -> Result<(), Failure> {
    let found = file.inspection()?;
    let mut out = stdout();
    say(&mut out, &format!("sha256    {}", file.digest));
    say(&mut out, &format!("format    {}", found.format));
    say(&mut out, &format!("size      {} bytes", found.size));
    say(&mut out, &format!("contract  {}", found.contract));
    say(&mut out, &format!("kinds     {}", Kind::list(&found.kinds)));
    say(&mut out, &format!("imports   {}", found.imports.join("\n          ")));
    Ok(())
}
