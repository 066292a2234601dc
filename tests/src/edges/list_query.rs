//! The query of a list is answered or refused for a field of it, never with a failure of the host; pages join to the
//! whole list, and what is listed is what was asked for.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arbitrary::{Result, Unstructured};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value as Json, json};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tower::ServiceExt;
use tribunal::api::{self, Api, Reloads};
use tribunal::dispatch::Dispatcher;
use tribunal::ingest::parse_one;
use tribunal::model::ModelDesk;
use tribunal::record::{
    Binding, ByteSize, ComponentDigest, Evaluation, Failure, Kind, Limits, Outcome, Reason, Sample, Seq, Severity,
    Start, Time, Value, Verdict, VerdictKind,
};
use tribunal::store::{EvaluationBatch, Store, StoreOptions, Tallies};

use super::{loader, made};

const LISTS: [&str; 2] = ["/v1/interactions", "/v1/verdicts"];
/// How many interactions there are.
const INTERACTIONS: u64 = 24;

/// Takes the bytes for the query of each list.
pub fn check(bytes: &[u8]) {
    let written = made(bytes).and_then(|mut u| write(&mut u).ok());
    let query = match &written {
        Some(query) => query.as_str(),
        None => match std::str::from_utf8(bytes) {
            // What stands behind a `#` is sent to nobody.
            Ok(query) if !query.contains('#') => query,
            _ => return,
        },
    };
    for list in LISTS {
        if let Some(Ok(answer)) = host().get(&format!("{list}?{query}")) {
            is_list(&answer);
            if written.is_some() {
                is_what_was_asked_for(list, query, &answer);
            }
        }
        pages_join(list, query);
    }
    super::panics::none_of_ours();
}

fn is_list(answer: &Json) {
    assert!(answer["items"].is_array() && (answer["next"].is_null() || answer["next"].is_string()), "{answer}");
}

fn items(answer: &Json) -> &[Json] {
    answer["items"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The whole list, page by page, is the list on one page.
fn pages_join(list: &str, query: &str) {
    let kept: Vec<_> =
        query.split('&').filter(|pair| !pair.starts_with("limit=") && !pair.starts_with("cursor=")).collect();
    let query = kept.join("&");
    let Some(Ok(whole)) = host().get(&format!("{list}?{query}&limit=500")) else { return };
    let mut joined = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = host().get(&format!("{list}?{query}&limit=5{cursor}"));
        let page = page.expect("a query that was taken").unwrap_or_else(|problem| panic!("{query}{cursor}: {problem}"));
        joined.extend(items(&page).iter().cloned());
        assert!(joined.len() <= items(&whole).len(), "{list}?{query} goes on");
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(joined, items(&whole), "{list}?{query}");
}

/// What a query that was made asks for is true of every item, and of no item that is missing.
fn is_what_was_asked_for(list: &str, query: &str, answer: &Json) {
    if list != LISTS[0] || query.contains("cursor=") || query.contains("limit=") {
        return;
    }
    let pairs: Vec<_> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let plain = ["project", "provider", "model", "session", "user", "prompt", "has_error", "from", "to"];
    if !pairs.iter().all(|(key, _)| plain.contains(key)) {
        return;
    }
    let expected = (0..INTERACTIONS).filter(|seq| pairs.iter().all(|(key, value)| holds(*seq, key, value))).count();
    assert_eq!(items(answer).len(), expected, "{query}: {answer}");
}

fn holds(seq: u64, key: &str, value: &str) -> bool {
    let posted = posted(seq);
    let text = |field: &Json| field.as_str().map(str::to_owned);
    let time = |text: &str| text.parse::<Time>().ok();
    match key {
        "prompt" => text(&posted["prompt"]["name"]).as_deref() == Some(value),
        "has_error" => posted["error"].is_object() == (value == "true"),
        "from" => text(&posted["started_at"]).and_then(|at| time(&at)) >= time(value),
        "to" => text(&posted["started_at"]).and_then(|at| time(&at)) < time(value),
        field => text(&posted[field]).as_deref() == Some(value),
    }
}

/// Every third interaction has what another has not, and several start at one moment.
fn posted(seq: u64) -> Json {
    let mut posted = json!({
        "id": format!("i{seq}"), "project": format!("p{}", seq % 2), "provider": format!("v{}", seq % 3),
        "model": format!("m{}", seq % 4), "started_at": moment(seq / 3),
    });
    let mut with = |every: u64, field: &str, value: Json| {
        if seq.is_multiple_of(every) {
            posted[field] = value;
        }
    };
    with(3, "session", format!("s{}", seq % 2).into());
    with(4, "user", "u0".into());
    with(5, "error", json!({"kind": "timeout"}));
    with(6, "prompt", json!({"name": "t0", "version": "1"}));
    posted
}

fn moment(minute: u64) -> String {
    format!("2026-03-01T12:{minute:02}:00Z")
}

/// The API over a store of its own.
struct Host {
    runtime: Runtime,
    router: Router,
    _dispatcher: Dispatcher,
    _folder: tempfile::TempDir,
}

fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let options = StoreOptions { max_backlog: 64 << 20 };
        let store = Store::open(&folder.path().join("fuzz.db"), &options).expect("a store");
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        let records = (0..INTERACTIONS).map(|seq| parse_one(posted(seq).to_string().as_bytes()).expect("a record"));
        runtime.block_on(store.interaction_insert(records.collect())).expect("records");
        for (name, kind) in [("one", Kind::Scorer), ("two", Kind::ErrorClassifier)] {
            judge(&store, name, kind);
        }
        let dispatcher = Dispatcher::start(store.clone(), 0, []);
        // Nobody reloads here.
        let reloads = Reloads::new(std::sync::mpsc::sync_channel(1).0);
        let engine = loader::engine().clone();
        let models = ModelDesk::new(Vec::new(), Vec::new(), None).expect("a desk");
        let api = Api {
            store,
            models,
            bench: dispatcher.bench(),
            max_body: 1 << 20,
            reloads,
            engine,
            traffic: Arc::default(),
            comparisons: Arc::new(Semaphore::new(1)),
        };
        let router = api::router(api).into();
        Host { runtime, router, _dispatcher: dispatcher, _folder: folder }
    })
}

impl Host {
    /// A body, or the problem with the request; nothing where the path is no path.
    fn get(&self, path: &str) -> Option<std::result::Result<Json, Json>> {
        let request = Request::get(path).body(Body::empty()).ok()?;
        let (status, body) = self.runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await.expect("an answer");
            let status = response.status();
            (status, axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("a body"))
        });
        let body: Json = serde_json::from_slice(&body).expect("JSON");
        assert!(status == 200 || (status == 422 && body["field"].is_string()), "{path} answered {status}: {body}");
        Some(if status == 200 { Ok(body) } else { Err(body) })
    }
}

/// Evaluations of everything by a binding, some without a verdict and some failed.
fn judge(store: &Store, name: &str, kind: Kind) {
    let binding = Binding {
        name: name.parse().expect("a valid name"),
        component: ComponentDigest::of(name.as_bytes()),
        config: "{}".to_owned(),
        filter: None,
        sample: Sample::ALL,
        limits: Limits::default(),
        capabilities: Vec::new(),
        models: Vec::new(),
    };
    let start = (Some(Start::Beginning), None, Seq(0));
    let registered = store.binding_register(&binding, (name, "1", "0.1.0"), &[kind], false, start).expect("a binding");
    let evaluations = (0..INTERACTIONS).map(|seq| evaluation(seq, kind)).collect();
    let batch = EvaluationBatch {
        binding: registered.id,
        evaluations,
        cursor: Some(Seq(INTERACTIONS)),
        skipped: Tallies::default(),
        backfill: None,
    };
    store.evaluations_commit(batch).expect("evaluations");
    while store.binding_list().expect("bindings").iter().any(|binding| binding.cursor == Seq(0)) {
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn evaluation(seq: u64, kind: Kind) -> Evaluation {
    let outcome = match seq % 5 {
        0 => Outcome::Failed(Failure::new(Reason::Trap, "unreachable")),
        1 => Outcome::Succeeded(Vec::new()),
        many => Outcome::Succeeded((1..many).map(|place| verdict(kind, seq, place)).collect()),
    };
    Evaluation {
        seq: Seq(seq + 1),
        started_at: moment(seq / 3).parse().expect("a time"),
        outcome,
        duration_us: 5,
        peak_memory: ByteSize(0),
        size: ByteSize(0),
        epochs: 0,
        attempts: 1,
        retry_at: None,
        logs: Vec::new(),
        model_calls: Vec::new(),
    }
}

fn verdict(kind: Kind, seq: u64, place: u64) -> Verdict {
    let is_score = kind == Kind::Scorer;
    Verdict {
        kind: if is_score { VerdictKind::Score } else { VerdictKind::Finding },
        name: format!("n{place}"),
        value: is_score.then_some(Value::Number(seq as f64 / 8.0)),
        label: (!is_score).then(|| format!("l{}", seq % 2)),
        severity: (!is_score).then_some(if seq.is_multiple_of(2) { Severity::Low } else { Severity::High }),
        confidence: (!is_score).then_some(0.5),
        span: None,
        explanation: None,
        cost: None,
        attributes: serde_json::Map::new(),
    }
}

const PAIRS: [(&str, &[&str]); 19] = [
    ("project", &["p0", "p1", "", "p2"]),
    ("provider", &["v0", "v1", "v2", "m0"]),
    ("model", &["m0", "m1", "m2", "m3"]),
    ("session", &["s0", "s1"]),
    ("user", &["u0", "u1"]),
    ("prompt", &["t0", "t1"]),
    ("has_error", &["true", "false"]),
    ("from", &["2026-03-01T12:03:00Z", "2026-03-01T12:00:00Z", "1970-01-01T00:00:00Z", "2262-01-01T00:00:00Z"]),
    ("to", &["2026-03-01T12:05:00Z", "2026-03-01T12:00:00.000000001Z", "1970-01-01T00:00:00Z"]),
    ("plugin", &["one", "two", "three", ""]),
    ("binding", &["0000000000000000000000000000000000000000000000000000000000000000", "0", "%2B0"]),
    ("verdict", &["n1", "n2", "n9", "trap"]),
    ("label", &["l0", "l1", "n1"]),
    ("min_value", &["0", "0.5", "-1e308", "1", "nan", "inf", "1e999"]),
    ("max_value", &["1", "0.5", "-0", "1e308"]),
    ("min_severity", &["info", "low", "high", "critical", "\"high\""]),
    ("outcome", &["succeeded", "failed", "trap", "deadline", "fail"]),
    ("limit", &["1", "500", "0", "501", "%2B1", "1.0"]),
    (
        "cursor",
        &["0-0-0-0", "7fffffffffffffff-1-0-0", "18a0b2e5f4b0000-8-2-1", "-1-0-0-0", "ffffffffffffffff-1-0-0", "0"],
    ),
];

/// A query whose parameters are valid as a rule.
fn write(u: &mut Unstructured<'_>) -> Result<String> {
    let mut pairs = Vec::new();
    for (key, values) in PAIRS {
        if u.ratio(1, 6)? {
            pairs.push(format!("{key}={}", if u.arbitrary()? { values[0] } else { u.choose(values)? }));
        }
    }
    Ok(pairs.join("&"))
}
