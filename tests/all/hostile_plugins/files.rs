//! Files that no compiler writes.

use std::fmt::Write;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use tribunal_tests::{guest, wat};

/// A folder of them.
pub(super) struct Files<'a>(&'a Path);

impl<'a> Files<'a> {
    pub(super) fn new(folder: &'a Path) -> Self {
        Self(folder)
    }

    /// Puts a file there.
    pub(super) fn keep(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(format!("{name}.wasm"));
        fs::write(&path, bytes).unwrap();
        path
    }

    /// A module of so many functions.
    pub(super) fn functions(&self, count: usize) -> PathBuf {
        let mut fields = String::new();
        for at in 0..count {
            write!(fields, "(func (param i32) (result i32) (i32.add (local.get 0) (i32.const {at})))").unwrap();
        }
        self.keep("functions", &wat::plugin(&fields, wat::SCORER))
    }

    /// A function of 64 KiB that takes the compiler ten seconds, as its time is the square of the number of loops.
    pub(super) fn long_function(&self) -> PathBuf {
        let body = "(loop (br_if 0 (i32.eqz (local.get 0))))".repeat(8000);
        self.keep("long-function", &wat::plugin(&format!("(func (param i32) {body})"), wat::SCORER))
    }

    /// A module with a custom section of 100 MB.
    pub(super) fn hundred_megabytes(&self) -> PathBuf {
        const SIZE: u64 = 100_000_000;
        let path = self.keep("hundred-megabytes", b"\0asm\x01\0\0\0\0\xfb\xc1\xd7\x2f\x01x");
        // The section's own bytes are zeroes.
        File::options().write(true).open(&path).unwrap().set_len(SIZE).unwrap();
        path
    }

    /// The first two thirds of a plugin.
    pub(super) fn truncated(&self) -> PathBuf {
        let whole = fs::read(guest("length")).unwrap();
        self.keep("truncated", &whole[..whole.len() * 2 / 3])
    }

    /// A plugin with one wrong bit in its code, where any is one too many: in the `end` of the last function.
    pub(super) fn bit_flipped(&self) -> PathBuf {
        let mut bytes = fs::read(guest("length")).unwrap();
        let end = end_of_code(&bytes);
        assert_eq!(bytes[end], 0x0b, "an `end`");
        bytes[end] ^= 1;
        self.keep("bit-flipped", &bytes)
    }

    /// Makes resources that it defines itself.
    pub(super) fn resources(&self) -> PathBuf {
        let world = "interface things { resource thing; }
             world hostile { include tribunal:plugin/scorer-plugin@0.1.0; export things; }";
        self.keep("resources", &wat::guest("resources", world))
    }

    /// For a contract that this host does not speak.
    pub(super) fn another_version(&self) -> PathBuf {
        let world = "package tribunal:plugin@0.2.0;
             interface scorer { evaluate: func(); }
             world hostile { export scorer; }";
        self.keep("another-version", &wat::plugin("(func (export \"tribunal:plugin/scorer@0.2.0#evaluate\"))", world))
    }

    /// A kind that there is not.
    pub(super) fn another_kind(&self) -> PathBuf {
        let world = "package tribunal:plugin@0.1.0;
             interface oracle { evaluate: func(); }
             world hostile { export oracle; }";
        self.keep("another-kind", &wat::plugin("(func (export \"tribunal:plugin/oracle@0.1.0#evaluate\"))", world))
    }

    /// A kind that there is, with a function of another type.
    pub(super) fn wrong_type(&self) -> PathBuf {
        let world = "package tribunal:plugin@0.1.0;
             interface types { record description { name: string, version: string, summary: string,
                 config-schema: option<string>, attributes: list<string> } }
             interface scorer { evaluate: func() -> u32; }
             world hostile { use types.{description}; export scorer; export describe: func() -> description;
                 export configure: func(json: string) -> result<_, string>; }";
        let evaluate = "(func (export \"tribunal:plugin/scorer@0.1.0#evaluate\") (result i32) (i32.const 1))";
        self.keep("wrong-type", &wat::plugin(evaluate, world))
    }

    /// Imports what no host has.
    pub(super) fn unknown_import(&self) -> PathBuf {
        let world = "package tests:hostile;
             world hostile { include tribunal:plugin/scorer-plugin@0.1.0; import acme:network/fetch; }
             package acme:network { interface fetch { get: func(address: u32); } }";
        let import = "(import \"acme:network/fetch\" \"get\" (func (param i32)))";
        self.keep("unknown-import", &wat::plugin(import, world))
    }

    /// Imports of WASI what there is not.
    pub(super) fn unknown_wasi(&self) -> PathBuf {
        let world = "package tests:hostile;
             world hostile { include tribunal:plugin/scorer-plugin@0.1.0; import wasi:crystal/ball@0.2.0; }
             package wasi:crystal@0.2.0 { interface ball { look: func(); } }";
        self.keep("unknown-wasi", &wat::plugin("(import \"wasi:crystal/ball@0.2.0\" \"look\" (func))", world))
    }

    /// Imports the log.
    pub(super) fn logs(&self) -> PathBuf {
        let import = "(import \"tribunal:plugin/log@0.1.0\" \"log\" (func (param i32 i32 i32)))";
        self.keep("logs", &wat::plugin(import, wat::SCORER))
    }
}

/// Where the last byte of a module's code is.
fn end_of_code(module: &[u8]) -> usize {
    const CODE: u8 = 10;
    let mut at = 8;
    loop {
        let id = module[at];
        let length = 1 + module[at + 1..].iter().position(|byte| byte & 0x80 == 0).unwrap();
        // LEB128: seven bits in each byte, the lowest first.
        let size = module[at + 1..=at + length].iter().rev().fold(0, |size, byte| size << 7 | usize::from(byte & 0x7f));
        let begin = at + 1 + length;
        if id == CODE {
            return begin + size - 1;
        }
        at = begin + size;
    }
}
