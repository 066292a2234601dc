//! What the fuzz targets need beyond `tribunal_tests::edges`: random and mutated WebAssembly. It stands here and not there
//! since these crates would have the root's workspace build wasmtime with other features, and so twice.

pub mod mutants;
pub mod random;
