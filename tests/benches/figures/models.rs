//! Plugins that ask models: what the host adds to a call, how many wait at once, and what an answer costs that was kept.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::runtime::{Builder, Runtime};
use tribunal::model::ModelDesk;
use tribunal::plugin::{Engine, Evaluator, Plugin, PluginFile};
use tribunal::record::{
    Binding, Deadline, Dialect, Evaluation, Interaction, InteractionId, Limits, ModelDefinition, Outcome, Remote,
    Sample, Seq, Source, Time,
};
use tribunal::store::{Store, StoreOptions};
use tribunal_tests::{Provider, Reply, Server, guest};

use super::text::templates;
use super::{Row, micros, quantile};

const CALLS: usize = 2_000;
const JUDGES: usize = 200;
/// So many rounds of all judges.
const ROUNDS: usize = 8;

pub(crate) fn measure() -> Vec<Row> {
    let mut rows = alone();
    rows.push(together());
    rows
}

/// A plugin that asks once for each call, and the desk behind it, with a store on disk.
struct Bench {
    plugin: Plugin,
    store: Store,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn new(url: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("bench.db"), &StoreOptions { max_backlog: 64 << 20 }).unwrap();
        let plugin = load(&store, url, folder.path());
        Self { plugin, store, _folder: folder }
    }
}

fn load(store: &Store, url: &str, cache: &std::path::Path) -> Plugin {
    let model = ModelDefinition {
        alias: "judge".parse().unwrap(),
        model: "judge-1".to_owned(),
        source: Source::Remote(Remote { dialect: Dialect::Openai, base_url: url.to_owned(), key: None }),
        timeout: Deadline::from_millis(30_000),
        max_concurrent: 16,
        requests_per_minute: None,
        max_output_tokens: 4096,
        budget: None,
        record_in: None,
        retention: ModelDefinition::RETENTION,
    };
    let models = vec![model.granted()];
    let desk = ModelDesk::new(vec![model], Vec::new(), Some(store.clone())).unwrap();
    let engine = Engine::start(&cache.join("cache")).unwrap().asking(Arc::new(desk));
    let file = PluginFile::read(&guest("asker"), Limits::default().size).unwrap();
    let binding = Binding {
        name: "asker".parse().unwrap(),
        component: file.digest,
        config: json!({"model": "judge"}).to_string(),
        filter: None,
        sample: Sample::ALL,
        limits: Limits { deadline: Deadline::from_millis(30_000), ..Limits::default() },
        capabilities: vec!["log".to_owned(), "models".to_owned()],
        models,
    };
    Plugin::load(&engine, &file, Arc::new(binding)).unwrap()
}

/// An interaction of about 1 KB with an answer that no other has.
fn interaction(at: usize) -> Interaction {
    let text = &templates(1024)[at % 50];
    let mut posted: tribunal::record::NewInteraction = serde_json::from_str(text).unwrap();
    posted.output[0] =
        tribunal::record::Message::text("assistant", &format!("The answer number {at} to the question."));
    let (id, now) = (InteractionId::generate(), Time::now());
    Interaction { seq: Seq(at as u64), id, started_at: now, recorded_at: now, posted }
}

async fn judge(evaluator: &mut Evaluator, plugin: &Plugin, interaction: &Interaction, cached: bool) -> Duration {
    let began = Instant::now();
    let evaluation: Evaluation = evaluator.evaluate_waiting(plugin, interaction).await;
    let took = began.elapsed();
    assert!(matches!(evaluation.outcome, Outcome::Succeeded(_)), "{evaluation:?}");
    assert_eq!(evaluation.model_calls[0].cached, cached, "{evaluation:?}");
    took
}

/// One call at a time: to a provider that answers at once, bare and through the host, and then what was kept.
fn alone() -> Vec<Row> {
    let provider = Provider::start(|_| Reply::Text("fine".to_owned()));
    let bench = Bench::new(&provider.url);
    let runtime: Runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let client = reqwest::Client::new();
    let request = json!({
        "model": "judge-1", "temperature": 0.0, "seed": 0, "logprobs": true, "top_logprobs": 2, "max_completion_tokens": 20,
        "messages": [{"role": "system", "content": "Judge."}, {"role": "user", "content": "The answer number 1000 to it."}],
    });
    let bare = || async {
        let began = Instant::now();
        let answer = client.post(format!("{}/chat/completions", provider.url)).json(&request).send().await.unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert_eq!(answer["choices"][0]["message"]["content"], "fine");
        began.elapsed()
    };
    let interactions: Vec<_> = (0..CALLS).map(interaction).collect();
    let (mut bares, mut judged) = (Vec::new(), Vec::new());
    let mut evaluator = Evaluator::default();
    runtime.block_on(async {
        // By turns, so that both meet the same machine.
        for interaction in &interactions {
            bares.push(bare().await);
            judged.push(judge(&mut evaluator, &bench.plugin, interaction, false).await);
        }
    });
    let mut added: Vec<_> = judged.iter().zip(&bares).map(|(judged, bare)| judged.saturating_sub(*bare)).collect();
    let (bare, whole) = (micros(quantile(&mut bares, 0.5)), micros(quantile(&mut judged, 0.5)));
    let mut rows = vec![Row {
        what: "what the host adds to a call of a model, plugin, schema, price and store included, p50",
        wanted: "≤ 200 µs",
        got: format!("{:.0} µs (p99 {:.0} µs)", whole - bare, micros(quantile(&mut added, 0.99))),
        beside: format!("the bare HTTP call: {bare:.0} µs; through the host {whole:.0} µs"),
    }];
    let mut again = |plugin: &Plugin| -> Vec<Duration> {
        runtime.block_on(async {
            let mut times = Vec::new();
            for interaction in &interactions {
                times.push(judge(&mut evaluator, plugin, interaction, true).await);
            }
            times
        })
    };
    let mut recent = again(&bench.plugin);
    bench.store.evaluations_settle(Duration::from_secs(10));
    let folder = tempfile::tempdir().unwrap();
    // Another desk has nothing in memory.
    let mut kept = again(&load(&bench.store, &provider.url, folder.path()));
    rows.push(Row {
        what: "a judgement that rests on an answer which was kept, 1 KB, p50",
        wanted: "≤ 100 µs",
        got: format!(
            "from the store {:.0} µs (p99 {:.0}); from memory {:.0} µs (p99 {:.0})",
            micros(quantile(&mut kept, 0.5)),
            micros(quantile(&mut kept, 0.99)),
            micros(quantile(&mut recent, 0.5)),
            micros(quantile(&mut recent, 0.99))
        ),
        beside: format!("the call that was not made: {whole:.0} µs"),
    });
    rows
}

/// Two hundred wait for a model that takes a second.
fn together() -> Row {
    let second = Duration::from_secs(1);
    let provider = Provider::start(move |_| Reply::Late(second, Box::new(Reply::Text("fine".to_owned()))));
    let server = Server::start(&format!(
        "[models.judge]\nprovider = \"openai\"\nbase_url = {:?}\nmodel = \"judge-1\"\nmax_concurrent = {JUDGES}\n\
         [plugins.asker]\ncomponent = {:?}\nmodels = [\"judge\"]\nconfig = {{ model = \"judge\" }}\n",
        provider.url,
        guest("asker")
    ));
    // Each question is another one.
    let mut templates = templates(1024);
    templates.iter_mut().for_each(|text| *text = text.replacen("\"content\":\"", "\"content\":\"ID ", 2));
    let count = JUDGES * ROUNDS;
    let lines: String = (0..count)
        .map(|at| {
            templates[at % templates.len()].replace("\"ID\"", &format!("\"j-{at}\"")).replace("ID ", &format!("{at} "))
                + "\n"
        })
        .collect();
    let began = Instant::now();
    assert!(server.post_as("application/x-ndjson", lines).status().is_success());
    server.wait_idle();
    let took = began.elapsed();
    assert_eq!(provider.asked().len(), count);
    let rate = count as f64 / took.as_secs_f64();
    Row {
        what: "200 judges in flight, a model that takes 1 s: evaluations/s, from the post to the last one stored",
        wanted: "≥ 190",
        got: format!("{rate:.0} ({} at once)", provider.most_at_once()),
        beside: format!("{JUDGES} a second is what the model gives"),
    }
}
