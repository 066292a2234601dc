//! What must hold of the host's edges whatever comes, tried on new random inputs at every run, and on all that ever broke
//! it. `cargo fuzz` goes on where this stops, with the same checks.

use std::hash::{BuildHasher, RandomState};
use std::panic::{catch_unwind, resume_unwind};

use arbitrary::Unstructured;
use tribunal_tests::edges::loader::{self, Came};
use tribunal_tests::edges::{self, MADE};
use tribunal_tests::{guest, root};

/// Panics where a promise is broken.
type Check = fn(&[u8]);

/// Tries the check on so many inputs that are made from random bytes. One that breaks it is kept beside the fuzzer's
/// seeds and tried again from then on; `cargo fuzz tmin` makes it smaller.
fn holds(target: &str, cases: usize, make: impl Fn(&[u8]) -> Vec<u8>, check: Check) {
    edges::panics::watch();
    let mut random = Random(RandomState::new().hash_one(target));
    for _ in 0..cases {
        let input = make(&random.bytes());
        if let Err(panic) = catch_unwind(|| check(&input)) {
            let file = root().join(format!("tests/fuzz/seeds/{target}/found-{:016x}", random.0));
            std::fs::write(&file, &input).unwrap();
            println!("it does not hold of {}", file.display());
            resume_unwind(panic);
        }
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Up to 2 KB.
    fn bytes(&mut self) -> Vec<u8> {
        let words = self.next() % 256;
        (0..words).flat_map(|_| self.next().to_le_bytes()).collect()
    }
}

/// Has the check make its input from the bytes.
fn made(bytes: &[u8]) -> Vec<u8> {
    [&[MADE], bytes].concat()
}

fn load(bytes: &[u8]) {
    loader::check(bytes);
}

#[test]
fn a_verdict_keeps_the_promises_of_the_contract() {
    holds("guest_values", 1000, <[u8]>::to_vec, edges::guest_values::check);
}

#[test]
fn what_is_posted_is_read_back_or_refused_in_words() {
    holds("json", 1000, made, edges::json::check);
}

#[test]
fn a_filter_says_the_same_twice() {
    holds("filter", 1000, made, edges::filter::check);
}

#[test]
fn a_configuration_is_valid_or_says_where_not() {
    holds("config", 1000, made, edges::config::check);
}

#[test]
fn a_list_has_what_was_asked_for() {
    holds("list_query", 256, made, edges::list_query::check);
}

#[test]
fn bytes_are_refused_as_a_plugin() {
    holds("loader", 256, <[u8]>::to_vec, load);
    holds("loader", 256, |bytes| [b"\0asm\x01\0\0\0", bytes].concat(), load);
    holds("loader", 256, |bytes| [b"\0asm\x0d\0\x01\0", bytes].concat(), load);
}

/// What is broken to see what becomes of it: small plugins, and one as a compiler writes it.
fn plugins() -> [Vec<u8>; 3] {
    [loader::plain_module(), loader::plain_component(), std::fs::read(guest("length")).unwrap()]
}

#[test]
fn a_broken_plugin_is_refused_or_judges() {
    for plugin in plugins() {
        assert_eq!(loader::check(&plugin), Came::ToJudge);
        holds("loader", 100, |bytes| loader::mutant(&plugin, &mut Unstructured::new(bytes)).unwrap(), load);
    }
}

/// Where the fuzzer starts, and what was found before.
#[test]
fn what_was_found_stays_mended() {
    edges::panics::watch();
    let checks: [(&str, Check); 6] = [
        ("config", edges::config::check),
        ("filter", edges::filter::check),
        ("guest_values", edges::guest_values::check),
        ("json", edges::json::check),
        ("list_query", edges::list_query::check),
        ("loader", load),
    ];
    for (target, check) in checks {
        let folder = root().join("tests/fuzz/seeds").join(target);
        let seeds: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(!seeds.is_empty(), "{} is empty", folder.display());
        for seed in seeds {
            println!("{}", seed.display());
            check(&std::fs::read(seed).unwrap());
        }
    }
}
