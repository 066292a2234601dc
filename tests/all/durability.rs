//! Nothing that was acknowledged is lost or doubled: by a kill, a stop, a full disk or a file that cannot be written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tribunal_tests::{Server, guest, interaction, pages, plugin};

fn two_plugins() -> String {
    format!(
        "[plugins.length]\ncomponent = {:?}\nstart = \"beginning\"\n[plugins.pricing]\ncomponent = {:?}\nstart = \"beginning\"\n",
        guest("length"),
        plugin("pricing")
    )
}

/// Posts batches and single interactions until told to stop, and notes what was acknowledged.
fn load(server: &Server, round: u64, stop: &AtomicBool, acknowledged: &Mutex<BTreeSet<String>>, next: &AtomicU64) {
    while !stop.load(Ordering::Relaxed) {
        let count = next.fetch_add(1, Ordering::Relaxed);
        let size = if count.is_multiple_of(3) { 1 } else { 20 };
        let ids: Vec<_> = (0..size).map(|at| format!("r{round}-{count}-{at}")).collect();
        let mut batch: Vec<_> = ids.iter().map(|id| interaction(id, 300)).collect();
        let body = if size == 1 { batch.remove(0) } else { json!(batch) };
        let request = server.client.post(format!("{}/v1/interactions", server.url));
        let response = request.header("content-type", "application/json").body(body.to_string()).send();
        let complete = response.and_then(|response| {
            let success = response.status().is_success();
            response.bytes().map(|_| success)
        });
        match complete {
            Ok(true) => acknowledged.lock().unwrap().extend(ids),
            Ok(false) => {}
            // The server was killed.
            Err(_) => return,
        }
    }
}

/// Every interaction is there once, has one evaluation of each binding, and the tallies say the same.
fn check_whole(server: &Server, acknowledged: &BTreeSet<String>, bindings: usize) {
    server.wait_idle();
    let mut found = BTreeMap::new();
    for item in pages(server, "/v1/interactions") {
        *found.entry(item["id"].as_str().unwrap().to_owned()).or_insert(0) += 1;
    }
    let lost: Vec<_> = acknowledged.iter().filter(|id| !found.contains_key(*id)).collect();
    assert!(lost.is_empty(), "{} acknowledged interactions are lost, such as {:?}", lost.len(), lost.first());
    assert!(found.values().all(|count| *count == 1), "an interaction is listed twice");
    let plugins = server.json("/v1/plugins");
    for item in plugins["items"].as_array().unwrap() {
        let judged = pages(server, &format!("/v1/interactions?plugin={}", item["name"].as_str().unwrap()));
        let judged: BTreeSet<_> = judged.iter().map(|item| item["id"].as_str().unwrap()).collect();
        assert!(
            judged.iter().copied().eq(found.keys().map(String::as_str)),
            "{} of {} are judged: {item}",
            judged.len(),
            found.len()
        );
        let total: u64 = item["outcomes"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
        assert_eq!(total, found.len() as u64, "{item}");
    }
    assert_eq!(plugins["items"].as_array().unwrap().len(), bindings);
    // Doubles would show here, where all evaluations of an interaction are given.
    for id in found.keys().step_by(found.len().div_ceil(500)) {
        let evaluations = server.json(&format!("/v1/interactions/{id}"))["evaluations"].clone();
        let mut judged: Vec<_> =
            evaluations.as_array().unwrap().iter().map(|e| e["binding"].as_str().unwrap()).collect();
        judged.sort_unstable();
        judged.dedup();
        assert_eq!((judged.len(), evaluations.as_array().unwrap().len()), (bindings, bindings), "{id}: {evaluations}");
    }
}

#[test]
fn twenty_kills_lose_and_double_nothing() {
    let mut server = Server::start(&two_plugins());
    let acknowledged = Mutex::new(BTreeSet::new());
    // Any spread of moments will do; this one is the same at every run.
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for round in 0..20 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let stop = AtomicBool::new(false);
        let next = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| load(&server, round, &stop, &acknowledged, &next));
            }
            std::thread::sleep(Duration::from_millis(20 + random % 300));
            server_kill(&server);
            stop.store(true, Ordering::Relaxed);
        });
        server.kill();
        server.restart();
    }
    let acknowledged = acknowledged.into_inner().unwrap();
    assert!(acknowledged.len() > 1000, "only {} were acknowledged", acknowledged.len());
    check_whole(&server, &acknowledged, 2);
}

fn server_kill(server: &Server) {
    server.signal("KILL");
}

#[test]
fn a_stop_drains() {
    let mut server = Server::start(&two_plugins());
    let acknowledged = Mutex::new(BTreeSet::new());
    let (stop, next) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| load(&server, 0, &stop, &acknowledged, &next));
        }
        std::thread::sleep(Duration::from_millis(500));
        server.signal("TERM");
    });
    assert_eq!(server.terminate().code(), Some(0), "{}", server.log());
    server.restart();
    let acknowledged = acknowledged.into_inner().unwrap();
    assert!(!acknowledged.is_empty());
    check_whole(&server, &acknowledged, 2);
}

#[test]
fn a_stop_does_not_wait_for_ever() {
    let mut server = Server::start("");
    let address = server.url.strip_prefix("http://").unwrap();
    let mut half = std::net::TcpStream::connect(address).unwrap();
    let head = "POST /v1/interactions HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\nexpect: 100-continue\r\n\r\n";
    half.write_all(head.as_bytes()).unwrap();
    // It has begun with the body when it asks for it.
    let mut asked = [0; 12];
    half.read_exact(&mut asked).unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100");
    half.write_all(b"{").unwrap();
    let began = Instant::now();
    assert_eq!(server.terminate().code(), Some(0), "{}", server.log());
    assert!(began.elapsed() < Duration::from_secs(30));
    assert!(server.log().contains("leaving them"), "{}", server.log());
}

fn must(program: &str, args: &[&str]) {
    let status = Command::new(program).args(args).status();
    assert!(status.is_ok_and(|status| status.success()), "cannot run {program} {args:?}; this test wants root");
}

struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Self {
        let folder = tempfile::tempdir().unwrap();
        must("mount", &["-t", "tmpfs", "-o", "size=8m", "tmpfs", folder.path().to_str().unwrap()]);
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily, as the server may still have files open.
        let _ = Command::new("umount").args(["-l", self.0.path().to_str().unwrap()]).status();
    }
}

fn post_status(server: &Server, id: &str, bytes: usize) -> u16 {
    server.post(&interaction(id, bytes)).status().as_u16()
}

#[test]
fn a_full_disk_gives_503_and_recovers() {
    let disk = SmallDisk::mount();
    let server = Server::start(&format!("data = {:?}\n{}", disk.path().join("t.db"), two_plugins()));
    let mut acknowledged = BTreeSet::new();
    let mut refused = 0;
    for at in 0..2000 {
        let id = format!("full-{at}");
        // Text that does not compress away.
        let mut body = interaction(&id, 10);
        body["reference"] = noise(at, 8000).into();
        match server.post(&body).status().as_u16() {
            201 => drop(acknowledged.insert(id)),
            503 => refused += 1,
            other => panic!("{other}: {}", server.log()),
        }
        if refused == 3 {
            break;
        }
    }
    assert_eq!(refused, 3, "the disk never filled");
    assert_eq!(server.get("/readyz").status(), 503);
    assert_eq!(server.get("/healthz").status(), 200);
    must("mount", &["-o", "remount,size=256m", disk.path().to_str().unwrap()]);
    server.wait_until("the store can be written again", || server.get("/readyz").status().is_success());
    assert_eq!(post_status(&server, "after", 100), 201);
    acknowledged.insert("after".to_owned());
    check_whole(&server, &acknowledged, 2);
}

#[test]
fn a_stop_ends_though_the_disk_is_full() {
    let disk = SmallDisk::mount();
    let folder = tempfile::tempdir().unwrap();
    let config = format!("data = {:?}\n{}", disk.path().join("t.db"), two_plugins());
    let mut server = Server::start_in(folder, &config);
    must("mount", &["-o", "remount,size=64m", disk.path().to_str().unwrap()]);
    let lines: String = (0..20_000).map(|at| format!("{}\n", interaction(&format!("{at}"), 10))).collect();
    assert_eq!(server.post_as("application/x-ndjson", lines).status(), 200);
    // More evaluations than may wait, and no room for them: whatever is free is taken again at once.
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut ballast = File::create(disk.path().join("ballast")).unwrap();
            while !stop.load(Ordering::Relaxed) {
                if ballast.write_all(&[0; 4096]).is_err() {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
        });
        server.wait_until("as many evaluations wait as may", || {
            server.metric("tribunal_store_backlog_evaluations") >= 8192.0
        });
        assert_eq!(server.terminate().code(), Some(0), "{}", server.log());
        stop.store(true, Ordering::Relaxed);
    });
}

fn noise(seed: u64, bytes: usize) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'!' + (state >> 32) as u8 % 90)
    };
    (0..bytes).map(|_| next()).collect()
}

#[test]
fn a_file_that_cannot_be_written_gives_503_and_recovers() {
    let server = Server::start(&two_plugins());
    assert_eq!(post_status(&server, "before", 100), 201);
    server.wait_idle();
    let wal = server.folder.path().join("tribunal.db-wal");
    let wal = wal.to_str().unwrap();
    must("chattr", &["+i", wal]);
    let answers: Vec<_> = (0..3).map(|at| post_status(&server, &format!("while-{at}"), 100)).collect();
    let ready = server.get("/readyz").status();
    must("chattr", &["-i", wal]);
    assert_eq!(answers, [503, 503, 503]);
    assert_eq!(ready, 503);
    server.wait_until("the store can be written again", || server.get("/readyz").status().is_success());
    assert_eq!(post_status(&server, "after", 100), 201);
    check_whole(&server, &["before", "after"].map(str::to_owned).into(), 2);
}

#[test]
fn a_full_backlog_gives_429_and_when_to_come_back() {
    let server = Server::start("max_backlog = \"64KiB\"");
    let batch: Value = json!((0..40).map(|at| interaction(&format!("b{at}"), 2000)).collect::<Vec<_>>());
    let body = batch.to_string();
    let statuses: Vec<_> = std::thread::scope(|scope| {
        let post = || {
            let response = server.post_as("application/json", body.clone());
            let retry = response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
            (response.status().as_u16(), retry)
        };
        let threads: Vec<_> =
            (0..16).map(|_| scope.spawn(move || (0..20).map(|_| post()).collect::<Vec<_>>())).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(statuses.iter().any(|(status, retry)| *status == 429 && retry.as_deref() == Some("1")), "{statuses:?}");
    assert!(statuses.iter().all(|(status, _)| [200, 429].contains(status)), "{statuses:?}");
    assert_eq!(pages(&server, "/v1/interactions").len(), 40);
}
