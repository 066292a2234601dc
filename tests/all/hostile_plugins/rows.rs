//! The attacks, one in each row, and what has to come of them.

use std::path::{Path, PathBuf};

use tribunal_tests::{guest, wat};

use super::files::Files;

/// One attack.
pub(super) struct Row {
    pub(super) name: &'static str,
    component: PathBuf,
    /// Lines of the binding's table.
    rest: String,
    pub(super) expected: Expected,
}

/// What has to come of an attack.
pub(super) enum Expected {
    /// The binding is not loaded, and the reason says so.
    NotLoaded(&'static str),
    /// Every evaluation fails, for that reason and with these words.
    Failed(&'static str, &'static str),
    /// The plugin did no harm and gave no verdict.
    Quiet,
    /// The plugin looked around and saw nothing.
    SeesNothing,
    /// So many log lines are kept.
    Logs(usize),
}

use Expected::{Failed, Logs, NotLoaded, Quiet, SeesNothing};

impl Row {
    /// The binding, as a table of the configuration.
    pub(super) fn table(&self) -> String {
        format!("[plugins.{}]\ncomponent = {:?}\nstart = \"latest\"\n{}\n", self.name, self.component, self.rest)
    }
}

/// An attack of the guest `hostile`, which the interaction tells to make the one of the row's name.
fn rust(name: &'static str, rest: &str, expected: Expected) -> Row {
    file(name, guest("hostile"), rest, expected)
}

/// An attack of the guest `hostile-wasi`, likewise.
fn wasi(name: &'static str, rest: &str, expected: Expected) -> Row {
    file(name, guest("hostile-wasi"), rest, expected)
}

/// An attack of the guest `hostile` on its `configure`.
fn configure(name: &'static str, rest: &str, expected: Expected) -> Row {
    file(name, guest("hostile"), &format!("config = {{ attack = {name:?} }}\n{rest}"), expected)
}

/// A file that is attack enough.
fn file(name: &'static str, component: PathBuf, rest: &str, expected: Expected) -> Row {
    Row { name, component, rest: rest.to_owned(), expected }
}

/// Long enough for a call that does something, short enough for a test.
const SOON: &str = "deadline = \"50ms\"";
/// Long enough to start a process on a busy machine.
const LOAD_SOON: &str = "load_deadline = \"3s\"";
const LATE: Expected = Failed("deadline", "longer than its `deadline`");
const TOO_MUCH_MEMORY: Expected = Failed("out-of-memory", "more than its `memory`");

/// One that fills its stack, for other ends than to see that it is bound.
pub(super) fn overflow(folder: &Path) -> Row {
    let component = Files::new(folder).keep("overflow", &wat::guest("recursion", wat::SCORER));
    file("overflow", component, "", Failed("stack-overflow", ""))
}

pub(super) fn rows(folder: &Path) -> Vec<Row> {
    let files = Files::new(folder);
    let text = |name: &'static str, rest: &str, expected: Expected| {
        file(name, files.keep(name, &wat::guest(name, wat::SCORER)), rest, expected)
    };
    let mut rows = vec![
        // Time.
        rust("loop", SOON, LATE),
        text("fill-loop", SOON, LATE),
        text("table-loop", SOON, LATE),
        text("realloc-loop", SOON, LATE),
        text("after-loop", SOON, LATE),
        text("start-loop", LOAD_SOON, NotLoaded("instantiating it failed: deadline: it took longer than its `load_d")),
        text("describe-loop", LOAD_SOON, NotLoaded("its `describe` failed: deadline")),
        configure("configure-loop", LOAD_SOON, NotLoaded("its `configure` failed: deadline")),
        // Memory and stack.
        rust("grow-at-once", "", TOO_MUCH_MEMORY),
        rust("grow-in-steps", "", TOO_MUCH_MEMORY),
        text("memories", "", TOO_MUCH_MEMORY),
        text("tables", "memory = \"1MiB\"", TOO_MUCH_MEMORY),
        text("table-at-once", "", TOO_MUCH_MEMORY),
        text("wide-memory", "memory = \"32MiB\"", NotLoaded("out-of-memory")),
        configure("configure-grow", "", NotLoaded("its `configure` failed: out-of-memory")),
        text("recursion", "", Failed("stack-overflow", "call stack exhausted")),
        rust("recursion-in-memory", "", Failed("trap", "out of bounds memory access")),
        // Traps.
        rust("unreachable", "", Failed("trap", "`unreachable` instruction executed")),
        rust("panic", "", Failed("guest-error", "help help")),
        text("outside-its-memory", "", Failed("trap", "out of bounds memory access")),
        text("realloc-outside", "", Failed("invalid-output", "realloc return: beyond end of memory")),
    ];
    rows.extend(answers(&text));
    rows.extend(through_wasi());
    rows.extend(files_at_load(&files));
    rows
}

/// Answers that the contract forbids or that are more than the limits allow, and logs.
fn answers(text: &impl Fn(&'static str, &str, Expected) -> Row) -> Vec<Row> {
    vec![
        text("gigabyte", "memory = \"1GiB\"", Failed("output-too-large", "more than its `output`")),
        text("gigabyte-elsewhere", "", Failed("invalid-output", "out of bounds")),
        text("million-verdicts", "", Failed("output-too-large", "more than its `output`")),
        text("endless-list", "", Failed("invalid-output", "out of bounds")),
        text("describe-flood", "", NotLoaded("its `describe` failed: invalid-output")),
        rust("too-many-verdicts", "", Failed("output-too-large", "more than 256 verdicts")),
        rust("long-name", "", Failed("output-too-large", "1048576 bytes of at most 256")),
        rust("twice-the-same-name", "", Failed("invalid-output", "two scores are named")),
        rust("long-explanation", "", Failed("output-too-large", "more than 256KiB")),
        rust("long-failure", "", Failed("guest-error", "internal: fff")),
        rust("no-name", "", Failed("invalid-output", "a verdict's name is empty")),
        rust("control-characters", "", Failed("invalid-output", "control characters")),
        rust("nan", "", Failed("invalid-output", "score \"nan\" is NaN")),
        rust("infinite", "", Failed("invalid-output", "score \"infinite\" is inf")),
        rust("invalid-utf8", "", Failed("invalid-output", "invalid utf-8")),
        rust("nan-attribute", "", Failed("invalid-output", "attribute \"key\" is NaN")),
        rust("broken-json", "", Failed("invalid-output", "attribute \"key\" is not JSON")),
        rust("deep-json", "", Failed("invalid-output", "attribute \"key\" is not JSON: recursion limit")),
        rust("span-outside", "", Failed("invalid-output", "is not inside that text")),
        rust("span-backwards", "", Failed("invalid-output", "is not inside that text")),
        rust("span-in-character", "", Failed("invalid-output", "is not inside that text")),
        rust("span-of-nothing", "", Failed("invalid-output", "is not inside that text")),
        rust("certain", "", Failed("invalid-output", "not from 0 to 1")),
        rust("log-flood", SOON, LATE),
        rust("log-lines", "log_lines = 7", Logs(7)),
        configure("configure-refuse", "", NotLoaded("it refused its `config`: no no no")),
    ]
}

/// What WASI could be used for.
fn through_wasi() -> Vec<Row> {
    let handles = Failed("trap", "more resources than the 1024");
    let pollables = Failed("trap", "more resources than the 1024");
    vec![
        wasi("sleep", SOON, Quiet),
        wasi("block", SOON, Quiet),
        wasi("poll", SOON, Quiet),
        wasi("sleep-until", SOON, LATE),
        wasi("handles", "", handles),
        wasi("pollables", "", pollables),
        wasi("random", "", Failed("trap", "1073741824 random bytes at once; 65536 are given at most")),
        wasi("insecure-random", "", Failed("trap", "18446744073709551615 random bytes at once")),
        wasi("random-flood", SOON, LATE),
        wasi("stdout-flood", SOON, LATE),
        wasi("stderr-flood", SOON, LATE),
        wasi("zeroes", SOON, LATE),
        wasi("zeroes-at-once", "", Failed("invalid-output", "more zeroes than `check_write` allows")),
        wasi("chatter", "", Quiet),
        wasi("stdin", SOON, SeesNothing),
        wasi("exit", "", Failed("guest-error", "it ended itself with exit code 1")),
        wasi("exit-success", "", Failed("guest-error", "it ended itself with exit code 0")),
        wasi("environment", "", SeesNothing),
        wasi("files", "", SeesNothing),
        wasi("sockets", "", SeesNothing),
        wasi("clock", "", SeesNothing),
    ]
}

/// Files that are attacks already where they are read, taken apart, compiled or linked.
fn files_at_load(files: &Files) -> Vec<Row> {
    let functions = files.functions(50_000);
    let too_late = NotLoaded("compiling and configuring it took longer than its `load_deadline` of 1s");
    vec![
        file("resources", files.resources(), "", Failed("trap", "more resources than the 1024")),
        file("many-functions", functions.clone(), "load_deadline = \"1s\"", too_late),
        file(
            "many-functions-memory",
            functions,
            "load_memory = \"64MiB\"",
            NotLoaded("took more than its `load_memory` of 64MiB"),
        ),
        file(
            "long-function",
            files.long_function(),
            "load_deadline = \"1s\"",
            NotLoaded("took longer than its `load_deadline` of 1s"),
        ),
        file("hundred-megabytes", files.hundred_megabytes(), "", NotLoaded("is larger than its `size` of 64MiB")),
        file(
            "larger-than-its-size",
            guest("length"),
            "size = \"64KiB\"",
            NotLoaded("is larger than its `size` of 64KiB"),
        ),
        file("truncated", files.truncated(), "", NotLoaded("not a WebAssembly component or module")),
        file("bit-flipped", files.bit_flipped(), "", NotLoaded("does not compile")),
        file("another-version", files.another_version(), "", NotLoaded("version 0.2.0 of the contract")),
        file("another-kind", files.another_kind(), "", NotLoaded("exports none of the kinds")),
        file(
            "wrong-type",
            files.wrong_type(),
            "",
            NotLoaded("`describe().attributes[]` is a string, and a record in the contract"),
        ),
        file(
            "unknown-import",
            files.unknown_import(),
            "",
            NotLoaded("`acme:network/fetch`, which this host does not offer"),
        ),
        file("unknown-wasi", files.unknown_wasi(), "", NotLoaded("wasi:crystal/ball")),
        file("not-granted", files.logs(), "capabilities = []", NotLoaded("does not grant `log`")),
    ]
}
