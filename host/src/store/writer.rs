//! The one thread that writes: it takes all that waits and makes it durable in one transaction.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::{Connection, TransactionBehavior};

use super::evaluations;
use super::interactions::{self, Recorded};
use super::names::Names;
use super::queue::{Handed, Queue, RecordRequest, Taken};
use super::tail::Tail;
use super::{StoreError, checkpoint, models};
use crate::record::{Interaction, Seq, Time};

/// How long to wait before something that could not be written is tried again.
const RETRY: Duration = Duration::from_millis(250);
/// How often an idle writer looks whether it is to stop.
const IDLE: Duration = Duration::from_secs(1);
/// How often a closing writer tries before it gives up.
const LAST_TRIES: u32 = 4;

/// Owns the thread: dropping it closes the queue and waits until what is in it is written.
pub(super) struct Writer {
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection, queue: Arc<Queue>, tail: Arc<Tail>, head: Seq) -> Self {
        let mut state = State { connection, names: Names::default(), queue: Arc::clone(&queue), tail, head };
        let thread = crate::spawn("writer", move || {
            // Also where the thread panics: nobody may wait for a writer that is gone.
            let _closes = CloseAtEnd(Arc::clone(&state.queue));
            state.run();
            state.leave();
        });
        Self { queue, thread: Some(thread) }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the writer panicked");
        }
    }
}

struct CloseAtEnd(Arc<Queue>);

impl Drop for CloseAtEnd {
    fn drop(&mut self) {
        self.0.close();
        self.0.give_up();
    }
}

struct State {
    connection: Connection,
    names: Names,
    queue: Arc<Queue>,
    tail: Arc<Tail>,
    head: Seq,
}

/// What a transaction brought, once it is durable.
struct Written {
    answers: Vec<Vec<Recorded>>,
    appended: Vec<(Arc<Interaction>, usize)>,
    /// Those that were new.
    evaluations: u64,
    evaluations_at_once: usize,
    transaction: Duration,
    commit: Duration,
}

impl State {
    fn run(&mut self) {
        let mut failures = 0;
        while let Some(Taken { tasks, mut records, handed }) = self.queue.take(IDLE) {
            for task in tasks {
                task(&mut self.connection);
            }
            let weight = records.iter().map(|request| request.weight).sum();
            let evaluations = handed.iter().map(Handed::weight).sum();
            if records.is_empty() && handed.is_empty() {
                let writable = self.queue.is_writable() || self.probe();
                self.queue.done(0, 0, Vec::new(), writable);
                continue;
            }
            match self.write(&mut records, &handed) {
                Ok(written) => {
                    failures = 0;
                    self.acknowledge(records, written);
                    self.queue.done(weight, evaluations, Vec::new(), true);
                }
                Err(error) => {
                    failures += 1;
                    self.refuse(records, &error);
                    self.queue.done(weight, 0, handed, false);
                    if self.queue.is_closed() && failures >= LAST_TRIES {
                        break;
                    }
                    std::thread::sleep(RETRY);
                }
            }
        }
    }

    /// Leaves everything in one file, so that a copy of it is a whole backup.
    fn leave(&self) {
        if let Err(error) = checkpoint::left(&self.connection, "TRUNCATE") {
            tracing::warn!(%error, "the write-ahead log stays beside the database; a backup needs both");
        }
    }

    fn write(&mut self, records: &mut [RecordRequest], handed: &[Handed]) -> rusqlite::Result<Written> {
        let _span = tracing::info_span!(
            "write",
            tribunal.records = records.iter().map(|request| request.records.len()).sum::<usize>(),
            tribunal.evaluations = handed.iter().map(Handed::evaluations).sum::<usize>(),
        )
        .entered();
        self.transact(records, handed).inspect_err(|error| {
            tracing::error!(%error, "cannot write; what was posted is refused, evaluations will be tried again");
        })
    }

    fn transact(&mut self, records: &mut [RecordRequest], handed: &[Handed]) -> rusqlite::Result<Written> {
        let began = Instant::now();
        let now = Time::now();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut written = Written {
            answers: Vec::with_capacity(records.len()),
            appended: Vec::new(),
            evaluations: 0,
            evaluations_at_once: handed.iter().map(Handed::evaluations).sum(),
            transaction: Duration::ZERO,
            commit: Duration::ZERO,
        };
        let mut head = self.head;
        for request in records {
            let mut answers = Vec::with_capacity(request.records.len());
            for record in request.records.drain(..) {
                let weight = record.weight;
                let (recorded, new) = interactions::insert(&transaction, &mut self.names, head.next(), now, record)?;
                if let Some(new) = new {
                    head = new.seq;
                    written.appended.push((new, weight));
                }
                answers.push(recorded);
            }
            written.answers.push(answers);
        }
        for handed in handed {
            match handed {
                Handed::Evaluations(batch) => {
                    written.evaluations += evaluations::insert(&transaction, &mut self.names, batch)?;
                }
                Handed::Exchange(exchange) => {
                    models::insert_exchange(&transaction, &mut self.names, exchange)?;
                    if let Some(record) = exchange.record() {
                        let weight = record.weight;
                        let record = record.clone();
                        let (_, new) = interactions::insert(&transaction, &mut self.names, head.next(), now, record)?;
                        if let Some(new) = new {
                            head = new.seq;
                            written.appended.push((new, weight));
                        }
                    }
                }
            }
        }
        let all_said = Instant::now();
        transaction.commit()?;
        (written.transaction, written.commit) = (began.elapsed(), all_said.elapsed());
        self.head = head;
        Ok(written)
    }

    fn acknowledge(&self, records: Vec<RecordRequest>, written: Written) {
        let recorded = written.appended.len() as u64;
        let answered: usize = written.answers.iter().map(Vec::len).sum();
        let is_new = |recorded: &&Recorded| matches!(recorded, Recorded::New(_));
        let duplicates = answered - written.answers.iter().flatten().filter(is_new).count();
        self.tail.append(written.appended);
        self.queue.count(|stats| {
            stats.transactions += 1;
            stats.recorded += recorded;
            stats.duplicates += duplicates as u64;
            stats.evaluations += written.evaluations;
            stats.transaction.record_duration(written.transaction);
            stats.commit.record_duration(written.commit);
            for (histogram, count) in
                [(&mut stats.records_at_once, answered), (&mut stats.evaluations_at_once, written.evaluations_at_once)]
            {
                if count > 0 {
                    histogram.record(count as u64);
                }
            }
        });
        for (request, answers) in records.into_iter().zip(written.answers) {
            // Whoever asked may have gone; what is written stays.
            let _ = request.reply.send(Ok(answers));
        }
    }

    fn refuse(&mut self, records: Vec<RecordRequest>, error: &rusqlite::Error) {
        self.names.forget();
        self.queue.count(|stats| stats.failures += 1);
        for request in records {
            // Whoever asked may have gone.
            let _ = request.reply.send(Err(StoreError::Unavailable(error.to_string())));
        }
    }

    /// Whether the database can be written again: changes a row and makes that durable.
    fn probe(&mut self) -> bool {
        std::thread::sleep(RETRY);
        let probe = "BEGIN IMMEDIATE;
             INSERT OR REPLACE INTO tallies VALUES (0, 'probe', coalesce((SELECT count FROM tallies WHERE binding = 0), 0) + 1);
             COMMIT;";
        let writable = self.connection.execute_batch(probe).is_ok();
        if !writable && !self.connection.is_autocommit() {
            // The transaction is open still, for example where COMMIT itself failed.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        writable
    }
}
