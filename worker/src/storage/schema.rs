//! Which stores there are: one for each declared table, and the engine's own.

use super::StorageError;
use domain::RULES;
use rexie::{Index, ObjectStore, Rexie};
use sync::row::DELETED;

/// The outbox and its history.
pub(super) const LOCAL_CHANGES: &str = "local_changes";
/// The device's counters and markers.
pub(super) const SYNC_STATE: &str = "sync_state";
/// Unfinished writing.
pub(super) const DRAFTS: &str = "drafts";

/// Every change of one row.
pub(super) const BY_ROW: &str = "row";
/// Open changes by their state, and in the order of writing.
pub(super) const BY_QUEUE: &str = "queue";
/// Tombstones, in the order of deletion. Named like their stamp, as no field can be.
pub(super) const TOMBSTONES: &str = DELETED;

/// The device's counters, in [`SYNC_STATE`].
pub(super) const META: &str = "meta";
/// The device's markers, in [`SYNC_STATE`].
pub(super) const MARKERS: &str = "markers";
/// The names of the last mutations, in [`SYNC_STATE`].
pub(super) const MUTATIONS: &str = "mutations";
/// The build that last drove the engine here, in [`SYNC_STATE`].
pub(super) const BUILD: &str = "build";
/// How far the sweep has come, in [`SYNC_STATE`].
pub(super) const SWEPT: &str = "swept";

/// Raised with every change of the stores below. What is stored stays: stores that are there keep
/// their rows, and an index is made anew over them when its path has changed.
const VERSION: u32 = 2;

/// Makes the stores of one person's database, or finds them made.
pub(super) async fn ensure(name: &str) -> Result<(), StorageError> {
    let mut builder = Rexie::builder(name).version(VERSION);
    for table in RULES.schema.tables {
        let buried = format!("base.s.{DELETED}");
        let mut store = ObjectStore::new(table.name)
            .key_path("key")
            .add_index(plain(Index::new(TOMBSTONES, &buried)));
        for field in table.indexes {
            store = store.add_index(plain(Index::new(field, &format!("seen.f.{field}"))));
        }
        builder = builder.add_object_store(store);
    }
    let changes = ObjectStore::new(LOCAL_CHANGES)
        .key_path("local_seq")
        .add_index(plain(Index::new(BY_ROW, "row")))
        .add_index(plain(Index::new_array(BY_QUEUE, ["queue", "local_seq"])));
    let built = builder
        .add_object_store(changes)
        .add_object_store(ObjectStore::new(SYNC_STATE))
        .add_object_store(ObjectStore::new(DRAFTS))
        .build()
        .await?;
    built.close();
    Ok(())
}

/// Said aloud, for an index that leaves it unsaid is made anew by every upgrade.
fn plain(index: Index) -> Index {
    index.unique(false).multi_entry(false)
}

/// The stores an edit or an answer touches: the tables, the outbox and the counters.
pub(super) fn write_stores() -> Vec<&'static str> {
    tables().chain([LOCAL_CHANGES, SYNC_STATE]).collect()
}

/// The stores of the declared tables, parents first.
pub(super) fn tables() -> impl Iterator<Item = &'static str> {
    RULES.schema.tables.iter().map(|table| table.name)
}
