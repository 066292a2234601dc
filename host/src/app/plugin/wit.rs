//! `tribunal plugin wit`: the contract, for tools that make bindings of it.

use std::io::stdout;
use std::path::Path;
use std::process::ExitCode;

use crate::app::{Failure, say};
use crate::author::write_contract;
use crate::plugin::contract_package;

pub(super) fn wit(output: &Path) -> Result<ExitCode, Failure> {
    if output.extension().is_some_and(|extension| extension == "wasm") {
        let package = contract_package()?;
        std::fs::write(output, package).map_err(|error| format!("cannot write {}: {error}", output.display()))?;
        say(&mut stdout(), &format!("wrote {}", output.display()));
    } else {
        for path in write_contract(output)? {
            say(&mut stdout(), &format!("wrote {}", path.display()));
        }
    }
    Ok(ExitCode::SUCCESS)
}
