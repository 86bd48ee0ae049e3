//! The engine's rows and changes in the form in which they are stored.

use super::StorageError;
use super::connection::{Reading, Writes};
use super::schema::{BY_ROW, LOCAL_CHANGES, MARKERS, META, MUTATIONS, SYNC_STATE};
use super::values::{from_js, to_js};
use idb::{ObjectStore, Query};
use serde::Serialize;
use std::collections::VecDeque;
use sync::device::edit::Meta;
use sync::device::outbox::{ChangeState, LocalChange};
use sync::device::record::{Held, Record};
use sync::id::Id;
use sync::limits::MUTATIONS_REMEMBERED_MAX;
use sync::scope::Markers;
use sync::table::TableSpec;
use wasm_bindgen::JsValue;

/// A change with the two properties that its indexes read.
#[derive(Serialize)]
struct StoredChange<'a> {
    #[serde(flatten)]
    local: &'a LocalChange,
    row: String,
    /// Absent once the change is closed, so that the index holds open changes only.
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<&'static str>,
}

/// Under which name the outbox's index holds changes of this state.
pub(super) const fn queue_of(state: ChangeState) -> Option<&'static str> {
    match state {
        ChangeState::Pending => Some("pending"),
        ChangeState::InFlight => Some("in_flight"),
        ChangeState::Failed => Some("failed"),
        ChangeState::Done | ChangeState::Superseded => None,
    }
}

/// How the index by row names a row.
fn row_name(table: &str, key: Id) -> String {
    format!("{table}/{key}")
}

/// All that is stored of one row.
pub(super) async fn held(reading: &Reading, table: &str, key: Id) -> Result<Held, StorageError> {
    let rows = reading.store(table)?;
    let changes = reading.store(LOCAL_CHANGES)?.index(BY_ROW)?;
    let row = rows.get(JsValue::from_str(&key.to_string()))?;
    let of_row = changes.get_all(Some(Query::Key(row_name(table, key).into())), None)?;
    let record = row.await?.as_ref().map(from_js).transpose()?;
    let changes = of_row
        .await?
        .iter()
        .map(from_js)
        .collect::<Result<_, _>>()?;
    Ok(Held { record, changes })
}

/// The device's counters; new ones for a new database.
pub(super) async fn meta(store: &ObjectStore, new_device: Id) -> Result<Meta, StorageError> {
    match store.get(JsValue::from_str(META))?.await? {
        Some(value) => from_js(&value),
        None => Ok(Meta::new(new_device)),
    }
}

/// The device's markers.
pub(super) async fn markers(store: &ObjectStore) -> Result<Markers, StorageError> {
    match store.get(JsValue::from_str(MARKERS))?.await? {
        Some(value) => from_js(&value),
        None => Ok(Markers::default()),
    }
}

/// The names of the last mutations that were kept.
pub(super) async fn mutations(store: &ObjectStore) -> Result<VecDeque<Id>, StorageError> {
    match store.get(JsValue::from_str(MUTATIONS))?.await? {
        Some(value) => from_js(&value),
        None => Ok(VecDeque::new()),
    }
}

impl Writes {
    /// Remembers the names of the last mutations.
    pub(super) fn mutations(&mut self, mut kept: VecDeque<Id>) -> Result<(), StorageError> {
        while kept.len() > MUTATIONS_REMEMBERED_MAX {
            kept.pop_front();
        }
        self.put(SYNC_STATE, to_js(&kept)?, Some(MUTATIONS.into()));
        Ok(())
    }

    /// Writes a row as its person sees it and as the server has it.
    pub(super) fn record(
        &mut self,
        table: &'static TableSpec,
        record: &Record,
    ) -> Result<(), StorageError> {
        self.put(table.name, to_js(record)?, None);
        Ok(())
    }

    /// Writes a change. One that is new may not take the place of another.
    pub(super) fn change(&mut self, local: &LocalChange, new: bool) -> Result<(), StorageError> {
        let stored = StoredChange {
            local,
            row: row_name(&local.change.table, local.change.key),
            queue: queue_of(local.state),
        };
        let value = to_js(&stored)?;
        if new {
            self.add(LOCAL_CHANGES, value);
        } else {
            self.put(LOCAL_CHANGES, value, None);
        }
        Ok(())
    }

    /// Removes a change that a later one outlives.
    pub(super) fn drop_change(&mut self, local_seq: u64) -> Result<(), StorageError> {
        self.delete(LOCAL_CHANGES, to_js(&local_seq)?);
        Ok(())
    }

    /// Writes the device's counters.
    pub(super) fn meta(&mut self, meta: &Meta) -> Result<(), StorageError> {
        self.put(SYNC_STATE, to_js(meta)?, Some(META.into()));
        Ok(())
    }

    /// Writes the device's markers.
    pub(super) fn markers(&mut self, markers: &Markers) -> Result<(), StorageError> {
        self.put(SYNC_STATE, to_js(markers)?, Some(MARKERS.into()));
        Ok(())
    }
}
