//! Which stores there are: one for each declared table, and the engine's own.

use super::StorageError;
use domain::SCHEMA;
use rexie::{Index, ObjectStore, Rexie};

/// The outbox and its history.
pub(super) const LOCAL_CHANGES: &str = "local_changes";
/// The device's counters and markers.
pub(super) const SYNC_STATE: &str = "sync_state";
/// Unfinished writing.
pub(super) const DRAFTS: &str = "drafts";

/// Every change of one row.
pub(super) const BY_ROW: &str = "row";
/// Open changes by their state.
pub(super) const BY_QUEUE: &str = "queue";

/// The device's counters, in [`SYNC_STATE`].
pub(super) const META: &str = "meta";
/// The device's markers, in [`SYNC_STATE`].
pub(super) const MARKERS: &str = "markers";

/// The names of the last mutations, in [`SYNC_STATE`].
pub(super) const MUTATIONS: &str = "mutations";

/// Raised with every change of the stores below.
const VERSION: u32 = 1;

/// Makes the stores of one person's database, or finds them made.
pub(super) async fn ensure(name: &str) -> Result<(), StorageError> {
    let mut builder = Rexie::builder(name).version(VERSION);
    for table in SCHEMA.tables {
        let mut store = ObjectStore::new(table.name).key_path("key");
        for field in table.indexes {
            store = store.add_index(Index::new(field, format!("seen.f.{field}").as_str()));
        }
        builder = builder.add_object_store(store);
    }
    let changes = ObjectStore::new(LOCAL_CHANGES)
        .key_path("local_seq")
        .add_index(Index::new(BY_ROW, "row"))
        .add_index(Index::new(BY_QUEUE, "queue"));
    let built = builder
        .add_object_store(changes)
        .add_object_store(ObjectStore::new(SYNC_STATE))
        .add_object_store(ObjectStore::new(DRAFTS))
        .build()
        .await?;
    built.close();
    Ok(())
}

/// The stores an edit or an answer touches: the tables, the outbox and the counters.
pub(super) fn write_stores() -> Vec<&'static str> {
    let tables = SCHEMA.tables.iter().map(|table| table.name);
    tables.chain([LOCAL_CHANGES, SYNC_STATE]).collect()
}
