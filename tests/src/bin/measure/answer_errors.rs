//! Measures `answer-errors`: how often it speaks of texts without known errors, and how many errors made by rule it
//! finds; knows nothing of its rules.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use tribunal::plugin::Engine;

use crate::corrupt::{CORRUPTIONS, Corrupted, Corruption, corrupted};
use crate::data::{Data, is_test};
use crate::judge::{Judge, Judged, text};
use crate::report::{share, table};

/// Texts of one source, and the codes found in each.
struct Read<'a> {
    source: &'static str,
    texts: Vec<&'a str>,
    codes: Vec<BTreeSet<String>>,
}

pub(crate) fn measure(engine: &Engine, data: &Data) -> anyhow::Result<String> {
    let mut judge = Judge::load(engine, "answer-errors", &json!({}))?;
    // Three models were given the same prompts.
    let prompts: BTreeSet<&str> = data.xstest.iter().map(|row| row.prompt.as_str()).collect();
    let sources: [(&str, Vec<&str>); 3] = [
        ("XSTest, prompts (people)", prompts.into_iter().collect()),
        ("XSTest, answers", data.xstest.iter().map(|row| row.completion.as_str()).collect()),
        ("HaluEval, answers", data.halueval.iter().map(|row| row.completion.as_str()).collect()),
    ];
    let read = sources.map(|(source, texts)| {
        let judged = judge.all(&texts.iter().map(|chosen| text(chosen)).collect::<Vec<_>>());
        Read { source, texts, codes: judged.iter().map(codes).collect() }
    });
    let header = ["texts", "all", "grammatical", "mid-sentence or unclosed", "repetition"];
    let rates = read.iter().flat_map(|read| [read.rates("TEST", is_test), read.rates("all", |_| true)]);
    let counts = counts(&read);
    let answers: Vec<&str> = read[2].texts.iter().copied().filter(|text| is_test(text)).collect();
    let recall = CORRUPTIONS.map(|corruption| recall(&mut judge, &answers, corruption));
    Ok(format!(
        "## answer-errors\n\nEach text as the answer of a call that says nothing of how it ended. Here a text \
         itself decides on its half. People wrote the prompts; what is found in them is mostly a false alarm.\n\n{}\n\
         Texts of both halves with a finding of that code:\n\n{counts}\nErrors made by rule, one in each answer of \
         HaluEval's TEST half that allows it, found at the place where they were made:\n\n{}\n{}",
        table(&header, rates),
        table(&["error", "made", "found"], recall),
        judge.tally()
    ))
}

fn codes(judged: &Judged) -> BTreeSet<String> {
    let findings = judged.iter().flatten();
    findings.map(|found| format!("{}/{}", found.name, found.label.as_deref().unwrap_or_default())).collect()
}

impl Read<'_> {
    fn rates(&self, half: &str, is_counted: impl Fn(&str) -> bool) -> Vec<String> {
        let counted: Vec<_> =
            self.texts.iter().zip(&self.codes).filter(|(text, _)| is_counted(text)).map(|(_, codes)| codes).collect();
        let with = |is_meant: &dyn Fn(&str) -> bool| {
            let found = counted.iter().filter(|codes| codes.iter().any(|code| is_meant(code))).count();
            share(found, counted.len())
        };
        vec![
            format!("{}, {half}", self.source),
            counted.len().to_string(),
            with(&|code| code.starts_with("grammatical/")),
            with(&|code| matches!(code, "truncated/mid-sentence" | "truncated/unclosed")),
            with(&|code| code.starts_with("repetition/")),
        ]
    }
}

fn counts(read: &[Read<'_>; 3]) -> String {
    let mut counts: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    for (at, read) in read.iter().enumerate() {
        read.codes.iter().flatten().for_each(|code| counts.entry(code).or_default()[at] += 1);
    }
    let lines = counts.into_iter().map(|(code, counts)| {
        let mut line = vec![code.to_owned()];
        line.extend(counts.map(|count| count.to_string()));
        line
    });
    table(&["code", read[0].source, read[1].source, read[2].source], lines)
}

fn recall(judge: &mut Judge, texts: &[&str], corruption: Corruption) -> Vec<String> {
    let (name, change) = corruption;
    let made: Vec<Corrupted> =
        texts.iter().enumerate().filter_map(|(seed, text)| corrupted(text, seed, change)).collect();
    let judged = judge.all(&made.iter().map(|made| text(&made.text)).collect::<Vec<_>>());
    let found = made.iter().zip(&judged).filter(|(made, judged)| is_found(made, judged)).count();
    vec![name.to_owned(), made.len().to_string(), share(found, made.len())]
}

fn is_found(made: &Corrupted, judged: &Judged) -> bool {
    let covers =
        |span: tribunal::record::Span| (span.start as usize) <= made.place.end && made.place.start <= span.end as usize;
    judged.iter().flatten().any(|found| found.name == "grammatical" && found.span.is_some_and(covers))
}
