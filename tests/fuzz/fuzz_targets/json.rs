//! What is posted.
#![no_main]

use tribunal_tests::edges::{json, panics};

libfuzzer_sys::fuzz_target!(init: panics::watch(), |bytes: &[u8]| json::check(bytes));
