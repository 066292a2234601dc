//! Judges answers without a host, for reading what gets flagged and for timing; knows nothing of labels.
//!
//! Reads one JSON object a line with `prompt` and `completion`; writes kind, probability, reason and answer.
//! With the argument `time` it writes how long a judgement of about 2 KB took.

use std::hint::black_box;
use std::io::BufRead;
use std::time::Instant;

use refusal::{cues::Cues, judge::judge};

#[derive(serde::Deserialize)]
struct Row {
    prompt: String,
    completion: String,
}

fn main() -> std::io::Result<()> {
    let cues = Cues::parse(refusal::CUES);
    let rows: Result<Vec<Row>, _> =
        std::io::stdin().lock().lines().map(|line| Ok::<_, std::io::Error>(serde_json::from_str(&line?)?)).collect();
    let rows = rows?;
    if std::env::args().nth(1).as_deref() == Some("time") {
        time(&cues, &rows);
        return Ok(());
    }
    for row in &rows {
        let judgement = judge(&cues, &row.completion, &row.prompt);
        let phrase = judgement.phrase.map(|bytes| &row.completion[bytes]);
        println!("{:.4}\t{:.4}\t{phrase:?}\t{:?}\t{:?}", judgement.full, judgement.none, row.prompt, row.completion);
    }
    Ok(())
}

fn time(cues: &Cues, rows: &[Row]) {
    let answers: Vec<(String, &str)> = rows
        .iter()
        .map(|row| {
            let mut answer = row.completion.clone();
            while answer.len() < 1_900 {
                answer.push('\n');
                answer.push_str(&row.completion);
            }
            (answer, row.prompt.as_str())
        })
        .collect();
    // Each answer's best of many, so that other work on the machine does not count.
    let best = |(answer, question): &(String, &str)| {
        let took = (0..100).map(|_| {
            let start = Instant::now();
            black_box(judge(cues, black_box(answer), question));
            start.elapsed()
        });
        took.min().unwrap_or_default().as_secs_f64()
    };
    let mean = answers.iter().map(best).sum::<f64>() * 1e6 / answers.len() as f64;
    println!("{mean:.2} µs a judgement");
}
