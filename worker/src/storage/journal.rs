//! The engine's commits on one person's database. Each reads what the engine needs, lets it
//! decide, and writes its decision, in one transaction.

use super::StorageError;
use super::connection::{Connection, Durability, Reading, Writes};
use super::rows::{held, markers, meta, mutations, queue_of};
use super::schema::{BY_QUEUE, DRAFTS, LOCAL_CHANGES, SYNC_STATE, write_stores};
use super::values::from_js;
use domain::SCHEMA;
use idb::Query;
use std::collections::{BTreeMap, BTreeSet};
use sync::device::edit::{self, Meta};
use sync::device::effect::{Answer, Committed, Page};
use sync::device::outbox::{ChangeState, LocalChange, OutboxCount, select};
use sync::device::receive::{self, HeldRows, Received};
use sync::device::record::Record;
use sync::device::settle::{self, Settled};
use sync::device::state::Stored;
use sync::id::{Id, Mint};
use sync::local::Edit;
use sync::row::Row;

/// The changes that were taken out for a push, and how the outbox stands.
pub(crate) struct Taken {
    /// Oldest first.
    pub(crate) changes: Vec<LocalChange>,
    /// The outbox, these included.
    pub(crate) outbox: OutboxCount,
}

impl Connection {
    /// What the engine needs to know when it starts. A new database gets its device here.
    pub(crate) async fn stored(&self, mut mint: Mint) -> Result<Stored, StorageError> {
        let device = mint.id();
        let (meta, markers) = self
            .commit(&[SYNC_STATE], Durability::Strict, async |reading| {
                let store = reading.store(SYNC_STATE)?;
                let meta = meta(&store, device).await?;
                let markers = markers(&store).await?;
                let mut writes = Writes::default();
                writes.meta(&meta)?;
                Ok((writes, (meta, markers)))
            })
            .await?;
        let outbox = self.count_outbox().await?;
        let Meta {
            device_id,
            offset_ms,
            ..
        } = meta;
        Ok(Stored {
            device_id,
            markers,
            outbox,
            offset_ms,
        })
    }

    /// How the outbox stands.
    pub(crate) async fn count_outbox(&self) -> Result<OutboxCount, StorageError> {
        let transaction = self.reading(&[LOCAL_CHANGES])?;
        let index = transaction.object_store(LOCAL_CHANGES)?.index(BY_QUEUE)?;
        let mut counts = [0_u64; 3];
        let states = [
            ChangeState::Pending,
            ChangeState::InFlight,
            ChangeState::Failed,
        ];
        for (count, state) in counts.iter_mut().zip(states) {
            let Some(queue) = queue_of(state) else {
                continue;
            };
            *count = u64::from(index.count(Some(Query::Key(queue.into())))?.await?);
        }
        let [pending, in_flight, failed] = counts;
        Ok(OutboxCount {
            waiting: pending + in_flight,
            failed,
            next_due_ms: None,
        })
    }

    /// Keeps a person's edits: all of them or none, and a mutation of one name only once.
    pub(crate) async fn write(
        &self,
        mut mint: Mint,
        id: Id,
        edits: Vec<Edit>,
        drop_draft: Option<String>,
    ) -> Result<(), StorageError> {
        let mut stores = write_stores();
        if drop_draft.is_some() {
            stores.push(DRAFTS);
        }
        self.commit(&stores, Durability::Strict, async |reading| {
            let state = reading.store(SYNC_STATE)?;
            let mut kept = mutations(&state).await?;
            if kept.contains(&id) {
                return Ok((Writes::default(), ()));
            }
            let mut meta = meta(&state, Id::NIL).await?;
            let first_new = meta.local_seq + 1;
            let mut rows =
                held_rows(reading, edits.iter().map(|e| (e.table.as_str(), e.key))).await?;
            let mut changes = BTreeMap::new();
            for edit in edits {
                let row = rows.entry((edit.table.clone(), edit.key)).or_default();
                let written = edit::decide(&SCHEMA, &mut meta, &mut mint, row.clone(), edit)?;
                row.take(written.record, &written.changes);
                changes.extend(
                    written
                        .changes
                        .into_iter()
                        .map(|local| (local.local_seq, local)),
                );
            }
            let mut writes = Writes::default();
            let records = rows.values().filter_map(|row| row.record.as_ref());
            write_rows(&mut writes, records, changes.values(), first_new)?;
            writes.meta(&meta)?;
            kept.push_back(id);
            writes.mutations(kept)?;
            if let Some(slot) = &drop_draft {
                writes.drop_draft(slot);
            }
            Ok((writes, ()))
        })
        .await
    }

    /// Keeps rows from the server and the markers they lead to.
    pub(crate) async fn store_page(
        &self,
        mut mint: Mint,
        page: &Page,
    ) -> Result<Committed, StorageError> {
        let rows: &[Row] = match page {
            Page::Delta(delta) => &delta.rows,
            Page::Change(change) => &change.rows,
        };
        let received = self
            .commit(&write_stores(), Durability::Relaxed, async |reading| {
                let state = reading.store(SYNC_STATE)?;
                let mut meta = meta(&state, Id::NIL).await?;
                let mut markers = markers(&state).await?;
                let first_new = meta.local_seq + 1;
                let known = rows.iter().filter(|row| SCHEMA.table(&row.table).is_some());
                let held = held_rows(reading, known.map(|r| (r.table.as_str(), r.key))).await?;
                let received = match page {
                    Page::Delta(delta) => {
                        receive::delta(&SCHEMA, &markers, &mut meta, &mut mint, held, delta)?
                    }
                    Page::Change(change) => {
                        receive::change(&SCHEMA, &markers, &mut meta, &mut mint, held, change)?
                    }
                };
                for (scope, table, marker) in &received.moved {
                    markers.set(scope, table, *marker);
                }
                let mut writes = Writes::default();
                write_rows(
                    &mut writes,
                    received.records.iter(),
                    received.changes.iter(),
                    first_new,
                )?;
                writes.meta(&meta)?;
                writes.markers(&markers)?;
                Ok((writes, received))
            })
            .await?;
        let Received { records, moved, .. } = received;
        let outbox = self.count_outbox().await?;
        Ok(Committed {
            moved,
            changed: changed(&records),
            settled: Vec::new(),
            outbox,
        })
    }

    /// Takes out what is due and marks it as being on its way.
    pub(crate) async fn take_outbox(&self, now_ms: u64) -> Result<Taken, StorageError> {
        self.commit(&[LOCAL_CHANGES], Durability::Relaxed, async |reading| {
            let mut open = open_changes(reading).await?;
            open.sort_by_key(|local| local.local_seq);
            let outbox = OutboxCount::of(open.iter());
            let mut changes = select(&open, now_ms);
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
                let mut meta = meta(&reading.store(SYNC_STATE)?, Id::NIL).await?;
                let first_new = meta.local_seq + 1;
                let rows = pushed
                    .iter()
                    .map(|l| (l.change.table.as_str(), l.change.key));
                let held = held_rows(reading, rows).await?;
                let settled = match answer {
                    Answer::Outcomes(result) => {
                        settle::answered(&mut meta, &mut mint, held, result)
                    }
                    Answer::Failed(class) => settle::unanswered(&mut mint, held, *class),
                };
                let mut writes = Writes::default();
                write_rows(
                    &mut writes,
                    settled.records.iter(),
                    settled.changes.iter(),
                    first_new,
                )?;
                for local_seq in &settled.outlived {
                    writes.drop_change(*local_seq)?;
                }
                writes.meta(&meta)?;
                Ok((writes, settled))
            })
            .await?;
        let Settled {
            records, outcomes, ..
        } = settled;
        let outbox = self.count_outbox().await?;
        Ok(Committed {
            moved: Vec::new(),
            changed: changed(&records),
            settled: outcomes,
            outbox,
        })
    }

    /// Forgets where this device stands, so that everything is sent anew.
    pub(crate) async fn forget_markers(&self) -> Result<(), StorageError> {
        let mut writes = Writes::default();
        writes.markers(&sync::scope::Markers::default())?;
        self.commit(&[SYNC_STATE], Durability::Relaxed, async |_| {
            Ok((writes, ()))
        })
        .await
    }

    /// Keeps how far this device's clock is from the server's.
    pub(crate) async fn store_offset(&self, offset_ms: i64) -> Result<(), StorageError> {
        self.commit(&[SYNC_STATE], Durability::Relaxed, async |reading| {
            let mut meta = meta(&reading.store(SYNC_STATE)?, Id::NIL).await?;
            meta.offset_ms = offset_ms;
            let mut writes = Writes::default();
            writes.meta(&meta)?;
            Ok((writes, ()))
        })
        .await
    }
}

async fn open_changes(reading: &Reading) -> Result<Vec<LocalChange>, StorageError> {
    let values = reading
        .store(LOCAL_CHANGES)?
        .index(BY_QUEUE)?
        .get_all(None, None)?
        .await?;
    values.iter().map(from_js).collect()
}

async fn held_rows(
    reading: &Reading,
    rows: impl Iterator<Item = (&str, Id)>,
) -> Result<HeldRows, StorageError> {
    let rows: BTreeSet<_> = rows.collect();
    let mut held_rows = BTreeMap::new();
    for (table, key) in rows {
        if SCHEMA.table(table).is_some() {
            held_rows.insert((table.to_owned(), key), held(reading, table, key).await?);
        }
    }
    Ok(held_rows)
}

/// Changes numbered from `first_new` on are new in this transaction.
fn write_rows<'a>(
    writes: &mut Writes,
    records: impl Iterator<Item = &'a Record>,
    changes: impl Iterator<Item = &'a LocalChange>,
    first_new: u64,
) -> Result<(), StorageError> {
    for record in records {
        if let Some(table) = SCHEMA.table(&record.seen.table) {
            writes.record(table, record)?;
        }
    }
    for local in changes {
        writes.change(local, local.local_seq >= first_new)?;
    }
    Ok(())
}

fn changed(records: &[Record]) -> Vec<(String, Vec<Id>)> {
    let mut by_table: BTreeMap<&str, Vec<Id>> = BTreeMap::new();
    for record in records {
        by_table
            .entry(&record.seen.table)
            .or_default()
            .push(record.key);
    }
    by_table
        .into_iter()
        .map(|(table, keys)| (table.to_owned(), keys))
        .collect()
}
