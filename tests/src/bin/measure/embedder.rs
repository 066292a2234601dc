//! all-MiniLM-L6-v2 in this process, which computes each text once; knows nothing of plugins.

use std::collections::HashMap;
use std::fs;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use indicatif::ProgressBar;
use tribunal::config::Config;
use tribunal::model::ModelDesk;
use tribunal::record::{
    Ask, Asked, Embeddings, ExchangeDigest, GrantedModel, ModelAnswer, ModelCall, ModelRequest, Models, Name,
};
use tribunal_tests::minilm;

/// So many texts are embedded at a time.
const BATCH: usize = 64;

pub(crate) struct Embedder {
    desk: ModelDesk,
    pub(crate) granted: GrantedModel,
    known: Mutex<HashMap<String, Vec<f32>>>,
}

impl Embedder {
    pub(crate) fn start() -> anyhow::Result<Arc<Self>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("tribunal.toml");
        fs::write(&path, format!("[models.minilm]\nprovider = \"local\"\npath = {:?}\n", minilm()))?;
        let models = Config::read(&path)?.models;
        let granted = models.first().context("no model")?.granted();
        let desk = ModelDesk::new(models, Vec::new(), None)?;
        Ok(Arc::new(Self { desk, granted, known: Mutex::default() }))
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Vec<f32>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A vector for each of these texts.
    pub(crate) fn embed(&self, texts: &[&str]) -> anyhow::Result<Vec<Vec<f32>>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (binding, bar): (Name, _) = ("measure".parse()?, ProgressBar::new(texts.len() as u64));
        let mut vectors = Vec::new();
        for batch in texts.chunks(BATCH) {
            let request = ModelRequest::Embed(batch.iter().map(|text| (*text).to_owned()).collect());
            let exchange = ExchangeDigest::of_request(&self.granted, &request);
            let until = Instant::now() + Duration::from_secs(600);
            let ask = Ask { binding: &binding, about: None, model: &self.granted, exchange, request, until };
            match runtime.block_on(self.ask(ask)).0 {
                Ok(ModelAnswer::Embeddings(made)) => vectors.extend(made.vectors),
                other => bail!("{other:?}"),
            }
            bar.inc(batch.len() as u64);
        }
        bar.finish_and_clear();
        Ok(vectors)
    }
}

impl Models for Embedder {
    fn ask<'a>(&'a self, ask: Ask<'a>) -> Pin<Box<dyn Future<Output = Asked> + Send + 'a>> {
        Box::pin(async move {
            let ModelRequest::Embed(texts) = ask.request.clone() else { return self.desk.ask(ask).await };
            let mut new = texts.clone();
            new.retain(|text| !self.known().contains_key(text));
            let call = ModelCall::new(ask.model, ask.exchange);
            if !new.is_empty() {
                let request = ModelRequest::Embed(new.clone());
                let exchange = ExchangeDigest::of_request(ask.model, &request);
                match self.desk.ask(Ask { exchange, request, ..ask }).await {
                    (Ok(ModelAnswer::Embeddings(made)), _) => self.known().extend(new.into_iter().zip(made.vectors)),
                    other => return other,
                }
            }
            let known = self.known();
            let vectors = texts.iter().map(|text| known[text].clone()).collect();
            (Ok(ModelAnswer::Embeddings(Embeddings { vectors, usage: None })), call)
        })
    }
}
