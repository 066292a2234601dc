//! What was recorded before a binding was loaded is judged when somebody asks for it, once, whatever happens meanwhile.

use std::collections::BTreeSet;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tribunal_tests::{Server, binary, guest, interaction, pages, plugin};

/// The configuration of the binding that comes late.
fn late(rest: &str) -> String {
    format!("[plugins.late]\ncomponent = {:?}\nstart = \"latest\"\n{rest}\n", guest("length"))
}

/// One of the past: a minute after the one before, every second one of another model.
fn old(at: usize) -> Value {
    let mut old = interaction(&format!("old{at}"), 20);
    old["started_at"] = format!("2026-03-{:02}T{:02}:{:02}:00Z", 1 + at / 1440, at / 60 % 24, at % 60).into();
    old["model"] = if at.is_multiple_of(2) { "even" } else { "odd" }.into();
    old
}

/// A server with that many interactions from before the binding was loaded.
fn with_past(count: usize, config: &str) -> Server {
    let server = Server::start("");
    post(&server, (0..count).map(old));
    server.configure(config);
    server
}

fn post(server: &Server, interactions: impl Iterator<Item = Value>) {
    let lines: Vec<_> = interactions.map(|interaction| interaction.to_string()).collect();
    for lines in lines.chunks(1000) {
        let response = server.post_as("application/x-ndjson", lines.join("\n"));
        assert_eq!(response.json::<Value>().unwrap()["recorded"], lines.len());
    }
}

fn ask(server: &Server, path: &str, body: &Value) -> (u16, Value) {
    let response = server.client.post(format!("{}{path}", server.url)).json(body).send().unwrap();
    (response.status().as_u16(), response.json().unwrap())
}

fn make(server: &Server, body: &Value) -> u64 {
    let (status, made) = ask(server, "/v1/backfills", body);
    assert_eq!(status, 201, "{made}");
    made["id"].as_u64().unwrap()
}

fn dry_run(server: &Server, body: &Value) -> Value {
    let mut body = body.clone();
    body["dry_run"] = true.into();
    let before = server.json("/v1/backfills");
    let (status, estimate) = ask(server, "/v1/backfills", &body);
    assert_eq!(status, 200, "{estimate}");
    assert_eq!(server.json("/v1/backfills"), before, "a dry run makes nothing");
    estimate
}

fn backfill(server: &Server, id: u64) -> Value {
    server.json(&format!("/v1/backfills/{id}"))
}

fn wait_done(server: &Server, id: u64) -> Value {
    server.wait_until("the backfill is done", || backfill(server, id)["status"] == "done");
    let done = backfill(server, id);
    assert_eq!((&done["progress"]["share"], done["ended_at"].is_string()), (&json!(1.0), true), "{done}");
    assert!(done.get("running").is_none(), "{done}");
    done
}

/// Those that the binding judged; none of them twice.
fn judged(server: &Server, plugin: &str) -> BTreeSet<String> {
    let verdicts = pages(server, &format!("/v1/verdicts?plugin={plugin}"));
    let ids: BTreeSet<_> = verdicts.iter().map(|item| item["interaction"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), verdicts.len(), "each is judged once");
    ids
}

fn outcomes(server: &Server, plugin: &str) -> Value {
    server.binding(plugin)["outcomes"].clone()
}

fn standing(server: &Server, id: &str) -> (String, String) {
    let list = server.json(&format!("/v1/interactions/{id}/evaluations"));
    let item = list["items"].as_array().unwrap().iter().find(|item| item["plugin"] == "late").unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&item["status"]), text(&item["reason"]))
}

#[test]
fn a_binding_that_comes_late_gets_its_past() {
    let server = with_past(1000, &late(""));
    assert_eq!(standing(&server, "old0").0, "loaded-later");
    let all = json!({"plugin": "late"});
    let estimate = dry_run(&server, &all);
    assert_eq!((&estimate["interactions"], &estimate["evaluations"]), (&json!(1000), &json!(1000)), "{estimate}");
    assert_eq!(estimate["reckoned"], false);
    assert!(estimate.get("expected_seconds").is_none(), "it has judged nothing yet: {estimate}");

    let id = make(&server, &all);
    post(&server, (0..10).map(|at| interaction(&format!("new{at}"), 20)));
    let done = wait_done(&server, id);
    server.wait_idle();
    assert_eq!((&done["evaluated"], &done["passed_over"]), (&json!(1000), &json!(0)), "{done}");
    let progress = json!({"first": 1, "last": 1000, "done": 1000, "all": 1000, "share": 1.0});
    assert_eq!(done["progress"], progress);
    assert_eq!(judged(&server, "late").len(), 1010);
    assert_eq!(outcomes(&server, "late"), json!({"succeeded": 1010}));
    assert_eq!(standing(&server, "old0").0, "succeeded");

    // What is judged is not judged again.
    let estimate = dry_run(&server, &all);
    assert_eq!(estimate["evaluations"], 0);
    assert!(estimate["evaluation_us"].as_f64().unwrap() > 0.0 && estimate["expected_seconds"] == 0.0, "{estimate}");
    let again = make(&server, &all);
    let again = wait_done(&server, again);
    assert_eq!((&again["evaluated"], &again["passed_over"]), (&json!(0), &json!(1000)));
    assert_eq!(judged(&server, "late").len(), 1010);
    let list = server.json("/v1/backfills");
    assert_eq!((&list["items"], &list["next"]), (&json!([again, done]), &json!(null)), "newest first");
}

#[test]
fn only_what_is_selected_is_judged_and_a_dry_run_says_how_many() {
    let own = "filter = 'id != \"old7\"'\nsample = 0.5";
    let server = with_past(3000, &[late(""), late(own).replace("plugins.late", "plugins.half")].concat());
    let check = |body: Value, expected: &dyn Fn(u64) -> bool| {
        let estimate = dry_run(&server, &body);
        let id = make(&server, &body);
        let done = wait_done(&server, id);
        let evaluated = done["evaluated"].as_u64().unwrap();
        assert!(expected(evaluated), "{body}: {done}");
        assert_eq!(done["passed_over"], 3000 - evaluated, "{done}");
        let estimated = estimate["evaluations"].as_u64().unwrap();
        if estimate["reckoned"] == false {
            assert_eq!(estimated, evaluated, "{body}");
        } else {
            // From 2,000 of 3,000, in stretches: five standard deviations and more.
            assert!(estimated.abs_diff(evaluated) <= 150, "{body}: {estimated} were expected, and {evaluated} made");
        }
        estimate
    };
    // 2026-03-01 has 1,440 minutes; what is judged once is not judged by those below.
    check(json!({"plugin": "late", "to": "2026-03-01T01:00:00Z"}), &|made| made == 60);
    check(json!({"plugin": "late", "from": "2026-03-01T23:00:00Z", "to": "2026-03-02T01:00:00Z"}), &|made| made == 120);
    check(json!({"plugin": "late", "from": "2027-01-01T00:00:00Z"}), &|made| made == 0);
    let odd = json!({"plugin": "late", "filter": "model == \"odd\"", "to": "2026-03-01T02:00:00Z"});
    assert_eq!(check(odd, &|made| made == 30)["reckoned"], false);
    let odd = json!({"plugin": "late", "filter": "model == \"odd\""});
    assert_eq!(check(odd, &|made| made == 1500 - 30 - 30 - 60)["reckoned"], true);
    check(json!({"plugin": "late"}), &|made| made == 1500 - 30 - 60);
    assert_eq!(judged(&server, "late").len(), 3000);
    // The binding's own filter and sample hold. 1,500 give or take five standard deviations.
    check(json!({"plugin": "half"}), &|made| (1363..=1637).contains(&made));
    assert!(!judged(&server, "half").contains("old7"));
    // What a backfill passes over may be passed over again, and is not counted with the binding.
    let half = outcomes(&server, "half");
    assert_eq!(half.as_object().unwrap().keys().collect::<Vec<_>>(), ["succeeded"], "{half}");
    assert_eq!(standing(&server, "old7").0, "succeeded");
}

#[test]
fn a_rate_holds_progress_rises_and_a_cancel_keeps_what_was_judged() {
    const RATE: f64 = 200.0;
    let server = with_past(2000, &late(""));
    let began = Instant::now();
    let id = make(&server, &json!({"plugin": "late", "rate": RATE}));
    let (mut before, mut seen) = (0, 0);
    while before < 500 {
        let item = backfill(&server, id);
        assert_eq!(item["status"], "running");
        let evaluated = item["evaluated"].as_u64().unwrap();
        // What was made when the answer came is no more than the rate gave, and the tenth of a second it may be ahead.
        let most = RATE * (began.elapsed().as_secs_f64() + 0.2);
        assert!(evaluated as f64 <= most, "{evaluated} evaluations after {:?}", began.elapsed());
        let done = item["progress"]["done"].as_u64().unwrap();
        assert!(done >= before, "from {before} to {done}");
        seen += u32::from(done > before);
        before = done;
        if evaluated > 100 {
            let item = &item["running"];
            let speed = item["evaluations_per_second"].as_f64().unwrap();
            assert!(speed > 0.0 && speed <= RATE * 1.5, "{item}");
            assert!(item["expected_end"].is_string(), "{item}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(seen > 5, "it rose {seen} times only");
    let (status, reason) = standing(&server, "old1999");
    assert_eq!((status.as_str(), reason.contains(&format!("backfill {id} "))), ("pending", true), "{reason}");

    let (status, cancelled) = ask(&server, &format!("/v1/backfills/{id}/cancel"), &json!({}));
    assert_eq!((status, &cancelled["status"]), (200, &json!("cancelled")), "{cancelled}");
    let evaluated = cancelled["evaluated"].as_u64().unwrap();
    assert!((500..2000).contains(&evaluated), "{cancelled}");
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(backfill(&server, id), cancelled, "it has ended");
    assert_eq!(judged(&server, "late").len() as u64, evaluated);
    assert_eq!(standing(&server, "old1999").0, "loaded-later");
    assert_eq!(ask(&server, &format!("/v1/backfills/{id}/cancel"), &json!({})), (200, cancelled));

    // Two at the same time over the same rest.
    let two = [make(&server, &json!({"plugin": "late"})), make(&server, &json!({"plugin": "late"}))];
    let made: u64 = two.map(|id| wait_done(&server, id)["evaluated"].as_u64().unwrap()).iter().sum();
    assert_eq!(made, 2000 - evaluated);
    assert_eq!(judged(&server, "late").len(), 2000);
    assert_eq!(outcomes(&server, "late"), json!({"succeeded": 2000}));
}

#[test]
fn every_silence_about_the_past_has_a_reason() {
    let server = with_past(10, &late("filter = 'id != \"old1\"'"));
    let to = json!("2026-03-01T00:08:00Z");
    // One that takes an hour for each.
    let id = make(&server, &json!({"plugin": "late", "to": to, "filter": "id != \"old2\"", "rate": 0.001}));
    server.wait_until("the first is judged", || backfill(&server, id)["evaluated"] == 1);
    for (interaction, status) in [
        ("old0", "succeeded"),
        ("old1", "filtered"),
        ("old2", "loaded-later"),
        ("old3", "pending"),
        ("old9", "loaded-later"),
    ] {
        assert_eq!(standing(&server, interaction).0, status, "{interaction}");
    }
    ask(&server, &format!("/v1/backfills/{id}/cancel"), &json!({}));
    let id = make(&server, &json!({"plugin": "late"}));
    wait_done(&server, id);
    assert_eq!(standing(&server, "old1").0, "filtered");
    assert_eq!(standing(&server, "old9").0, "succeeded");
}

/// Ends the server again and again in the middle, by that signal, while it also records and judges what comes in.
fn check_ends(signal: &str) {
    const PAST: usize = 20_000;
    const ROUNDS: usize = 8;
    const NEW: usize = 300;
    // The backfill passes over a third by its filter, the binding over a quarter of what comes by its own.
    let config = late("filter = '!(session == \"skip\")'");
    let mut server = with_past(PAST, &config);
    let id = make(&server, &json!({"plugin": "late", "rate": 5000, "filter": "!id.endsWith(\"1\")"}));
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut middles = 0;
    for round in 0..ROUNDS {
        post(
            &server,
            (0..NEW).map(|at| {
                let mut new = interaction(&format!("new{round}-{at}"), 20);
                new["session"] = if at.is_multiple_of(4) { "skip" } else { "keep" }.into();
                new
            }),
        );
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        std::thread::sleep(Duration::from_millis(random % 300));
        if signal == "KILL" {
            server.kill();
        } else {
            assert!(server.terminate().success(), "{}", server.log());
        }
        server.restart();
        let item = backfill(&server, id);
        let done = item["progress"]["done"].as_u64().unwrap();
        middles += u32::from(done > 0 && item["status"] == "running");
    }
    assert!(middles > 2, "only {middles} ends came in the middle");
    let done = wait_done(&server, id);
    server.wait_idle();
    let of_past = PAST - PAST / 10;
    assert_eq!(done["evaluated"], of_past, "{done}");
    assert_eq!(done["passed_over"], PAST - of_past, "{done}");
    let (new, skipped) = (ROUNDS * NEW, ROUNDS * NEW / 4);
    let judged = judged(&server, "late");
    let expected = (0..PAST).map(|at| format!("old{at}")).filter(|id| !id.ends_with('1'));
    assert!(expected.clone().all(|id| judged.contains(&id)), "some of the past are not judged");
    assert_eq!(judged.len(), of_past + new - skipped);
    // Every tally to the one, also of what leaves no row.
    assert_eq!(outcomes(&server, "late"), json!({"succeeded": of_past + new - skipped, "filtered": skipped}));
}

#[test]
fn kills_in_the_middle_lose_and_double_nothing() {
    check_ends("KILL");
}

#[test]
fn stops_in_the_middle_lose_and_double_nothing() {
    check_ends("TERM");
}

#[test]
fn it_waits_for_its_binding() {
    let server = with_past(1000, &late(""));
    let id = make(&server, &json!({"plugin": "late", "rate": 100}));
    server.wait_until("it is under way", || backfill(&server, id)["evaluated"].as_u64().unwrap() > 20);
    let check_waits = |server: &Server| {
        let (first, _) = (backfill(server, id), std::thread::sleep(Duration::from_millis(300)));
        let second = backfill(server, id);
        assert_eq!((&first["status"], &first), (&json!("waiting"), &second));
        assert_eq!(first["plugin"], "late");
        assert!(first.get("running").is_none(), "{first}");
    };
    // Removed; changed, which is another binding; and both over a restart.
    server.configure("");
    check_waits(&server);
    server.configure(&late("config = {}\nsample = 0.9"));
    check_waits(&server);
    let mut server = server;
    assert!(server.terminate().success());
    server.restart();
    check_waits(&server);
    let waiting = backfill(&server, id)["evaluated"].as_u64().unwrap();
    server.configure(&late(""));
    server.wait_until("it goes on", || backfill(&server, id)["evaluated"].as_u64().unwrap() > waiting);
    assert_eq!(backfill(&server, id)["status"], "running");
    let (_, cancelled) = ask(&server, &format!("/v1/backfills/{id}/cancel"), &json!({}));
    assert_eq!(cancelled["status"], "cancelled");

    // Cancelled while it waits, it does not come back.
    let id = make(&server, &json!({"plugin": "late", "rate": 1}));
    server.configure("");
    assert_eq!(ask(&server, &format!("/v1/backfills/{id}/cancel"), &json!({})).1["status"], "cancelled");
    let evaluated = backfill(&server, id)["evaluated"].clone();
    server.configure(&late(""));
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(
        (&backfill(&server, id)["status"], &backfill(&server, id)["evaluated"]),
        (&json!("cancelled"), &evaluated)
    );
}

#[test]
fn failures_of_the_past_are_held_back_and_tried_again_like_any_others() {
    let server = Server::start("");
    let in_mood = |id: String, mood: &str| {
        let mut interaction = interaction(&id, 20);
        interaction["attributes"] = json!({"mood": mood});
        interaction
    };
    post(&server, (0..3).map(|at| in_mood(format!("transient{at}"), "transient")));
    post(&server, (0..40).map(|at| in_mood(format!("panicking{at}"), "panicking")));
    let moody = guest("moody");
    server.configure(&format!("[plugins.late]\ncomponent = {moody:?}\nstart = \"latest\"\nattempts = 2\n"));

    // Those to be tried again outlive the backfill.
    let id = make(&server, &json!({"plugin": "late", "filter": "attributes.mood == \"transient\""}));
    wait_done(&server, id);
    server.wait_until("each is tried twice", || {
        let list = server.json("/v1/interactions?plugin=late&outcome=failed&limit=100");
        let attempts = |item: &Value| {
            let id = item["id"].as_str().unwrap();
            server.json(&format!("/v1/interactions/{id}"))["evaluations"][0]["attempts"] == 2
        };
        let items = list["items"].as_array().unwrap();
        items.len() == 3 && items.iter().all(attempts)
    });
    assert_eq!(outcomes(&server, "late"), json!({"guest-error": 3}));

    let id = make(&server, &json!({"plugin": "late"}));
    server.wait_until("the breaker opens", || backfill(&server, id)["running"]["breaker"]["state"] == "open");
    let item = backfill(&server, id);
    assert!(item["running"]["breaker"]["reason"].as_str().unwrap().contains("everything is terrible"), "{item}");
    assert!((16..24).contains(&item["evaluated"].as_u64().unwrap()), "{item}");
    // What comes in is judged all the same.
    post(&server, [interaction("new", 20)].into_iter());
    server.wait_until("the new one is judged", || standing(&server, "new").0 == "succeeded");
}

#[test]
fn bodies_and_numbers_are_refused_in_words() {
    let server = with_past(1, &late(""));
    let check = |body: &str, status: u16, field: Option<&str>, says: &str| {
        let request =
            server.client.post(format!("{}/v1/backfills", server.url)).header("content-type", "application/json");
        let response = request.body(body.to_owned()).send().unwrap();
        let shown: String = body.chars().take(80).collect();
        assert_eq!(response.status(), status, "{shown}");
        assert_eq!(response.headers()["content-type"], "application/problem+json", "{shown}");
        let problem: Value = response.json().unwrap();
        assert_eq!(problem["field"].as_str(), field, "{shown}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(says), "{shown}: {problem}");
    };
    let with = |rest: &str| format!("{{\"plugin\": \"late\", {rest}}}");
    check("", 400, None, "EOF");
    check("{\"plugin\": \"late\"", 400, None, "EOF");
    check("{\"plugin\": \"late\"} x", 400, None, "trailing");
    check("[\"late\"]", 422, Some(""), "expected an object");
    check("\"late\"", 422, Some(""), "invalid type");
    check("{}", 422, Some("plugin"), "missing field");
    check("{\"plugin\": \"never\"}", 422, Some("plugin"), "no binding \"never\" is loaded");
    check("{\"plugin\": \"\\u0000\"}", 422, Some("plugin"), "is loaded");
    check("{\"plugin\": 3}", 422, Some("plugin"), "invalid type");
    check(&with("\"colour\": 1"), 422, Some("colour"), "unknown field");
    for rate in ["0", "-1", "-0.0", "1e-4", "1e7", "1e308"] {
        check(&with(&format!("\"rate\": {rate}")), 422, Some("rate"), "from 0.001 to 1e6");
    }
    check(&with("\"rate\": NaN"), 400, None, "not valid JSON");
    check(&with("\"rate\": 1e999"), 400, None, "out of range");
    check(&with("\"rate\": \"fast\""), 422, Some("rate"), "invalid type");
    check(&with("\"from\": \"yesterday\""), 422, Some("from"), "RFC 3339");
    check(&with("\"to\": \"9999-01-01T00:00:00Z\""), 422, Some("to"), "1970 to 2262");
    let (early, later) = ("\"2026-03-01T00:00:00Z\"", "\"2026-03-01T00:00:01Z\"");
    check(&with(&format!("\"from\": {later}, \"to\": {early}")), 422, Some("to"), "after `from`");
    check(&with(&format!("\"from\": {early}, \"to\": {early}")), 422, Some("to"), "after `from`");
    check(&with("\"filter\": \"modle == 1\""), 422, Some("filter"), "no field of an interaction");
    check(&with("\"filter\": \"model ==\", \"dry_run\": true"), 422, Some("filter"), "not valid CEL");
    check(&with("\"filter\": \"model\""), 422, Some("filter"), "not a boolean");
    check(&with(&format!("\"filter\": \"{}1 == 1\"", "1+".repeat(1000))), 422, Some("filter"), "levels deep");
    check(&with(&format!("\"filter\": \"{}\"", "(".repeat(4000))), 422, Some("filter"), "not valid CEL");
    check(&with(&format!("\"filter\": \"{}\"", "x".repeat(1 << 20))), 422, Some("filter"), "of at most 4096");
    check(&with(&format!("\"filter\": \"{}\"", "x".repeat(20 << 20))), 413, None, "larger than");
    let response = server.client.post(format!("{}/v1/backfills", server.url)).body("plugin=late").send().unwrap();
    assert_ne!(response.status(), 201);
    let form = server.client.post(format!("{}/v1/backfills", server.url)).header("content-type", "text/plain");
    assert_eq!(
        form.body("{\"plugin\": \"late\"}").send().unwrap().status(),
        415,
        "so that no page of another origin can"
    );
    for id in ["0", "-1", "1", "9223372036854775807", "9223372036854775808", "1.5", "one", "%ff", "0x1", "1e3"] {
        assert_eq!(server.get(&format!("/v1/backfills/{id}")).status(), 404, "{id}");
        assert_eq!(ask(&server, &format!("/v1/backfills/{id}/cancel"), &json!({})).0, 404, "{id}");
    }
    assert_eq!(server.json("/v1/backfills")["items"], json!([]));
    assert_eq!(standing(&server, "old0").0, "loaded-later");
}

fn tribunal(server: &Server, args: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.arg("backfill").args(args).args(["--url", &server.url]).env_remove("TRIBUNAL_LISTEN").output().unwrap()
}

fn check_says(output: &Output, code: i32, says: &str) {
    let text = [output.stdout.as_slice(), &output.stderr].map(String::from_utf8_lossy).concat();
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(text.contains(says), "{says:?} is not in {text:?}");
}

#[test]
fn the_command_makes_watches_lists_and_cancels() {
    let server = with_past(500, &late(""));
    let run = |args: &[&str]| tribunal(&server, args);
    check_says(&run(&["--plugin", "late", "--dry-run"]), 0, "500 of 500 interactions would be judged");
    let part = ["--plugin", "late", "--filter", "model == \"odd\"", "--to", "2026-03-01T01:00:00Z"];
    check_says(&run(&part), 0, "backfill 1 of late: done, 100.0 %, 30 judged, 470 passed over");
    check_says(&run(&["--plugin", "late", "--rate", "20", "--detach"]), 0, "backfill 2 of late: running");
    check_says(&run(&["--list"]), 0, "backfill 1 of late: done");

    let mut watcher = Command::new(binary());
    watcher.args(["backfill", "--watch", "2", "--url", &server.url]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let watcher = watcher.spawn().unwrap();
    std::thread::sleep(Duration::from_millis(800));
    let interrupted = Command::new("kill").args(["-INT", &watcher.id().to_string()]).status();
    assert!(interrupted.unwrap().success());
    check_says(&watcher.wait_with_output().unwrap(), 130, "backfill 2 goes on. `tribunal backfill --watch 2`");
    assert_eq!(backfill(&server, 2)["status"], "running");

    check_says(&run(&["--cancel", "2"]), 0, "backfill 2 of late: cancelled");
    check_says(&run(&["--watch", "2"]), 1, "cancelled");
    check_says(&run(&["--watch", "3"]), 1, "there is no backfill \"3\"");
    check_says(&run(&["--plugin", "never"]), 1, "plugin: no binding \"never\" is loaded");
    check_says(&run(&["--plugin", "late", "--rate", "0"]), 2, "from 0.001 to 1e6");
    check_says(&run(&["--plugin", "late", "--from", "monday"]), 2, "RFC 3339");
    check_says(&run(&[]), 2, "--plugin");
    check_says(&run(&["--list", "--plugin", "late"]), 2, "cannot be used with");
    check_says(&run(&["--list", "--rate", "1"]), 2, "cannot be used with");
}

/// A first-party plugin over what the sample has, and the same verdicts as of a binding that was there from the start.
#[test]
fn the_past_is_judged_as_the_present_is() {
    let pricing = plugin("pricing");
    let there = format!("[plugins.there]\ncomponent = {pricing:?}\nstart = \"beginning\"\n");
    let server = Server::start(&there);
    post(&server, (0..200).map(old));
    server.wait_idle();
    server.configure(&format!("{there}[plugins.late]\ncomponent = {pricing:?}\nstart = \"latest\"\n"));
    let id = make(&server, &json!({"plugin": "late"}));
    wait_done(&server, id);
    let verdicts = |plugin: &str| {
        let items = pages(&server, &format!("/v1/verdicts?plugin={plugin}"));
        items.into_iter().map(|item| (item["interaction"].clone(), item["verdict"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(verdicts("late"), verdicts("there"));
}
