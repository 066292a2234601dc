//! The query of a list.
#![no_main]

use tribunal_tests::edges::{list_query, panics};

libfuzzer_sys::fuzz_target!(init: panics::watch(), |bytes: &[u8]| list_query::check(bytes));
