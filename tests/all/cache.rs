//! What was compiled before is used again where it is whole, ours and meant; else it is compiled anew, never run.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use sha2::{Digest, Sha256};
use tribunal_tests::{Server, binary, guest, interaction, plugin};

/// Another user than the one that runs the tests, for which they want root.
const SOMEBODY: u32 = 65_534;

/// Two scorers, whose code would run in each other's place: one counts words, the other looks for refusals.
struct Bench {
    server: Server,
    posted: usize,
}

impl Bench {
    fn start() -> Self {
        let server = Server::start(&format!(
            "[plugins.length]\ncomponent = {:?}\n[plugins.refusal]\ncomponent = {:?}",
            guest("length"),
            plugin("refusal")
        ));
        let mut bench = Self { server, posted: 0 };
        bench.check_verdicts();
        bench
    }

    fn folder(&self) -> PathBuf {
        self.server.folder.path().join("tribunal.db.cache")
    }

    /// Each says what it should of an interaction of ten words.
    fn check_verdicts(&mut self) {
        let id = format!("x{}", self.posted);
        self.posted += 1;
        let mut interaction = interaction(&id, 10);
        interaction["output"][0]["content"] = "one two three four five six seven eight nine ten".into();
        self.server.post(&interaction);
        self.server.wait_idle();
        let found = self.server.json(&format!("/v1/interactions/{id}"));
        let of = |name: &str| -> Value {
            let evaluations = found["evaluations"].as_array().unwrap();
            evaluations.iter().find(|evaluation| evaluation["plugin"] == name).unwrap()["verdicts"][0].clone()
        };
        assert_eq!((&of("length")["name"], &of("length")["value"]), (&"words".into(), &10.0.into()), "{found:#}");
        assert_eq!(of("refusal")["name"], "refusal", "{found:#}");
    }

    /// The entry of the plugin of that name.
    fn entry(&self, name: &str) -> PathBuf {
        let describes = format!("\"description\":{{\"name\":\"{name}\"").into_bytes();
        let mut found = entries(&self.folder());
        found.retain(|path| fs::read(path).unwrap().windows(describes.len()).any(|window| window == describes));
        assert_eq!(found.len(), 1, "{name}");
        found.remove(0)
    }

    /// Stops, does something to the folder, starts again: the verdicts are right, and the log says that (or, of
    /// nothing, does not say that) anything was made anew.
    fn check(&mut self, what: &str, change: impl FnOnce(&Self), says: Option<&str>) {
        assert!(self.server.terminate().success());
        change(self);
        self.server.restart();
        self.check_verdicts();
        let log = self.server.log();
        match says {
            Some(says) => assert!(log.contains(says), "{what}: the log lacks {says:?}:\n{log}"),
            None => assert!(!log.contains("made anew"), "{what}:\n{log}"),
        }
        assert_eq!(entries(&self.folder()).len(), 2, "{what}");
    }
}

/// The compiled plugins in the folder.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let all = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    all.filter(|path| path.extension().is_some_and(|extension| extension == "compiled")).collect()
}

/// An entry in its parts: digest and length of the header, header, code.
fn parts(path: &Path) -> (Vec<u8>, Vec<u8>) {
    let bytes = fs::read(path).unwrap();
    let length = u32::from_le_bytes(bytes[32..36].try_into().unwrap()) as usize;
    let (header, code) = bytes[36..].split_at(length);
    (header.to_vec(), code.to_vec())
}

/// Writes an entry with the digest that belongs to it.
fn sealed(path: &Path, header: &[u8], code: &[u8]) {
    let length = u32::try_from(header.len()).unwrap().to_le_bytes();
    let rest = [&length[..], header, code].concat();
    fs::write(path, [&Sha256::digest(&rest)[..], &rest].concat()).unwrap();
}

/// Changes bytes of a file.
fn rewrite(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

#[test]
fn what_was_tampered_with_is_compiled_anew_and_never_run() {
    let mut bench = Bench::start();
    bench.check("nothing", |_| {}, None);
    let damaged = Some("it is damaged");
    let flip = |at: fn(usize) -> usize| {
        move |bench: &Bench| {
            rewrite(&bench.entry("length"), |bytes| {
                let at = at(bytes.len());
                bytes[at] ^= 1;
            });
        }
    };
    bench.check("a byte of the digest", flip(|_| 3), damaged);
    bench.check("a byte of the length", flip(|_| 32), damaged);
    bench.check("a byte of the header", flip(|_| 60), damaged);
    bench.check("a byte in the middle of the code", flip(|length| length / 2), damaged);
    bench.check("the last byte", flip(|length| length - 1), damaged);
    for (what, length) in
        [("half of it", 100_000), ("the digest alone", 32), ("less than a digest", 10), ("nothing", 0)]
    {
        bench.check(what, |bench| rewrite(&bench.entry("length"), |bytes| bytes.truncate(length)), damaged);
    }

    let anothers_code = |bench: &Bench| {
        let path = bench.entry("length");
        let digest = fs::read(&path).unwrap()[..32].to_vec();
        let ((header, _), (_, code)) = (parts(&path), parts(&bench.entry("refusal")));
        let length = u32::try_from(header.len()).unwrap().to_le_bytes();
        fs::write(&path, [&digest[..], &length, &header, &code].concat()).unwrap();
    };
    bench.check("the whole code of the other plugin", anothers_code, damaged);
    let swap = |bench: &Bench| {
        let (length, refusal) = (bench.entry("length"), bench.entry("refusal"));
        let kept = fs::read(&length).unwrap();
        fs::copy(&refusal, &length).unwrap();
        fs::write(refusal, kept).unwrap();
    };
    bench.check("each under the other's name", swap, Some("it was made as"));
    let by_another_engine = |bench: &Bench| {
        let path = bench.entry("length");
        let (header, code) = parts(&path);
        let name = path.file_name().unwrap().to_str().unwrap();
        let engine = &name[65..81];
        let header = String::from_utf8(header).unwrap().replace(engine, "0123456789abcdef");
        sealed(&path, header.as_bytes(), &code);
    };
    bench.check("made by another engine, by its header", by_another_engine, Some("it was made as"));
    let no_header = |bench: &Bench| sealed(&bench.entry("length"), b"{}", &parts(&bench.entry("refusal")).1);
    bench.check("a header that says nothing", no_header, Some("its header is not valid"));
    let no_code = |bench: &Bench| {
        let path = bench.entry("length");
        sealed(&path, &parts(&path).0, b"no code");
    };
    bench.check("what the engine did not write", no_code, Some("the engine refuses it"));
    bench.check("nothing, at the end", |_| {}, None);
}

#[test]
fn what_others_could_have_written_is_compiled_anew() {
    let mut bench = Bench::start();
    let refused = Some("no plain file that only this user could have written");
    let mode = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    bench.check("others may write it", |bench| mode(&bench.entry("length"), 0o666), refused);
    let somebodys = |bench: &Bench| chown(bench.entry("length"), Some(SOMEBODY), None).unwrap();
    bench.check("it is somebody else's", somebodys, refused);
    let pipe = |bench: &Bench| {
        let path = bench.entry("length");
        fs::remove_file(&path).unwrap();
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    };
    bench.check("a pipe that nobody writes to", pipe, refused);
    let link = |bench: &Bench| {
        let path = bench.entry("length");
        let elsewhere = bench.server.folder.path().join("elsewhere");
        fs::rename(&path, &elsewhere).unwrap();
        symlink(elsewhere, &path).unwrap();
    };
    bench.check("a link", link, Some("it cannot be read"));

    let folder = bench.folder();
    bench.check("a folder that is open to others", |_| mode(&folder, 0o777), Some("others could use a private folder"));
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o7777, 0o700);
    bench.check("nothing, at the end", |_| {}, None);

    assert!(bench.server.terminate().success());
    chown(&folder, Some(SOMEBODY), None).unwrap();
    let started = Command::new(binary())
        .arg("serve")
        .current_dir(bench.server.folder.path())
        .env("TRIBUNAL_LISTEN", "127.0.0.1:0")
        .output()
        .unwrap();
    let words = String::from_utf8(started.stderr).unwrap();
    assert!(!started.status.success() && words.contains("it belongs to user 65534"), "{words}");
    chown(&folder, Some(0), None).unwrap();
    bench.server.restart();
    bench.check_verdicts();
}

/// A folder in which nothing can be made, until dropped.
struct Immutable(PathBuf);

impl Immutable {
    fn make(folder: PathBuf) -> Self {
        assert!(Command::new("chattr").arg("+i").arg(&folder).status().unwrap().success());
        Self(folder)
    }
}

impl Drop for Immutable {
    fn drop(&mut self) {
        // The temporary folder cannot be removed else; where that fails, it stays.
        let _ = Command::new("chattr").arg("-i").arg(&self.0).status();
    }
}

#[test]
fn a_folder_that_cannot_be_written_holds_up_nobody() {
    let mut bench = Bench::start();
    let folder = bench.folder();
    assert!(bench.server.terminate().success());
    rewrite(&bench.entry("length"), |bytes| bytes[40] ^= 1);
    let immutable = Immutable::make(folder.clone());
    bench.server.restart();
    bench.check_verdicts();
    assert!(bench.server.log().contains("cannot keep a compiled plugin"), "{}", bench.server.log());
    drop(immutable);
    bench.check("what was damaged before", |_| {}, Some("it is damaged"));
    bench.check("nothing, at the end", |_| {}, None);
}

#[test]
fn what_is_stale_goes_and_what_is_no_entry_stays() {
    let mut bench = Bench::start();
    let folder = bench.folder();
    let key = "ab".repeat(32);
    let stale = [
        format!("{key}-0123456789abcdef.compiled"),
        format!("{key}-0123456789abcdef.cwasm"),
        format!("{key}-0123456789abcdef.json"),
        format!("{key}-0123456789abcdef.compiled.unfinished-1-0"),
    ];
    let put = |_: &Bench| {
        for name in &stale {
            fs::write(folder.join(name), "x").unwrap();
        }
        fs::write(folder.join("notes.txt"), "mine").unwrap();
    };
    bench.check("stale entries", put, None);
    for name in stale {
        assert!(!folder.join(&name).exists(), "{name} is still there");
    }
    assert_eq!(fs::read_to_string(folder.join("notes.txt")).unwrap(), "mine");
}

#[test]
fn what_was_prepared_under_wide_limits_says_nothing_of_narrow_ones() {
    let config = |limits: &str| format!("[plugins.length]\ncomponent = {:?}\n{limits}", guest("length"));
    let server = Server::start(&config(""));
    let report = server.configure(&config("load_memory = \"1MiB\"\n"));
    let reason = report["items"][0]["error"].as_str().unwrap();
    assert!(reason.contains("more than its `load_memory` of 1MiB"), "{report}");
    assert_eq!(server.configure(&config(""))["items"][0]["outcome"], "unchanged");
}

#[test]
fn the_folder_does_not_grow_for_ever() {
    let mut bench = Bench::start();
    let folder = bench.folder();
    assert!(bench.server.terminate().success());
    let damaged = bench.entry("length");
    rewrite(&damaged, |bytes| bytes[40] ^= 1);
    // Two of 3 GiB, of holes, that were used some time ago.
    let suffix = &damaged.file_name().unwrap().to_str().unwrap()[64..];
    let [older, newer] = [("ab", 20), ("cd", 10)].map(|(key, days)| {
        let path = folder.join(format!("{}{suffix}", key.repeat(32)));
        let file = fs::File::create(&path).unwrap();
        file.set_len(3 << 30).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(days * 86_400)).unwrap();
        path
    });
    bench.server.restart();
    bench.check_verdicts();
    assert!(newer.exists() && !older.exists(), "what was used last stays, up to 4 GiB: {:?}", entries(&folder));
    assert_eq!(entries(&folder).len(), 3);
}
