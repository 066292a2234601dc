//! A plugin in every language: its page is followed word for word, and its verdicts are those of the one in Rust.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tribunal_tests::{Server, binary, locked, output, root, run, sha256};

const LANGUAGES: [&str; 8] = ["rust", "python", "javascript", "typescript", "go", "c", "cpp", "zig"];
const KINDS: [&str; 4] = ["scorer", "error-classifier", "bias-check", "pricing-adapter"];
/// The project that the pages make.
const PAGE_PROJECT: &str = "my-check";
const PAGE_KIND: &str = "scorer";
/// What installs a language's tools into a project, which can be shared.
const TOOLS: [&str; 2] = [".venv", "node_modules"];

/// The plugins of a language, one of each kind, built by the commands of its page. They stay, for as long as the program
/// that builds them is the same.
pub(super) fn plugins(language: &str) -> Vec<(&'static str, PathBuf)> {
    let folder = root().join("target/languages").join(language);
    fs::create_dir_all(&folder).unwrap();
    let _lock = locked(&folder.with_added_extension("lock"));
    let (stamp, now) = (folder.join("stamp"), stamp(language));
    if fs::read_to_string(&stamp).unwrap_or_default() != now {
        fs::remove_dir_all(&folder).unwrap();
        fs::create_dir_all(&folder).unwrap();
        follow(&page(language), &folder);
        for kind in KINDS.into_iter().filter(|kind| *kind != PAGE_KIND) {
            build(language, kind, &folder);
        }
        fs::write(&stamp, now).unwrap();
    }
    KINDS.map(|kind| (kind, file(&folder, kind))).into()
}

fn file(folder: &Path, kind: &str) -> PathBuf {
    let name = project(kind);
    folder.join(&name).join(format!("build/{name}.wasm"))
}

fn project(kind: &str) -> String {
    if kind == PAGE_KIND { PAGE_PROJECT.to_owned() } else { format!("my-{kind}") }
}

/// What the plugins are built from.
pub(super) fn stamp(language: &str) -> String {
    sha256([fs::read(binary()).unwrap(), fs::read(page(language)).unwrap()].concat())
}

pub(super) fn page(language: &str) -> PathBuf {
    root().join(format!("docs/plugins/{language}.md"))
}

/// The commands of a page: its blocks of `sh`.
fn commands(page: &Path) -> String {
    let text = fs::read_to_string(page).unwrap();
    let blocks = text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.collect()
}

/// Runs the commands of a page in that folder, one shell for all of them as a reader has.
fn follow(page: &Path, folder: &Path) {
    shell(&commands(page), folder);
}

fn build(language: &str, kind: &str, folder: &Path) {
    let name = project(kind);
    create(language, kind, &name, folder);
    shell("tribunal plugin build\ntribunal plugin test\n", &folder.join(name));
}

/// Makes a project beside that of the page, whose tools it shares.
pub(super) fn create(language: &str, kind: &str, name: &str, folder: &Path) {
    let mut links = String::new();
    for tools in TOOLS.into_iter().filter(|tools| folder.join(PAGE_PROJECT).join(tools).exists()) {
        links.push_str(&format!("ln -s ../{PAGE_PROJECT}/{tools} {name}/{tools}\n"));
    }
    shell(&format!("tribunal plugin new {name} --lang {language} --kind {kind}\n{links}"), folder);
}

pub(super) fn shell(commands: &str, folder: &Path) {
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", binary().parent().unwrap().display());
    run(Command::new("bash").args(["-eu", "-c", commands]).current_dir(folder).env("PATH", path));
}

macro_rules! pages {
    ($($language:ident)+) => {
        $(
            #[test]
            fn $language() {
                let language = stringify!($language);
                for (kind, file) in plugins(language) {
                    let shown = output(Command::new(binary()).args(["plugin", "inspect", "--json"]).arg(&file));
                    let shown: Value = serde_json::from_slice(&shown).unwrap();
                    assert_eq!(shown["kinds"], json!([kind]), "{shown}");
                    assert_eq!(shown["manifest"]["language"], language, "{shown}");
                    assert_eq!(shown["description"]["name"], project(kind), "{shown}");
                    // Nothing of that is there before an author wants it.
                    assert!(!shown["imports"].to_string().contains("models"), "{shown}");
                }
            }
        )+
    };
}

/// Each follows a language's page.
mod page_of {
    use super::*;

    pages! { rust python javascript typescript go c cpp zig }
}

/// 200 real interactions, and some that have what the checks look for.
fn interactions() -> Vec<Value> {
    let real = fs::read_to_string(root().join("examples/interactions.jsonl")).unwrap();
    let real = real.lines().take(200).map(|line| serde_json::from_str(line).unwrap());
    let made = [
        "Für the the cat 🐈 and The the dog had had enough of of it.",
        "Öffnet: the Chairman, a fireman and MANKIND; chairmanship is not. salesman",
        "  \t\n\u{c} one\u{a0}two\u{2003}three \r\n",
        "",
        "e\u{301}e\u{301} \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} stewardess policeman\u{301} manpower",
    ];
    let made = made.iter().enumerate().map(|(at, text)| {
        json!({
            "id": format!("made-{at}"), "provider": "openai", "model": "gpt-4.1-mini",
            "output": [{"role": "assistant", "content": text}],
            "usage": {"input_tokens": 3 + at, "output_tokens": 7, "cache_read_tokens": 1, "reasoning_tokens": at * 1000},
        })
    });
    let many = "the the ".repeat(70) + &"chairman ".repeat(70);
    let odd = [
        json!({"id": "odd-0", "provider": "p", "model": "m", "error": {"kind": "timeout"}}),
        json!({"id": "odd-1", "provider": "p", "model": "m", "usage": {"input_tokens": 2_000_000_000_000u64},
            "output": [{"role": "assistant", "content": many}, {"role": "assistant", "content": "so so"}]}),
    ];
    real.chain(made).chain(odd).collect()
}

#[test]
fn verdicts_are_the_same_in_every_language() {
    let server = Server::start("");
    let mut config = String::new();
    for language in LANGUAGES {
        for (kind, file) in plugins(language) {
            config.push_str(&format!("[plugins.{kind}-{language}]\ncomponent = {file:?}\n"));
            // One after the other, since some take seconds to compile.
            let report = server.configure(&config);
            let items = report["items"].as_array().unwrap();
            assert!(items.iter().all(|item| item["outcome"] == "loaded" || item["outcome"] == "unchanged"), "{report}");
        }
    }
    let posted = interactions();
    for interaction in &posted {
        assert!(server.post(interaction).status().is_success());
    }
    server.wait_idle();
    let mut compared = 0;
    for interaction in &posted {
        let id = interaction["id"].as_str().unwrap();
        let evaluations = server.json(&format!("/v1/interactions/{id}"))["evaluations"].clone();
        for kind in KINDS {
            let of = |language: &str| {
                let name = format!("{kind}-{language}");
                let found = evaluations.as_array().unwrap().iter().find(|evaluation| evaluation["plugin"] == name);
                let found = found.unwrap_or_else(|| panic!("{id}: nothing of {name}: {evaluations}"));
                json!([found["outcome"], found["verdicts"], found["failure"]]).to_string()
            };
            let rust = of("rust");
            for language in LANGUAGES {
                assert_eq!(of(language), rust, "{id}: {kind} in {language}");
                compared += 1;
            }
        }
    }
    println!("{compared} evaluations are the same");
}

/// Builds the page's project again, in another folder, and compares the bytes.
#[test]
fn the_same_source_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    for language in ["rust", "go", "c", "cpp", "zig"] {
        let (_, built) = plugins(language).into_iter().find(|(kind, _)| *kind == PAGE_KIND).unwrap();
        let project = built.parent().and_then(Path::parent).unwrap();
        let name = format!("{language}-elsewhere");
        let new = format!("tribunal plugin new {PAGE_PROJECT} --dir {name} --lang {language} --kind {PAGE_KIND}");
        let tools: String = TOOLS
            .into_iter()
            .filter(|tools| project.join(tools).exists())
            .fold(String::new(), |all, tools| all + &format!("ln -s {}/{tools} {name}/{tools}\n", project.display()));
        // Nothing that was built before is at hand.
        let homes = "export GOCACHE=$PWD/go-cache ZIG_GLOBAL_CACHE_DIR=$PWD/zig-cache XDG_CACHE_HOME=$PWD/cache";
        shell(&format!("{homes}\n{new}\n{tools}cd {name}\ntribunal plugin build\n"), folder.path());
        let again = folder.path().join(&name).join(format!("build/{PAGE_PROJECT}.wasm"));
        assert!(fs::read(&built).unwrap() == fs::read(again).unwrap(), "{language}: the bytes differ");
    }
}
