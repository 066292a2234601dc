//! `/metrics` is what Prometheus reads, its figures are right, and the dashboard asks for nothing that is not there.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};
use tribunal_tests::{Provider, Reply, Server, guest, interaction, output, plugin, python, root};

#[derive(Debug, Deserialize)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

/// What Prometheus would read.
struct Scrape(Vec<Sample>);

impl Scrape {
    fn of(server: &Server) -> Self {
        let printed = output(script("scrape.py").arg(format!("{}/metrics", server.url)));
        Self(serde_json::from_slice(&printed).unwrap())
    }

    fn find(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let has =
            |sample: &Sample| labels.iter().all(|(key, value)| sample.labels.get(*key).is_some_and(|v| v == value));
        let found: Vec<_> = self.0.iter().filter(|sample| sample.name == name && has(sample)).collect();
        assert!(found.len() <= 1, "{name} {labels:?} is {found:?}");
        found.first().map(|sample| sample.value)
    }

    fn get(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.find(name, labels).unwrap_or_else(|| panic!("there is no {name} {labels:?}"))
    }

    /// The number of values and their sum in a histogram, whose buckets have to add up.
    fn histogram(&self, name: &str, labels: &[(&str, &str)]) -> (f64, f64) {
        let has = |sample: &&Sample| {
            let labelled = labels.iter().all(|(key, value)| sample.labels.get(*key).is_some_and(|v| v == value));
            sample.name == format!("{name}_bucket") && labelled
        };
        let buckets: Vec<f64> = self.0.iter().filter(has).map(|sample| sample.value).collect();
        assert!(buckets.len() > 10 && buckets.is_sorted(), "{name} {labels:?}: {buckets:?}");
        let count = self.get(&format!("{name}_count"), labels);
        assert_eq!(buckets.last(), Some(&count), "{name} {labels:?}");
        (count, self.get(&format!("{name}_sum"), labels))
    }

    /// How many values of a histogram were at most so large.
    fn at_most(&self, name: &str, plugin: &str, bound: f64) -> f64 {
        let bucket = self.0.iter().find(|sample| {
            let le = sample.labels.get("le").and_then(|le| le.parse().ok());
            sample.name == format!("{name}_bucket") && sample.labels["plugin"] == plugin && le == Some(bound)
        });
        bucket.unwrap_or_else(|| panic!("{name} has no bucket up to {bound}")).value
    }
}

fn script(name: &str) -> Command {
    let folder = PathBuf::from("tests/metrics");
    let mut command = Command::new(python("tests/metrics/requirements.txt"));
    command.arg(root().join(folder).join(name));
    command
}

fn in_mood(id: &str, mood: &str) -> Value {
    let mut interaction = interaction(id, 20);
    interaction["attributes"] = json!({"mood": mood});
    interaction
}

/// A name that has to be escaped.
const ODD: &str = r#"mo"o\dy"#;
const DURATION: &str = "tribunal_plugin_evaluation_duration_seconds";
const MEMORY: &str = "tribunal_plugin_evaluation_memory_bytes";

#[test]
fn every_figure_is_what_happened() {
    let config = format!(
        "[plugins.length]\ncomponent = {:?}\nstart = \"beginning\"\nfilter = 'session != \"skip\"'
         [plugins.'{ODD}']\ncomponent = {:?}\nstart = \"beginning\"\nmemory = \"64MiB\"\ndeadline = \"5m\"
         [plugins.missing]\ncomponent = \"none.wasm\"",
        guest("length"),
        guest("moody")
    );
    let mut server = Server::start(&config);
    let mut batch: Vec<_> = (0..90).map(|at| interaction(&format!("i{at}"), 100)).collect();
    batch.iter_mut().take(30).for_each(|interaction| interaction["session"] = "skip".into());
    assert_eq!(server.post(&json!(batch)).status(), 200);
    let again = server.post(&batch[0]);
    assert_eq!(again.status(), 201);
    for (at, mood) in ["failing", "failing", "panicking", "hungry"].into_iter().enumerate() {
        assert_eq!(server.post(&in_mood(&format!("m{at}"), mood)).status(), 201);
    }
    assert_eq!(server.get("/v1/interactions/none").status(), 404);
    assert_eq!(server.get("/nowhere/1").status(), 404);
    server.wait_idle();

    let scrape = Scrape::of(&server);
    let check = |name: &str, labels: &[(&str, &str)], expected: f64| {
        assert_eq!(scrape.get(name, labels), expected, "{name} {labels:?}");
    };
    check("tribunal_interactions_recorded_total", &[], 94.0);
    check("tribunal_interactions_duplicate_total", &[], 1.0);
    check("tribunal_log_head", &[], 94.0);
    check("tribunal_plugins", &[("status", "loaded")], 2.0);
    check("tribunal_plugins", &[("status", "failed")], 1.0);
    check("tribunal_plugins", &[("status", "loading")], 0.0);
    for (plugin, outcome, count) in [
        ("length", "succeeded", 64.0),
        ("length", "filtered", 30.0),
        (ODD, "succeeded", 90.0),
        (ODD, "guest-error", 3.0),
        (ODD, "out-of-memory", 1.0),
    ] {
        check("tribunal_plugin_outcomes_total", &[("plugin", plugin), ("outcome", outcome)], count);
    }
    for plugin in ["length", ODD] {
        let labels = &[("plugin", plugin)];
        check("tribunal_plugin_cursor", labels, 94.0);
        check("tribunal_plugin_lag_interactions", labels, 0.0);
        check("tribunal_plugin_lag_seconds", labels, 0.0);
        check("tribunal_plugin_breaker_open", labels, 0.0);
        check("tribunal_plugin_rejected", labels, 0.0);
        check("tribunal_plugin_retries_waiting", labels, 0.0);
        check("tribunal_plugin_shadow", labels, 0.0);
        check("tribunal_plugin_backfill_interactions", labels, 0.0);
    }
    check_evaluations(&scrape, &server);
    check_store(&scrape);

    check("tribunal_http_request_duration_seconds_count", &route("POST", "/v1/interactions", "200"), 1.0);
    check("tribunal_http_request_duration_seconds_count", &route("POST", "/v1/interactions", "201"), 5.0);
    check("tribunal_http_request_duration_seconds_count", &route("GET", "/v1/interactions/{id}", "404"), 1.0);
    check("tribunal_http_request_duration_seconds_count", &route("GET", "none", "404"), 1.0);
    scrape.histogram("tribunal_http_request_duration_seconds", &route("POST", "/v1/interactions", "200"));

    for resource in ["component_instances", "core_instances", "memories", "tables", "stacks"] {
        check("tribunal_pool_used", &[("resource", resource)], 0.0);
        assert!(scrape.get("tribunal_pool_limit", &[("resource", resource)]) >= 256.0, "{resource}");
    }
    assert!(scrape.get("tribunal_pool_warm", &[("resource", "memories")]) >= 1.0);
    assert!(scrape.get("tribunal_pool_warm_bytes", &[("resource", "memories")]) >= 65536.0);
    check("tribunal_plugin_cache_lookups_total", &[("result", "miss")], 2.0);
    check("tribunal_plugin_cache_lookups_total", &[("result", "hit")], 0.0);

    assert!(server.terminate().success());
    server.restart();
    let scrape = Scrape::of(&server);
    assert_eq!(scrape.get("tribunal_plugin_cache_lookups_total", &[("result", "miss")]), 0.0);
    assert_eq!(scrape.get("tribunal_plugin_cache_lookups_total", &[("result", "hit")]), 2.0);
    assert_eq!(scrape.get("tribunal_plugin_outcomes_total", &[("plugin", ODD), ("outcome", "guest-error")]), 3.0);
    assert_eq!(scrape.histogram(DURATION, &[("plugin", ODD)]), (0.0, 0.0));
}

fn route<'a>(method: &'a str, route: &'a str, status: &'a str) -> [(&'a str, &'a str); 3] {
    [("method", method), ("route", route), ("status", status)]
}

fn check_evaluations(scrape: &Scrape, server: &Server) {
    for (plugin, evaluations) in [("length", 64.0), (ODD, 94.0)] {
        let labels = &[("plugin", plugin)];
        let (count, seconds) = scrape.histogram(DURATION, labels);
        assert_eq!(count, evaluations, "{plugin}");
        let (count, bytes) = scrape.histogram(MEMORY, labels);
        assert_eq!(count, evaluations, "{plugin}");
        // Neither sum can be told in advance, but what no call can be below or above, no sum of them can be.
        assert!((2e-6 * count..count).contains(&seconds), "{plugin}: {seconds} s in {count} evaluations");
        assert!((65_536.0 * count..2.0 * 65_536.0 * count + 70e6).contains(&bytes), "{plugin}: {bytes} bytes");
        let item = server.binding(plugin);
        assert_eq!(item["since_start"]["evaluations"], evaluations as u64);
        let p50 = item["since_start"]["p50_us"].as_f64().unwrap() / 1e6;
        let bounds = [5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5];
        let bound = bounds.into_iter().find(|bound| *bound >= p50).expect("a median below half a second");
        assert!(scrape.at_most(DURATION, plugin, bound) >= evaluations / 2.0, "{plugin}: {p50}");
    }
    // One call of the moody plugin ate up to its 64 MiB, and no other came near.
    assert_eq!(scrape.at_most(MEMORY, ODD, f64::from(1 << 20)), 93.0);
    assert_eq!(scrape.at_most(MEMORY, ODD, f64::from(32 << 20)), 93.0);
    assert_eq!(scrape.at_most(MEMORY, ODD, f64::from(64 << 20)), 94.0);
}

fn check_store(scrape: &Scrape) {
    let transactions = scrape.get("tribunal_store_transactions_total", &[]);
    let (count, whole) = scrape.histogram("tribunal_store_transaction_duration_seconds", &[]);
    assert_eq!(count, transactions);
    let (count, commits) = scrape.histogram("tribunal_store_commit_duration_seconds", &[]);
    assert_eq!(count, transactions);
    assert!(0.0 < commits && commits < whole, "{commits} s of {whole} s");
    // The post of one that was there already was handled by a transaction as well.
    let (with_records, records) = scrape.histogram("tribunal_store_transaction_records", &[]);
    assert_eq!(records, 95.0);
    assert!((1.0..=6.0).contains(&with_records), "{with_records}");
    let (with_evaluations, evaluations) = scrape.histogram("tribunal_store_transaction_evaluations", &[]);
    assert_eq!(evaluations, 64.0 + 94.0);
    assert!(with_evaluations <= transactions);
    assert_eq!(scrape.get("tribunal_evaluations_stored_total", &[]), evaluations);
    assert_eq!(scrape.get("tribunal_store_failures_total", &[]), 0.0);
    assert_eq!(scrape.get("tribunal_store_writable", &[]), 1.0);
    assert_eq!(scrape.get("tribunal_store_backlog_bytes", &[]), 0.0);
    assert_eq!(scrape.get("tribunal_store_backlog_limit_bytes", &[]), f64::from(64 << 20));
}

#[test]
fn a_binding_that_does_not_come_on_lags() {
    let table = |name: &str, component: PathBuf| {
        format!("[plugins.{name}]\ncomponent = {component:?}\nstart = \"beginning\"\ndeadline = \"1h\"\n")
    };
    let server = Server::start(&[table("good", guest("length")), table("stuck", guest("moody"))].concat());
    assert_eq!(server.post(&interaction("first", 20)).status(), 201);
    server.wait_idle();
    let before = Instant::now();
    let batch = [in_mood("hangs", "hanging"), interaction("behind", 20), interaction("far", 20)];
    assert_eq!(server.post(&json!(batch)).status(), 200);
    let after = Instant::now();
    server.wait_until("the call was given to the slow workers", || {
        Scrape::of(&server).get("tribunal_plugin_slow", &[("plugin", "stuck")]) == 1.0
    });
    std::thread::sleep(Duration::from_secs(1));
    let least = after.elapsed().as_secs_f64();
    let scrape = Scrape::of(&server);
    let most = before.elapsed().as_secs_f64();
    let lag = |plugin: &str| {
        let of = |name: &str| scrape.get(name, &[("plugin", plugin)]);
        (of("tribunal_plugin_lag_interactions"), of("tribunal_plugin_lag_seconds"))
    };
    assert_eq!(lag("good"), (0.0, 0.0));
    let (interactions, seconds) = lag("stuck");
    assert_eq!(interactions, 3.0);
    assert!((least..most).contains(&seconds), "{seconds} is not from {least} to {most}");
    assert!(scrape.get("tribunal_pool_used", &[("resource", "component_instances")]) >= 1.0);
}

#[derive(Deserialize)]
struct Dashboard {
    rows: Vec<String>,
    queries: Vec<Query>,
}

#[derive(Deserialize)]
struct Query {
    panel: String,
    metrics: Vec<Selector>,
}

#[derive(Deserialize)]
struct Selector {
    name: String,
    labels: Vec<String>,
}

#[test]
fn the_dashboard_asks_for_what_there_is() {
    let printed = output(script("dashboard.py").arg(root().join("examples/grafana/dashboard.json")));
    let dashboard: Dashboard = serde_json::from_slice(&printed).unwrap();
    assert_eq!(dashboard.rows, ["Ingest", "Bindings", "Store", "Sandbox", "Models"]);
    assert!(dashboard.queries.len() > 40);

    let provider = Provider::start(|_| Reply::Text("fine".to_owned()));
    let server = Server::start(&format!(
        "[models.judge]\nprovider = \"openai\"\nbase_url = {:?}\nmodel = \"gpt-4.1-mini\"\n\
         budget = {{ usd = 1.0, per = \"day\" }}\n[plugins.pricing]\ncomponent = {:?}\n\
         [plugins.asker]\ncomponent = {:?}\nmodels = [\"judge\"]\nconfig = {{ model = \"judge\" }}\n\
         budget = {{ usd = 1.0, per = \"day\" }}\n",
        provider.url,
        plugin("pricing"),
        guest("asker")
    ));
    assert_eq!(server.post(&interaction("x", 20)).status(), 201);
    server.wait_idle();
    let Scrape(samples) = Scrape::of(&server);
    let told = std::fs::read_to_string(root().join("examples/grafana/README.md")).unwrap();
    for word in told.split(|c: char| !c.is_ascii_lowercase() && c != '_').filter(|word| word.starts_with("tribunal_")) {
        let family = |sample: &Sample| sample.name == word || sample.name == format!("{word}_bucket");
        assert!(samples.iter().any(family), "the README tells of {word}, which there is not");
    }
    for Query { panel, metrics } in dashboard.queries {
        for Selector { name, labels } in metrics {
            let sample = samples.iter().find(|sample| sample.name == name);
            let sample = sample.unwrap_or_else(|| panic!("{panel} asks for {name}, which there is not"));
            for label in labels {
                // What Prometheus itself says of where a sample is from.
                let known = label == "instance" || sample.labels.contains_key(&label);
                assert!(known, "{panel} asks for the label {label} of {name}, which it has not");
            }
        }
    }
}
