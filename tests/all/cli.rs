//! The commands.

use std::fs;
use std::process::{Command, Output};

use tribunal_tests::{Server, binary, guest, interaction, pages};

fn tribunal(args: &[&str]) -> Output {
    Command::new(binary()).args(args).env_remove("TRIBUNAL_LISTEN").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn import_goes_on_past_bad_lines_and_can_be_run_again() {
    let server = Server::start("");
    let file = server.folder.path().join("some.jsonl");
    let mut lines: Vec<_> = (0..1200).map(|at| interaction(&format!("i{at}"), 50).to_string()).collect();
    lines[700] = "{\"provider\": \"p\"}".to_owned();
    lines[1100] = "not JSON".to_owned();
    fs::write(&file, lines.join("\n")).unwrap();
    let file = file.to_str().unwrap();

    let first = tribunal(&["import", "--url", &server.url, file]);
    assert_eq!(text(&first.stdout), "1198 recorded, 0 there already, 2 rejected\n");
    assert!(!first.status.success());
    let errors = text(&first.stderr);
    assert!(errors.contains("some.jsonl:701: model: missing field `model`"), "{errors}");
    assert!(errors.contains("some.jsonl:1101: the body is not valid JSON"), "{errors}");

    let second = tribunal(&["import", "--url", &server.url, file]);
    assert_eq!(text(&second.stdout), "0 recorded, 1198 there already, 2 rejected\n");
    assert_eq!(pages(&server, "/v1/interactions").len(), 1198);

    let absent = tribunal(&["import", "--url", "http://127.0.0.1:1", file]);
    assert!(text(&absent.stderr).contains("is the server running?"), "{}", text(&absent.stderr));
}

#[test]
fn import_gives_ids_that_are_the_same_at_every_run() {
    let server = Server::start("max_body = \"1MiB\"\n");
    let file = server.folder.path().join("no-ids.jsonl");
    let said = |word: &str| format!(r#"{{"provider": "p", "model": "m", "reference": "{word}"}}"#);
    // The same text twice is two interactions; a line that no server takes holds up no other.
    let lines = [said("a"), said("b"), said(&"long".repeat(1 << 19)), said("a"), "{}".to_owned()];
    fs::write(&file, lines.join("\n")).unwrap();
    let file = file.to_str().unwrap();

    let first = tribunal(&["import", "--url", &server.url, file]);
    assert_eq!(text(&first.stdout), "3 recorded, 0 there already, 2 rejected\n", "{}", text(&first.stderr));
    assert!(text(&first.stderr).contains("no-ids.jsonl:3: the body is larger"), "{}", text(&first.stderr));
    assert!(text(&first.stderr).contains("no-ids.jsonl:5: provider: missing field"), "{}", text(&first.stderr));
    let second = tribunal(&["import", "--url", &server.url, file]);
    assert_eq!(text(&second.stdout), "0 recorded, 3 there already, 2 rejected\n");
}

#[test]
fn check_says_what_is_wrong_and_where() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("tribunal.toml");
    let check = |text_of_config: &str| {
        fs::write(&config, text_of_config).unwrap();
        tribunal(&["check", "--config", config.to_str().unwrap()])
    };
    let good = check(&format!("[plugins.a]\ncomponent = {:?}", guest("length")));
    assert!(good.status.success(), "{}", text(&good.stderr));
    assert!(text(&good.stdout).contains("ok      a: length 0.1.0 (scorer)"), "{}", text(&good.stdout));

    let wrong = check("listen = \"127.0.0.1:1\"\n[plugins.a]\ncomponnt = \"x\"");
    assert!(!wrong.status.success());
    assert!(text(&wrong.stderr).contains("line 3, column 1"), "{}", text(&wrong.stderr));

    let missing = check("[plugins.a]\ncomponent = \"x.wasm\"");
    assert!(!missing.status.success());
    assert!(text(&missing.stdout).contains("failed  a: cannot read"), "{}", text(&missing.stdout));
}

#[test]
fn inspect_says_what_a_file_is() {
    let found = tribunal(&["plugin", "inspect", "--json", guest("length").to_str().unwrap()]);
    let found: serde_json::Value = serde_json::from_slice(&found.stdout).unwrap();
    assert_eq!(found["format"], "core module");
    assert_eq!(found["contract"], "0.1.0");
    assert_eq!(found["kinds"], serde_json::json!(["scorer"]));
    assert_eq!(found["sha256"].as_str().unwrap().len(), 64);
    let wrong = tribunal(&["plugin", "inspect", binary().to_str().unwrap()]);
    assert!(text(&wrong.stderr).contains("not a WebAssembly component or module"), "{}", text(&wrong.stderr));

    // Of half of a file some decoder panics.
    let folder = tempfile::tempdir().unwrap();
    let half = folder.path().join("half.wasm");
    let whole = std::fs::read(guest("length")).unwrap();
    for length in [1000, whole.len() / 2, whole.len() - 10] {
        std::fs::write(&half, &whole[..length]).unwrap();
        let said = tribunal(&["plugin", "inspect", half.to_str().unwrap()]);
        let said = text(&said.stderr);
        assert!(said.starts_with("error: ") && said.lines().count() == 1, "{length}: {said}");
    }
}

#[test]
fn two_servers_do_not_share_a_database() {
    let server = Server::start("");
    let mut command = Command::new(binary());
    let second =
        command.arg("serve").current_dir(server.folder.path()).env("TRIBUNAL_LISTEN", "127.0.0.1:0").output().unwrap();
    assert!(!second.status.success());
    assert!(text(&second.stderr).contains("another process is using"), "{}", text(&second.stderr));
}
