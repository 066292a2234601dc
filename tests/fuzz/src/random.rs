//! Random code. Most of it has the imports and exports of a plugin of every kind, so that it is loaded and called.

use std::ops::Range;

use arbitrary::{Result, Unstructured};
use tribunal_tests::edges::loader::{self, Came};
use wasm_encoder::{CodeSection, Encode, Function, Instruction, MemArg, RawSection};
use wasm_smith::{Component, Config, Module};
use wasmparser::{ExternalKind, Parser, Payload, TypeRef};

/// Makes code from the bytes and has it loaded.
pub fn check(bytes: &[u8]) -> Option<Came> {
    let file = make(&mut Unstructured::new(bytes)).ok()?;
    Some(loader::check(&file))
}

fn make(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    match u.int_in_range(0..=15)? {
        0 => Ok(Module::new(u.arbitrary()?, u)?.to_bytes()),
        1 => Ok(Component::new(u.arbitrary()?, u)?.to_bytes()),
        2 => plugin(u.arbitrary()?, u),
        _ => plugin(supported(u)?, u),
    }
}

/// What the host has switched on, within what its pool has room for.
fn supported(u: &mut Unstructured<'_>) -> Result<Config> {
    Ok(Config {
        allow_start_export: u.ratio(1, 4)?,
        custom_page_sizes_enabled: false,
        exceptions_enabled: false,
        gc_enabled: false,
        max_instructions: u.int_in_range(10..=400)?,
        max_memories: 1,
        max_memory32_bytes: 32 << 20,
        max_table_elements: 20_000,
        max_tables: 1,
        disallow_traps: u.arbitrary()?,
        memory64_enabled: false,
        threads_enabled: false,
        ..Config::default()
    })
}

/// Random code in the shape of a plugin.
fn plugin(config: Config, u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    // What runs at load is given a minute by the host, so where code may run for ever it is that which judges, and nothing
    // that runs before.
    let ends = u.ratio(3, 4)?;
    let start = ends && config.allow_start_export;
    let shape = Config { module_shape: Some(loader::bare_module()), allow_start_export: start, ..config };
    let mut module = Module::new(shape, u)?;
    if ends && module.ensure_termination(10_000).is_err() {
        return Err(arbitrary::Error::IncorrectFormat);
    }
    let mut bytes = module.to_bytes();
    if !ends || u.ratio(7, 8)? {
        let random = u.int_in_range(1..=15)?;
        bytes = with_good_parts(&bytes, random).ok_or(arbitrary::Error::IncorrectFormat)?;
    }
    loader::carry_type(&mut bytes);
    Ok(bytes)
}

/// What the judging functions are called, before `#evaluate`.
const KINDS: [&str; 4] = [
    "tribunal:plugin/scorer@0.1.0",
    "tribunal:plugin/error-classifier@0.1.0",
    "tribunal:plugin/bias-check@0.1.0",
    "tribunal:plugin/pricing-adapter@0.1.0",
];

/// What becomes of an exported function.
enum Part {
    Describe,
    Allocate,
    /// Gives zeros back, which say that all is well.
    Silent,
    /// Random, but what it gives back is the address of something.
    Judge,
}

impl Part {
    /// Whether a kind's function stays random is its bit in `random`.
    fn of(name: &str, random: u8) -> Option<Self> {
        let kind = KINDS.iter().position(|kind| name.strip_suffix("#evaluate") == Some(kind));
        match (name, kind) {
            ("describe", _) => Some(Self::Describe),
            ("cabi_realloc", _) => Some(Self::Allocate),
            ("configure", _) => Some(Self::Silent),
            (_, Some(kind)) => Some(if random & (1 << kind) == 0 { Self::Silent } else { Self::Judge }),
            _ => None,
        }
    }
}

/// The same module, but what is not to be random keeps the contract: random code alone ends nearly every load.
fn with_good_parts(module: &[u8], random: u8) -> Option<Vec<u8>> {
    let (mut imported, mut memory) = (0, 0);
    let mut parts = Vec::new();
    let mut bodies: Vec<Range<usize>> = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        match payload.ok()? {
            Payload::ImportSection(imports) => {
                imported = imports.into_imports().flatten().filter(|i| matches!(i.ty, TypeRef::Func(_))).count();
            }
            Payload::ExportSection(exports) => {
                for export in exports.into_iter().flatten() {
                    match export.kind {
                        ExternalKind::Memory if export.name == "memory" => memory = export.index,
                        ExternalKind::Func => {
                            parts.extend(Part::of(export.name, random).map(|part| (export.index as usize, part)));
                        }
                        _ => {}
                    }
                }
            }
            Payload::CodeSectionEntry(body) => bodies.push(body.range()),
            _ => {}
        }
    }
    let mut code = CodeSection::new();
    for (at, body) in bodies.into_iter().enumerate() {
        let body = &module[body];
        match parts.iter().find(|(index, _)| *index == at + imported) {
            Some((_, Part::Judge)) => code.raw(&in_memory(body)),
            Some((_, part)) => code.function(&good_body(part, memory)),
            None => code.raw(body),
        };
    }
    let mut rebuilt = wasm_encoder::Module::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload.ok()?;
        if matches!(payload, Payload::CodeSectionStart { .. }) {
            rebuilt.section(&code);
        } else if let Some((id, range)) = payload.as_section() {
            rebuilt.section(&RawSection { id, data: &module[range] });
        }
    }
    Some(rebuilt.finish())
}

/// The same function, but the last that it does is to make its result an aligned address below 64 KiB.
fn in_memory(body: &[u8]) -> Vec<u8> {
    let (_end, rest) = body.split_last().expect("a body ends with `end`");
    let mut changed = rest.to_vec();
    Instruction::I32Const(0xfff8).encode(&mut changed);
    Instruction::I32And.encode(&mut changed);
    Instruction::End.encode(&mut changed);
    changed
}

fn good_body(part: &Part, memory: u32) -> Function {
    let at = MemArg { offset: 0, align: 0, memory_index: memory };
    let mut body = Function::new([]);
    let mut store = |place: i32, value: i32| {
        body.instructions().i32_const(place).i32_const(value).i32_store(at);
    };
    match part {
        // Three texts of one letter each, no schema, no attributes.
        Part::Describe => {
            store(512, i32::from_le_bytes(*b"aaaa"));
            for (place, value) in [512, 1, 512, 1, 512, 1, 0, 0, 0, 512, 0].into_iter().enumerate() {
                store(16 + 4 * place as i32, value);
            }
            body.instructions().i32_const(16);
        }
        Part::Silent | Part::Judge => {
            for place in 0..4 {
                store(512 + 4 * place, 0);
            }
            body.instructions().i32_const(512);
        }
        // One place for everything.
        Part::Allocate => {
            body.instructions().i32_const(1 << 15);
        }
    }
    body.instructions().end();
    body
}
