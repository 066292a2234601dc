//! Providers at their worst, and the secret that nobody but they may see.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use tribunal_tests::{Asked, Provider, Reply, Server, distinct, guest, plugin};

/// Nothing but the provider is to see it.
const KEY: &str = "sk-tribunal-tests-9f3b1c7a";
const COUNT: usize = 300;
/// How often a request is sent for one call, and how often a call is made.
const TRIES: usize = 5;
const ATTEMPTS: usize = 3;
const BUDGET: f64 = 50.0;

const SCHEMA: &str = "{ type = \"object\", required = [\"score\"], additionalProperties = false, \
    properties.score = { type = \"integer\", maximum = 5 } }";

/// The text that the answer has where all goes well.
const FINE: &str = "{\"score\": 4}";

/// What goes wrong with a question: by its text, and for the first tries only where that may pass.
fn trouble(asked: &Asked, tries: usize) -> Reply {
    let mut hasher = DefaultHasher::new();
    asked.question().hash(&mut hasher);
    let sort = hasher.finish() % 20;
    let passes = tries > 2;
    match sort {
        0 if !passes => Reply::Status(429, vec![("retry-after", "0".to_owned())], String::new()),
        1 if !passes => {
            Reply::Status(500, vec![], format!("{{\"error\": {{\"message\": \"your key {KEY} is fine\"}}}}"))
        }
        2 if !passes => Reply::Cut,
        3 if !passes => Reply::Stall,
        4 if !passes => Reply::Late(Duration::from_secs(3), Box::new(Reply::Text(FINE.to_owned()))),
        5 => Reply::Text("{\"score\": 9}".to_owned()),
        6 => Reply::Text("four".to_owned()),
        7 => Reply::Raw("<html>".to_owned()),
        8 => Reply::Status(401, vec![], format!("{{\"error\": {{\"message\": \"wrong key {KEY}\"}}}}")),
        9 => Reply::Status(503, vec![], "closed".to_owned()),
        _ => Reply::Text(FINE.to_owned()),
    }
}

/// What the storm of that question ends in.
fn end(question: &str) -> (&'static str, &'static str) {
    let mut hasher = DefaultHasher::new();
    question.hash(&mut hasher);
    match hasher.finish() % 20 {
        5 => ("model-answer", "judge: the answer does not satisfy the schema"),
        6 | 7 => ("model-answer", "judge: "),
        8 => ("model-refused", "judge: the provider answered 401"),
        9 => ("model-unavailable", "judge: the provider answered 503"),
        _ => ("", ""),
    }
}

fn server(dialect: &str, url: &str, more: &str) -> Server {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("key"), format!("{KEY}\n")).unwrap();
    let model = if dialect == "openai" { "gpt-4.1-mini" } else { "claude-sonnet-4-5" };
    let config = format!(
        "[models.judge]\nprovider = {dialect:?}\nbase_url = {url:?}\nmodel = {model:?}\napi_key = {{ file = \"key\" }}\n\
         timeout = \"500ms\"\nmax_concurrent = 100\nmax_output_tokens = 100\nrecord_in = \"judges\"\n\
         budget = {{ usd = {BUDGET:?}, per = \"month\" }}\n\
         [plugins.pricing]\ncomponent = {:?}\n\
         [plugins.asker]\ncomponent = {:?}\nmodels = [\"judge\"]\nattempts = {ATTEMPTS}\n{more}\n",
        plugin("pricing"),
        guest("asker")
    );
    Server::start_in(folder, &config)
}

fn asker(server: &Server) -> Value {
    server.binding("asker")
}

fn model(server: &Server) -> Value {
    server.json("/v1/models")["items"][0].clone()
}

fn storm(dialect: &str) {
    let tries: Mutex<BTreeMap<String, usize>> = Mutex::default();
    let provider = Provider::start(move |asked| {
        let mut tries = tries.lock().unwrap();
        let count = tries.entry(asked.question().to_owned()).or_insert(0);
        *count += 1;
        trouble(asked, *count)
    });
    let config = format!("config = {{ model = \"judge\", schema = {SCHEMA} }}");
    let mut server = server(dialect, &provider.url, &config);
    let posted: Vec<_> = (0..COUNT).map(|at| distinct(&format!("s{at}"), 20)).collect();
    let lines: String = posted.iter().map(|one| format!("{one}\n")).collect();
    assert!(server.post_as("application/x-ndjson", lines).status().is_success());
    // Many failures in a row hold the plugin back for a while, and it goes on by itself.
    let is_done = || {
        let stands = asker(&server);
        // A request that nobody waits for any more goes on to its end.
        stands["backlog"] == 0 && stands["retries"]["waiting"] == 0 && model(&server)["under_way"] == 0
    };
    server.wait_until_after(Duration::from_secs(150), "every interaction has its end", is_done);

    let mut asked_of = BTreeMap::new();
    for asked in provider.asked() {
        *asked_of.entry(asked.question().to_owned()).or_insert(0_usize) += 1;
    }
    for one in &posted {
        let question = one["output"][0]["content"].as_str().unwrap();
        let shown = server.json(&format!("/v1/interactions/{}", one["id"].as_str().unwrap()));
        let found = shown["evaluations"].as_array().unwrap().iter().find(|found| found["plugin"] == "asker");
        let found = found.unwrap_or_else(|| panic!("{question} has no end: {shown}"));
        match end(question) {
            ("", _) => {
                let label = found["verdicts"][0]["label"].as_str().unwrap_or_else(|| panic!("{found}"));
                assert_eq!(serde_json::from_str::<Value>(label).unwrap(), json!({"score": 4}));
            }
            (reason, words) => {
                assert_eq!(found["failure"]["reason"], reason, "{found}");
                assert!(found["failure"]["message"].as_str().unwrap().starts_with(words), "{found}");
            }
        }
        assert!(asked_of[question] <= TRIES * ATTEMPTS, "{question}: {}", asked_of[question]);
    }
    let budget = &model(&server)["budget"];
    let spent = budget["spent_usd"].as_f64().unwrap();
    assert!(spent > 0.0 && spent <= BUDGET && budget["held_usd"] == 0.0, "{budget}");
    // What the ledger has in memory is what the database has.
    server.wait_until("what was spent is stored", || {
        let sums = asker(&server)["asked"][0]["cost_usd"].as_f64().unwrap();
        (spent - sums).abs() < 1e-9
    });
    assert!(server.terminate().success());
    check_no_key(&server);
}

#[test]
fn a_storm_in_openai_s_dialect_leaves_nothing_without_an_end() {
    storm("openai");
}

#[test]
fn a_storm_in_anthropic_s_dialect_leaves_nothing_without_an_end() {
    storm("anthropic");
}

/// Nothing that the server left behind has the key in it: not the log, not the database, not the compiled plugins.
fn check_no_key(server: &Server) {
    let database = rusqlite::Connection::open(server.data()).unwrap();
    let mut bodies = database.prepare("SELECT body FROM model_exchanges UNION ALL SELECT body FROM payloads").unwrap();
    let bodies = bodies.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
    let mut count = 0;
    for body in bodies {
        let text = zstd::decode_all(&*body.unwrap()).unwrap();
        assert!(!holds_key(&text), "{}", String::from_utf8_lossy(&text));
        count += 1;
    }
    assert!(count > 0);
    for entry in walk(server.folder.path()) {
        let is_its_own = entry.file_name().unwrap() == "key";
        assert_eq!(holds_key(&fs::read(&entry).unwrap()), is_its_own, "{}", entry.display());
    }
}

fn holds_key(bytes: &[u8]) -> bool {
    bytes.windows(KEY.len()).any(|window| window == KEY.as_bytes())
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn the_key_is_nowhere_but_at_the_provider() {
    let provider = Provider::start(|asked| match asked.at {
        0 => Reply::Status(500, vec![], format!("once more, {KEY}")),
        // As some libraries write JSON.
        1 => {
            let escaped = KEY.replace('-', "\\u002d");
            Reply::Status(401, vec![], format!("{{\"error\": {{\"message\": \"wrong key {escaped} or {KEY}\"}}}}"))
        }
        _ => Reply::Text(format!("as {KEY} wishes")),
    });
    // The plugin searches its own memory after it was answered.
    let turned: Vec<u8> = KEY.bytes().map(|byte| byte ^ 0x55).collect();
    let mut server = server("openai", &provider.url, &format!("config = {{ model = \"judge\", search = {turned:?} }}"));
    for id in ["a", "b"] {
        assert!(server.post(&distinct(id, 60)).status().is_success());
        server.wait_idle();
    }
    assert!(provider.asked().iter().all(|asked| asked.headers["authorization"].to_str().unwrap().contains(KEY)));
    let of = |id: &str| server.json(&format!("/v1/interactions/{id}"));
    let asker_s = |shown: &Value| {
        shown["evaluations"].as_array().unwrap().iter().find(|one| one["plugin"] == "asker").unwrap().clone()
    };
    let (refused, judged) = (asker_s(&of("a")), asker_s(&of("b")));
    assert!(
        refused["failure"]["message"].as_str().unwrap().contains("401 Unauthorized: wrong key (a key) or (a key)"),
        "{refused}"
    );
    assert_eq!(judged["verdicts"][0]["label"], "as (a key) wishes", "{judged}");
    assert_eq!(judged["verdicts"][1]["value"], 0.0, "{judged}");
    assert!(judged["verdicts"][2]["value"].as_f64() >= Some(1.0), "the search finds what is there: {judged}");
    let paths =
        ["/v1/plugins", "/v1/models", "/v1/interactions/a", "/v1/interactions/b", "/v1/interactions?project=judges"];
    for text in paths.map(|path| server.get(path).text().unwrap()).into_iter().chain([server.log()]) {
        assert!(!text.contains(KEY), "{text}");
    }
    assert!(server.terminate().success());
    check_no_key(&server);
}
