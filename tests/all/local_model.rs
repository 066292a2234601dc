//! Embeddings in the process: equal to a published reference, alone and in batches, and refused where the files are not right.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tribunal::config::Config;
use tribunal::model::ModelDesk;
use tribunal::record::{Ask, ExchangeDigest, ModelAnswer, ModelDefinition, ModelFailure, ModelRequest, Models, Name};
use tribunal_tests::{Server, guest, interaction, minilm, root};

/// How far a number may be from the reference's.
const NEAR: f32 = 1e-4;

fn definitions(folder: &Path, more: &str) -> Vec<ModelDefinition> {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("tribunal.toml");
    fs::write(&path, format!("[models.minilm]\nprovider = \"local\"\npath = {folder:?}\n{more}")).unwrap();
    Config::read(&path).unwrap().models
}

fn embed(desk: &ModelDesk, model: &ModelDefinition, texts: &[String]) -> Result<Vec<Vec<f32>>, ModelFailure> {
    let (granted, binding): (_, Name) = (model.granted(), "test".parse().unwrap());
    let request = ModelRequest::Embed(texts.to_vec());
    let exchange = ExchangeDigest::of_request(&granted, &request);
    let until = Instant::now() + Duration::from_secs(60);
    let ask = Ask { binding: &binding, about: None, model: &granted, exchange, request, until };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match runtime.block_on(desk.ask(ask)).0? {
        ModelAnswer::Embeddings(embeddings) => Ok(embeddings.vectors),
        ModelAnswer::Completion(_) => panic!("another sort of answer"),
    }
}

#[test]
fn vectors_are_those_of_sentence_transformers() {
    let models = definitions(&minilm(), "");
    let reference = fs::read_to_string(root().join("tests/models/minilm.jsonl")).unwrap();
    let mut lines = reference.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let header = lines.next().unwrap();
    assert!(models[0].model.ends_with(header["sha256"].as_str().unwrap()), "the same weights: {}", models[0].model);
    let known: Vec<(String, Vec<f32>)> = lines
        .map(|line| {
            let vector = line["vector"].as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32);
            (line["text"].as_str().unwrap().to_owned(), vector.collect())
        })
        .collect();
    let texts: Vec<_> = known.iter().map(|(text, _)| text.clone()).collect();
    let desk = ModelDesk::new(models.clone(), Vec::new(), None).unwrap();
    let together = embed(&desk, &models[0], &texts).unwrap();
    for ((text, wanted), got) in known.iter().zip(&together) {
        let apart = wanted.iter().zip(got).map(|(one, other)| (one - other).abs()).fold(0.0, f32::max);
        assert!(apart <= NEAR && got.len() == wanted.len(), "{text:?} is {apart} apart");
        // Alone it is the same to the bit, so what is kept does not depend on what was asked beside it.
        assert_eq!(
            embed(&desk, &models[0], std::slice::from_ref(text)).unwrap(),
            std::slice::from_ref(got),
            "{text:?}"
        );
    }
    assert!(known.len() > 10);
    let many = vec!["text".to_owned(); 257];
    assert!(embed(&desk, &models[0], &many).unwrap_err().message.contains("257 texts"));
}

#[test]
fn a_plugin_is_given_vectors_by_a_server() {
    let folder = minilm();
    let server = Server::start(&format!(
        "[models.minilm]\nprovider = \"local\"\npath = {folder:?}\n\
         [plugins.asker]\ncomponent = {:?}\nmodels = [\"minilm\"]\nconfig = {{ model = \"minilm\", embeds = true }}\n",
        guest("asker")
    ));
    let mut like = interaction("like", 60);
    like["output"][0]["content"] = "Something else.".into();
    for posted in [&like, &interaction("unlike", 60)] {
        assert!(server.post(posted).status().is_success());
    }
    server.wait_idle();
    let likeness = |id: &str| {
        let shown = server.json(&format!("/v1/interactions/{id}"));
        let found = &shown["evaluations"][0];
        assert_eq!(found["model_calls"][0]["cost_usd"], 0.0, "{shown}");
        found["verdicts"][0]["value"].as_f64().unwrap_or_else(|| panic!("{shown}"))
    };
    let (like, unlike) = (likeness("like"), likeness("unlike"));
    assert!(like > 0.8 && unlike < 0.4, "{like} and {unlike}");
    let model = server.json("/v1/models")["items"][0].clone();
    assert_eq!((&model["provider"], &model["used_by"][0]["calls"]), (&json!("local"), &json!(2)), "{model}");
}

#[test]
fn files_that_are_not_right_are_refused_in_words() {
    let whole = minilm();
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("model");
    fs::create_dir(&folder).unwrap();
    let names = ["config.json", "tokenizer.json", "model.safetensors"];
    let restore = || {
        for name in names {
            fs::copy(whole.join(name), folder.join(name)).unwrap();
        }
    };
    type Change<'a> = (&'a str, &'a dyn Fn(Vec<u8>) -> Vec<u8>, &'a str);
    let replace = |from: &'static str, to: &'static str| {
        move |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replacen(from, to, 1).into_bytes()
    };
    let (other, wide, unknown) = (
        replace("\"bert\"", "\"llama\""),
        replace("\"hidden_size\": 384", "\"hidden_size\": 768"),
        replace("\"[CLS]\"", "\"[BEGIN]\""),
    );
    let changes: [Change<'_>; 7] = [
        ("model.safetensors", &|bytes| bytes[..bytes.len() / 2].to_vec(), "model.safetensors is damaged"),
        ("model.safetensors", &|_| vec![0xff; 64], "model.safetensors is damaged"),
        ("config.json", &|_| b"{".to_vec(), "config.json is damaged"),
        ("config.json", &other, "\"model_type\": \"llama\""),
        ("config.json", &wide, "is damaged"),
        ("tokenizer.json", &|_| b"[]".to_vec(), "tokenizer.json is damaged"),
        ("tokenizer.json", &unknown, "tokenizer.json"),
    ];
    for (name, change, words) in changes {
        restore();
        fs::write(folder.join(name), change(fs::read(folder.join(name)).unwrap())).unwrap();
        let refused = ModelDesk::new(definitions(&folder, ""), Vec::new(), None).err().expect("it cannot be used");
        let said = tribunal::report(&refused);
        assert!(said.starts_with("model minilm cannot be used: ") && said.contains(words), "{name}: {said}");
    }
    for name in names {
        restore();
        fs::remove_file(folder.join(name)).unwrap();
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("tribunal.toml");
        fs::write(&path, format!("[models.minilm]\nprovider = \"local\"\npath = {folder:?}\n")).unwrap();
        let said = match Config::read(&path) {
            Ok(config) => tribunal::report(&ModelDesk::new(config.models, Vec::new(), None).err().expect(name)),
            Err(error) => tribunal::report(&error),
        };
        assert!(said.contains("cannot read") && said.contains(name), "{name}: {said}");
    }
}
