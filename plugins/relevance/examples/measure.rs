//! Measures the plugin on HaluEval's questions and answers, with an embeddings endpoint of OpenAI's dialect:
//!
//! `cargo run --release -p relevance --example measure DATA/halueval.jsonl 127.0.0.1:8080 /v1/embeddings MODEL`
//!
//! Negatives for answers are answers to other questions, by chance and to the most similar question; for scopes, questions of
//! other topics (`scopes.json`, labelled by hand, with made-up system prompts). Knows nothing of how the plugin works.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;

use relevance::Relevance;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tribunal_sdk::{Failure, Interaction, Message, Plugin, ScoreValue};

#[derive(Deserialize)]
struct Row {
    id: String,
    prompt: String,
    completion: String,
}

#[derive(Deserialize)]
struct Scope {
    prompts: Vec<String>,
    topics: Vec<String>,
    rows: Vec<u32>,
}

#[derive(Deserialize)]
struct Scopes {
    scopes: BTreeMap<String, Scope>,
    other: Vec<u32>,
}

/// An endpoint, and what it said so far: each text is asked about once.
struct Embedder {
    address: String,
    path: String,
    model: String,
    known: RefCell<HashMap<String, Vec<f32>>>,
}

impl Embedder {
    fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, Failure> {
        let known = self.known.borrow();
        let new: Vec<_> = texts.iter().filter(|text| !known.contains_key(*text)).cloned().collect();
        drop(known);
        for some in new.chunks(32) {
            let vectors = self.ask(some).map_err(|error| Failure::new("model-unavailable", error.to_string()))?;
            self.known.borrow_mut().extend(some.iter().cloned().zip(vectors));
        }
        let known = self.known.borrow();
        Ok(texts.iter().map(|text| known[text].clone()).collect())
    }

    fn ask(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, Box<dyn Error>> {
        let Self { address, path, model, .. } = self;
        let body = json!({"model": model, "input": texts}).to_string();
        let mut stream = TcpStream::connect(address)?;
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.0\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all((head + &body).as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (_, body) = answer.split_once("\r\n\r\n").ok_or("no body")?;
        let body: Value = serde_json::from_str(body)?;
        let data = body["data"].as_array().ok_or_else(|| body.to_string())?;
        let vector = |one: &Value| -> Vec<f32> {
            let numbers: Vec<f32> = serde_json::from_value(one["embedding"].clone()).unwrap_or_default();
            let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt();
            numbers.into_iter().map(|number| number / length).collect()
        };
        Ok(data.iter().map(vector).collect())
    }
}

/// What the plugin says of an interaction: the scores by name, and the codes of its findings.
fn judged(
    plugin: &Relevance,
    embedder: &Embedder,
    system: &str,
    question: &str,
    answer: &str,
) -> (HashMap<String, f64>, Vec<String>) {
    let mut interaction = Interaction::example(question, answer);
    if !system.is_empty() {
        interaction.input.insert(0, Message::text("system", system));
    }
    let embed = |texts: &[String]| embedder.embed(texts);
    let scores = plugin.scores(&interaction, &embed).expect("scores");
    let findings = plugin.findings(&interaction, &embed).expect("findings");
    let number = |value: &ScoreValue| if let ScoreValue::Number(number) = value { *number } else { 0.0 };
    let scores = scores.iter().map(|score| (score.name.clone(), number(&score.value))).collect();
    (scores, findings.into_iter().map(|finding| format!("{}/{}", finding.category, finding.code)).collect())
}

fn configured(config: &Value) -> Relevance {
    Relevance::configure(serde_json::from_value(config.clone()).expect("a config")).expect("a valid config")
}

/// How likely one of the first lies above one of the others.
fn auc(above: &[f64], below: &[f64]) -> f64 {
    let mut below = below.to_vec();
    below.sort_by(f64::total_cmp);
    let wins = above.iter().map(|one| {
        let (under, upto) = (below.partition_point(|other| other < one), below.partition_point(|other| other <= one));
        (under + upto) as f64 / 2.0
    });
    wins.sum::<f64>() / (above.len() * below.len()) as f64
}

fn share(of: &[bool]) -> f64 {
    of.iter().filter(|one| **one).count() as f64 / of.len() as f64
}

fn is_test(row: &Row) -> bool {
    Sha256::digest(&row.prompt)[0] % 2 == 1
}

fn dot(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

/// Own answers against those to another question by chance, and to the most similar one.
fn answers(rows: &[Row], embedder: &Embedder) {
    let plugin = configured(&json!({"model": "minilm"}));
    let prompts: Vec<_> = rows.iter().map(|row| row.prompt.clone()).collect();
    let vectors = embedder.embed(&prompts).expect("vectors");
    for (half, wanted) in [("TRAIN", false), ("TEST", true)] {
        let at: Vec<_> = (0..rows.len()).filter(|at| is_test(&rows[*at]) == wanted).collect();
        let similar = |at: usize| {
            // From 0.8 on it is the same question in other words.
            let others = (0..rows.len()).filter(|other| *other != at && dot(&vectors[at], &vectors[*other]) < 0.8);
            others
                .max_by(|one, other| dot(&vectors[at], &vectors[*one]).total_cmp(&dot(&vectors[at], &vectors[*other])))
        };
        // A step of 1,009 rows is as good as chance, and always the same.
        let chance = |at: usize| Some((at + 1_009) % rows.len());
        let own = measured(&plugin, embedder, rows, &at, &|at| Some(at));
        println!("{half}, {} questions: of own answers {:.1} % are found irrelevant", at.len(), 100.0 * share(&own.1));
        for (name, other) in [("by chance", &chance as &dyn Fn(usize) -> Option<usize>), ("similar question", &similar)]
        {
            let others = measured(&plugin, embedder, rows, &at, other);
            println!("  {name}: AUC {:.3}, found {:.1} %", auc(&own.0, &others.0), 100.0 * share(&others.1));
        }
    }
}

/// `answer_relevance` of each, and whether it is found irrelevant.
fn measured(
    plugin: &Relevance,
    embedder: &Embedder,
    rows: &[Row],
    at: &[usize],
    answer: &dyn Fn(usize) -> Option<usize>,
) -> (Vec<f64>, Vec<bool>) {
    let pairs = at.iter().filter_map(|at| Some((*at, answer(*at)?)));
    pairs
        .filter_map(|(question, answer)| {
            let (scores, codes) = judged(plugin, embedder, "", &rows[question].prompt, &rows[answer].completion);
            Some((*scores.get("answer_relevance")?, codes.iter().any(|code| code == "semantic/irrelevant")))
        })
        .unzip()
}

/// Questions of a topic against all others, for each system prompt.
fn scopes(rows: &[Row], embedder: &Embedder) {
    let Scopes { scopes, other } = serde_json::from_str(include_str!("scopes.json")).expect("scopes");
    let by_id: HashMap<u32, &Row> =
        rows.iter().filter_map(|row| Some((row.id.rsplit('-').next()?.parse().ok()?, row))).collect();
    let of = |ids: &[u32]| ids.iter().filter_map(|id| by_id.get(id).copied()).collect::<Vec<_>>();
    for (half, wanted) in [("TRAIN", false), ("TEST", true)] {
        for with_topics in [false, true] {
            let mut margins = [[vec![], vec![]], [vec![], vec![]]];
            let mut found = [vec![], vec![]];
            for (topic, scope) in &scopes {
                let config = if with_topics {
                    json!({"model": "minilm", "topics": scope.topics})
                } else {
                    json!({"model": "minilm"})
                };
                let plugin = configured(&config);
                let prompts = if with_topics { &scope.prompts[..1] } else { &scope.prompts[..] };
                let elsewhere = scopes.iter().filter(|(name, _)| *name != topic).flat_map(|(_, scope)| of(&scope.rows));
                let outside: Vec<_> = elsewhere.chain(of(&other)).collect();
                for (is_out, rows) in [(false, of(&scope.rows)), (true, outside)] {
                    for row in rows.into_iter().filter(|row| is_test(row) == wanted) {
                        for prompt in prompts {
                            let (scores, codes) = judged(&plugin, embedder, prompt, &row.prompt, &row.completion);
                            for (at, name) in ["question_in_scope", "answer_in_scope"].into_iter().enumerate() {
                                margins[at][usize::from(is_out)].extend(scores.get(name).copied());
                            }
                            let has = |code: &str| codes.iter().any(|one| one == code);
                            found[usize::from(is_out)].push([has("out-of-scope/answer"), has("out-of-scope/question")]);
                        }
                    }
                }
            }
            let [question, answer] = margins.map(|[within, outside]| auc(&within, &outside));
            let found = found.map(|found| {
                let answers: Vec<_> = found.iter().map(|[answer, _]| *answer).collect();
                let any: Vec<_> = found.iter().map(|[answer, question]| *answer || *question).collect();
                (100.0 * share(&answers), 100.0 * share(&any), found.len())
            });
            let how = if with_topics { "topics" } else { "system prompts" };
            println!("{half}, {how}: AUC of questions {question:.3}, of answers {answer:.3}");
            for (name, (answers, any, count)) in ["inside", "outside"].into_iter().zip(found) {
                println!("  {name}, {count}: found {any:.1} %, of which with the answer {answers:.1} %");
            }
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [data, address, path, model] = <[String; 4]>::try_from(arguments).map_err(|_| "DATA ADDRESS PATH MODEL")?;
    let lines = std::fs::read_to_string(data)?;
    let rows = lines.lines().map(serde_json::from_str).collect::<Result<Vec<Row>, _>>()?;
    let is_whole = |row: &Row| !row.prompt.trim().is_empty() && !row.completion.trim().is_empty();
    let rows: Vec<_> = rows.into_iter().filter(is_whole).collect();
    let embedder = Embedder { address, path, model, known: RefCell::default() };
    answers(&rows, &embedder);
    scopes(&rows, &embedder);
    Ok(())
}
