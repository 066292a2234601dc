//! Measures `relevance` with a model of embeddings in this process: answers to their own question against those to another,
//! and questions of a topic against all others; knows nothing of how it judges.

use std::collections::{BTreeMap, HashMap};
use std::fs;

use serde::Deserialize;
use serde_json::{Value as Json, json};
use tribunal::author::roc_auc;
use tribunal::plugin::Engine;
use tribunal::record::{Interaction, Value};
use tribunal_tests::root;

use crate::data::{Answered, Data, HaluEvalLabels};
use crate::embedder::Embedder;
use crate::judge::{Judge, Judged, answered, told};
use crate::report::{figure, share, table};

/// From here on it is the same question in other words.
const SAME: f32 = 0.8;

type Row = Answered<HaluEvalLabels>;

/// Questions sorted by hand, by the numbers of their rows.
#[derive(Deserialize)]
struct Scopes {
    scopes: BTreeMap<String, Scope>,
    other: Vec<u32>,
}

#[derive(Deserialize)]
struct Scope {
    /// Made-up system prompts.
    prompts: Vec<String>,
    topics: Vec<String>,
    rows: Vec<u32>,
}

pub(crate) fn measure(engine: &Engine, data: &Data) -> anyhow::Result<String> {
    let embedder = Embedder::start()?;
    let engine = engine.clone().asking(embedder.clone());
    let load = |config: &Json| Judge::granting(&engine, "relevance", config, vec![embedder.granted.clone()]);
    let is_whole = |row: &&Row| !row.prompt.trim().is_empty() && !row.completion.trim().is_empty();
    let rows: Vec<&Row> = data.halueval.iter().filter(is_whole).collect();
    let texts = |text: fn(&Row) -> &str| rows.iter().map(|row| text(row)).collect::<Vec<_>>();
    let questions = embedder.embed(&texts(|row| &row.prompt))?;
    embedder.embed(&texts(|row| &row.completion))?;
    let mut judge = load(&json!({"model": "minilm"}))?;
    let halves = [("TEST", true), ("TRAIN", false)];
    let answers = halves.map(|(half, is_test)| answers(&mut judge, &rows, &questions, half, is_test));
    let written = fs::read_to_string(root().join("plugins/relevance/scopes.json"))?;
    let scopes: Scopes = serde_json::from_str(&written)?;
    let mut lines = Vec::new();
    for (half, is_test) in halves {
        for by_topics in [false, true] {
            lines.push(scoped(&load, &scopes, &rows, half, is_test, by_topics)?);
        }
    }
    Ok(format!(
        "## relevance\n\nWith all-MiniLM-L6-v2 on HaluEval: a question's own answer against the answer to another one, by chance \
         and to the most similar one.\n\n{}\nQuestions of five topics, sorted by hand, against all others.\n\n{}\n{}",
        table(&["half", "questions", "own found", "by chance, ROC AUC", "found", "similar, ROC AUC", "found"], answers),
        table(
            &["half", "scope", "AUC of questions", "of answers", "inside, found", "outside, found", "with the answer"],
            lines
        ),
        judge.tally()
    ))
}

fn number(judged: &Judged, name: &str) -> Option<f64> {
    let verdict = judged.iter().flatten().find(|verdict| verdict.name == name)?;
    if let Some(Value::Number(number)) = verdict.value { Some(number) } else { None }
}

fn is_found(judged: &Judged, category: &str, code: Option<&str>) -> bool {
    let mut verdicts = judged.iter().flatten();
    verdicts.any(|verdict| verdict.name == category && (code.is_none() || verdict.label.as_deref() == code))
}

fn answers(judge: &mut Judge, rows: &[&Row], questions: &[Vec<f32>], half: &str, is_test: bool) -> Vec<String> {
    let at: Vec<_> = (0..rows.len()).filter(|at| rows[*at].is_test() == is_test).collect();
    let like = |one: usize, other: usize| -> f32 {
        questions[one].iter().zip(&questions[other]).map(|(one, other)| one * other).sum()
    };
    let similar = |at: usize| {
        let others = (0..rows.len()).filter(|other| *other != at && like(at, *other) < SAME);
        others.max_by(|one, other| like(at, *one).total_cmp(&like(at, *other)))
    };
    // A step of 1,009 rows is as good as chance, and always the same.
    let chance = |at: usize| Some((at + 1_009) % rows.len());
    let mut judged = |answer: &dyn Fn(usize) -> Option<usize>| {
        let pairs = at.iter().filter_map(|at| Some((rows[*at], rows[answer(*at)?])));
        let pairs = pairs.map(|(row, other)| answered(&row.provider, &row.model, &row.prompt, &other.completion));
        judge.all(&pairs.collect::<Vec<_>>())
    };
    let (own, chance, similar) = (judged(&|at| Some(at)), judged(&chance), judged(&similar));
    let found = |judged: &[Judged]| {
        share(judged.iter().filter(|judged| is_found(judged, "semantic", Some("irrelevant"))).count(), judged.len())
    };
    let auc = |others: &[Judged]| {
        let scored = |judged: &[Judged], is_own| {
            let scores = judged.iter().filter_map(|judged| number(judged, "answer_relevance"));
            scores.map(|score| (score, is_own)).collect::<Vec<_>>()
        };
        figure(roc_auc(&[scored(&own, true), scored(others, false)].concat()))
    };
    let counted = [half.to_owned(), at.len().to_string(), found(&own)];
    counted.into_iter().chain([auc(&chance), found(&chance), auc(&similar), found(&similar)]).collect()
}

/// One line: each topic's questions against all others, by its system prompts or by its topics.
fn scoped(
    load: &impl Fn(&Json) -> anyhow::Result<Judge>,
    scopes: &Scopes,
    rows: &[&Row],
    half: &str,
    is_test: bool,
    by_topics: bool,
) -> anyhow::Result<Vec<String>> {
    let number_of = |row: &Row| row.id.rsplit('-').next().and_then(|number| number.parse().ok());
    let by_number: HashMap<u32, &Row> = rows.iter().filter_map(|row| Some((number_of(row)?, *row))).collect();
    let of = |numbers: &[u32]| numbers.iter().filter_map(|number| by_number.get(number).copied()).collect::<Vec<_>>();
    let mut within = Vec::new();
    let mut outside = Vec::new();
    for (topic, scope) in &scopes.scopes {
        let topics: &[String] = if by_topics { &scope.topics } else { &[] };
        let mut judge = load(&json!({"model": "minilm", "topics": topics}))?;
        let prompts = if by_topics { &scope.prompts[..1] } else { &scope.prompts };
        let mut judged = |rows: Vec<&Row>| {
            let rows = rows.into_iter().filter(|row| row.is_test() == is_test);
            let told = |row: &Row| prompts.iter().map(|prompt| told(prompt, row)).collect::<Vec<Interaction>>();
            judge.all(&rows.flat_map(told).collect::<Vec<_>>())
        };
        let elsewhere = scopes.scopes.iter().filter(|(name, _)| *name != topic).flat_map(|(_, scope)| of(&scope.rows));
        within.extend(judged(of(&scope.rows)));
        outside.extend(judged(elsewhere.chain(of(&scopes.other)).collect()));
        judge.ensure_none_failed()?;
    }
    let auc = |name: &str| {
        let scored = |judged: &[Judged], is_within| {
            let margins = judged.iter().filter_map(|judged| number(judged, name));
            margins.map(|margin| (margin, is_within)).collect::<Vec<_>>()
        };
        figure(roc_auc(&[scored(&within, true), scored(&outside, false)].concat()))
    };
    let found = |judged: &[Judged], code| {
        share(judged.iter().filter(|judged| is_found(judged, "out-of-scope", code)).count(), judged.len())
    };
    let scope = if by_topics { "topics" } else { "system prompts" };
    Ok(vec![
        half.to_owned(),
        scope.to_owned(),
        auc("question_in_scope"),
        auc("answer_in_scope"),
        found(&within, None),
        found(&outside, None),
        found(&outside, Some("answer")),
    ])
}
