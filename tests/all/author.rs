//! What authors of plugins do without a server: projects, files, cases, single calls, labels.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use tribunal_tests::{binary, guest, interaction, root, wat};

/// A folder to work in, with a cache that is shared by nobody.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.arg("plugin").args(args).current_dir(&self.0).env("XDG_CACHE_HOME", self.0.path());
        command
    }

    fn run(&self, args: &[&str]) -> Run {
        Run::of(self.command(args).output().unwrap())
    }
}

/// What a command said.
#[derive(Debug)]
struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Run {
    fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn answered(words: &str) -> Value {
    json!({"provider": "openai", "model": "gpt-4.1-mini", "output": [{"role": "assistant", "content": words}]})
}

#[test]
fn a_project_is_made_once_and_under_a_name() {
    let desk = Desk::new();
    let new = |name: &str| desk.run(&["new", name, "--lang", "rust", "--kind", "scorer"]);
    for name in ["", "Upper", "1st", "a b", "a_b", "../up", "ends-", &"a".repeat(65)] {
        let refused = new(name);
        assert_eq!(refused.code, 1, "{name:?}: {refused:?}");
        assert!(refused.err.contains("is no name for a plugin"), "{refused:?}");
    }
    assert_eq!(new("check").code, 0);
    let again = new("check");
    assert!(again.code == 1 && again.err.contains("check is there already; name another folder"), "{again:?}");
    let unknown = desk.run(&["new", "other", "--lang", "rust", "--kind", "oracle"]);
    assert!(unknown.err.contains("scorer, error-classifier, bias-check, pricing-adapter"), "{unknown:?}");
}

#[test]
fn a_tool_that_is_missing_is_named_with_the_command_that_installs_it() {
    let desk = Desk::new();
    let pip = "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt";
    let npm = "npm install --no-package-lock --ignore-scripts";
    let wanted = [
        ("rust", "cargo", "rustup"),
        ("python", "componentize-py", pip),
        ("javascript", "componentize-qjs", npm),
        ("typescript", "TypeScript", npm),
        ("go", "Go", pip),
        ("c", "zig", pip),
        ("cpp", "zig", pip),
        ("zig", "zig", pip),
    ];
    for (language, tool, install) in wanted {
        assert_eq!(desk.run(&["new", language, "--lang", language, "--kind", "scorer"]).code, 0);
        let built = Run::of(desk.command(&["build", language]).env("PATH", desk.path("nothing")).output().unwrap());
        assert_eq!(built.code, 1, "{built:?}");
        let words = format!("{language} needs {tool}, which is not here. Install it with\n\n    ");
        assert!(built.err.contains(&words) && built.err.contains(install), "{built:?}");
    }
}

#[test]
fn a_manifest_that_is_wrong_is_said_where() {
    let desk = Desk::new();
    let build = |text: &str| {
        desk.write("p/plugin.toml", text);
        let built = desk.run(&["build", "p"]);
        assert_eq!(built.code, 1, "{built:?}");
        built.err
    };
    let none = desk.run(&["build", "nowhere"]);
    assert!(none.code == 1 && none.err.contains("`tribunal plugin new` makes a project"), "{none:?}");
    let head = "name = \"p\"\nversion = \"0.1.0\"\nsummary = \"A check.\"\n";
    assert!(build("name = 3").contains("TOML parse error at line 1, column 8"));
    assert!(build(&format!("{head}kinds = [\"oracle\"]")).contains("unknown variant `oracle`"));
    assert!(build(&format!("{head}kinds = []")).contains("`kinds` is empty; there are scorer"));
    assert!(build(&format!("{head}kinds = [\"scorer\"]\ncolour = 1")).contains("unknown field `colour`"));
    assert!(build(&format!("{head}kinds = [\"scorer\"]")).contains("it has no `language`; there are rust, python"));
}

/// The contract's text as one package, so that a test can change a word of it.
fn contract() -> String {
    let file = |name: &str| fs::read_to_string(root().join("wit/v0.1").join(name)).unwrap();
    let package = "package tribunal:plugin@0.1.0;";
    let rest = ["kinds.wit", "models.wit", "worlds.wit"].map(|name| file(name).replace(package, ""));
    format!("{package}{}{}", file("types.wit").split_once(package).unwrap().1, rest.concat())
}

#[test]
fn a_type_that_differs_from_the_contract_is_named() {
    let desk = Desk::new();
    // What is changed, into what, and what the host says of it.
    let table = [
        (
            "value: score-value,\n        /// Why, in a sentence for the reviewer.\n        explanation: option<string>,",
            "value: score-value,",
            "`scorer.evaluate()[]` lacks the field `explanation` of the contract",
        ),
        (
            "value: score-value,",
            "value: score-value, unit: string,",
            "`scorer.evaluate()[]` has the field `unit`, which the contract does not have",
        ),
        (
            "duration: option<milliseconds>,\n        /// From the request to the first token of the answer. Not above \
             `duration` where both are known.\n        time-to-first-token: option<milliseconds>,",
            "time-to-first-token: option<milliseconds>, duration: option<milliseconds>,",
            "has its fields in another order than the contract",
        ),
        (
            "boolean(bool),\n        /// One of",
            "flag(bool),\n        /// One of",
            "lacks the case `boolean` of the contract",
        ),
        (
            "version: string,\n        /// One sentence",
            "version: u32,\n        /// One sentence",
            "is a u32, and a string",
        ),
        (
            "config-schema: option<string>",
            "config-schema: string",
            "`describe().config-schema` is a string, and a option in the contract",
        ),
        (
            "evaluate: func(interaction: interaction) -> result<list<score>, failure>",
            "evaluate: func(interaction: interaction, again: bool) -> result<list<score>, failure>",
            "`scorer.evaluate` takes 2 values, and 1 in the contract",
        ),
        (
            "configure: func(json: string) -> result<_, string>",
            "configure: func(json: string) -> result<_, u32>",
            "`configure().error` is a u32, and a string in the contract",
        ),
    ];
    for (from, to, words) in table {
        let (own, contract) = ("\nworld hostile { include scorer-plugin; }", contract());
        assert_eq!(contract.matches(from).count(), 1, "{from}");
        let file = desk.write("other.wasm", wat::plugin("", &(contract.replace(from, to) + own)));
        let checked = desk.run(&["check", text(&file)]);
        assert_eq!(checked.code, 1, "{words}: {checked:?}");
        assert!(checked.err.contains(words) || checked.out.contains(words), "{words}: {checked:?}");
    }
    let same = desk.write("same.wasm", wat::plugin("", &(contract() + "\nworld hostile { include scorer-plugin; }")));
    let checked = desk.run(&["check", text(&same)]);
    assert!(checked.code == 0 && checked.out.contains("loads     yes"), "{checked:?}");
}

#[test]
fn a_plugin_for_a_newer_contract_is_refused_in_words() {
    let desk = Desk::new();
    let newer = contract().replace("tribunal:plugin@0.1.0", "tribunal:plugin@0.2.0");
    let evaluate = "(func (export \"tribunal:plugin/scorer@0.2.0#evaluate\") (param i32) (result i32) (call $none))";
    let world = newer + "\nworld hostile { include scorer-plugin; }";
    let file = desk.write("newer.wasm", wat::plugin(evaluate, &world));
    let checked = desk.run(&["check", text(&file)]);
    assert_eq!(checked.code, 1, "{checked:?}");
    let words = "this plugin was built for version 0.2.0 of the contract; this host speaks 0.1.0: build it against that, or update the host";
    assert!(checked.err.contains(words), "{checked:?}");
}

#[test]
fn check_says_what_a_file_is_and_what_it_would_need() {
    let desk = Desk::new();
    let good = desk.run(&["check", text(&guest("length"))]);
    assert_eq!(good.code, 0, "{good:?}");
    for line in
        ["contract  0.1.0", "kinds     scorer", "tribunal:plugin/abort@0.1.0", "says      length", "loads     yes"]
    {
        assert!(good.out.contains(line), "{line}: {good:?}");
    }
    let log = "(import \"tribunal:plugin/log@0.1.0\" \"log\" (func (param i32 i32 i32)))";
    let logs = desk.write("logs.wasm", wat::plugin(log, wat::SCORER));
    let granted = desk.run(&["check", text(&logs)]);
    assert!(granted.code == 0, "{granted:?}");
    let unknown = "(import \"acme:network/fetch\" \"get\" (func (param i32)))";
    let world = "package tests:hostile;
         world hostile { include tribunal:plugin/scorer-plugin@0.1.0; import acme:network/fetch; }
         package acme:network { interface fetch { get: func(address: u32); } }";
    let unknown = desk.write("unknown.wasm", wat::plugin(unknown, world));
    let refused = desk.run(&["check", text(&unknown)]);
    assert!(refused.code == 1 && refused.out.contains("acme:network/fetch"), "{refused:?}");
    let none = desk.run(&["check", text(&desk.write("text.wasm", "no plugin"))]);
    assert!(none.code == 1 && none.err.contains("not a WebAssembly component or module"), "{none:?}");
}

#[test]
fn cases_pass_fail_and_are_reported() {
    let desk = Desk::new();
    let plugin = guest("length");
    let case = |name: &str, expect: Value| {
        json!({"name": name, "interaction": answered("a b c"), "expect": expect}).to_string()
    };
    let words = |count: u32| json!({"exactly": [{"kind": "score", "name": "words", "value": count}]});
    let good = desk.write("good.jsonl", case("three", words(3)) + "\n\n" + &case("some", json!({"verdicts": [{}]})));
    let passed = desk.run(&["test", text(&plugin), "--cases", text(&good)]);
    assert_eq!(passed.code, 0, "{passed:?}");
    assert!(passed.out.contains("ok      three\nok      some\n2 passed, 0 failed"), "{passed:?}");

    desk.write("cases/a.jsonl", case("three", words(3)));
    desk.write("cases/b.jsonl", "\n".to_owned() + &case("four & more", words(4)));
    desk.write("cases/notes.txt", "no case");
    let failed = desk.run(&["test", text(&plugin), "--cases", "cases", "--junit", "junit.xml"]);
    assert_eq!(failed.code, 1, "{failed:?}");
    assert!(failed.out.contains("FAILED  four & more (cases/b.jsonl:2)"), "{failed:?}");
    assert!(failed.out.contains("verdicts[0].value"), "{failed:?}");
    let junit = fs::read_to_string(desk.path("junit.xml")).unwrap();
    assert!(junit.contains(r#"tests="2" skipped="0" failures="1" errors="0""#), "{junit}");
    assert!(junit.contains(r#"name="four &amp; more""#) && junit.contains("<failure"), "{junit}");

    // What cannot be tried is neither.
    for (case, words) in [
        ("{\"name\": 3}", "b.jsonl:1: `name`: invalid type"),
        ("{\"interaction\": {\"provider\": \"p\", \"model\": \"m\"}}", "b.jsonl:1: `.`: missing field `expect`"),
        (&case("odd", json!({"verdicts": [{"value": {"$above": 1}}]})), "there is no `$above`"),
        (&case("odd", json!({"verdict": []})), "unknown variant `verdict`"),
    ] {
        desk.write("cases/b.jsonl", case);
        let broken = desk.run(&["test", text(&plugin), "--cases", "cases"]);
        assert!(broken.code == 2 && broken.err.contains(words), "{words}: {broken:?}");
    }
    fs::create_dir(desk.path("empty")).unwrap();
    let none = desk.run(&["test", text(&plugin), "--cases", "empty"]);
    assert!(none.code == 2 && none.err.contains("there is no case in empty"), "{none:?}");
    let absent = desk.run(&["test", "absent.wasm", "--cases", text(&good)]);
    assert!(
        absent.code == 2
            && absent.err.contains("there is no absent.wasm; in a project, `tribunal plugin build` makes it"),
        "{absent:?}"
    );
}

#[test]
fn cases_can_want_a_failure_or_a_refused_config() {
    let desk = Desk::new();
    let cases = [
        json!({"interaction": answered("a"), "config": {"words": 1}, "expect": {"refused": {"$contains": "unknown field `words`"}}}),
        json!({"interaction": answered("a"), "expect": {"contains": [{"name": "words", "value": {"$ge": 1}}]}}),
    ];
    let cases = desk.write("cases.jsonl", cases.map(|case| case.to_string()).join("\n"));
    let passed = desk.run(&["test", text(&guest("length")), "--cases", text(&cases)]);
    assert!(passed.code == 0 && passed.out.contains("2 passed, 0 failed"), "{passed:?}");
    let traps = desk.write("traps.wasm", wat::plugin("(func $attack (result i32) unreachable)", wat::SCORER));
    let expect = json!({"failure": {"reason": "trap", "transient": false, "message": {"$contains": "unreachable"}}});
    let case = json!({"interaction": answered("a"), "expect": expect});
    let cases = desk.write("traps.jsonl", case.to_string());
    let passed = desk.run(&["test", text(&traps), "--cases", text(&cases)]);
    assert!(passed.code == 0, "{passed:?}");
}

/// A project in Rust, with a case of its own.
fn project(desk: &Desk) {
    assert_eq!(desk.run(&["new", "length", "--lang", "rust", "--kind", "scorer"]).code, 0);
    let expect = json!({"verdicts": [{"value": 2}]});
    desk.write("length/cases/cases.jsonl", json!({"interaction": answered("a b"), "expect": expect}).to_string());
}

#[test]
fn a_project_is_built_before_its_cases_are_tried_where_it_changed() {
    let desk = Desk::new();
    project(&desk);
    fs::copy(root().join("tests/guests/length/src/lib.rs"), desk.path("length/src/lib.rs")).unwrap();
    let first = desk.run(&["test", "length"]);
    assert!(first.code == 0 && first.err.contains("$ cargo build"), "{first:?}");
    let again = desk.run(&["test", "length"]);
    assert!(again.code == 0 && !again.err.contains("$ cargo build"), "{again:?}");
    // What does not build is not tried as it was before.
    let source = fs::read_to_string(desk.path("length/src/lib.rs")).unwrap();
    desk.write("length/src/lib.rs", source.replace("words as f64", "words as f65"));
    let broken = desk.run(&["test", "length"]);
    assert!(broken.code == 2 && broken.err.contains("ended with exit status"), "{broken:?}");
    desk.write("length/src/lib.rs", source.replace("words as f64", "1.0 + words as f64"));
    let failed = desk.run(&["test", "length"]);
    assert!(failed.code == 1 && failed.out.contains("0 passed, 1 failed"), "{failed:?}");

    // What no host would load is not built, and what the manifest says of the config is what the plugin takes.
    desk.write("length/src/lib.rs", source.replace("words as f64", "[0.0][words + 9]"));
    let traps = desk.run(&["build", "length"]);
    assert!(traps.code == 1 && traps.err.contains("what was built does not load: a first call"), "{traps:?}");
    assert!(!desk.path("length/build/length.wasm").exists());
    let schema =
        "fn config_schema() -> Option<String> { Some(r#\"{\"properties\": {\"most\": {}}}\"#.into()) } fn configure(";
    desk.write("length/src/lib.rs", source.replace("fn configure(", schema));
    let differs = desk.run(&["build", "length"]);
    let words = "plugin.toml has [config] with the keys [\"max_words\"], and what was built has [\"most\"]";
    assert!(differs.code == 1 && differs.err.contains(words), "{differs:?}");
}

#[test]
fn watched_cases_run_again_when_they_change() {
    let desk = Desk::new();
    let write = |value: u32| {
        let expect = json!({"verdicts": [{"value": value}]});
        desk.write("cases/a.jsonl", json!({"name": "a", "interaction": answered("a b"), "expect": expect}).to_string())
    };
    write(2);
    let mut command = desk.command(&["test", text(&guest("length")), "--watch"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut waits = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(said.any(|line| line.starts_with("1 passed, 0 failed")));
    assert!(waits.any(|line| line.starts_with("waiting for a change")));
    write(3);
    assert!(said.any(|line| line.starts_with("0 passed, 1 failed")));
    assert!(waits.any(|line| line.starts_with("waiting for a change")));
    // A case that is broken for a moment ends nothing.
    desk.write("cases/a.jsonl", "{");
    assert!(waits.any(|line| line.contains("a.jsonl:1")));
    assert!(waits.any(|line| line.starts_with("waiting for a change")));
    write(2);
    assert!(said.any(|line| line.starts_with("1 passed, 0 failed")));
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Traps on the interaction of the first call, and has nothing to say of others.
const CANARY_TRAPS: &str =
    "(func (export \"tribunal:plugin/scorer@0.1.0#evaluate\") (param $interaction i32) (result i32)
    (if (call $is_canary (local.get $interaction)) (then unreachable)) (call $none))";

#[test]
fn one_call_is_shown_with_what_it_took() {
    let desk = Desk::new();
    let file = desk.write("one.json", answered("one two three").to_string());
    let run = |args: &[&str]| desk.run(&[&["run", text(&guest("length")), "--interaction"], args].concat());
    let shown = run(&[text(&file)]);
    assert_eq!(shown.code, 0, "{shown:?}");
    let shown = shown.json();
    assert_eq!(shown["verdicts"], json!([{"kind": "score", "name": "words", "value": 3.0}]));
    assert!(shown["peak_memory_bytes"].as_u64().unwrap() >= 65_536, "{shown}");
    // Fuel is the same at each call, and more for more words.
    assert_eq!(run(&[text(&file)]).json()["fuel"], shown["fuel"]);
    let longer = desk.write("longer.json", answered(&"word ".repeat(100)).to_string());
    assert!(run(&[text(&longer)]).json()["fuel"].as_u64() > shown["fuel"].as_u64());

    let mut piped = desk.command(&["run", text(&guest("length")), "--interaction", "-"]);
    let piped = piped.stdin(fs::File::open(&file).unwrap()).output().unwrap();
    assert_eq!(Run::of(piped).json()["verdicts"], shown["verdicts"]);
    let wrong = desk.write("wrong.json", "{\"provider\": \"p\"}");
    let wrong = run(&[text(&wrong)]);
    assert!(wrong.code == 1 && wrong.err.contains("missing field `model`"), "{wrong:?}");
    // One that no server would take can be looked at.
    let traps = desk.write("traps.wasm", wat::plugin(CANARY_TRAPS, wat::SCORER));
    assert_eq!(desk.run(&["run", text(&traps), "--interaction", text(&file)]).code, 0);
    let absent = desk.run(&["run", "build/none.wasm", "--interaction", text(&file)]);
    assert!(absent.err.contains("`tribunal plugin build` makes it"), "{absent:?}");
    let config = run(&[text(&file), "--config", "[]"]);
    assert!(config.code == 1 && config.err.contains("`--config` is a JSON object"), "{config:?}");
    let slow = run(&[text(&file), "--memory", "64KiB"]);
    assert!(slow.code == 1 && slow.err.contains("memory"), "{slow:?}");
}

#[test]
fn a_bench_says_what_a_call_takes() {
    let desk = Desk::new();
    let file = guest("length");
    let figures = desk.run(&["bench", text(&file), "--json"]).json();
    assert_eq!(figures["size_bytes"], fs::metadata(&file).unwrap().len(), "{figures}");
    assert_eq!((&figures["snapshot"], &figures["failed"]), (&json!(true), &json!(0)));
    for of in ["fresh_us", "warm_us"] {
        let [p50, p99] = ["p50", "p99"].map(|quantile| figures[of][quantile].as_f64().unwrap());
        assert!(p50 > 0.0 && p50 <= p99, "{figures}");
    }
    for of in ["prepare_ms", "fresh_calls_per_second", "peak_memory_bytes", "threads"] {
        assert!(figures[of].as_f64().unwrap() > 0.0, "{of}: {figures}");
    }
    let own =
        desk.write("own.jsonl", [interaction("a", 5), interaction("b", 50)].map(|one| one.to_string()).join("\n"));
    let shown = desk.run(&["bench", text(&file), "--interactions", text(&own)]);
    assert!(shown.code == 0 && shown.out.contains("fresh call  p50 "), "{shown:?}");
}

/// Answers of so many words, labelled as long; some labels are wrong.
fn labelled() -> Vec<(usize, bool)> {
    (1..=60).map(|words| (words, (words > 30) != (words % 7 == 0))).collect()
}

#[test]
fn verdicts_are_measured_against_labels() {
    let desk = Desk::new();
    let rows: Vec<_> = labelled()
        .into_iter()
        .map(|(words, label)| json!({"interaction": answered(&"w ".repeat(words)), "label": label}).to_string())
        .collect();
    let data = desk.write("labels.jsonl", rows.join("\n"));
    let measured = desk.run(&["measure", text(&guest("length")), "--labels", text(&data), "--json", "--show", "100"]);
    let measured = measured.json();
    // By definition: of all pairs of one labelled true and one labelled false, how often the first scores higher.
    let (long, short): (Vec<_>, Vec<_>) = labelled().into_iter().partition(|(_, label)| *label);
    let pairs = long.iter().flat_map(|(long, _)| short.iter().map(move |(short, _)| long > short));
    let wins = pairs.clone().filter(|wins| *wins).count() as f64 / pairs.count() as f64;
    let quality = &measured["quality"];
    assert!((quality["roc_auc"].as_f64().unwrap() - wins).abs() < 1e-12, "{wins}: {quality}");
    // The threshold is as good on its half as any other would be, and is tried on rows that are not in it.
    let threshold = quality["threshold"].as_f64().unwrap();
    let count = |of: &str, what: &str| quality[of][what].as_u64().unwrap();
    assert_eq!(count("chosen_on", "rows") + count("tried_on", "rows"), 60);
    assert!(count("chosen_on", "rows") > 15 && count("tried_on", "rows") > 15, "{quality}");
    let judged = |words: usize| words as f64 >= threshold;
    let hits = labelled().iter().filter(|(words, label)| judged(*words) && *label).count() as u64;
    let wrong = labelled().iter().filter(|(words, label)| judged(*words) != *label).count();
    assert_eq!(count("all", "true_positives"), hits);
    assert_eq!(measured["differing"].as_array().unwrap().len(), wrong);

    let given = desk.run(&["measure", text(&guest("length")), "--labels", text(&data), "--json", "--threshold", "31"]);
    assert_eq!(given.json()["quality"]["threshold"], 31.0);
    let unknown = desk.run(&["measure", text(&guest("length")), "--labels", text(&data), "--verdict", "nope"]);
    assert!(
        unknown.code == 1 && unknown.err.contains("no evaluation gave \"nope\"; what they gave: words"),
        "{unknown:?}"
    );
    let words = desk.write("words.jsonl", json!({"interaction": answered("a"), "label": "long"}).to_string());
    let mixed = desk.run(&["measure", text(&guest("length")), "--labels", text(&words)]);
    assert!(mixed.code == 1 && mixed.err.contains("are of different sorts"), "{mixed:?}");
    let broken = desk.write("broken.jsonl", "{\"label\": true}");
    let broken = desk.run(&["measure", text(&guest("length")), "--labels", text(&broken)]);
    assert!(broken.code == 1 && broken.err.contains("broken.jsonl:1: `.`: missing field `interaction`"), "{broken:?}");
}
