//! Modules and components of random code, most of them plugins by their exports, which are judged by.
#![no_main]

use tribunal_fuzz::random;
use tribunal_tests::edges::panics;

libfuzzer_sys::fuzz_target!(init: panics::watch(), |bytes: &[u8]| {
    random::check(bytes);
});
