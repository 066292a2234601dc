//! What a plugin gives back, as it is lifted to verdicts.
#![no_main]

use tribunal_tests::edges::{guest_values, panics};

libfuzzer_sys::fuzz_target!(init: panics::watch(), |bytes: &[u8]| guest_values::check(bytes));
