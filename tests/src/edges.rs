//! The host's edges under input that nobody would write. The fuzz targets and the property tests share what is here:
//! ways to make such input from bytes, and what must hold whatever comes. Knows nothing of who chooses the bytes.
//!
//! Each `check` takes any bytes and panics where a promise is broken. In a text, a first byte that no UTF-8 has says that
//! the rest decides what is written, so that half of what a fuzzer tries is nearly valid.

pub mod config;
pub mod filter;
pub mod guest_values;
pub mod json;
pub mod list_query;
pub mod loader;
pub mod make;
pub mod panics;

/// Begins an input that is made, not given.
pub const MADE: u8 = 0xff;

/// The rest of an input that is made.
fn made(bytes: &[u8]) -> Option<arbitrary::Unstructured<'_>> {
    bytes.strip_prefix(&[MADE]).map(arbitrary::Unstructured::new)
}
