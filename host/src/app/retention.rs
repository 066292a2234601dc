//! Deletes what models were asked and answered once its time is over.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::model::ModelDesk;
use crate::record::{ModelDefinition, Time};
use crate::store::{Store, StoreError};

/// How often it is looked for.
const PERIOD: Duration = Duration::from_secs(3600);

/// Owns the thread: dropping it joins it.
pub(super) struct Retention {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Retention {
    pub(super) fn start(store: Store, models: ModelDesk) -> Self {
        let (end, ended) = channel();
        let thread = crate::spawn("retention", move || {
            loop {
                if let Err(error) = expire(&store, &models) {
                    tracing::warn!(error = crate::report(&error), "cannot delete what models answered long ago");
                }
                if ended.recv_timeout(PERIOD) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        });
        Self { end: Some(end), thread: Some(thread) }
    }
}

impl Drop for Retention {
    fn drop(&mut self) {
        self.end = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that deletes what models answered panicked");
        }
    }
}

fn expire(store: &Store, models: &ModelDesk) -> Result<(), StoreError> {
    let models = models.models();
    for alias in store.exchange_aliases()? {
        let model = models.iter().find(|model| model.definition.alias.as_str() == alias);
        let retention = model.map_or(ModelDefinition::RETENTION, |model| model.definition.retention);
        let kept = i64::try_from(retention.as_nanos()).unwrap_or(i64::MAX);
        let before = Time::from_nanoseconds(Time::now().as_nanoseconds().saturating_sub(kept));
        let deleted = store.exchanges_expire(&alias, before)?;
        if deleted > 0 {
            tracing::info!(alias, deleted, "deleted what this model answered longer ago than its `retention`");
        }
    }
    Ok(())
}
