//! What models cost and what they answered: kept beside the verdicts, counted, bounded, and given again.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tribunal_tests::{Provider, Reply, Server, distinct, guest, interaction, plugin};

/// A server with the plugin `asker`, the pricing adapter and a model of that provider whose price is known.
fn server(url: &str, model: &str, asker: &str) -> Server {
    Server::start(&config(url, model, asker))
}

fn config(url: &str, model: &str, asker: &str) -> String {
    format!(
        "[models.judge]\nprovider = \"openai\"\nbase_url = {url:?}\nmodel = \"gpt-4.1-mini\"\n{model}\n\
         [plugins.pricing]\ncomponent = {:?}\n\
         [plugins.asker]\ncomponent = {:?}\nmodels = [\"judge\"]\n{asker}\n",
        plugin("pricing"),
        guest("asker")
    )
}

const ONCE: &str = "config = { model = \"judge\" }";

fn post(server: &Server, id: &str, answer: &str) {
    let mut body = interaction(id, 60);
    body["output"][0]["content"] = answer.into();
    assert!(server.post(&body).status().is_success());
}

/// The evaluation of an interaction by `asker`.
fn evaluation(server: &Server, id: &str) -> Value {
    let shown = server.json(&format!("/v1/interactions/{id}"));
    let found = shown["evaluations"].as_array().unwrap().iter().find(|one| one["plugin"] == "asker");
    found.unwrap_or_else(|| panic!("{shown}")).clone()
}

fn model(server: &Server) -> Value {
    server.json("/v1/models")["items"][0].clone()
}

fn asker(server: &Server) -> Value {
    server.binding("asker")
}

/// What tokens of gpt-4.1-mini cost in dollars: 0.40 and 1.60 for a million, by OpenAI's list of 2026.
fn price(input: u64, output: u64) -> f64 {
    (input as f64 * 0.4 + output as f64 * 1.6) / 1e6
}

fn about(one: &Value, other: f64) -> bool {
    (one.as_f64().unwrap() - other).abs() < 1e-9
}

#[test]
fn what_a_verdict_rests_on_is_kept_and_given_again() {
    let provider = Provider::start(|asked| Reply::Text(format!("{} indeed", asked.question())));
    let mut server = server(&provider.url, "", ONCE);
    post(&server, "a", "how fine");
    post(&server, "b", "how odd");
    server.wait_idle();
    let first = evaluation(&server, "a");
    let [call] = first["model_calls"].as_array().unwrap().as_slice() else { panic!("{first}") };
    let (input, output) = (call["input_tokens"].as_u64().unwrap(), call["output_tokens"].as_u64().unwrap());
    assert!(input > 0 && output > 0 && about(&call["cost_usd"], price(input, output)), "{call}");
    assert_eq!((&call["alias"], &call["cached"], &call["failure"]), (&json!("judge"), &json!(false), &Value::Null));

    let kept = server.json(&format!("/v1/model-exchanges/{}", call["exchange"].as_str().unwrap()));
    assert_eq!(kept["request"]["complete"]["messages"][1], json!({"role": "user", "content": "how fine"}), "{kept}");
    assert_eq!(kept["answer"]["completion"]["text"], "how fine indeed", "{kept}");
    assert_eq!((&kept["model"], &kept["hits"]), (&json!("gpt-4.1-mini"), &json!(0)));
    for none in ["0".repeat(64), "x".to_owned(), "../..".to_owned()] {
        assert_eq!(server.get(&format!("/v1/model-exchanges/{none}")).status(), 404);
    }

    // The same question is not asked again, not even after a start.
    for (id, hits) in [("c", 1), ("d", 2)] {
        post(&server, id, "how fine");
        server.wait_idle();
        let again = evaluation(&server, id);
        assert_eq!(again["verdicts"], first["verdicts"]);
        let cached = &again["model_calls"][0];
        assert_eq!((&cached["cached"], &cached["cost_usd"]), (&json!(true), &json!(0.0)), "{again}");
        assert_eq!(cached["exchange"], call["exchange"]);
        let kept = server.json(&format!("/v1/model-exchanges/{}", call["exchange"].as_str().unwrap()));
        assert_eq!(kept["hits"], hits);
        server.terminate();
        server.restart();
    }
    assert_eq!(provider.asked().len(), 2);

    let sums = json!({"calls": 2, "failed": 0, "cached": 2, "input_tokens": 2 * input, "unpriced": 0});
    for asked in [&asker(&server)["asked"][0], &model(&server)["used_by"][0]] {
        sums.as_object().unwrap().iter().for_each(|(name, wanted)| assert_eq!(&asked[name], wanted, "{asked}"));
    }
    for (name, wanted) in [("calls", 2.0), ("calls_cached", 2.0), ("calls_failed", 0.0)] {
        let metric = format!("tribunal_model_{name}_total{{plugin=\"asker\",model=\"judge\"}}");
        assert_eq!(server.metric(&metric), wanted, "{name}");
    }
    let cost = server.metric("tribunal_model_cost_usd_total{plugin=\"asker\",model=\"judge\"}");
    assert!((cost - asker(&server)["asked"][0]["cost_usd"].as_f64().unwrap()).abs() < 1e-12 && cost > 0.0);
}

#[test]
fn the_same_question_at_the_same_time_is_asked_once() {
    let provider = Provider::start(|_| Reply::Late(Duration::from_millis(300), Box::new(Reply::Text("fine".into()))));
    let server = server(&provider.url, "", ONCE);
    (0..40).for_each(|id| post(&server, &format!("i{id}"), "how fine"));
    server.wait_idle();
    assert_eq!(provider.asked().len(), 1);
    assert_eq!(asker(&server)["outcomes"], json!({"succeeded": 40}));
    assert_eq!(asker(&server)["asked"][0]["cached"], 39);
}

#[test]
fn an_answer_that_comes_too_late_serves_the_next_try() {
    let provider = Provider::start(|_| Reply::Late(Duration::from_secs(2), Box::new(Reply::Text("fine".into()))));
    let server = server(&provider.url, "", &format!("{ONCE}\ndeadline = \"500ms\""));
    post(&server, "a", "how fine");
    server.wait_idle();
    let late = evaluation(&server, "a");
    assert_eq!(late["failure"]["reason"], "deadline", "{late}");
    assert_eq!(late["model_calls"][0]["failure"], "model-unavailable", "{late}");
    server.wait_until("the answer is kept", || model(&server)["used_by"][0]["calls"] == 1);
    post(&server, "b", "how fine");
    server.wait_idle();
    assert_eq!(evaluation(&server, "b")["model_calls"][0]["cached"], true);
    assert_eq!(provider.asked().len(), 1);
}

#[test]
fn a_stop_waits_for_answers_that_are_paid_for() {
    let provider = Provider::start(|_| Reply::Late(Duration::from_secs(2), Box::new(Reply::Text("fine".into()))));
    let mut server = server(&provider.url, "", ONCE);
    post(&server, "a", "how fine");
    server.wait_until("it is asked", || provider.asked().len() == 1);
    assert!(server.terminate().success());
    server.restart();
    server.wait_until("it is judged", || asker(&server)["outcomes"]["succeeded"] == 1);
    assert_eq!(evaluation(&server, "a")["model_calls"][0]["cached"], true);
    assert_eq!((provider.asked().len(), &asker(&server)["asked"][0]["calls"]), (1, &json!(1)));
}

#[test]
fn what_a_provider_claims_of_tokens_stops_nothing() {
    let provider = Provider::start(|asked| {
        let message = json!({"role": "assistant", "content": format!("{} indeed", asked.question())});
        let usage = json!({"prompt_tokens": 9_007_199_254_740_991_u64, "completion_tokens": 9_007_199_254_740_991_u64});
        Reply::Raw(json!({"choices": [{"message": message}], "usage": usage}).to_string())
    });
    let server = server(&provider.url, "budget = { usd = 1.0, per = \"day\" }", ONCE);
    (0..8).for_each(|at| post(&server, &format!("i{at}"), &format!("how fine {at}")));
    server.wait_until("all are judged", || asker(&server)["outcomes"]["succeeded"] == 8);
    // No price is that high: each counts with the most that it may have cost.
    let spent = model(&server)["budget"]["spent_usd"].as_f64().unwrap();
    assert!(spent > 0.0 && spent < 1.0, "{}", model(&server));
    post(&server, "later", "how odd");
    server.wait_until("the next one is too", || asker(&server)["outcomes"]["succeeded"] == 9);
}

/// Posts many different questions and gives what the provider was made to say, in dollars.
fn storm(server: &Server, provider: &Provider, count: usize) -> f64 {
    let lines: String = (0..count).map(|id| format!("{}\n", distinct(&format!("s{id}"), 20 + id))).collect();
    assert!(server.post_as("application/x-ndjson", lines).status().is_success());
    // Once nothing but failures comes, the breaker leaves the rest for later.
    server.wait_until("all that the budget allows is judged", || {
        let stands = asker(server);
        (stands["backlog"] == 0 || stands["breaker"]["state"] == "open") && model(server)["under_way"] == 0
    });
    let tokens = |text: usize| text as u64 / 4;
    let spent =
        |asked: &tribunal_tests::Asked| price(tokens(asked.body["messages"].to_string().len()), tokens(200) + 1);
    provider.asked().iter().map(spent).sum()
}

#[test]
fn a_budget_is_never_exceeded_however_many_ask_at_once() {
    let budget = 0.01;
    let slow =
        |_: &tribunal_tests::Asked| Reply::Late(Duration::from_millis(20), Box::new(Reply::Text("x".repeat(200))));
    for (of_model, of_plugin) in [(true, false), (false, true)] {
        let provider = Provider::start(slow);
        let words = format!("budget = {{ usd = {budget}, per = \"month\" }}");
        let wide = "max_concurrent = 200\nmax_output_tokens = 120";
        let of_model_words = if of_model { format!("{wide}\n{words}") } else { wide.to_owned() };
        let of_plugin_words = if of_plugin { format!("{ONCE}\n{words}") } else { ONCE.to_owned() };
        let mut server = server(&provider.url, &of_model_words, &of_plugin_words);
        let billed = storm(&server, &provider, 400);
        let view =
            |server: &Server| if of_model { model(server)["budget"].clone() } else { asker(server)["budget"].clone() };
        let stands = view(&server);
        assert!(about(&stands["spent_usd"], billed), "{stands} and {billed}");
        let metric = if of_model {
            "model_budget_spent_usd{model=\"judge\"}"
        } else {
            "plugin_budget_spent_usd{plugin=\"asker\"}"
        };
        assert!((server.metric(&format!("tribunal_{metric}")) - billed).abs() < 1e-9);
        assert!(billed <= budget && about(&stands["held_usd"], 0.0), "{stands} and {billed}");
        // What is left would not have been enough for one more.
        let most = price(1_000 + 1_000, 120);
        assert!(billed > budget - most, "{billed} of {budget}");
        let is_stored = || asker(&server)["outcomes"]["succeeded"].as_u64() == Some(provider.asked().len() as u64);
        server.wait_until("every answer has its verdict", is_stored);
        let outcomes = asker(&server)["outcomes"].clone();
        let (judged, stopped) = (outcomes["succeeded"].as_u64().unwrap(), outcomes["budget-spent"].as_u64().unwrap());
        assert!(judged > 10 && stopped > 5, "{outcomes}");
        let failed = server.json("/v1/interactions?plugin=asker&outcome=budget-spent&limit=1");
        let failed = evaluation(&server, failed["items"][0]["id"].as_str().unwrap());
        assert_eq!(failed["failure"]["reason"], "budget-spent", "{failed}");
        let whose =
            if of_model { "of the model judge, 0.01 USD a month" } else { "of the plugin asker, 0.01 USD a month" };
        assert!(failed["failure"]["message"].as_str().unwrap().contains(whose), "{failed}");
        // It is tried again once there is a new budget.
        let second = |time: &Value| time.as_str().unwrap()[..19].to_owned();
        assert!(second(&failed["retry_at"]) >= second(&stands["renews_at"]), "{failed}");

        // A start changes nothing of that.
        server.kill();
        server.restart();
        server.wait_until("the budget is known", || view(&server)["spent_usd"].is_number());
        assert!(about(&view(&server)["spent_usd"], billed), "{} and {billed}", view(&server));
    }
}

#[test]
fn a_larger_budget_lets_go_on_what_the_spent_one_held_back() {
    let count = 60;
    for restarts in [false, true] {
        let provider = Provider::start(|_| Reply::Text("x".repeat(200)));
        let with = |usd: f64| {
            let budget = format!("max_output_tokens = 120\nbudget = {{ usd = {usd}, per = \"month\" }}");
            config(&provider.url, &budget, ONCE)
        };
        let mut server = Server::start(&with(0.004));
        storm(&server, &provider, count);
        let stands = asker(&server);
        let judged = |stands: &Value| stands["outcomes"]["succeeded"].as_u64().unwrap_or(0);
        assert!((5..40).contains(&judged(&stands)) && stands["retries"]["waiting"].as_u64() > Some(5), "{stands}");
        let granted = &stands["models"][0];
        assert_eq!((&granted["alias"], &granted["budget"]["usd"]), (&json!("judge"), &json!(0.004)), "{stands}");
        assert_eq!(granted["budget"], model(&server)["budget"]);
        if restarts {
            server.terminate();
            fs::write(server.folder.path().join("tribunal.toml"), with(1.0)).unwrap();
            server.restart();
        } else {
            server.configure(&with(1.0));
        }
        server.wait_until("all is judged", || judged(&asker(&server)) == count as u64);
    }
}

#[test]
fn an_answer_that_never_came_counts_with_the_most_it_may_have_cost() {
    let provider = Provider::start(|asked| if asked.at == 0 { Reply::Cut } else { Reply::Text("fine".into()) });
    let server = server(&provider.url, "budget = { usd = 1.0, per = \"day\" }\nmax_output_tokens = 1000", ONCE);
    post(&server, "a", "how fine");
    server.wait_idle();
    let call = evaluation(&server, "a")["model_calls"][0].clone();
    let known = price(call["input_tokens"].as_u64().unwrap(), call["output_tokens"].as_u64().unwrap());
    let cost = call["cost_usd"].as_f64().unwrap();
    assert!(cost > known + price(1_000, 20) && cost < known + price(2_000, 1_000), "{call}");
    assert!(about(&model(&server)["budget"]["spent_usd"], cost));
}

#[test]
fn without_a_price_a_budget_lets_nothing_pass() {
    let provider = Provider::start(|_| Reply::Text("fine".into()));
    let config =
        config(&provider.url, "budget = { usd = 1.0, per = \"day\" }", ONCE).replace("gpt-4.1-mini", "home-made");
    let server = Server::start(&config);
    post(&server, "a", "how fine");
    server.wait_idle();
    let found = evaluation(&server, "a");
    assert_eq!(found["failure"]["reason"], "model-unavailable", "{found}");
    assert!(
        found["failure"]["message"].as_str().unwrap().contains("knows what \"home-made\" of openai costs"),
        "{found}"
    );
    assert!(provider.asked().is_empty() && asker(&server).get("asked").is_none(), "{}", asker(&server));
}

#[test]
fn what_nobody_knows_the_price_of_is_counted() {
    let provider = Provider::start(|_| Reply::Text("fine".into()));
    let server = Server::start(&config(&provider.url, "", ONCE).replace("gpt-4.1-mini", "home-made"));
    for id in ["a", "b"] {
        post(&server, id, "how fine");
        server.wait_idle();
    }
    assert!(evaluation(&server, "a")["model_calls"][0].get("cost_usd").is_none());
    let asked = asker(&server)["asked"][0].clone();
    assert_eq!(
        (&asked["calls"], &asked["unpriced"], &asked["cost_usd"]),
        (&json!(1), &json!(1), &json!(0.0)),
        "{asked}"
    );
    assert_eq!(server.metric("tribunal_model_calls_unpriced_total{plugin=\"asker\",model=\"judge\"}"), 1.0);
}

#[test]
fn what_judges_ask_is_recorded_and_not_judged_in_a_loop() {
    let provider = Provider::start(|asked| Reply::Text(format!("{} indeed", asked.question())));
    let server = server(&provider.url, "record_in = \"judges\"", ONCE);
    post(&server, "a", "how fine");
    server.wait_idle();
    server.wait_until("it is recorded", || {
        server.json("/v1/interactions?project=judges")["items"].as_array().unwrap().len() == 1
    });
    server.wait_idle();
    let item = server.json("/v1/interactions?project=judges")["items"][0].clone();
    let own = server.json(&format!("/v1/interactions/{}", item["id"].as_str().unwrap()));
    assert_eq!((&own["provider"], &own["model"]), (&json!("openai"), &json!("gpt-4.1-mini")), "{own}");
    assert_eq!(own["input"][1]["content"], "how fine", "{own}");
    assert_eq!(own["output"][0]["content"], "how fine indeed", "{own}");
    assert_eq!(
        (&own["attributes"]["tribunal.asked_by"], &own["parameters"]["temperature"]),
        (&json!("asker"), &json!(0.0))
    );
    let call = &evaluation(&server, "a")["model_calls"][0];
    assert_eq!(own["attributes"]["tribunal.exchange"], call["exchange"], "{own}");
    assert_eq!(own["attributes"]["tribunal.asked_about"], "a", "{own}");
    // What prices may judge it, what asks models may not.
    let priced = &own["evaluations"].as_array().unwrap()[..];
    assert!(priced.len() == 1 && priced[0]["plugin"] == "pricing", "{own}");
    let standing = server.json(&format!("/v1/interactions/{}/evaluations", item["id"].as_str().unwrap()));
    let standing = standing["items"].as_array().unwrap().iter().find(|one| one["plugin"] == "asker").unwrap().clone();
    assert_eq!(standing["status"], "filtered", "{standing}");
    assert!(standing["reason"].as_str().unwrap().contains("no binding that asks models judges such"), "{standing}");
    assert_eq!(provider.asked().len(), 1);
    // Nobody else may say that of an interaction.
    for name in ["tribunal.asked_by", "tribunal.exchange", "tribunal.x"] {
        let mut forged = interaction("forged", 60);
        forged["attributes"][name] = "asker".into();
        assert_eq!(server.post(&forged).status(), 422);
    }
}

#[test]
fn verdicts_are_made_again_without_the_model() {
    let provider = Provider::start(|asked| match asked.question() {
        "how odd" => Reply::Status(400, vec![], "{\"error\": {\"message\": \"odd\"}}".to_owned()),
        question => Reply::Text(format!("{question} indeed")),
    });
    let mut server = server(&provider.url, "", "config = { model = \"judge\", times = 3 }");
    for (id, answer) in [("a", "how fine"), ("b", "how odd"), ("c", "how nice")] {
        post(&server, id, answer);
    }
    server.wait_idle();
    let asked = provider.asked().len();
    server.terminate();
    drop(provider);
    let replayed = server.run(&["replay", "--binding", "asker"]);
    assert!(replayed.contains("3 evaluations, 3 equal to the byte: 100 %"), "{replayed}");
    assert_eq!(asked, 7);
}

#[test]
fn a_dry_run_foretells_what_models_will_cost() {
    let provider = Provider::start(|asked| Reply::Text(format!("{} indeed", asked.question())));
    let recorded = "record_in = \"judges\"";
    let server = server(&provider.url, recorded, "config = { model = \"judge\", times = 2 }");
    (0..4).for_each(|id| post(&server, &format!("i{id}"), &format!("how fine {id}")));
    server.wait_idle();
    let spent = asker(&server)["asked"][0]["cost_usd"].as_f64().unwrap();
    // Another name, so that all that is there was there before it.
    server.configure(&config(&provider.url, recorded, "config = { model = \"judge\", times = 2 }\nsample = 0.999"));
    server.wait_until("it is loaded", || asker(&server)["sample"] == 0.999);
    let dry = json!({"plugin": "asker", "dry_run": true});
    let foretold: Value = server.post_to("/v1/backfills", &dry).json().unwrap();
    // What it asked is recorded as well, and is not for it to judge.
    assert_eq!((&foretold["interactions"], &foretold["evaluations"]), (&json!(12), &json!(4)), "{foretold}");
    assert_eq!(foretold["expected_model_calls"], 8.0, "{foretold}");
    assert!((foretold["expected_cost_usd"].as_f64().unwrap() - spent).abs() < 1e-7, "{foretold} and {spent}");
    let said = server.run(&["backfill", "--plugin", "asker", "--dry-run"]);
    assert!(said.contains("with about 8 calls to models for at most 0.000"), "{said}");
}

#[test]
fn what_models_answered_goes_when_its_time_is_over() {
    let provider = Provider::start(|_| Reply::Text("fine".into()));
    let mut server = server(&provider.url, "retention = \"2h\"", ONCE);
    post(&server, "a", "how fine");
    server.wait_idle();
    let exchange = evaluation(&server, "a")["model_calls"][0]["exchange"].as_str().unwrap().to_owned();
    let path = format!("/v1/model-exchanges/{exchange}");
    server.terminate();
    server.restart();
    assert_eq!(server.get(&path).status(), 200);
    server.terminate();
    let database = rusqlite::Connection::open(server.data()).unwrap();
    database.execute("UPDATE model_exchanges SET used_at = used_at - 3 * 3600 * 1000000000", []).unwrap();
    drop(database);
    server.restart();
    server.wait_until("it is deleted", || server.get(&path).status() == 404);
    // The verdict stays, and what it cost.
    assert_eq!(evaluation(&server, "a")["model_calls"][0]["exchange"], exchange.as_str());
    assert_eq!(asker(&server)["asked"][0]["calls"], 1);
}

#[test]
fn a_kill_loses_no_answer_that_a_verdict_rests_on() {
    let provider = Provider::start(|asked| {
        Reply::Late(Duration::from_millis(5), Box::new(Reply::Text(asked.question().to_owned())))
    });
    let mut server = server(&provider.url, "max_concurrent = 64", ONCE);
    let count = 600;
    let lines: String = (0..count).map(|id| format!("{}\n", distinct(&format!("k{id}"), 20))).collect();
    assert!(server.post_as("application/x-ndjson", lines).status().is_success());
    let began = Instant::now();
    for _ in 0..4 {
        std::thread::sleep(Duration::from_millis(150));
        server.kill();
        server.restart();
    }
    server.wait_idle();
    assert!(began.elapsed() < Duration::from_secs(120));
    assert_eq!(asker(&server)["outcomes"], json!({"succeeded": count}));
    let database = rusqlite::Connection::open(server.data()).unwrap();
    let count_of = |sql: &str| database.query_row(sql, [], |row| row.get::<_, usize>(0)).unwrap();
    assert_eq!(count_of("SELECT count(*) FROM model_calls"), count);
    let orphans = "SELECT count(*) FROM model_calls c WHERE NOT EXISTS (SELECT 1 FROM model_exchanges e WHERE e.digest = c.exchange)";
    assert_eq!(count_of(orphans), 0);
    // Each answer that was kept was paid for once.
    assert_eq!(count_of("SELECT sum(calls) FROM model_usage"), count);
    fs::metadata(server.data()).unwrap();
}
