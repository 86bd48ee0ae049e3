//! The engine's commits on one person's database: what it starts from, what a person writes and
//! what the server sends. Each reads what the engine needs, lets it decide, and writes its
//! decision, in one transaction.

use super::StorageError;
use super::connection::{Connection, Durability, Writes};
use super::rows::{build, held_rows, markers, meta, mutations};
use super::schema::{DRAFTS, SYNC_STATE, write_stores};
use domain::RULES;
use sync::device::edit;
use sync::device::effect::{Committed, Page};
use sync::device::event::Refused;
use sync::device::meta::Meta;
use sync::device::outbox::LocalChange;
use sync::device::receive::{self, Received};
use sync::device::record::Record;
use sync::device::state::Stored;
use sync::hooks::Hook;
use sync::id::{Id, Mint};
use sync::local::Edit;
use sync::scope::Lsn;

impl Connection {
    /// The device that this database is of. A new database gets one here.
    pub(crate) async fn device(&self, mut mint: Mint) -> Result<Id, StorageError> {
        let device = mint.id();
        self.commit(&[SYNC_STATE], Durability::Strict, async |reading| {
            let meta = meta(&reading.store(SYNC_STATE)?, device).await?;
            let mut writes = Writes::default();
            writes.meta(&meta)?;
            Ok((writes, meta.device_id))
        })
        .await
    }

    /// What the engine of this build needs to know when it starts.
    pub(crate) async fn stored(&self, running: &str) -> Result<Stored, StorageError> {
        let (meta, markers, updated) = self
            .commit(&[SYNC_STATE], Durability::Strict, async |reading| {
                let store = reading.store(SYNC_STATE)?;
                let meta = meta(&store, Id::NIL).await?;
                let markers = markers(&store).await?;
                let updated = build(&store).await?.as_deref() != Some(running);
                let mut writes = Writes::default();
                writes.build(running)?;
                Ok((writes, (meta, markers, updated)))
            })
            .await?;
        let Meta {
            device_id,
            offset_ms,
            generation,
            rebuild,
            headed,
            ..
        } = meta;
        Ok(Stored {
            device_id,
            markers,
            outbox: self.count_outbox().await?,
            offset_ms,
            rebuild,
            generation,
            headed,
            updated,
        })
    }

    /// Keeps a person's edits: all of them or none, and a mutation of one name only once. Tells
    /// which changes it made of them.
    pub(crate) async fn write(
        &self,
        mut mint: Mint,
        id: Id,
        edits: Vec<Edit>,
        drop_draft: Option<String>,
    ) -> Result<Vec<Hook>, StorageError> {
        let mut stores = write_stores();
        if drop_draft.is_some() {
            stores.push(DRAFTS);
        }
        self.commit(&stores, Durability::Strict, async |reading| {
            let state = reading.store(SYNC_STATE)?;
            let mut kept = mutations(&state).await?;
            if kept.contains(&id) {
                return Ok((Writes::default(), Vec::new()));
            }
            let mut meta = meta(&state, Id::NIL).await?;
            let first_new = meta.local_seq + 1;
            let rows = edits.iter().map(|edit| (edit.table.as_str(), edit.key));
            let held = held_rows(reading, rows).await?;
            let written = edit::write(&RULES, &mut meta, &mut mint, held, edits)?;
            let mut writes = Writes::default();
            writes.rows(&written.records, &written.changes, first_new)?;
            writes.meta(&meta)?;
            kept.push_back(id);
            writes.mutations(kept)?;
            if let Some(slot) = &drop_draft {
                writes.drop_draft(slot);
            }
            let new = written.changes.into_iter().filter(LocalChange::is_open);
            let captured = new.map(|local| Hook::OpCaptured {
                table: local.change.table,
                key: local.change.key,
                op_id: local.change.op_id,
            });
            Ok((writes, captured.collect()))
        })
        .await
    }

    /// Keeps rows from the server and the markers they lead to. Rows at the positions in `pass`
    /// were tried often enough.
    pub(crate) async fn store_page(
        &self,
        mut mint: Mint,
        page: &Page,
        pass: &[Lsn],
    ) -> Result<Committed, Refused> {
        let mut refused = None;
        let received = self
            .commit(&write_stores(), Durability::Relaxed, async |reading| {
                let state = reading.store(SYNC_STATE)?;
                let mut meta = meta(&state, Id::NIL).await?;
                let mut markers = markers(&state).await?;
                let first_new = meta.local_seq + 1;
                let rows = page.rows().iter().map(|row| (row.table.as_str(), row.key));
                let held = held_rows(reading, rows).await?;
                let received =
                    receive::page(&RULES, &markers, &mut meta, &mut mint, held, page, pass)
                        .inspect_err(|error| refused = Some(Refused::of(error, &markers)))?;
                for (scope, table, marker) in &received.moved {
                    markers.set(scope, table, *marker);
                }
                let mut writes = Writes::default();
                writes.rows(&received.records, &received.changes, first_new)?;
                writes.meta(&meta)?;
                writes.markers(&markers)?;
                Ok((writes, received))
            })
            .await
            .map_err(|error| refused.unwrap_or_else(|| error.into()))?;
        let Received {
            records,
            moved,
            conflicts,
            skipped,
            ..
        } = received;
        Ok(Committed {
            moved,
            unfed: None,
            changed: changed(&records),
            settled: Vec::new(),
            conflicts,
            skipped,
            outbox: self.count_outbox().await?,
        })
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

/// The rows' keys by their tables, as pages are told of them.
pub(super) fn changed(records: &[Record]) -> Vec<(String, Vec<Id>)> {
    let mut changed: Vec<(String, Vec<Id>)> = Vec::new();
    for record in records {
        let table = &record.seen.table;
        match changed.iter_mut().find(|(name, _)| name == table) {
            Some((_, keys)) => keys.push(record.key),
            None => changed.push((table.clone(), vec![record.key])),
        }
    }
    changed
}
