//! A model of one small layer, whole and damaged. The real one is compared in the tests of the server.

use std::cell::Cell;
use std::fs;

use serde_json::json;

use super::*;

pub(super) const WORDS: &str = r###"{
    "model": {
        "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
        "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "hello": 4, "##hello": 5, "a": 6, "b": 7, "##b": 8}
    },
    "normalizer": {
        "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null,
        "lowercase": true
    },
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "added_tokens": [{
        "id": 3, "content": "[SEP]", "special": true, "normalized": false, "single_word": false, "lstrip": false,
        "rstrip": false
    }]
}"###;

/// The files of a model with one layer, by name.
fn tiny() -> Vec<(String, Vec<u8>)> {
    let config = json!({
        "model_type": "bert", "hidden_act": "gelu", "hidden_size": 8, "num_hidden_layers": 1, "layer_norm_eps": 1e-12,
        "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 20, "type_vocab_size": 2,
        "vocab_size": 12,
    });
    let mut shapes = vec![
        ("embeddings.word_embeddings.weight".to_owned(), vec![12, 8]),
        ("embeddings.position_embeddings.weight".to_owned(), vec![20, 8]),
        ("embeddings.token_type_embeddings.weight".to_owned(), vec![2, 8]),
    ];
    let layer = |name| format!("encoder.layer.0.{name}");
    let mut part = |name: String, shape: &[usize]| {
        shapes.push((format!("{name}.weight"), shape.to_vec()));
        shapes.push((format!("{name}.bias"), shape[..1].to_vec()));
    };
    part("embeddings.LayerNorm".to_owned(), &[8]);
    for name in ["self.query", "self.key", "self.value", "output.dense"] {
        part(layer(format!("attention.{name}")), &[8, 8]);
    }
    part(layer("attention.output.LayerNorm".to_owned()), &[8]);
    part(layer("intermediate.dense".to_owned()), &[16, 8]);
    part(layer("output.dense".to_owned()), &[8, 16]);
    part(layer("output.LayerNorm".to_owned()), &[8]);
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for (name, shape) in shapes {
        let (start, count) = (data.len(), shape.iter().product());
        data.extend((0..count).flat_map(|index: usize| ((index * 37 % 23) as f32 / 23.0 - 0.4).to_le_bytes()));
        header.insert(name, json!({"dtype": "F32", "shape": shape, "data_offsets": [start, data.len()]}));
    }
    let header = Json::Object(header).to_string();
    let weights = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &data].concat();
    vec![
        ("config.json".to_owned(), config.to_string().into_bytes()),
        ("tokenizer.json".to_owned(), WORDS.into()),
        ("model.safetensors".to_owned(), weights),
    ]
}

fn open(files: &[(String, Vec<u8>)]) -> Result<LocalModel, LocalError> {
    static FOLDERS: AtomicUsize = AtomicUsize::new(0);
    let count = FOLDERS.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("local-model-{}-{count}", std::process::id()));
    fs::create_dir_all(folder.join("1_Pooling")).expect("a temporary folder");
    files.iter().for_each(|(name, bytes)| fs::write(folder.join(name), bytes).expect("a temporary file"));
    let model = LocalModel::open(&folder);
    fs::remove_dir_all(&folder).expect("the temporary folder");
    model
}

/// Opens the tiny model with a part of one file replaced, or all of it where no part is given.
fn check(name: &str, from: &str, to: &str, wanted: &str) {
    let mut files = tiny();
    if from.is_empty() {
        files.retain(|file| file.0 != name);
        files.push((name.to_owned(), to.into()));
    } else {
        let file = files.iter_mut().find(|file| file.0 == name).expect("the file");
        let at = file.1.windows(from.len()).position(|window| window == from.as_bytes()).expect("the text");
        file.1.splice(at..at + from.len(), to.bytes());
    }
    let error = open(&files).err().expect("an error");
    let message = format!("{error}: {}", error.source().map(ToString::to_string).unwrap_or_default());
    assert!(message.contains(wanted), "{message}");
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

#[test]
fn folders_that_are_no_such_model_are_refused() {
    let (config, tokenizer, weights) = ("config.json", "tokenizer.json", "model.safetensors");
    assert!(matches!(open(&tiny()[1..]), Err(LocalError::Read { .. })));
    assert!(matches!(open(&tiny()[..2]), Err(LocalError::Read { .. })));
    check(config, "", "{\"model_type\": ", "is damaged");
    check(config, "", "[[]]", "has \"model_type\": null");
    check(config, "\"bert\"", "\"mpnet\"", "has \"model_type\": \"mpnet\"");
    check(config, "\"gelu\"", "\"relu\"", "has \"hidden_act\": \"relu\"");
    check(config, "\"hidden_size\":8", "\"hidden_size\":0", "nonzero");
    check(config, "\"hidden_size\":8", "\"hidden_size\":16", "of F32 and [2, 8], not of F32 and [2, 16]");
    check(config, "heads\":2", "heads\":3", "has 3 heads on 8 numbers");
    check(config, "layers\":1", "layers\":18446744073709551615", "no tensor \"encoder.layer.1.attention.self.query");
    check(config, "\"intermediate_size\":16", "\"intermediate_size\":99999999", "99999999 between");
    check(tokenizer, "", "", "is damaged");
    check(tokenizer, "\"WordPiece\"", "\"BPE\"", "expected WordPiece");
    check(tokenizer, "\"[CLS]\"", "\"<s>\"", "it has no \"[CLS]\"");
    check(tokenizer, ": 8", ": 12", "tokens beyond the 12");
    check(tokenizer, ": 100", ": 100000", "splits words as BERT does not");
    check(tokenizer, "\"lstrip\": false", "\"lstrip\": true", "finds \"[SEP]\" as BERT does not");
    check(weights, "", "", "header");
    check(weights, "", "\u{8}\0\0\0\0\0\0\0{\"a\":{}}", "is damaged");
    check(weights, "query", "queri", "it has no tensor \"encoder.layer.0.attention.self.query.");
    check(weights, "F32", "I32", "I32");
    check(weights, "[16,8]", "[8,16]", "is of F32 and [8, 16], not of F32 and [16, 8]");
    check(weights, "[16,8]", "[9,99]", "is damaged");
    check("sentence_bert_config.json", "", "{\"max_seq_length\": 1}", "asks for 1 tokens");
    check("modules.json", "", "[{\"type\": \"models.Dense\"}]", "has the module \"models.Dense\"");
    check("1_Pooling/config.json", "", "{\"pooling_mode\": \"cls\"}", "has \"pooling_mode\": \"cls\"");
    check("1_Pooling/config.json", "", "{\"pooling_mode_cls_token\": true}", "\"pooling_mode_cls_token\": true");
}

#[test]
fn weights_cut_anywhere_are_refused() {
    let mut files = tiny();
    while let Some(cut) = files[2].1.len().checked_sub(97) {
        files[2].1.truncate(cut);
        assert!(matches!(open(&files), Err(LocalError::Damaged { .. })), "{cut} bytes");
    }
}

#[test]
fn numbers_that_are_none_are_no_vector() {
    let mut files = tiny();
    let end = files[2].1.len() - 8 * 4;
    files[2].1[end..end + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    let model = open(&files).expect("a model");
    assert!(matches!(model.embed(&texts(&["a"]), &|| false), Err(EmbedError::NotFinite)));
}

#[test]
fn it_stops_when_told_to() {
    let model = open(&tiny()).expect("a model");
    let texts = texts(&["hello a b"; TEXTS]);
    let stops_after = |most: usize| {
        let asked = Cell::new(0);
        let result = model.embed(&texts, &|| asked.replace(asked.get() + 1) == most);
        assert_eq!(asked.get() > most, matches!(result, Err(EmbedError::Cancelled)));
        result.is_err()
    };
    assert!(stops_after(0) && stops_after(5) && !stops_after(usize::MAX));
}

#[test]
fn there_are_1_to_256_texts() {
    let model = open(&tiny()).expect("a model");
    assert!(matches!(model.embed(&[], &|| false), Err(EmbedError::Count(0))));
    assert!(matches!(model.embed(&texts(&["a"; 257]), &|| false), Err(EmbedError::Count(257))));
    assert_eq!(model.embed(&texts(&["a"; 256]), &|| false).expect("vectors").len(), 256);
}
