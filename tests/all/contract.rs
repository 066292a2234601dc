//! Published versions of the contract stay as they are, and plugins that were built for them go on judging.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tribunal_tests::{binary, output, root, run, sha256};

/// The sha256 of a file: of one of WIT without its comments and white space, which mean nothing.
fn digest(path: &Path) -> String {
    let mut bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if path.extension().is_some_and(|extension| extension == "wit") {
        let text = String::from_utf8(bytes).unwrap();
        let code = text.lines().map(|line| line.split("//").next().unwrap());
        let words: Vec<_> = code.flat_map(str::split_whitespace).collect();
        bytes = words.join(" ").into_bytes();
    }
    sha256(bytes)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The versions there are, by the names of their folders.
fn versions() -> Vec<String> {
    let folders = files(&root().join("wit")).into_iter().filter(|path| path.is_dir());
    folders.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

/// What freezes a version: a line for each of its files and of the plugins that were built for it.
fn lines(version: &str, base: &Path) -> String {
    let folders = [base.join("wit").join(version), base.join("tests/fixtures").join(version)];
    let files = folders.iter().flat_map(|folder| files(folder));
    files.map(|file| format!("{}  {}\n", digest(&file), file.strip_prefix(base).unwrap().display())).collect()
}

#[test]
fn frozen_versions_have_not_changed() {
    let frozen = fs::read_to_string(root().join("wit/frozen.txt")).unwrap();
    for version in versions() {
        let now = lines(&version, &root());
        let of_it = |line: &&str| line.contains(&format!("/{version}/"));
        let then: String = frozen.lines().filter(of_it).map(|line| format!("{line}\n")).collect();
        if then.is_empty() {
            println!("{version} is not published; what would freeze it:\n{now}");
        } else {
            assert_eq!(now, then, "{version} is published, and wit/VERSIONING.md says what may change then");
        }
    }
}

#[test]
fn a_change_of_meaning_is_seen_and_one_of_words_is_not() {
    let copy = tempfile::tempdir().unwrap();
    for folder in ["wit/v0.1", "tests/fixtures/v0.1"] {
        fs::create_dir_all(copy.path().join(folder)).unwrap();
        for file in files(&root().join(folder)) {
            fs::copy(&file, copy.path().join(folder).join(file.file_name().unwrap())).unwrap();
        }
    }
    let before = lines("v0.1", copy.path());
    assert_eq!(before, lines("v0.1", &root()));
    let types = copy.path().join("wit/v0.1/types.wit");
    let text = fs::read_to_string(&types).unwrap();
    fs::write(&types, text.replace("/// One named judgement of a scorer.", "///  A judgement:")).unwrap();
    assert_eq!(lines("v0.1", copy.path()), before);
    fs::write(&types, text.replace("start: u32", "start: u64")).unwrap();
    assert_ne!(lines("v0.1", copy.path()), before);
}

#[test]
fn plugins_of_every_version_judge_as_they_did() {
    for version in versions() {
        let folder = root().join("tests/fixtures").join(&version);
        for kind in ["scorer", "error-classifier", "bias-check", "pricing-adapter"] {
            let file = folder.join(kind);
            let mut test = Command::new(binary());
            test.args(["plugin", "test"]).arg(file.with_extension("wasm")).arg("--cases");
            let output = test.arg(file.with_extension("jsonl")).output().unwrap();
            assert!(output.status.success(), "{version}, {kind}: {output:?}");
        }
    }
}

#[test]
fn the_contract_is_packed_for_other_tools() {
    let folder = tempfile::tempdir().unwrap();
    let packed = |name: &str| {
        let into = folder.path().join(name);
        let mut make = Command::new("make");
        make.arg("wit").arg(format!("TRIBUNAL={}", binary().display())).arg(format!("WIT={}", into.display()));
        output(make.current_dir(root()));
        files(&into).iter().map(|file| fs::read(file).unwrap()).collect::<Vec<_>>()
    };
    let [archive, package] = <[_; 2]>::try_from(packed("once")).unwrap();
    assert_eq!(packed("again"), [archive, package.clone()], "the same to the byte");

    // `wit-deps` takes the WIT files of an archive's folder `wit`.
    let unpacked = folder.path().join("unpacked");
    fs::create_dir(&unpacked).unwrap();
    let archive = folder.path().join("once/tribunal-plugin-0.1.0.tar.gz");
    run(Command::new("tar").arg("xzf").arg(archive).current_dir(&unpacked));
    let names =
        |folder: &Path| files(folder).iter().map(|file| file.file_name().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(&unpacked.join("wit")), names(&root().join("wit/v0.1")));
    for name in names(&root().join("wit/v0.1")) {
        let [theirs, ours] = [unpacked.join("wit"), root().join("wit/v0.1")].map(|folder| fs::read(folder.join(&name)));
        assert_eq!(theirs.unwrap(), ours.unwrap());
    }

    // What is packed for `wkg` says the same as the files, of which the test of the registry has it fetched.
    let mut resolve = wit_parser::Resolve::default();
    let (of_files, _) = resolve.push_dir(root().join("wit/v0.1")).unwrap();
    let encoded = wit_component::encode(&resolve, of_files, false).unwrap();
    assert_eq!(package, encoded);
}
