//! The server keeps what `/openapi.json` promises: requests made from the document, valid and not, get the answers that
//! it lists, in the form that it gives.

use std::process::Command;

use serde_json::json;
use tribunal_tests::{Server, interaction, plugin, python, root, run};

#[test]
fn the_server_does_what_its_document_says() {
    let server = Server::start(&format!("[plugins.refusal]\ncomponent = {:?}\n", plugin("refusal")));
    assert_eq!(server.post(&json!([interaction("one", 20)])).status(), 200);
    server.wait_idle();
    let document = server.json("/openapi.json");
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."), "{}", document["openapi"]);

    let python = python("tests/requirements.txt");
    let folder = tempfile::tempdir().unwrap();
    run(Command::new(python.with_file_name("schemathesis"))
        .current_dir(folder.path())
        .arg("--config-file")
        .arg(root().join("tests/schemathesis.toml"))
        .args(["run", "--seed=1", "--max-examples=50", "--no-color", &format!("{}/openapi.json", server.url)]));
}
