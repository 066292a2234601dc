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

#[path = "../tests/support/interaction.rs"]
mod interaction;

use std::collections::BTreeMap;
use std::io::BufRead;
use std::time::Instant;

use answer_errors::AnswerErrors;
use tribunal_sdk::{ErrorClassifier, Finding, Plugin};

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

/// A change to one word of a text, where the word allows it.
type Corruption = (&'static str, fn(&str, &str) -> Option<String>);

const CORRUPTIONS: [Corruption; 8] = [
    ("a for an, an for a", |word, _| match word {
        "a" => Some("an".to_owned()),
        "an" => Some("a".to_owned()),
        _ => None,
    }),
    ("verb after a pronoun", |word, before| {
        let is_pronoun = matches!(before, "He" | "She" | "It" | "They" | "We" | "You" | "I");
        let wrong = [
            ("is", "are"),
            ("are", "is"),
            ("has", "have"),
            ("have", "has"),
            ("was", "were"),
            ("were", "was"),
            ("does", "do"),
            ("do", "does"),
        ];
        is_pronoun.then(|| wrong.iter().find(|(right, _)| *right == word).map(|(_, wrong)| (*wrong).to_owned()))?
    }),
    ("a word twice", |word, _| (is_plain(word) && word.len() > 1).then(|| format!("{word} {word}"))),
    ("no capital after a full stop", |word, before| {
        let opens = before.ends_with('.') && word.starts_with(|c: char| c.is_ascii_uppercase()) && is_plain(&word[1..]);
        opens.then(|| word.to_ascii_lowercase())
    }),
    ("two letters swapped", |word, _| {
        let at = word.len() / 2;
        let swaps = is_plain(word) && word.len() >= 5 && word.as_bytes()[at - 1] != word.as_bytes()[at];
        swaps.then(|| format!("{}{}{}{}", &word[..at - 1], &word[at..=at], &word[at - 1..at], &word[at + 1..]))
    }),
    ("a letter left out", |word, _| {
        let at = word.len() / 2;
        (is_plain(word) && word.len() >= 6).then(|| format!("{}{}", &word[..at], &word[at + 1..]))
    }),
    ("a letter doubled", |word, _| {
        let at = word.len() / 2;
        (is_plain(word) && word.len() >= 6).then(|| format!("{}{}", &word[..=at], &word[at..]))
    }),
    ("i for I", |word, _| (word == "I").then(|| "i".to_owned())),
];

fn is_plain(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase())
}

fn corrupt(plugin: &AnswerErrors, texts: &[String]) {
    for (name, change) in CORRUPTIONS {
        let (mut made, mut found, mut mended) = (0, 0, 0);
        for (seed, text) in texts.iter().enumerate() {
            let Some((corrupted, at, right)) = corrupted(text, seed, change) else { continue };
            made += 1;
            let covers = |finding: &&Finding| {
                finding.category == "grammatical"
                    && finding.span.is_some_and(|span| (span.start as usize) <= at.end && at.start <= span.end as usize)
            };
            let findings = judge(plugin, &corrupted);
            let Some(finding) = findings.iter().find(covers) else { continue };
            found += 1;
            let replacement = finding.attributes.iter().find(|attribute| attribute.key == "replacement");
            mended += usize::from(replacement.and_then(|attribute| attribute.value.as_text()) == Some(&right));
        }
        println!(
            "{name}: {made} made, {found} found ({:.1} %), {mended} of them with the right word",
            percent(found, made)
        );
    }
}

/// The text with one change, where it stands, and what stood there. Which of the words that can be changed is taken
/// depends on the number of the text.
fn corrupted(
    text: &str,
    seed: usize,
    change: fn(&str, &str) -> Option<String>,
) -> Option<(String, std::ops::Range<usize>, String)> {
    let mut before = "";
    let mut changes = Vec::new();
    let mut in_code = false;
    for word in text.split_ascii_whitespace() {
        let start = word.as_ptr() as usize - text.as_ptr() as usize;
        in_code ^= word.matches('`').count() % 2 == 1;
        let bare = word.trim_end_matches([',', '.', ';', ':', '!', '?']);
        if !in_code && let Some(changed) = change(bare, before) {
            changes.push((start, bare, changed));
        }
        before = word;
    }
    let (start, bare, changed) = changes.get(seed.wrapping_mul(7_919) % changes.len().max(1))?;
    let corrupted = format!("{}{changed}{}", &text[..*start], &text[start + bare.len()..]);
    Some((corrupted, *start..start + changed.len(), (*bare).to_owned()))
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
