//! Mutants of a plugin's file: of a core module ones that are still modules, of all else what libFuzzer makes of it.

use std::panic::catch_unwind;
use std::sync::LazyLock;

use libfuzzer_sys::fuzzer_mutate;
use tribunal_tests::edges::loader::{plain_component, plain_module};
use wasm_mutate::WasmMutate;

/// The first bytes of a core module.
const CORE: &[u8] = b"\0asm\x01\0\0\0";
/// How much a mutation may cost.
const FUEL: u64 = 1_000;

/// What mutation starts from where it has nothing yet.
static SEEDS: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| [plain_module(), plain_component()]);

/// Changes the first `size` bytes of `data` and says how many there are then.
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    if size < CORE.len() {
        let seed = &SEEDS[seed as usize % SEEDS.len()];
        if seed.len() <= max_size {
            data[..seed.len()].copy_from_slice(seed);
            return seed.len();
        }
    }
    let module = &data[..size];
    if module.starts_with(CORE) && seed % 4 != 0 {
        // It panics on some modules, as others do.
        let mutant = catch_unwind(|| mutant(module, seed.into())).ok().flatten();
        if let Some(mutant) = mutant.filter(|mutant| mutant.len() <= max_size) {
            data[..mutant.len()].copy_from_slice(&mutant);
            return mutant.len();
        }
    }
    fuzzer_mutate(data, size, max_size)
}

fn mutant(module: &[u8], seed: u64) -> Option<Vec<u8>> {
    let mut mutate = WasmMutate::default();
    mutate.seed(seed).fuel(FUEL).preserve_semantics(false);
    mutate.run(module).ok()?.next()?.ok()
}
