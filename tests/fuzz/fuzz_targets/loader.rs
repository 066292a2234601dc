//! A plugin's file: any bytes, and mutants of what is a plugin.
#![no_main]

use tribunal_fuzz::mutants;
use tribunal_tests::edges::{loader, panics};

libfuzzer_sys::fuzz_target!(init: panics::watch(), |bytes: &[u8]| {
    loader::check(bytes);
});

libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutants::mutate(data, size, max_size, seed)
});
