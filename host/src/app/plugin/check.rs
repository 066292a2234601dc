//! `tribunal plugin check`: what a file is, and whether this host would load it.

use std::io::stdout;
use std::path::Path;
use std::process::ExitCode;

use super::{LimitArgs, inspect, run};
use crate::app::{Failure, say};

pub(super) fn check(path: &Path, config: &str, limits: LimitArgs) -> Result<ExitCode, Failure> {
    let mut rig = limits.rig(path)?;
    inspect::show(rig.file())?;
    let mut out = stdout();
    match rig.load(&run::object(config)?) {
        Ok(plugin) => {
            let description = plugin.description();
            say(&mut out, &format!("says      {} {}: {}", description.name, description.version, description.summary));
            if let Some(reason) = plugin.no_snapshot() {
                say(&mut out, &format!("snapshot  none, so each call configures it anew: {reason}"));
            }
            say(&mut out, "loads     yes");
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            say(&mut out, &format!("loads     no: {}", crate::report(&*error)));
            Ok(ExitCode::FAILURE)
        }
    }
}
