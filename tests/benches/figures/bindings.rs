//! From a post to the stored verdicts of one, ten and a hundred bindings of one small plugin.

use std::fmt::Write;
use std::time::Instant;

use tribunal_tests::{Server, guest};

use super::{Row, record, text};

const RUNS: [(usize, usize); 3] = [(1, 100_000), (10, 30_000), (100, 5_000)];

pub(crate) fn measure() -> Vec<Row> {
    let rates: Vec<_> = RUNS.map(|(bindings, interactions)| (bindings, rate(bindings, interactions))).into();
    let alone = super::call::fresh_rate();
    let got: Vec<_> = rates
        .iter()
        .map(|(bindings, rate)| format!("{bindings}: {rate:.0}/s ({:.0} evaluations/s)", rate * *bindings as f64))
        .collect();
    vec![Row {
        what: "record → 1, 10, 100 bindings of one plugin → verdicts stored, 2 KB each",
        wanted: "",
        got: got.join("; "),
        beside: format!("its calls alone on two threads {alone:.0}/s"),
    }]
}

fn rate(bindings: usize, interactions: usize) -> f64 {
    let mut config = String::new();
    for at in 0..bindings {
        write!(config, "[plugins.length{at}]\ncomponent = {:?}\nstart = \"beginning\"\n", guest("length")).unwrap();
    }
    let server = Server::start(&config);
    let templates = text::templates(2048);
    let began = Instant::now();
    record::post_all(&server, &templates, "bindings", interactions);
    server.wait_idle();
    interactions as f64 / began.elapsed().as_secs_f64()
}
