//! An operator's filter, and the interaction it is asked about.
#![no_main]

use tribunal_tests::edges::{filter, panics};

libfuzzer_sys::fuzz_target!(init: panics::watch(), |bytes: &[u8]| filter::check(bytes));
