//! Records made durable, beside raw inserts of the same bytes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tribunal_tests::Server;

use super::{Row, text};

const RECORDS: usize = 60_000;
const BATCH: usize = 100;
const CLIENTS: usize = 4;

pub(crate) fn measure() -> Vec<Row> {
    let templates = text::templates(2048);
    let server = Server::start("");
    let over_http = post_all(&server, &templates, "record", RECORDS);
    let raw = raw_inserts(&templates);
    vec![Row {
        what: "records made durable, batches of 100, 2 KB each",
        wanted: "≥ 20,000/s",
        got: format!("{over_http:.0}/s"),
        beside: format!("raw rusqlite inserts {raw:.0}/s"),
    }]
}

/// Posts that many interactions in batches from a few clients and gives the rate of acknowledgement.
pub(crate) fn post_all(server: &Server, templates: &[String], prefix: &str, count: usize) -> f64 {
    let next = AtomicUsize::new(0);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                loop {
                    let first = next.fetch_add(BATCH, Ordering::Relaxed);
                    if first >= count {
                        return;
                    }
                    let body = text::body(templates, prefix, first, BATCH);
                    // A server that says it has too much is asked again, as a client should.
                    loop {
                        let response = server.post_as("application/x-ndjson", body.clone());
                        if response.status().as_u16() != 429 {
                            assert_eq!(response.status(), 200);
                            break;
                        }
                        std::thread::sleep(std::time::Duration::from_millis(50));
                    }
                }
            });
        }
    });
    count as f64 / began.elapsed().as_secs_f64()
}

/// One table, one index, the JSON as it is, a transaction for each batch, as durable as the host's.
fn raw_inserts(templates: &[String]) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let mut connection = rusqlite::Connection::open(folder.path().join("raw.db")).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE records (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL)",
        )
        .unwrap();
    let began = Instant::now();
    for first in (0..RECORDS).step_by(BATCH) {
        let transaction = connection.transaction().unwrap();
        for at in first..first + BATCH {
            let body = &templates[at % templates.len()];
            transaction
                .prepare_cached("INSERT INTO records (id, body) VALUES (?1, ?2)")
                .unwrap()
                .execute((format!("record-{at}"), body))
                .unwrap();
        }
        transaction.commit().unwrap();
    }
    RECORDS as f64 / began.elapsed().as_secs_f64()
}
