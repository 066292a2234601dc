//! Measures the plugin on texts: how often it speaks, and how many errors made by rule it finds; knows nothing of where
//! the texts come from.
//!
//! Reads lines of JSON with a `text` from standard input, one text a line.
//!
//! - `measure rate`: how many texts have findings of each code.
//! - `measure show [CODE]`: the findings themselves, for reading.
//! - `measure corrupt`: puts one error into a sentence of each text, one kind at a time, and counts what is found there.
//! - `measure cut`: cuts each text at a word in its second half and counts `mid-sentence`.
//! - `measure time`: the median time for one text, with and without grammar.

#[path = "../tests/support/corrupt.rs"]
mod corrupt;
#[path = "../tests/support/interaction.rs"]
mod interaction;

use std::collections::BTreeMap;
use std::io::BufRead;
use std::time::Instant;

use answer_errors::AnswerErrors;
use corrupt::{CORRUPTIONS, Corrupted, corrupted};
use tribunal_sdk::{ErrorClassifier, Finding, Plugin, Span};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let plugin = configured(r#"{"max_findings": 100}"#);
    let texts: Vec<String> = std::io::stdin().lock().lines().map(|line| text_of(&line.expect("UTF-8"))).collect();
    match arguments.first().map(String::as_str) {
        Some("rate") => rate(&plugin, &texts),
        Some("show") => show(&plugin, &texts, arguments.get(1).map(String::as_str)),
        Some("corrupt") => corrupt(&plugin, &texts),
        Some("cut") => cut(&plugin, &texts),
        Some("time") => {
            time(&plugin, &texts);
            time(&configured(r#"{"grammar": false}"#), &texts);
        }
        _ => eprintln!("measure rate|show|corrupt|cut|time < texts.jsonl"),
    }
}

fn configured(config: &str) -> AnswerErrors {
    AnswerErrors::configure(serde_json::from_str(config).expect("a valid config")).expect("a valid config")
}

fn text_of(line: &str) -> String {
    let row: serde_json::Value = serde_json::from_str(line).expect("a JSON object on each line");
    row["text"].as_str().expect("a `text`").to_owned()
}

fn judge(plugin: &AnswerErrors, text: &str) -> Vec<Finding> {
    plugin.evaluate(&interaction::answer(text)).expect("the plugin never fails")
}

fn rate(plugin: &AnswerErrors, texts: &[String]) {
    let (mut with, mut codes) = (0, BTreeMap::new());
    for text in texts {
        let findings = judge(plugin, text);
        let mut found: Vec<_> =
            findings.iter().map(|finding| format!("{}/{}", finding.category, finding.code)).collect();
        found.sort();
        found.dedup();
        with += usize::from(found.iter().any(|code| code.starts_with("grammatical")));
        found.into_iter().for_each(|code| *codes.entry(code).or_insert(0) += 1);
    }
    println!("{} texts, {with} with grammatical findings ({:.2} %)", texts.len(), percent(with, texts.len()));
    codes.iter().for_each(|(code, count)| println!("  {code}: {count} ({:.2} %)", percent(*count, texts.len())));
}

fn show(plugin: &AnswerErrors, texts: &[String], code: Option<&str>) {
    for (line, text) in texts.iter().enumerate() {
        for finding in judge(plugin, text).iter().filter(|finding| code.is_none_or(|code| finding.code == code)) {
            let around = finding.span.map(|span| {
                let from = text.floor_char_boundary((span.start as usize).saturating_sub(40));
                let to = text.ceil_char_boundary((span.end as usize + 40).min(text.len()));
                &text[from..to]
            });
            let explanation = finding.explanation.as_deref().unwrap_or_default();
            println!(
                "{}: {}/{} {} {explanation} {around:?}",
                line + 1,
                finding.category,
                finding.code,
                finding.confidence
            );
        }
    }
}

fn corrupt(plugin: &AnswerErrors, texts: &[String]) {
    for (name, change) in CORRUPTIONS {
        let made: Vec<_> = texts.iter().enumerate().filter_map(|(seed, text)| corrupted(text, seed, change)).collect();
        let is_found = |made: &&Corrupted| {
            judge(plugin, &made.text).iter().any(|finding| {
                let covers =
                    |span: Span| (span.start as usize) <= made.place.end && made.place.start <= span.end as usize;
                finding.category == "grammatical" && finding.span.is_some_and(covers)
            })
        };
        let found = made.iter().filter(is_found).count();
        println!("{name}: {} made, {found} found ({:.1} %)", made.len(), percent(found, made.len()));
    }
}

fn cut(plugin: &AnswerErrors, texts: &[String]) {
    let (mut whole, mut pieces, mut of_whole, mut of_pieces) = (0, 0, 0, 0);
    let is_cut = |text: &str| {
        judge(plugin, text).iter().any(|finding| finding.code == "mid-sentence" || finding.code == "unclosed")
    };
    for (seed, text) in texts.iter().enumerate() {
        whole += 1;
        of_whole += usize::from(is_cut(text));
        let spaces: Vec<usize> = text.match_indices(' ').map(|(at, _)| at).filter(|at| *at > text.len() / 2).collect();
        if let Some(at) = spaces.get(seed.wrapping_mul(7_919) % spaces.len().max(1)) {
            pieces += 1;
            of_pieces += usize::from(is_cut(&text[..*at]));
        }
    }
    println!("whole: {of_whole} of {whole} called cut ({:.2} %)", percent(of_whole, whole));
    println!("cut at a word: {of_pieces} of {pieces} called cut ({:.1} %)", percent(of_pieces, pieces));
}

fn time(plugin: &AnswerErrors, texts: &[String]) {
    for text in texts {
        let interaction = interaction::answer(text);
        let mut times: Vec<_> = (0..501)
            .map(|_| {
                let start = Instant::now();
                std::hint::black_box(
                    plugin.evaluate(std::hint::black_box(&interaction)).expect("the plugin never fails"),
                );
                start.elapsed()
            })
            .collect();
        times.sort();
        println!("{} bytes: median {:?}, least {:?}", text.len(), times[times.len() / 2], times[0]);
    }
}

fn percent(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}
