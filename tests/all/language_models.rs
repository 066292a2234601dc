//! A plugin in every language that asks models: its requests, verdicts and failures are those of the one in Rust.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tribunal_tests::{Asked, Provider, Reply, Server, locked, root, sha256};

use super::languages::{create, page, plugins, shell, stamp};

/// Each language, and the file of a project that the plugin is written in.
const SOURCES: [(&str, &str); 8] = [
    ("rust", "src/lib.rs"),
    ("python", "src/plugin.py"),
    ("javascript", "plugin.js"),
    ("typescript", "src/plugin.ts"),
    ("go", "plugin.go"),
    ("c", "src/plugin.c"),
    ("cpp", "src/plugin.cpp"),
    ("zig", "src/plugin.zig"),
];

fn source(language: &str, file: &str) -> String {
    fs::read_to_string(root().join("tests/guests/languages").join(language).join(file)).unwrap()
}

#[test]
fn pages_show_what_is_tried() {
    for (language, file) in SOURCES {
        let page = fs::read_to_string(page(language)).unwrap();
        let section = page.split_once("## Ask a model\n").unwrap_or_else(|| panic!("{language} has none")).1;
        let shown: Vec<_> = section.split("```").nth(1).unwrap().lines().skip(1).map(str::trim).collect();
        let source = source(language, file);
        let tried: Vec<_> = source.lines().map(str::trim).collect();
        assert!(shown.len() > 2 && tried.windows(shown.len()).any(|lines| lines == shown), "{language}: {shown:?}");
    }
}

/// The plugin, built in a new project that has its source in the place of the template's. It stays as those of the pages do.
fn judge(language: &str, file: &str) -> PathBuf {
    // Its tools are those of the page.
    plugins(language);
    let folder = root().join("target/languages").join(language);
    let _lock = locked(&folder.with_added_extension("lock"));
    let (project, sources) = (folder.join("judge"), root().join("tests/guests/languages"));
    let manifest = fs::read_to_string(sources.join("plugin.toml")).unwrap().replace("example-language", language);
    let text = source(language, file);
    let (stands, now) = (project.join("stamp"), sha256([stamp(language), manifest.clone(), text.clone()].concat()));
    if fs::read_to_string(&stands).unwrap_or_default() != now {
        // It need not be there.
        let _ = fs::remove_dir_all(&project);
        create(language, "scorer", "judge", &folder);
        fs::write(project.join("plugin.toml"), manifest).unwrap();
        fs::write(project.join(file), text).unwrap();
        // Cargo has the summary of a plugin in Rust.
        let summary = "s/Counts the words of an answer/Scores with what a model answers/";
        shell(&format!("[ ! -e Cargo.toml ] || sed -i '{summary}' Cargo.toml\ntribunal plugin build\n"), &project);
        fs::write(stands, now).unwrap();
    }
    project.join("build/judge.wasm")
}

/// What is judged, and how many scores or which failure comes of it.
const JUDGED: [(&str, Result<usize, &str>); 7] = [
    ("Größe: 5 \"Ellen\" \\ 🐈\n\tand a line", Ok(6)),
    ("", Ok(6)),
    ("a bare answer", Ok(5)),
    ("refuse this", Err("model-refused: judge: the provider answered 400 Bad Request: no such words")),
    ("nonsense", Err("model-answer: judge: the answer is no JSON")),
    ("no vectors", Err("model-refused: judge: the provider answered 404 Not Found: no such model")),
    (
        "storm",
        Err("model-unavailable: judge: the provider answered 503 Service Unavailable: busy, at the last of 5 tries"),
    ),
];

/// What the provider answers.
fn answer(asked: &Asked) -> Reply {
    if asked.path.ends_with("/embeddings") {
        let text = asked.body["input"][0].as_str().unwrap();
        return match text {
            "no vectors" => Reply::Status(404, vec![], json!({"error": {"message": "no such model"}}).to_string()),
            _ => Reply::Vectors(vec![vec![0.1, 0.7, -0.3], vec![0.2, 0.5, 0.9]]),
        };
    }
    match asked.question() {
        "refuse this" => Reply::Status(400, vec![], json!({"error": {"message": "no such words"}}).to_string()),
        "storm" => Reply::Status(503, vec![], "busy".to_owned()),
        "nonsense" => Reply::Text("fünf".to_owned()),
        "a bare answer" => {
            let message = json!({"role": "assistant", "content": "{\"score\": 2}"});
            Reply::Raw(json!({"model": "bare-1", "choices": [{"index": 0, "message": message}]}).to_string())
        }
        _ => Reply::Text("{\"score\": 4, \"why\": \"Grüße\"}".to_owned()),
    }
}

#[test]
fn models_are_asked_alike_in_every_language() {
    let provider = Provider::start(answer);
    let server = Server::start("");
    let mut config = String::new();
    for (language, file) in SOURCES {
        // Each has an alias of its own: what one was answered would be given to the others unasked.
        config.push_str(&format!(
            "[models.judge-{language}]\nprovider = \"openai\"\nbase_url = \"{}/{language}\"\nmodel = \"judge-1\"\n\
             [plugins.{language}]\ncomponent = {:?}\nmodels = [\"judge-{language}\"]\nattempts = 2\n\
             config = {{ model = \"judge-{language}\" }}\n",
            provider.url,
            judge(language, file)
        ));
        // One after the other, since some take seconds to compile.
        let report = server.configure(&config);
        let items = report["items"].as_array().unwrap();
        assert!(items.iter().all(|item| item["outcome"] == "loaded" || item["outcome"] == "unchanged"), "{report}");
    }
    for (at, (text, _)) in JUDGED.iter().enumerate() {
        let output = json!([{"role": "assistant", "content": text}]);
        let posted = server.post(&json!({"id": format!("i{at}"), "provider": "p", "model": "m", "output": output}));
        assert!(posted.status().is_success());
    }
    server.wait_idle();
    // What is transient is judged once more.
    let storm = format!("/v1/interactions/i{}", JUDGED.len() - 1);
    server.wait_until("every storm was tried twice", || {
        let evaluations = server.json(&storm)["evaluations"].clone();
        evaluations.as_array().unwrap().iter().all(|evaluation| evaluation["attempts"] == 2)
    });

    for (at, (text, wanted)) in JUDGED.iter().enumerate() {
        let shown = server.json(&format!("/v1/interactions/i{at}"));
        let evaluations = shown["evaluations"].as_array().unwrap();
        let of = |language: &str| {
            let found = evaluations.iter().find(|evaluation| evaluation["plugin"] == language).unwrap();
            let said = json!([found["outcome"], found["verdicts"], found["failure"], found["attempts"]]).to_string();
            said.replace(&format!("judge-{language}"), "judge")
        };
        let rust: Value = serde_json::from_str(&of("rust")).unwrap();
        match wanted {
            Ok(scores) => assert_eq!(rust[1].as_array().map(Vec::len), Some(*scores), "{text:?}: {rust}"),
            Err(words) => {
                let [reason, message] = ["reason", "message"].map(|name| rust[2][name].as_str().unwrap_or_default());
                assert!(format!("{reason}: {message}").starts_with(words), "{text:?}: {rust}");
            }
        }
        for (language, _) in SOURCES {
            assert_eq!(of(language), of("rust"), "{text:?} in {language}");
        }
    }

    let mut requests: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for asked in provider.asked() {
        let (language, path) = asked.path.trim_start_matches('/').split_once('/').unwrap();
        requests.entry(language.to_owned()).or_default().push(format!("{path} {}", asked.body));
    }
    requests.values_mut().for_each(|requests| requests.sort());
    // Three for each that is judged; fewer where one of them fails, more where it is tried again.
    assert_eq!(requests["rust"].len(), 3 * 4 + 1 + 2 + 2 * 5);
    for (language, _) in SOURCES {
        assert_eq!(requests[language], requests["rust"], "{language}");
    }
}
