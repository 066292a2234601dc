//! What was judged can be judged again, to the byte: on any number of threads, after a restart, from a fresh snapshot,
//! and after the operator has put another file in the plugin's place.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use rusqlite::Connection;
use serde_json::{Value, json};
use tribunal_tests::{Server, binary, guest, interaction, plugin, root, sha256};

const FIRST_PARTY: [&str; 5] = ["refusal", "answer-errors", "answer-errors-fast", "bias", "pricing"];

fn replay(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.arg("replay").arg("--config").arg(folder.join("tribunal.toml")).args(args);
    command.env_remove("TRIBUNAL_LISTEN").env_remove("TRIBUNAL_DATA").output().unwrap()
}

/// What the replay says for machines, and whether it ended well.
fn report(folder: &Path, binding: &str, args: &[&str]) -> (Value, bool) {
    let output = replay(folder, &[&["--binding", binding, "--json"], args].concat());
    let text = String::from_utf8_lossy(&output.stdout);
    let report = serde_json::from_str(&text);
    let report = report.unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    (report, output.status.success())
}

fn check_equal(folder: &Path, binding: &str, args: &[&str], count: usize) {
    let (report, ended_well) = report(folder, binding, args);
    assert!(ended_well && report["evaluations"] == count && report["equal"] == count, "{binding}: {report:#}");
    assert_eq!(report["equal_percent"], 100.0);
}

/// What a replay that cannot begin says.
fn complaint(folder: &Path, binding: &str) -> String {
    let output = replay(folder, &["--binding", binding]);
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

fn database(folder: &Path) -> Connection {
    Connection::open(folder.join("tribunal.db")).unwrap()
}

type Judged = BTreeMap<(String, String), (Option<String>, Option<String>)>;

/// What was stored, by the binding's name and the interaction's id without what stands before the last `/`.
fn stored(folder: &Path, prefix: &str) -> Judged {
    let connection = database(folder);
    let mut select = connection
        .prepare(
            "SELECT b.name, i.id, e.failure, e.verdicts
             FROM evaluations e JOIN bindings b ON b.id = e.binding JOIN interactions i ON i.seq = e.seq",
        )
        .unwrap();
    let rows = select.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), (row.get(2)?, row.get(3)?)))).unwrap();
    let rows: Vec<((String, String), _)> = rows.collect::<Result<_, _>>().unwrap();
    let wanted = rows.into_iter().filter_map(|((name, id), judged)| {
        let (found, id) = id.rsplit_once('/').unwrap_or(("", &id));
        (found == prefix).then(|| ((name, id.to_owned()), judged))
    });
    wanted.collect()
}

/// The bundled sample, every id with that before it.
fn sample(prefix: &str) -> (String, usize) {
    let text = fs::read_to_string(root().join("examples/interactions.jsonl")).unwrap();
    let mut lines = String::new();
    for line in text.lines() {
        let mut interaction: Value = serde_json::from_str(line).unwrap();
        if !prefix.is_empty() {
            interaction["id"] = format!("{prefix}/{}", interaction["id"].as_str().unwrap()).into();
        }
        writeln!(lines, "{interaction}").unwrap();
    }
    (lines, text.lines().count())
}

fn judge(server: &Server, prefix: &str) -> usize {
    let (lines, count) = sample(prefix);
    let answer: Value = server.post_as("application/x-ndjson", lines).json().unwrap();
    assert_eq!(answer["recorded"], count, "{answer}");
    server.wait_idle();
    count
}

fn first_party(workers: usize) -> String {
    let mut config = format!("workers = {workers}\n");
    for name in FIRST_PARTY {
        let file = plugin(name);
        let limits = "memory = \"512MiB\"\ndeadline = \"30s\"";
        writeln!(config, "[plugins.{name}]\ncomponent = {file:?}\nstart = \"beginning\"\n{limits}").unwrap();
    }
    config
}

#[test]
fn every_first_party_plugin_says_the_same_again() {
    let mut many = Server::start(&first_party(3));
    let one = Server::start(&first_party(1));
    let count = judge(&many, "");
    judge(&one, "");
    let verdicts = stored(many.folder.path(), "");
    assert_eq!(verdicts.len(), FIRST_PARTY.len() * count);
    assert_eq!(verdicts, stored(one.folder.path(), ""), "the number of workers made a difference");
    // Beside the running servers.
    for name in FIRST_PARTY {
        check_equal(many.folder.path(), name, &["--threads", "1"], count);
        check_equal(one.folder.path(), name, &["--threads", "3"], count);
    }

    // From the compiled snapshot that the first start left, and from a new one.
    for prefix in ["restarted", "fresh"] {
        assert!(many.terminate().success());
        if prefix == "fresh" {
            fs::remove_dir_all(many.folder.path().join("tribunal.db.cache")).unwrap();
        }
        many.restart();
        judge(&many, prefix);
        assert_eq!(verdicts, stored(many.folder.path(), prefix), "{prefix}");
    }
    assert!(many.terminate().success());
    for name in FIRST_PARTY {
        check_equal(many.folder.path(), name, &[], 3 * count);
    }
}

fn length_and_interactions(count: usize) -> Server {
    let server = Server::start(&format!("[plugins.length]\ncomponent = {:?}\nstart = \"beginning\"", guest("length")));
    let day = |at: usize| format!("2026-03-{:02}T12:00:00Z", 1 + at % 20);
    let batch: Vec<_> = (0..count)
        .map(|at| {
            let mut interaction = interaction(&format!("i{at}"), 40 + at % 300);
            interaction["started_at"] = day(at).into();
            interaction
        })
        .collect();
    assert_eq!(server.post(&json!(batch)).status(), 200);
    server.wait_idle();
    server
}

#[test]
fn what_was_changed_is_shown() {
    let mut server = length_and_interactions(40);
    let folder = server.folder.path().to_owned();
    check_equal(&folder, "length", &[], 40);
    assert!(server.terminate().success());
    let changed = database(&folder).execute_batch(
        "UPDATE evaluations SET verdicts = replace(verdicts, '\"value\":', '\"value\":9') WHERE seq = 3;
         UPDATE evaluations SET verdicts = NULL WHERE seq = 5;
         UPDATE evaluations SET verdicts = NULL, failure = 'trap', message = '' WHERE seq = 2;
         UPDATE evaluations SET verdicts = NULL, failure = 'deadline', message = '' WHERE seq = 8;",
    );
    changed.unwrap();
    server.restart();

    let (found, ended_well) = report(&folder, "length", &["--threads", "2"]);
    assert!(!ended_well);
    let count = |field: &str| found[field].as_u64().unwrap();
    assert_eq!((count("evaluations"), count("equal"), count("different"), count("circumstance")), (40, 36, 3, 1));
    assert_eq!(found["equal_percent"], 90.0);
    let differences = found["differences"].as_array().unwrap();
    let ids: Vec<_> = differences.iter().map(|difference| difference["interaction"].as_str().unwrap()).collect();
    assert_eq!(ids, ["i1", "i2", "i4"], "in the order in which they were started");
    assert_eq!(differences[0]["stored"], json!({"failure": "trap"}));
    let side = |at: usize, side: &str| differences[at][side]["verdicts"].as_str().unwrap();
    assert_eq!(side(1, "stored"), side(1, "again").replace("\"value\":", "\"value\":9"));
    assert_eq!(side(2, "stored"), "[]");

    let words = replay(&folder, &["--binding", "length", "--show", "1"]);
    let words = String::from_utf8(words.stdout).unwrap();
    let lines: Vec<_> = words.lines().collect();
    assert_eq!(lines[1], "40 evaluations, 36 equal to the byte: 90 %");
    assert!(lines[2].starts_with("1 ended at their deadline or without a model's answer"), "{words}");
    assert_eq!(lines[3], "3 different; the first of them:");
    assert_eq!(lines[5], "    stored  failed: trap");
    assert_eq!(lines.len(), 7, "one is shown: {words}");

    // Two of the three started in these days, and so did seven others.
    let days = ["--from", "2026-03-03T12:00:00Z", "--to", "2026-03-08T00:00:00+00:00"];
    let (some, _) = report(&folder, "length", &days);
    assert_eq!((some["evaluations"].as_u64(), some["different"].as_u64()), (Some(10), Some(2)), "{some:#}");
    let (none, ended_well) = report(&folder, "length", &["--to", "2026-03-01T12:00:00Z"]);
    assert!(!ended_well && none["evaluations"] == 0, "nothing was shown to be equal: {none:#}");
}

#[test]
fn a_log_that_started_at_few_moments_is_replayed_whole() {
    // Many times what is read at once, at 20 moments.
    let server = length_and_interactions(11_000);
    check_equal(server.folder.path(), "length", &["--threads", "2"], 11_000);
    let to = ["--to", "2026-03-02T12:00:00Z", "--threads", "2"];
    check_equal(server.folder.path(), "length", &to, 550);
}

#[test]
fn a_name_is_the_binding_that_judged_last() {
    let config = |sample: &str| {
        format!("[plugins.mine]\ncomponent = {:?}\nstart = \"beginning\"\nsample = {sample}", guest("length"))
    };
    let mut server = Server::start(&config("1.0"));
    server.post(&interaction("x", 40));
    server.wait_idle();
    server.configure(&config("0.000001"));
    server.configure(&config("1.0"));
    server.post(&interaction("y", 40));
    server.wait_idle();
    assert!(server.terminate().success());
    check_equal(server.folder.path(), "mine", &[], 2);
}

#[test]
fn a_plugin_can_be_replayed_after_its_file_was_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let component = folder.path().join("plugin.wasm");
    fs::copy(guest("length"), &component).unwrap();
    let mut server = Server::start_in(folder, "[plugins.mine]\ncomponent = \"plugin.wasm\"\nstart = \"beginning\"");
    server.post(&interaction("x", 40));
    server.wait_idle();
    let folder = server.folder.path().to_owned();
    let digest_of_file = sha256(fs::read(&component).unwrap());
    let kept = folder.join("tribunal.db.plugins").join(format!("{digest_of_file}.wasm"));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(kept.parent().unwrap()), mode(&kept)), (0o700, 0o600));

    assert!(server.terminate().success());
    let before = database(&folder);
    let digest: String = before.query_row("SELECT lower(hex(digest)) FROM bindings", [], |row| row.get(0)).unwrap();
    fs::copy(plugin("pricing"), &component).unwrap();
    server.restart();
    server.wait_idle();
    // The name is that of the new binding now, and the digest that of the old one.
    let (found, _) = report(&folder, "mine", &[]);
    assert_ne!(found["sha256"], digest_of_file.as_str());
    check_equal(&folder, &digest, &[], 1);
    check_equal(&folder, &digest[..12], &[], 1);

    let mut damaged = fs::read(&kept).unwrap();
    damaged[5000] ^= 1;
    fs::write(&kept, &damaged).unwrap();
    let words = complaint(&folder, &digest);
    assert!(words.contains("is damaged") && words.contains("no plugin of the configuration has it either"), "{words}");
    fs::remove_file(&kept).unwrap();
    let words = complaint(&folder, &digest);
    assert!(words.contains("cannot read") && words.contains(&digest_of_file), "{words}");

    // What is still where the configuration says will do, and what is loaded again is kept again.
    fs::write(&kept, &damaged).unwrap();
    fs::copy(guest("length"), &component).unwrap();
    check_equal(&folder, &digest, &[], 1);
    assert!(server.terminate().success());
    server.restart();
    fs::remove_file(&component).unwrap();
    check_equal(&folder, &digest, &[], 1);
}

#[test]
fn what_cannot_be_replayed_says_why() {
    let mut config = String::new();
    // With more bindings than there are digits, two digests begin with the same.
    for at in 0..17 {
        writeln!(config, "[plugins.n{at}]\ncomponent = {:?}", guest("length")).unwrap();
    }
    let mut server = Server::start(&config);
    let folder = server.folder.path().to_owned();
    let words = complaint(&folder, "none");
    assert!(words.contains("no binding is named \"none\"") && words.contains("there are: n9 "), "{words}");
    let plugins = server.json("/v1/plugins");
    let mut digests: Vec<_> =
        plugins["items"].as_array().unwrap().iter().map(|item| item["binding"].as_str().unwrap()).collect();
    digests.sort_unstable();
    let same = digests.windows(2).find(|pair| pair[0][..1] == pair[1][..1]).unwrap();
    let words = complaint(&folder, &same[0][..1]);
    assert!(words.contains("several digests begin with"), "{words}");

    assert!(server.terminate().success());
    let change = "UPDATE bindings SET definition = replace(definition, '64MiB', '65MiB') WHERE name = 'n0'";
    assert_eq!(database(&folder).execute(change, []).unwrap(), 1);
    let words = complaint(&folder, "n0");
    assert!(words.contains("the stored definition of binding"), "{words}");
    database(&folder).execute_batch("PRAGMA user_version = 1").unwrap();
    let words = complaint(&folder, "n1");
    assert!(words.contains("is of an older version"), "{words}");
    fs::remove_file(folder.join("tribunal.db")).unwrap();
    let words = complaint(&folder, "n1");
    assert!(words.contains("cannot open") && words.contains("No such file"), "{words}");
    assert!(!folder.join("tribunal.db").exists());
}

#[test]
fn an_evaluation_says_what_it_depends_on() {
    let server = Server::start(&format!(
        "[plugins.refusal]\ncomponent = {:?}\nconfig = {{ threshold = 0.25 }}",
        plugin("refusal")
    ));
    server.post(&interaction("x", 200));
    server.wait_idle();
    let evaluation = server.json("/v1/interactions/x")["evaluations"][0].clone();
    let loaded = server.json("/v1/plugins")["items"][0].clone();
    for item in [&evaluation, &loaded] {
        assert_eq!(item["sha256"], sha256(fs::read(plugin("refusal")).unwrap()), "{item}");
        assert_eq!(item["config_sha256"], sha256(b"{\"threshold\":0.25}"), "{item}");
        assert_eq!(item["contract"], "0.1.0", "{item}");
        assert_eq!(item["binding"], loaded["binding"]);
    }
    // A call of microseconds sees no tick, or one by chance.
    assert!(evaluation["epochs"].as_u64().unwrap() < 50, "{evaluation}");
}
