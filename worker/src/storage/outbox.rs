//! The outbox in the store: counted, taken out for a push, and settled by the server's answer.

use super::StorageError;
use super::connection::{Connection, Durability, Reading, Writes};
use super::journal::changed;
use super::rows::{held_rows, markers, meta, queue_of, read_all};
use super::schema::{BY_QUEUE, LOCAL_CHANGES, SYNC_STATE, write_stores};
use super::values::to_js;
use domain::RULES;
use idb::{Index, KeyRange, Query};
use std::collections::VecDeque;
use sync::device::effect::{Answer, Committed};
use sync::device::outbox::{ChangeState, LocalChange, OutboxCount};
use sync::device::pick::Picker;
use sync::device::settle::{self, Settled};
use sync::id::{Id, Mint};
use wasm_bindgen::JsValue;

/// How many open changes of one state are read at once: a long outbox is never read whole.
pub(super) const WINDOW_CHANGES: u32 = 100;

/// The changes that were taken out for a push, and how the outbox stands.
pub(crate) struct Taken {
    /// Oldest first.
    pub(crate) changes: Vec<LocalChange>,
    /// The outbox, these included. The earliest time is that of the changes looked at: of all
    /// of them, when none was taken.
    pub(crate) outbox: OutboxCount,
}

impl Connection {
    /// How the outbox stands.
    pub(crate) async fn count_outbox(&self) -> Result<OutboxCount, StorageError> {
        let transaction = self.reading(&[LOCAL_CHANGES])?;
        count(&transaction.object_store(LOCAL_CHANGES)?.index(BY_QUEUE)?).await
    }

    /// Takes out at most `limit` changes that are due, and marks them as being on their way.
    pub(crate) async fn take_outbox(
        &self,
        now_ms: u64,
        limit: usize,
    ) -> Result<Taken, StorageError> {
        let stores = [LOCAL_CHANGES, SYNC_STATE];
        self.commit(&stores, Durability::Relaxed, async |reading| {
            let offset_ms = meta(&reading.store(SYNC_STATE)?, Id::NIL).await?.offset_ms;
            let index = reading.store(LOCAL_CHANGES)?.index(BY_QUEUE)?;
            let mut outbox = count(&index).await?;
            let mut picker = Picker::at(now_ms, offset_ms, limit);
            let mut queues = Queues::new();
            let all_seen = loop {
                let Some(local) = queues.oldest(&index).await? else {
                    break true;
                };
                if local.state != ChangeState::Failed {
                    let due_ms = local.next_attempt_at_ms;
                    let earliest = outbox.next_due_ms.map_or(due_ms, |ms| ms.min(due_ms));
                    outbox.next_due_ms = Some(earliest);
                }
                if !picker.offer(&local) {
                    break false;
                }
            };
            let mut changes = picker.finish(all_seen);
            let mut writes = Writes::default();
            for local in &mut changes {
                local.state = ChangeState::InFlight;
                writes.change(local, false)?;
            }
            Ok((writes, Taken { changes, outbox }))
        })
        .await
    }

    /// Keeps what became of the changes that were taken out.
    pub(crate) async fn settle(
        &self,
        mut mint: Mint,
        pushed: &[LocalChange],
        answer: &Answer,
    ) -> Result<Committed, StorageError> {
        let settled = self
            .commit(&write_stores(), Durability::Relaxed, async |reading| {
                let state = reading.store(SYNC_STATE)?;
                let mut meta = meta(&state, Id::NIL).await?;
                let mut markers = markers(&state).await?;
                let first_new = meta.local_seq + 1;
                let held = held_rows(reading, pushed.iter().map(row_of)).await?;
                let settled = match answer {
                    Answer::Outcomes(result) => {
                        settle::answered(&RULES, &mut meta, &mut mint, held, result)
                    }
                    Answer::Failed(class) => settle::unanswered(&RULES, &mut mint, held, *class),
                };
                for (scope, table, marker) in &settled.moved {
                    markers.set(scope, table, *marker);
                }
                let mut writes = Writes::default();
                writes.settled(&settled, first_new)?;
                writes.meta(&meta)?;
                writes.markers(&markers)?;
                Ok((writes, settled))
            })
            .await?;
        let Settled {
            records,
            outcomes,
            conflicts,
            moved,
            unfed,
            ..
        } = settled;
        Ok(Committed {
            moved,
            unfed,
            changed: changed(&records),
            settled: outcomes,
            conflicts,
            outbox: self.count_outbox().await?,
            ..Committed::default()
        })
    }

    /// Makes everything that was refused due again. Tells which rows that changed.
    pub(crate) async fn retry_refused(&self, mut mint: Mint) -> Result<Committed, StorageError> {
        let settled = self
            .commit(&write_stores(), Durability::Relaxed, async |reading| {
                let refused = refused(reading).await?;
                let mut meta = meta(&reading.store(SYNC_STATE)?, Id::NIL).await?;
                let first_new = meta.local_seq + 1;
                let held = held_rows(reading, refused.iter().map(row_of)).await?;
                let settled = settle::retry(&RULES, &mut meta, &mut mint, held);
                let mut writes = Writes::default();
                writes.settled(&settled, first_new)?;
                writes.meta(&meta)?;
                Ok((writes, settled))
            })
            .await?;
        Ok(Committed {
            changed: changed(&settled.records),
            outbox: self.count_outbox().await?,
            ..Committed::default()
        })
    }
}

impl Writes {
    fn settled(&mut self, settled: &Settled, first_new: u64) -> Result<(), StorageError> {
        self.rows(&settled.records, &settled.changes, first_new)?;
        for local_seq in &settled.outlived {
            self.drop_change(*local_seq)?;
        }
        Ok(())
    }
}

fn row_of(local: &LocalChange) -> (&str, Id) {
    (&local.change.table, local.change.key)
}

async fn count(index: &Index) -> Result<OutboxCount, StorageError> {
    let mut counts = [0_u64; 3];
    for (count, name) in counts.iter_mut().zip(queue_names()) {
        let range = after(name, 0)?;
        *count = u64::from(index.count(Some(range))?.await?);
    }
    let [pending, in_flight, failed] = counts;
    Ok(OutboxCount {
        waiting: pending + in_flight,
        failed,
        next_due_ms: None,
    })
}

async fn refused(reading: &Reading) -> Result<Vec<LocalChange>, StorageError> {
    let index = reading.store(LOCAL_CHANGES)?.index(BY_QUEUE)?;
    let mut refused = Vec::new();
    if let Some(name) = queue_of(ChangeState::Failed) {
        let found = index.get_all(Some(after(name, 0)?), None)?.await?;
        refused = read_all(&found)?;
    }
    Ok(refused)
}

fn queue_names() -> impl Iterator<Item = &'static str> {
    let states = [
        ChangeState::Pending,
        ChangeState::InFlight,
        ChangeState::Failed,
    ];
    states.into_iter().filter_map(queue_of)
}

/// The changes in this queue that were written after this one.
fn after(queue: &str, local_seq: u64) -> Result<Query, StorageError> {
    let from = to_js(&(queue, local_seq))?;
    // An array sorts behind every number.
    let none: [u64; 0] = [];
    let to = to_js(&(queue, none))?;
    Ok(KeyRange::bound(&from, &to, Some(true), None)?.into())
}

/// The open changes, oldest first, read as far as somebody looks.
struct Queues([Queue; 3]);

/// The open changes of one state.
#[derive(Default)]
struct Queue {
    name: &'static str,
    window: VecDeque<LocalChange>,
    after: u64,
    exhausted: bool,
}

impl Queues {
    fn new() -> Self {
        let mut names = queue_names();
        Self(std::array::from_fn(|_| Queue {
            name: names.next().unwrap_or_default(),
            ..Queue::default()
        }))
    }

    /// The oldest change that was not handed over yet.
    async fn oldest(&mut self, index: &Index) -> Result<Option<LocalChange>, StorageError> {
        for queue in &mut self.0 {
            queue.fill(index).await?;
        }
        let oldest = self
            .0
            .iter_mut()
            .filter(|queue| !queue.window.is_empty())
            .min_by_key(|queue| queue.window.front().map(|local| local.local_seq));
        Ok(oldest.and_then(|queue| queue.window.pop_front()))
    }
}

impl Queue {
    async fn fill(&mut self, index: &Index) -> Result<(), StorageError> {
        if self.exhausted || !self.window.is_empty() {
            return Ok(());
        }
        let range = after(self.name, self.after)?;
        let found: Vec<JsValue> = index.get_all(Some(range), Some(WINDOW_CHANGES))?.await?;
        let read: Vec<LocalChange> = read_all(&found)?;
        self.exhausted = read.len() < usize::try_from(WINDOW_CHANGES).unwrap_or(usize::MAX);
        self.after = read.last().map_or(self.after, |local| local.local_seq);
        self.window.extend(read);
        Ok(())
    }
}
