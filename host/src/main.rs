//! The `tribunal` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    tribunal::app::run()
}
