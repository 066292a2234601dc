//! `tribunal check`: whether a server with this configuration would load everything.

use std::io::stdout;
use std::process::ExitCode;

use super::load;
use super::{Failure, say};
use crate::config::Config;
use crate::record::Kind;

pub(super) fn check(config: Config) -> Result<ExitCode, Failure> {
    let mut out = stdout();
    match &config.file {
        Some(file) => say(&mut out, &format!("configuration {}", file.display())),
        None => say(&mut out, "there is no tribunal.toml here, and no --config: these are the defaults"),
    }
    say(&mut out, &format!("listen {}, data {}", config.listen, config.data.display()));
    let engine = load::engine(&config.data)?;
    let (mut failed, total) = (0, config.plugins.len());
    for plugin in config.plugins {
        let name = plugin.name.clone();
        match load::load(&engine, plugin) {
            Ok(plugin) => {
                let kinds: Vec<_> = plugin.kinds().collect();
                let description = plugin.description();
                let how = plugin.no_snapshot().map_or(String::new(), |reason| format!(", no snapshot: {reason}"));
                let what = format!("{} {} ({}){how}", description.name, description.version, Kind::list(&kinds));
                say(&mut out, &format!("ok      {name}: {what}"));
            }
            Err(error) => {
                failed += 1;
                say(&mut out, &format!("failed  {name}: {}", crate::report(&error)));
            }
        }
    }
    if total == 0 {
        say(&mut out, "no plugins");
    }
    if failed == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    say(&mut out, &format!("{failed} of {total} plugins would not load"));
    Ok(ExitCode::FAILURE)
}
