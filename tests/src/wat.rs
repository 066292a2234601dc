//! Plugins written as text: core modules in WAT that carry the component type which a compiler's bindings would put there.
//! Knows nothing of what they attack.

use std::fmt::Write;
use std::fs;

use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::root;

/// The world of a plugin that scores.
pub const SCORER: &str = "world hostile { include tribunal:plugin/scorer-plugin@0.1.0; }";

/// What every module has. `$none` answers as `configure` or `evaluate` do that have nothing to say, `$is_canary` tells
/// the interaction of the first call from those that are to be attacked.
const HELPERS: &str = r#"
    (func $none (result i32) (i32.const 1200))
    (func $is_canary (param $interaction i32) (result i32) (local $id i32)
        (local.set $id (i32.load (local.get $interaction)))
        (i32.and
            (i32.eq (i32.load offset=4 (local.get $interaction)) (i32.const 6))
            (i32.and
                (i32.eq (i32.load align=1 (local.get $id)) (i32.const 0x616e6163))
                (i32.eq (i32.load16_u offset=4 align=1 (local.get $id)) (i32.const 0x7972)))))"#;

/// What a plugin needs, each with the name by which a text that has its own is known: it is left out there.
const DEFAULTS: [(&str, &str); 6] = [
    (r#"(export "memory")"#, r#"(memory (export "memory") 2)"#),
    (
        r#"(export "cabi_realloc")"#,
        r#"
    (global $free (mut i32) (i32.const 65536))
    (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32) (local $at i32)
        (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
        (global.set $free (i32.add (local.get $at) (local.get $size)))
        (block $fits
            (br_if $fits (i32.le_u (global.get $free) (i32.mul (memory.size) (i32.const 65536))))
            (br_if $fits (i32.ne (i32.const -1)
                (memory.grow (i32.add (i32.const 1) (i32.shr_u (local.get $size) (i32.const 16))))))
            unreachable)
        (local.get $at))"#,
    ),
    (
        r#"(export "describe")"#,
        r#"
    (data (i32.const 1024) "hostile0.1.0An attack.")
    (data (i32.const 1100) "\00\04\00\00\07\00\00\00" "\07\04\00\00\05\00\00\00" "\0c\04\00\00\0a\00\00\00")
    (func (export "describe") (result i32) (i32.const 1100))"#,
    ),
    (r#"(export "configure")"#, r#"(func (export "configure") (param i32 i32) (result i32) (call $none))"#),
    ("(func $attack ", "(func $attack (result i32) (call $none))"),
    (
        r#"(export "tribunal:plugin/"#,
        r#"
    (func (export "tribunal:plugin/scorer@0.1.0#evaluate") (param $interaction i32) (result i32)
        (if (result i32) (call $is_canary (local.get $interaction))
            (then (call $none))
            (else (call $attack))))"#,
    ),
];

/// The plugin of `tests/guests/wat` of that name. `world` is the text of the WIT package with its world, `hostile`.
pub fn guest(name: &str, world: &str) -> Vec<u8> {
    let path = root().join(format!("tests/guests/wat/{name}.wat"));
    plugin(&fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())), world)
}

/// A core module of these fields and of what a plugin needs and they do not have. For interactions other than the first
/// call's, `evaluate` does what `$attack` does.
pub fn plugin(fields: &str, world: &str) -> Vec<u8> {
    let mut text = format!("(module {fields} {HELPERS}");
    for (_, default) in DEFAULTS.iter().filter(|(own, _)| !fields.contains(own)) {
        write!(text, "\n{default}").expect("a text takes all");
    }
    text.push(')');
    typed(wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}")), world)
}

/// That core module with the component type of a world.
fn typed(mut module: Vec<u8>, world: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    // A text that has the contract's package in itself has its own idea of it.
    if !world.contains("package tribunal:plugin@0.1.0") {
        resolve.push_path(root().join("wit/v0.1")).expect("the contract");
    }
    let named = world.trim_start().starts_with("package");
    let text = if named { world.to_owned() } else { format!("package tests:hostile;\n{world}") };
    let package = resolve.push_str("hostile.wit", &text).unwrap_or_else(|error| panic!("{error:?}"));
    let world = resolve.select_world(&[package], Some("hostile")).expect("the world");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).expect("metadata of the world");
    module
}
