//! Sentence embeddings computed in this process, by a BERT-like model in a folder. Knows nothing of who asks or why.

mod bert;
mod words;

use std::error::Error;
use std::fs::File;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, available_parallelism};

use safetensors::SafeTensors;
use serde::Deserialize;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use self::bert::{Bert, Config};
use self::words::Words;

/// The most texts of one call.
const TEXTS: usize = 256;
/// The most tokens of a text that a folder may ask for: attention takes time and memory by their square.
const TOKENS: usize = 2048;
/// Texts are computed together until they have so many tokens. Fewer are slower, more are not faster.
const GROUP: usize = 256;
/// The largest files that are read, in bytes.
const WEIGHTS: u64 = 2 << 30;
const JSON: u64 = 64 << 20;

/// Why a folder is of no use as a model.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// A file is missing or cannot be read.
    #[error(
        "cannot read {}: a local model is a folder with model.safetensors, config.json and tokenizer.json, as \
         sentence-transformers saves it", path.display()
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file is larger than those of such models are.
    #[error("{} has more than {limit} bytes: use a smaller model", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// How many bytes would have been read.
        limit: u64,
    },
    /// A file is not what it should be.
    #[error("{} is damaged, or not of a BERT-like model: get the folder anew, or use all-MiniLM-L6-v2", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// It is another model than it was when the configuration was read.
    #[error("{} has changed since the configuration was read: reload it", path.display())]
    Changed {
        /// The weights.
        path: PathBuf,
    },
    /// The model is sound, and computed in a way that is not known here.
    #[error("{} {what}, which is not supported: use a model like all-MiniLM-L6-v2", path.display())]
    Unsupported {
        /// The file that says so.
        path: PathBuf,
        /// What it says.
        what: String,
    },
}

impl LocalError {
    fn damaged(path: &Path, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Damaged { path: path.to_owned(), source: source.into() }
    }

    fn unsupported(path: &Path, what: String) -> Self {
        Self::Unsupported { path: path.to_owned(), what }
    }
}

/// Why there are no vectors.
#[derive(Debug, thiserror::Error)]
pub(super) enum EmbedError {
    /// The caller no longer wants them.
    #[error("the embedding was cancelled")]
    Cancelled,
    /// None, or too many at once.
    #[error("cannot embed {0} texts at once, but 1 to {TEXTS}")]
    Count(usize),
    /// A text cannot be split into tokens.
    #[error("cannot split a text into tokens")]
    Tokens(#[source] Box<dyn Error + Send + Sync>),
    /// The weights lead to numbers that are none.
    #[error("a vector is not finite: the weights of the model are damaged")]
    NotFinite,
}

type Indexed = Vec<(usize, Vec<f32>)>;

/// A model in memory, of which it takes as much as its weights have. A text has the same vector, to the bit, alone and
/// beside others, and on as many threads as may be. Another kind of processor may differ in the seventh digit.
pub(super) struct LocalModel {
    words: Words,
    bert: Bert,
    digest: [u8; 32],
}

impl LocalModel {
    /// Reads a folder as sentence-transformers saves it: `model.safetensors` with 32-bit floats, `config.json` and
    /// `tokenizer.json`, and where there are any, what else tells how vectors are made. The files may be hostile.
    ///
    /// # Errors
    ///
    /// If one of the three is missing, one is larger than 2 GiB (64 MiB where it is JSON), one is damaged, or the model
    /// is none of BERT's architecture with its word pieces, GELU and the mean of the tokens.
    pub(super) fn open(folder: &Path) -> Result<Self, LocalError> {
        let path = folder.join("config.json");
        let config: Json = json(&path)?;
        if config["model_type"] != "bert" {
            return Err(LocalError::unsupported(&path, format!("has \"model_type\": {}", config["model_type"])));
        }
        let config: Config = serde_json::from_value(config).map_err(|error| LocalError::damaged(&path, error))?;
        config.check().map_err(|what| LocalError::unsupported(&path, what))?;
        pools_by_mean(folder)?;
        let longest = longest(folder, &config)?;
        let path = folder.join("model.safetensors");
        let bytes = read(&path, WEIGHTS)?;
        let weights =
            SafeTensors::deserialize(&bytes).map_err(|error| LocalError::damaged(&path, error.to_string()))?;
        let bert = Bert::new(&config, &weights).map_err(|what| LocalError::damaged(&path, what))?;
        let words = Words::open(&folder.join("tokenizer.json"), longest, config.vocab_size)?;
        Ok(Self { words, bert, digest: Sha256::digest(&bytes).into() })
    }

    /// The SHA-256 of `model.safetensors`.
    pub(super) fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// The vectors of 1 to 256 texts, in order, each of length 1. A text may be anything. What is beyond the most
    /// tokens that the model takes does not count, nor what is beyond 1 MiB. Uses this thread and others, as many as
    /// there are processors. Asks `cancelled` on this one, before each text and each layer: some 10 ms apart, but a
    /// text without a space takes up to a second to split.
    ///
    /// # Errors
    ///
    /// If `cancelled` says so, there are no texts or too many, or the weights turn out to be damaged.
    pub(super) fn embed(&self, texts: &[String], cancelled: &dyn Fn() -> bool) -> Result<Vec<Vec<f32>>, EmbedError> {
        if !(1..=TEXTS).contains(&texts.len()) {
            return Err(EmbedError::Count(texts.len()));
        }
        let threads = available_parallelism().map_or(1, NonZeroUsize::get).min(texts.len());
        let most = texts.len().div_ceil(threads);
        let (next, ended) = (AtomicUsize::new(0), AtomicBool::new(false));
        // Once one has failed the others find no more texts.
        let work = |ended: &dyn Fn() -> bool| {
            self.work(texts, most, &next, ended).inspect_err(|_| next.store(texts.len(), Ordering::Relaxed))
        };
        let other = || work(&|| ended.load(Ordering::Relaxed));
        let ask = || {
            let end = cancelled();
            ended.fetch_or(end, Ordering::Relaxed);
            end
        };
        let results = thread::scope(|scope| {
            // Where the system gives no thread, the others do its part.
            let spawn = |_| thread::Builder::new().spawn_scoped(scope, other).ok();
            let others: Vec<_> = (1..threads).filter_map(spawn).collect();
            let mut results = vec![work(&ask)];
            results.extend(others.into_iter().map(|other| other.join().unwrap_or_else(|panic| resume_unwind(panic))));
            results
        });
        let mut vectors = vec![Vec::new(); texts.len()];
        for result in results {
            result?.into_iter().for_each(|(index, vector)| vectors[index] = vector);
        }
        Ok(vectors)
    }

    /// Takes the next texts, up to so many at a time, until there are none.
    fn work(
        &self,
        texts: &[String],
        most: usize,
        next: &AtomicUsize,
        ended: &dyn Fn() -> bool,
    ) -> Result<Indexed, EmbedError> {
        let mut vectors = Vec::new();
        loop {
            let (mut indexes, mut group, mut tokens) = (Vec::new(), Vec::new(), 0);
            while group.len() < most && tokens < GROUP {
                if ended() {
                    return Err(EmbedError::Cancelled);
                }
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(text) = texts.get(index) else { break };
                let ids = self.words.tokens(text).map_err(EmbedError::Tokens)?;
                tokens += ids.len();
                indexes.push(index);
                group.push(ids);
            }
            if group.is_empty() {
                return Ok(vectors);
            }
            let embedded = self.bert.embed(&group, ended).ok_or(EmbedError::Cancelled)?;
            if embedded.iter().flatten().any(|number| !number.is_finite()) {
                return Err(EmbedError::NotFinite);
            }
            vectors.extend(indexes.into_iter().zip(embedded));
        }
    }
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, LocalError> {
    let mut bytes = Vec::new();
    let length = File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes));
    length.map_err(|source| LocalError::Read { path: path.to_owned(), source })?;
    if bytes.len() as u64 > limit {
        return Err(LocalError::TooLarge { path: path.to_owned(), limit });
    }
    Ok(bytes)
}

fn json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, LocalError> {
    serde_json::from_slice(&read(path, JSON)?).map_err(|error| LocalError::damaged(path, error))
}

/// What a file says that need not be there.
fn optional(path: &Path) -> Result<Json, LocalError> {
    match json(path) {
        Err(LocalError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(Json::Null),
        result => result,
    }
}

/// Holds that the vector of a text is the mean of its tokens, where the folder says anything.
fn pools_by_mean(folder: &Path) -> Result<(), LocalError> {
    let path = folder.join("modules.json");
    for module in optional(&path)?.as_array().into_iter().flatten() {
        let kind = module["type"].as_str().and_then(|kind| kind.rsplit('.').next()).unwrap_or_default();
        if !["Transformer", "Pooling", "Normalize"].contains(&kind) {
            return Err(LocalError::unsupported(&path, format!("has the module {}", module["type"])));
        }
    }
    let path = folder.join("1_Pooling").join("config.json");
    for (key, value) in optional(&path)?.as_object().into_iter().flatten() {
        // The first as newer versions write it, the others as older ones do.
        let mean = match key.as_str() {
            "pooling_mode" => value == "mean",
            "pooling_mode_mean_tokens" => value == true,
            key => !key.starts_with("pooling_mode_") || value == false,
        };
        if !mean {
            return Err(LocalError::unsupported(&path, format!("has {key:?}: {value}")));
        }
    }
    Ok(())
}

/// The most tokens of a text, from where older and where newer versions keep it.
fn longest(folder: &Path, config: &Config) -> Result<usize, LocalError> {
    let path = folder.join("sentence_bert_config.json");
    let older = optional(&path)?["max_seq_length"].as_u64();
    let newer = optional(&folder.join("tokenizer_config.json"))?["model_max_length"].as_u64();
    let most = config.max_position_embeddings;
    let longest =
        older.or(newer).map_or(most, |longest| usize::try_from(longest).map_or(most, |longest| longest.min(most)));
    if !(3..=TOKENS).contains(&longest) {
        return Err(LocalError::unsupported(&path, format!("asks for {longest} tokens of a text")));
    }
    Ok(longest)
}

#[cfg(test)]
mod tests;
