//! The `tribunal` binary.

use std::process::ExitCode;

/// The host allocates many small things on several threads at once; measured against the system's allocator in
/// `make bench`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tribunal::app::run()
}
