//! Spans reach a collector over OTLP, and one that is down or hangs holds up nothing.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::json;
use tribunal_tests::{Collector, Manner, Seen, Server, guest, interaction};

/// In `traceparent`, as the W3C's Trace Context has it.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn config(otlp: &str) -> String {
    format!(
        "[telemetry]\notlp = {otlp:?}\nservice_name = \"judge\"
         [plugins.length]\ncomponent = {:?}\nstart = \"beginning\"\n",
        guest("length")
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn spans_say_what_the_host_did() {
    let collector = Collector::start(Manner::Takes);
    let broken = "[plugins.broken]\ncomponent = \"length.wasm\"\nconfig = { colour = \"red\" }\n";
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(guest("length"), folder.path().join("length.wasm")).unwrap();
    let mut server = Server::start_in(folder, &[config(&collector.url), broken.to_owned()].concat());

    let batch: Vec<_> = (0..10).map(|at| interaction(&format!("i{at}"), 50)).collect();
    assert_eq!(server.post(&json!(batch)).status(), 200);
    let post = server.client.post(format!("{}/v1/interactions", server.url));
    let post = post.header("traceparent", format!("00-{TRACE}-{PARENT}-01")).header("content-type", "application/json");
    assert_eq!(post.body(interaction("traced", 50).to_string()).send().unwrap().status(), 201);
    assert_eq!(server.get("/v1/interactions/none").status(), 404);
    server.wait_idle();
    let digest = server.json("/v1/plugins")["items"][1]["binding"].as_str().unwrap().to_owned();
    let reload = server.client.post(format!("{}/v1/plugins/reload", server.url)).send().unwrap();
    assert_eq!(reload.status(), 200);
    // What is not sent by then is sent at the end.
    assert!(server.terminate().success());

    for seen in collector.spans() {
        assert_eq!(seen.sender("service.name"), "judge");
        assert!(!seen.sender("service.version").is_empty());
        assert!(seen.span.end_time_unix_nano >= seen.span.start_time_unix_nano, "{seen:?}");
    }
    check_requests(&collector);

    let sum = |spans: &[Seen], name: &str| spans.iter().map(|seen| seen.number(name)).sum::<u64>();
    let writes = collector.named("write");
    assert_eq!(sum(&writes, "tribunal.records"), 11);
    assert_eq!(sum(&writes, "tribunal.evaluations"), 11);
    let turns = collector.named("turn");
    assert_eq!(sum(&turns, "tribunal.evaluations"), 11);
    for turn in &turns {
        assert_eq!(
            (turn.attribute("tribunal.plugin"), turn.attribute("tribunal.binding")),
            ("length".into(), digest.clone())
        );
    }
    check_loads(&collector);
}

fn check_requests(collector: &Collector) {
    const SERVER: i32 = 2;
    let posts = collector.named("POST /v1/interactions");
    let statuses: Vec<_> = posts.iter().map(|seen| seen.attribute("http.response.status_code")).collect();
    assert_eq!(statuses, ["200", "201"]);
    for post in &posts {
        assert_eq!(post.span.kind, SERVER);
        assert_eq!(post.attribute("http.request.method"), "POST");
        assert_eq!(post.attribute("http.route"), "/v1/interactions");
    }
    assert!(posts[0].span.parent_span_id.is_empty());
    assert_eq!(hex(&posts[1].span.trace_id), TRACE);
    assert_eq!(hex(&posts[1].span.parent_span_id), PARENT);
    let missing = collector.named("GET /v1/interactions/{id}");
    assert_eq!(missing.len(), 1);
    assert_eq!(missing[0].attribute("http.response.status_code"), "404");
}

fn check_loads(collector: &Collector) {
    const ERROR: i32 = 2;
    let loads = collector.named("load plugin");
    let of = |name: &str| loads.iter().filter(|seen| seen.attribute("tribunal.plugin") == name).collect::<Vec<_>>();
    let good = of("length");
    assert_eq!(good.len(), 1, "a reload does not load again what is loaded");
    assert_eq!(good[0].attribute("tribunal.cache"), "miss");
    assert!(good[0].span.status.as_ref().is_none_or(|status| status.code != ERROR));
    // Once at the start and once at the reload.
    let broken = of("broken");
    assert_eq!(broken.len(), 2);
    for load in &broken {
        let status = load.span.status.as_ref().unwrap();
        assert_eq!(status.code, ERROR);
        assert!(status.message.contains("unknown field `colour`"), "{}", status.message);
    }
    let reloads = collector.named("reload");
    assert_eq!(reloads.len(), 1);
    assert_eq!(broken[1].span.parent_span_id, reloads[0].span.span_id);
    assert_eq!(broken[1].span.trace_id, reloads[0].span.trace_id);
}

#[test]
fn a_collector_that_does_not_take_spans_holds_up_nothing() {
    let closed = {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        format!("http://127.0.0.1:{port}")
    };
    let (refuses, hangs) = (Collector::start(Manner::Refuses), Collector::start(Manner::Hangs));
    for (what, url) in [("nobody listens", &closed), ("it refuses", &refuses.url), ("it hangs", &hangs.url)] {
        let mut server = Server::start(&config(url));
        // More spans than may wait, so that some are dropped.
        let posts = 100;
        for at in 0..posts {
            assert_eq!(server.post(&interaction(&format!("i{at}"), 20)).status(), 201, "{what}");
        }
        for _ in 0..10_000 {
            assert_eq!(server.get("/healthz").status(), 200, "{what}");
        }
        server.wait_idle();
        let outcomes = &server.json("/v1/plugins")["items"][0]["outcomes"];
        assert_eq!(outcomes, &json!({"succeeded": posts}), "{what}");
        let complaint = "the collector does not take spans";
        server.wait_until("the log says that spans are lost", || server.log().contains(complaint));
        let began = Instant::now();
        assert!(server.terminate().success(), "{what}");
        // The last spans are given 5 s.
        assert!(began.elapsed() < Duration::from_secs(20), "{what}: it took {:?} to end", began.elapsed());
        let log = server.log();
        assert_eq!(log.matches(complaint).count(), 1, "{what}: {log}");
        assert!(log.lines().count() < 20, "{what}: {log}");
        assert!(!log.contains("ERROR"), "{what}: {log}");
        assert!(log.contains("stopped"), "{what}: {log}");
    }
}
