//! The table of languages in `plugins/README.md`: the scorer that each language's page makes, measured one after the other.

use std::io::Write;
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;
use tribunal::author::Language;
use tribunal_tests::root;

const LANGUAGES: [(Language, &str); 8] = [
    (Language::Rust, "yes"),
    (Language::C, "yes"),
    (Language::Cpp, "yes"),
    (Language::Zig, "yes"),
    (Language::Go, "yes"),
    (Language::Javascript, "no: the engine draws a seed"),
    (Language::Typescript, "no: the engine draws a seed"),
    (Language::Python, "no: the compiler draws seeds"),
];

fn main() -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    writeln!(
        out,
        "| language | size | prepared, once | fresh call, 1 KB, p50 | warm, p50 | memory | snapshot | same source, same bytes |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|---|")?;
    for (language, same_bytes) in LANGUAGES {
        let title = language.title();
        let figures = bench(language)?;
        let number = |path: &str| {
            let figure = figures.pointer(path).and_then(Value::as_f64);
            figure.with_context(|| format!("{language} has no {path}: {figures}"))
        };
        let snapshot = if figures["snapshot"] == true { "yes" } else { "no" };
        writeln!(
            out,
            "| {title} | {:.0} KB | {:.0} ms | {:.1} µs | {:.1} µs | {:.0} KiB | {snapshot} | {same_bytes} |",
            number("/size_bytes")? / 1e3,
            number("/prepare_ms")?,
            number("/fresh_us/p50")?,
            number("/warm_us/p50")?,
            number("/peak_memory_bytes")? / 1024.0
        )?;
    }
    Ok(())
}

/// Measures the plugin of a language with the release build, compiled anew.
fn bench(language: Language) -> anyhow::Result<Value> {
    let file = root().join(format!("target/languages/{language}/my-check/build/my-check.wasm"));
    if !file.exists() {
        bail!("{} is missing: `make test` builds it", file.display());
    }
    let cache = tempfile::tempdir()?;
    let tribunal = root().join("target/release/tribunal");
    let mut command = Command::new(&tribunal);
    command.args(["plugin", "bench", "--json"]).arg(&file).env("XDG_CACHE_HOME", cache.path());
    let output = command.output().with_context(|| format!("cannot run {}", tribunal.display()))?;
    if !output.status.success() {
        bail!("{language}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
