//! Plugins that ask models: what the host adds to a call, how many wait at once, what an answer costs that was kept, and how fast
//! texts are embedded in the process.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use tokio::runtime::{Builder, Runtime};
use tribunal::config::Config;
use tribunal::model::ModelDesk;
use tribunal::plugin::{Engine, Evaluator, Plugin, PluginFile};
use tribunal::record::{
    Ask, Binding, Budget, Deadline, Dialect, Evaluation, ExchangeDigest, GrantedModel, Interaction, InteractionId,
    Limits, ModelAnswer, ModelDefinition, ModelRequest, Models, Name, Outcome, Period, Prices, Remote, Sample, Seq,
    Source, Time, Usd,
};
use tribunal::store::{Store, StoreOptions};
use tribunal_tests::{Provider, Reply, Server, guest, minilm, plugin};

use super::text::templates;
use super::{Row, micros, quantile, resident_memory};

const CALLS: usize = 2_000;
const JUDGES: usize = 200;
/// So many rounds of all judges.
const ROUNDS: usize = 8;
/// So many texts are embedded.
const EMBEDDED: usize = 1_024;

pub(crate) fn measure() -> Vec<Row> {
    let mut rows = alone();
    rows.push(together());
    rows.push(embeddings());
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

/// The pricing adapter, as the host asks it.
struct Pricing(Plugin);

impl Prices for Pricing {
    fn cost(&self, call: &Interaction) -> Option<Usd> {
        let Outcome::Succeeded(verdicts) = Evaluator::default().evaluate(&self.0, call).outcome else { return None };
        verdicts.into_iter().find_map(|verdict| verdict.cost).map(|cost| Usd::from_billionths(cost.amount_billionths))
    }
}

const MODEL: &str = "gpt-4.1-mini";
/// What the model answers, and what it is to answer.
const ANSWER: &str = r#"{"verdict": "fine"}"#;

fn schema() -> Json {
    let verdict = json!({"type": "string", "enum": ["fine", "odd"]});
    json!({"type": "object", "properties": {"verdict": verdict}, "required": ["verdict"], "additionalProperties": false})
}

fn load(store: &Store, url: &str, cache: &std::path::Path) -> Plugin {
    let model = ModelDefinition {
        alias: "judge".parse().unwrap(),
        model: MODEL.to_owned(),
        source: Source::Remote(Remote { dialect: Dialect::Openai, base_url: url.to_owned(), key: None }),
        timeout: Deadline::from_millis(30_000),
        max_concurrent: 16,
        requests_per_minute: None,
        max_output_tokens: 4096,
        budget: Some(Budget { limit: Usd::from_billionths(1_000_000_000_000), per: Period::Day }),
        record_in: None,
        retention: ModelDefinition::RETENTION,
    };
    let models = vec![model.granted()];
    let desk = ModelDesk::new(vec![model], Vec::new(), Some(store.clone())).unwrap();
    let engine = Engine::start(&cache.join("cache")).unwrap();
    let bound = |engine: &Engine, path: &Path, config: Json, models: Vec<GrantedModel>| {
        let file = PluginFile::read(path, Limits::default().size).unwrap();
        let binding = Binding {
            name: "bound".parse().unwrap(),
            component: file.digest,
            config: config.to_string(),
            filter: None,
            sample: Sample::ALL,
            limits: Limits { deadline: Deadline::from_millis(30_000), ..Limits::default() },
            capabilities: vec!["log".to_owned(), "models".to_owned()],
            models,
        };
        Plugin::load(engine, &file, Arc::new(binding)).unwrap()
    };
    desk.priced_by(Arc::new(Pricing(bound(&engine, &plugin("pricing"), json!({}), Vec::new()))));
    let config = json!({"model": "judge", "schema": schema()});
    bound(&engine.asking(Arc::new(desk)), &guest("asker"), config, models)
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
    let call = &evaluation.model_calls[0];
    assert!(call.cached == cached && call.cost.is_some_and(|cost| cached == (cost == Usd::ZERO)), "{evaluation:?}");
    took
}

/// One call at a time: to a provider that answers at once, bare and through the host, and then what was kept.
fn alone() -> Vec<Row> {
    let provider = Provider::start(|_| Reply::Text(ANSWER.to_owned()));
    let bench = Bench::new(&provider.url);
    let runtime: Runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let client = reqwest::Client::new();
    let request = json!({
        "model": MODEL, "temperature": 0.0, "seed": 0, "logprobs": true, "top_logprobs": 2, "max_completion_tokens": 20,
        "messages": [{"role": "system", "content": "Judge."}, {"role": "user", "content": "The answer number 1000 to it."}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "strict": true, "schema": schema()}},
    });
    let bare = || async {
        let began = Instant::now();
        let answer = client.post(format!("{}/chat/completions", provider.url)).json(&request).send().await.unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert_eq!(answer["choices"][0]["message"]["content"], ANSWER);
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
        what: "what the host adds to a call of a model: plugin, cache, schema, budget, price, store; p50",
        wanted: "≤ 200 µs",
        got: format!("{:.0} µs (p99 {:.0} µs)", whole - bare, micros(quantile(&mut added, 0.99))),
        beside: format!("the bare HTTP call {bare:.0} µs; through the host {whole:.0} µs"),
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

/// Texts of about twenty tokens, in batches and one by one, with the threads that there are.
fn embeddings() -> Row {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tribunal.toml");
    std::fs::write(&file, format!("[models.minilm]\nprovider = \"local\"\npath = {:?}\n", minilm())).unwrap();
    let model = Config::read(&file).unwrap().models.remove(0);
    let before = resident_memory();
    let desk = ModelDesk::new(vec![model.clone()], Vec::new(), None).unwrap();
    let (granted, binding): (_, Name) = (model.granted(), "bench".parse().unwrap());
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let words: Vec<String> = templates(4096).concat().split_whitespace().map(str::to_owned).collect();
    let rate = |batch: usize, from: usize| {
        let began = Instant::now();
        for at in 0..EMBEDDED / batch {
            // No text twice: what is known is not computed again.
            let text = |place: usize| words.iter().cycle().skip((from + at * batch + place) * 7).take(14).cloned();
            let number = |place: usize| (from + at * batch + place).to_string();
            let texts =
                (0..batch).map(|place| [number(place)].into_iter().chain(text(place)).collect::<Vec<_>>().join(" "));
            let texts = texts.collect();
            let request = ModelRequest::Embed(texts);
            let exchange = ExchangeDigest::of_request(&granted, &request);
            let until = Instant::now() + Duration::from_secs(60);
            let ask = Ask { binding: &binding, about: None, model: &granted, exchange, request, until };
            let (answer, call) = runtime.block_on(desk.ask(ask));
            let Ok(ModelAnswer::Embeddings(made)) = answer else { panic!("{answer:?}") };
            assert!(made.vectors.len() == batch && !call.cached);
        }
        EMBEDDED as f64 / began.elapsed().as_secs_f64()
    };
    let (single, batched) = (rate(1, 0), rate(32, EMBEDDED));
    Row {
        what: "texts of 15 words embedded in the process by all-MiniLM-L6-v2, batches of 32",
        wanted: "",
        got: format!("{batched:.0}/s, with {} MiB more", resident_memory().saturating_sub(before)),
        beside: format!("one by one {single:.0}/s; the weights alone are 87 MiB"),
    }
}
