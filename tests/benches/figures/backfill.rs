//! How fast a binding judges a million interactions from before it was loaded, and what those who post meanwhile notice.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use tribunal::plugin::Evaluator;
use tribunal::record::{Interaction, Seq, Time};
use tribunal::store::{BindingId, Selection, Store, StoreOptions};
use tribunal_tests::{Server, plugin};

use super::acknowledge::{Call, calls, millis};
use super::{Row, call, peak_memory, record, text};

/// `BACKFILL=100000` takes fewer, for a look.
const INTERACTIONS: u64 = 1_000_000;
const BYTES: usize = 1_536;
/// Live ingest.
const RATE: usize = 1_000;
const SECONDS: usize = 5;
/// One that reads no messages, and one that reads them all.
const PLUGINS: [&str; 2] = ["pricing", "refusal"];

pub(crate) fn measure() -> Vec<Row> {
    let count = std::env::var("BACKFILL").map_or(INTERACTIONS, |text| text.parse().expect("a number"));
    let mut server = Server::start("");
    record::post_all(&server, &text::templates(BYTES), "past", usize::try_from(count).unwrap());
    let mut rows: Vec<_> = PLUGINS.map(|name| fill(&server, name, count)).into();
    let peak = peak_memory(server.pid());
    assert!(server.terminate().success());
    let data = server.folder.path().join("tribunal.db");
    for (row, name) in rows.iter_mut().zip(PLUGINS) {
        row.beside += &ceilings(&data, name);
    }
    rows.push(Row {
        what: "peak memory of the server during that",
        wanted: "≤ 512 MiB",
        got: format!("{peak} MiB"),
        beside: String::new(),
    });
    rows
}

/// Loads the plugin late, and has it judge the past while others post.
fn fill(server: &Server, name: &str, count: u64) -> Row {
    server.configure(&format!("[plugins.{name}]\ncomponent = {:?}\nstart = \"latest\"\n", plugin(name)));
    let (before, _) = calls(server, "/v1/interactions", &format!("{name}-before"), RATE, SECONDS);
    let request = server.client.post(format!("{}/v1/backfills", server.url)).json(&json!({"plugin": name}));
    let made: Value = request.send().unwrap().json().unwrap();
    let path = format!("/v1/backfills/{}", made["id"]);
    let stop = AtomicBool::new(false);
    let (during, failed, done) = std::thread::scope(|scope| {
        let posting = scope.spawn(|| post_until(server, name, &stop));
        let done = wait_done(server, &path);
        stop.store(true, Ordering::Relaxed);
        let (during, failed) = posting.join().unwrap();
        (during, failed, done)
    });
    assert!(done["evaluated"].as_u64().unwrap() >= count, "{done}");
    let moment = |name: &str| done[name].as_str().unwrap().parse::<Time>().unwrap();
    let seconds = moment("ended_at").since(moment("created_at")).as_secs_f64();
    server.wait_idle();
    Row {
        what: match name {
            "pricing" => "backfill of 1,000,000 interactions of 1.5 KB by `pricing` while 1,000/s are posted",
            _ => "the same by `refusal`, which reads every word",
        },
        wanted: "≥ 40,000/s",
        got: format!("{:.0}/s; posts: p99 {:.1} ms, {failed} failed", count as f64 / seconds, millis(&during, 0.99)),
        beside: format!("posts without it: p99 {:.1} ms; ", millis(&before, 0.99)),
    }
}

fn wait_done(server: &Server, path: &str) -> Value {
    loop {
        let item = server.json(path);
        if item["status"] == "done" {
            return item;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Those that were answered before the backfill had ended.
fn post_until(server: &Server, name: &str, stop: &AtomicBool) -> (Vec<Call>, usize) {
    let (mut all, mut all_failed, mut round) = (Vec::new(), 0, 0);
    while !stop.load(Ordering::Relaxed) {
        let (mut posted, failed) = calls(server, "/v1/interactions", &format!("{name}-{round}"), RATE, SECONDS);
        (all_failed, round) = (all_failed + failed, round + 1);
        // The last round goes on when the backfill has ended.
        if !stop.load(Ordering::Relaxed) || all.is_empty() {
            all.append(&mut posted);
        }
    }
    (all, all_failed)
}

fn ceilings(data: &Path, name: &str) -> String {
    let store = Store::open(data, &StoreOptions { max_backlog: 1 << 20 }).unwrap();
    let last = store.head().0.min(200_000);
    let reading = reading(&store, last);
    let calling = calling(&store, name);
    let number = store.binding_list().unwrap().iter().find(|row| row.name == name).unwrap().id;
    store.close();
    drop(store);
    let inserting = inserting(data, number.0);
    format!(
        "two threads that only read and parse {reading:.0}/s, that only call {calling:.0}/s; raw inserts of the same rows {inserting:.0}/s"
    )
}

/// As a backfill reads, for a binding that has judged nothing.
fn reading(store: &Store, last: u64) -> f64 {
    const STRETCH: u64 = 256;
    let next = AtomicU64::new(1);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let first = next.fetch_add(STRETCH, Ordering::Relaxed);
                    if first > last {
                        return;
                    }
                    let stretch = (Seq(first), Seq(last.min(first + STRETCH - 1)));
                    let read = store.backfill_read(BindingId(i64::MAX), stretch, &Selection::default(), STRETCH);
                    assert!(!read.unwrap().interactions.is_empty());
                }
            });
        }
    });
    last as f64 / began.elapsed().as_secs_f64()
}

/// As a worker calls, on interactions that are there already.
fn calling(store: &Store, name: &str) -> f64 {
    const CALLS: usize = 100_000;
    let folder = tempfile::tempdir().unwrap();
    let plugin = call::plugin(folder.path(), &plugin(name));
    let interactions: Vec<Arc<Interaction>> = store.log_read(Seq(1), Seq(1_000)).unwrap();
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut evaluator = Evaluator::default();
                for interaction in interactions.iter().cycle().take(CALLS) {
                    std::hint::black_box(evaluator.evaluate(&plugin, interaction));
                }
            });
        }
    });
    2.0 * CALLS as f64 / began.elapsed().as_secs_f64()
}

/// The same rows into tables of the same shape, a transaction for each 512 evaluations, as durable as the host's.
fn inserting(data: &Path, binding: i64) -> f64 {
    const ROWS: i64 = 200_000;
    let source = Connection::open_with_flags(data, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut target = Connection::open(folder.path().join("raw.db")).unwrap();
    target.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16384").unwrap();
    let tables = ["evaluations", "judgements"].map(|table| {
        let shape = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1";
        let shape: String = source.query_row(shape, [table], |row| row.get(0)).unwrap();
        target.execute_batch(&shape).unwrap();
        let rows = format!("SELECT * FROM {table} WHERE binding = {binding} AND seq <= {ROWS} ORDER BY 1, 2, 3");
        let mut select = source.prepare(&rows).unwrap();
        let columns = select.column_count();
        let values =
            |row: &rusqlite::Row<'_>| (0..columns).map(|at| row.get::<_, rusqlite::types::Value>(at)).collect();
        let rows: Vec<Vec<_>> = select.query_map([], values).unwrap().collect::<Result<_, _>>().unwrap();
        (format!("INSERT INTO {table} VALUES (?{})", ", ?".repeat(columns - 1)), rows)
    });
    let evaluations = tables[0].1.len();
    let began = Instant::now();
    for step in 0..evaluations.div_ceil(512) {
        let transaction = target.transaction().unwrap();
        for (insert, rows) in &tables {
            let mut insert = transaction.prepare_cached(insert).unwrap();
            let part = rows.len().div_ceil(evaluations.div_ceil(512)).max(1);
            for row in rows.iter().skip(step * part).take(part) {
                insert.execute(rusqlite::params_from_iter(row)).unwrap();
            }
        }
        transaction.commit().unwrap();
    }
    evaluations as f64 / began.elapsed().as_secs_f64()
}
