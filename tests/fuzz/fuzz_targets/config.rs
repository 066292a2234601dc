//! An operator's file.
#![no_main]

use tribunal_tests::edges::{config, panics};

libfuzzer_sys::fuzz_target!(init: panics::watch(), |bytes: &[u8]| config::check(bytes));
