//! `tribunal plugin inspect`: what a plugin's file is.

use std::io::stdout;
use std::path::Path;
use std::process::ExitCode;

use super::{Failure, say};
use crate::plugin::PluginFile;
use crate::record::{ByteSize, Kind};

pub(super) fn inspect(path: &Path, json: bool) -> Result<ExitCode, Failure> {
    // A binding's `size` is not known here, and whoever looks at a file waits for it.
    let file = PluginFile::read(path, ByteSize(usize::MAX))?;
    let found = file.inspection()?;
    let mut out = stdout();
    if json {
        let mut value = serde_json::to_value(found)?;
        value["sha256"] = file.digest.to_string().into();
        say(&mut out, &serde_json::to_string_pretty(&value)?);
        return Ok(ExitCode::SUCCESS);
    }
    let kinds: Vec<_> = found.kinds.iter().copied().map(Kind::as_str).collect();
    say(&mut out, &format!("sha256    {}", file.digest));
    say(&mut out, &format!("format    {}", found.format));
    say(&mut out, &format!("size      {} bytes", found.size));
    say(&mut out, &format!("contract  {}", found.contract));
    say(&mut out, &format!("kinds     {}", kinds.join(", ")));
    say(&mut out, &format!("imports   {}", found.imports.join("\n          ")));
    Ok(ExitCode::SUCCESS)
}
