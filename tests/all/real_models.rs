//! The judges against true models on this machine: a small language model behind llama.cpp's server, and embeddings in the
//! process. They are weak judges; what is tested is that everything works, and how well they judge is printed as it is.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tribunal_tests::{LanguageModel, Server, minilm, plugin, root};

/// So many labelled answers of each sort are judged.
const EACH: usize = 5;

/// The longest that all of it may take, on two processors that others use as well.
const PATIENCE: Duration = Duration::from_secs(420);

fn config(url: &str) -> String {
    let minilm = minilm();
    let component = |name| plugin(name);
    format!(
        "[models.judge]\nprovider = \"openai-compatible\"\nbase_url = \"{url}/v1\"\nmodel = \"smollm2-135m-instruct\"\n\
         timeout = \"120s\"\nmax_concurrent = 2\nmax_output_tokens = 400\n\
         [models.minilm]\nprovider = \"local\"\npath = {minilm:?}\n\
         [plugins.judge]\ncomponent = {:?}\nmodels = [\"judge\"]\ndeadline = \"10m\"\n\
         config = {{ model = \"judge\", bounds = true, max_characters = 1500, max_tokens = 250, criteria = [\
         {{ name = \"accuracy\", description = \"Is what the answer says true and free of made-up facts?\", scale = {{ min = 1, max = 10 }} }}] }}\n\
         [plugins.faithfulness]\ncomponent = {:?}\nmodels = [\"judge\"]\ndeadline = \"10m\"\nfilter = 'project == \"grounded\"'\n\
         config = {{ model = \"judge\", bounds = true, max_claims = 3, max_characters = 1500, max_tokens = 400 }}\n\
         [plugins.relevance]\ncomponent = {:?}\nmodels = [\"minilm\"]\ndeadline = \"60s\"\nconfig = {{ model = \"minilm\" }}\n",
        component("judge"),
        component("faithfulness"),
        component("relevance")
    )
}

fn said(shown: &Value, plugin: &str) -> Value {
    let found = shown["evaluations"].as_array().unwrap().iter().find(|one| one["plugin"] == plugin);
    found.unwrap_or_else(|| panic!("nothing of {plugin}: {shown}")).clone()
}

fn score(evaluation: &Value, name: &str) -> f64 {
    let verdicts = evaluation["verdicts"].as_array().unwrap();
    let found = verdicts.iter().find(|verdict| verdict["name"] == name);
    found.and_then(|verdict| verdict["value"].as_f64()).unwrap_or_else(|| panic!("no {name}: {evaluation}"))
}

#[test]
fn judges_work_with_true_models() {
    let model = LanguageModel::start();
    let mut server = Server::start(&config(&model.url));
    let rows = fs::read_to_string(root().join("examples/labels/halueval.jsonl")).unwrap();
    let rows: Vec<Value> = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let is_made_up = |row: &Value| row["labels"]["hallucination"] == true;
    let short = |row: &&Value| row["completion"].as_str().unwrap().len() < 600;
    let some = |made_up| rows.iter().filter(short).filter(move |row| is_made_up(row) == made_up).take(EACH);
    let chosen: Vec<_> = some(true).chain(some(false)).collect();
    let posted = chosen.iter().enumerate().map(|(at, row)| {
        json!({
            "id": format!("h{at}"), "project": "halueval", "provider": "openai", "model": "gpt-3.5-turbo",
            "input": [{"role": "user", "content": row["prompt"]}],
            "output": [{"role": "assistant", "content": row["completion"]}],
        })
    });
    let grounded = |id: &str, answer: &str| {
        json!({
            "id": id, "project": "grounded", "provider": "openai", "model": "gpt-4.1",
            "input": [{"role": "user", "content": "When is the library open?"}],
            "output": [{"role": "assistant", "content": answer}],
            "context": ["The library opens at nine and closes at six, except on Sundays."],
        })
    };
    let about = [
        grounded("about", "The library opens at nine and closes at six, but not on Sundays."),
        grounded("beside", "Penguins are birds that swim well and live on ice in the south."),
    ];
    let began = Instant::now();
    for body in posted.chain(about) {
        assert!(server.post(&body).status().is_success());
    }
    let is_done = || {
        let plugins = server.json("/v1/plugins");
        plugins["items"].as_array().unwrap().iter().all(|one| one["backlog"] == 0 && one["retries"]["waiting"] == 0)
    };
    server.wait_until_after(PATIENCE, "every judge is done", is_done);
    let took = began.elapsed();

    let mut of_sort = [Vec::new(), Vec::new()];
    for (at, row) in chosen.iter().enumerate() {
        let shown = server.json(&format!("/v1/interactions/h{at}"));
        let judged = said(&shown, "judge");
        let accuracy = score(&judged, "accuracy");
        assert!((1.0..=10.0).contains(&accuracy), "{judged}");
        let call = &judged["model_calls"][0];
        assert!(call["input_tokens"].as_u64() > Some(50) && call["output_tokens"].as_u64() > Some(3), "{judged}");
        let kept = server.json(&format!("/v1/model-exchanges/{}", call["exchange"].as_str().unwrap()));
        let text = kept["answer"]["completion"]["text"].as_str().unwrap();
        assert!(serde_json::from_str::<Value>(text).is_ok_and(|answer| answer.is_object()), "{kept}");
        of_sort[usize::from(is_made_up(row))].push(accuracy);
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    println!(
        "SmolLM2-135M-Instruct, accuracy from 1 to 10: {:.1} on the mean for {EACH} answers that people found right, {:.1} for \
         {EACH} that are made up in part; {} calls to models in {took:.0?}",
        mean(&of_sort[0]),
        mean(&of_sort[1]),
        server.metric("tribunal_model_calls_total{plugin=\"judge\",model=\"judge\"}")
    );
    let shown = ["about", "beside"].map(|id| server.json(&format!("/v1/interactions/{id}")));
    for shown in &shown {
        // What so small a model takes for a claim is its own affair; that it was asked, and how it ended, is said.
        let found = said(shown, "faithfulness");
        assert!(found["model_calls"].as_array().is_some_and(|calls| !calls.is_empty()), "{found}");
        let reason = found["failure"]["reason"].as_str().unwrap_or_default();
        assert!(found["outcome"] == "succeeded" || reason == "model-answer", "{found}");
    }
    let [about, beside] = shown.map(|shown| score(&said(&shown, "relevance"), "answer_relevance"));
    assert!(about > 0.5 && beside < 0.2, "{about} and {beside}");

    // Without the model, from what it answered: the same to the byte.
    drop(model);
    assert!(server.terminate().success());
    for (binding, count) in [("judge", 2 * EACH + 2), ("relevance", 2 * EACH + 2), ("faithfulness", 2)] {
        let replayed = server.run(&["replay", "--binding", binding]);
        let wanted = format!("{count} evaluations, {count} equal to the byte: 100 %");
        assert!(replayed.contains(&wanted), "{binding}: {replayed}");
    }
}
