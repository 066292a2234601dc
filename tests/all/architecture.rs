//! The table of modules in `host/ARCHITECTURE.md` is what the code does.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use tribunal_tests::root;

/// Which module may import which.
const MODULES: [(&str, &[&str]); 13] = [
    ("record", &[]),
    ("histogram", &[]),
    ("statistics", &[]),
    ("http", &["record", "histogram", "store"]),
    ("config", &["record"]),
    ("store", &["record", "histogram", "statistics"]),
    ("plugin", &["record"]),
    ("author", &["record", "statistics", "plugin", "model"]),
    ("model", &["record", "store"]),
    ("dispatch", &["record", "histogram", "store", "plugin"]),
    ("ingest", &["record", "store", "http"]),
    ("api", &["record", "histogram", "store", "plugin", "model", "dispatch", "http"]),
    ("app", &["record", "http", "config", "store", "plugin", "model", "dispatch", "ingest", "api", "author"]),
];

/// Which modules alone may use a crate.
const CRATES: [(&str, &[&str]); 8] = [
    ("rusqlite", &["store"]),
    ("wasmtime", &["plugin"]),
    ("wit_component", &["plugin"]),
    ("reqwest", &["app", "model"]),
    ("opentelemetry", &["app"]),
    ("opentelemetry_otlp", &["app"]),
    ("opentelemetry_sdk", &["app"]),
    ("tracing_opentelemetry", &["app"]),
];

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
}

fn modules() -> BTreeMap<&'static str, Vec<(String, String)>> {
    let src = root().join("host/src");
    MODULES
        .iter()
        .map(|(module, _)| {
            let mut files = Vec::new();
            let folder = src.join(module);
            if folder.exists() {
                sources(&folder, &mut files);
            }
            let file = src.join(format!("{module}.rs"));
            files.push((file.display().to_string(), fs::read_to_string(&file).unwrap()));
            (*module, files)
        })
        .collect()
}

#[test]
fn modules_import_what_the_table_allows() {
    for (module, files) in modules() {
        let (_, allowed) = MODULES.iter().find(|(name, _)| *name == module).unwrap();
        for (path, text) in files {
            for rest in text.split("crate::").skip(1) {
                let name = rest.split(|c: char| !c.is_ascii_lowercase() && c != '_').next().unwrap();
                let known = MODULES.iter().any(|(known, _)| *known == name);
                assert!(!known || name == module || allowed.contains(&name), "{path}: {module} imports {name}");
            }
            for (name, owners) in CRATES {
                let uses = text.contains(&format!("{name}::")) && !text.contains(&format!("`{name}::"));
                assert!(!uses || owners.contains(&module), "{path}: {module} uses {name}, which is for {owners:?}");
            }
        }
    }
}

#[test]
fn every_file_says_its_job_and_stays_short() {
    for (path, text) in modules().into_values().flatten() {
        assert!(text.starts_with("//!"), "{path} does not begin by saying its job");
        let lines = text.lines().count();
        assert!(lines <= 450, "{path} has {lines} lines");
    }
}
