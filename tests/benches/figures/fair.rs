//! A hundred hostile bindings beside a good one, and posts all the while.

use std::fmt::Write;
use std::time::{Duration, Instant};

use tribunal_tests::{Server, guest};

use super::acknowledge::{Call, calls, millis};
use super::{Row, quantile};

const BAD: usize = 100;
/// Attacks of the guest `hostile`: those that take longest, and one each of a trap, a flood and a forbidden answer.
const ATTACKS: [&str; 10] = [
    "loop",
    "panic",
    "grow-at-once",
    "grow-in-steps",
    "recursion-in-memory",
    "log-flood",
    "log-lines",
    "unreachable",
    "too-many-verdicts",
    "long-failure",
];
const RATE: usize = 500;
const SECONDS: usize = 20;
/// How often the good one is asked how far it has come.
const LOOK: Duration = Duration::from_millis(100);

pub(crate) fn measure() -> Vec<Row> {
    let mut config = format!("[plugins.good]\ncomponent = {:?}\nstart = \"beginning\"\n", guest("length"));
    for at in 0..BAD {
        let (hostile, attack) = (guest("hostile"), ATTACKS[at % ATTACKS.len()]);
        write!(config, "[plugins.bad{at}]\ncomponent = {hostile:?}\nconfig = {{ always = \"{attack}\" }}\n").unwrap();
        config.push_str("start = \"beginning\"\n");
    }
    let server = Server::start(&config);
    let before = phase(&server, "before", 0);
    let tripped = tripped(&server);
    let after = phase(&server, "after", RATE * SECONDS);
    let bare = calls(&server, "/healthz", "", RATE, 5).0;
    [("from the first moment", before), ("with the breakers open", after)]
        .map(|(when, (posts, mut delays))| Row {
            what: "100 hostile bindings, ten attacks, beside one good one, 500/s: posts p99; verdicts of the good one stored, p99",
            wanted: "≤ 10 ms; ≤ 2 s",
            got: format!(
                "{when}: {:.1} ms; {:.2} s (p50 {:.2} s)",
                millis(&posts, 0.99),
                quantile(&mut delays, 0.99).as_secs_f64(),
                quantile(&mut delays, 0.5).as_secs_f64()
            ),
            beside: format!("a bare GET: p99 {:.1} ms; {tripped} breakers open in between", millis(&bare, 0.99)),
        })
        .into()
}

/// Posts, and how long after its acknowledgement each was judged and stored by the good binding.
fn phase(server: &Server, prefix: &str, recorded: usize) -> (Vec<Call>, Vec<Duration>) {
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| look(server, recorded + RATE * SECONDS));
        let (posts, failed) = calls(server, "/v1/interactions", prefix, RATE, SECONDS);
        assert_eq!(failed, 0, "no post fails");
        let seen = looking.join().unwrap();
        // The log has them in the order in which they were acknowledged, give or take those under way at once.
        let stored = |place: usize| seen.iter().find(|(_, cursor)| *cursor >= place).unwrap().0;
        let delays = posts.iter().enumerate().map(|(at, post)| {
            let place = recorded + at + 1;
            stored(place).saturating_duration_since(post.answered)
        });
        let delays = delays.collect();
        (posts, delays)
    })
}

/// How far the good binding's stored cursor had come, and when, until it is at the end.
fn look(server: &Server, end: usize) -> Vec<(Instant, usize)> {
    let mut seen = Vec::new();
    loop {
        let text = server.get("/v1/plugins").text().unwrap();
        let plugins: serde_json::Value = serde_json::from_str(&text).unwrap();
        let good = plugins["items"].as_array().unwrap().iter().find(|item| item["name"] == "good").unwrap().clone();
        let cursor = good["cursor"].as_u64().unwrap() as usize;
        seen.push((Instant::now(), cursor));
        if cursor >= end {
            return seen;
        }
        std::thread::sleep(LOOK);
    }
}

fn tripped(server: &Server) -> usize {
    let plugins = server.json("/v1/plugins");
    plugins["items"].as_array().unwrap().iter().filter(|item| item["breaker"]["state"] != "closed").count()
}
