//! The engine's rows and changes in the form in which they are stored.

use super::StorageError;
use super::connection::{Reading, Writes};
use super::schema::{BUILD, BY_ROW, LOCAL_CHANGES, MARKERS, META, MUTATIONS, SWEPT, SYNC_STATE};
use super::values::{from_js, set, to_js};
use domain::RULES;
use idb::{KeyRange, ObjectStore, Query};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use sync::device::meta::Meta;
use sync::device::outbox::{ChangeState, LocalChange};
use sync::device::receive::HeldRows;
use sync::device::record::{Held, Record};
use sync::id::Id;
use sync::limits::MUTATIONS_REMEMBERED_MAX;
use sync::scope::Markers;
use wasm_bindgen::JsValue;

/// The property of a stored change that its index by row reads.
const ROW: &str = "row";
/// The property of a stored change that the outbox's index reads. It is absent once the change
/// is closed, so that the index holds open changes only.
const QUEUE: &str = "queue";

/// How far the sweep after a rebuild has come. Rows that were not there when it passed came in
/// the present generation, so it need not come back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SweptTo {
    /// The generation that is swept up to.
    pub(super) generation: u32,
    /// How many tables are done.
    pub(super) tables: usize,
    /// The last key it passed in the next one.
    pub(super) after: Option<Id>,
}

/// Under which name the outbox's index holds changes of this state.
pub(super) const fn queue_of(state: ChangeState) -> Option<&'static str> {
    match state {
        ChangeState::Pending => Some("pending"),
        ChangeState::InFlight => Some("in_flight"),
        ChangeState::Failed => Some("failed"),
        ChangeState::Done | ChangeState::Skipped | ChangeState::Superseded => None,
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
    let changes = read_all(&of_row.await?)?;
    Ok(Held { record, changes })
}

/// All that is stored of these rows. Rows of tables that nobody declared are passed over.
pub(super) async fn held_rows(
    reading: &Reading,
    rows: impl Iterator<Item = (&str, Id)>,
) -> Result<HeldRows, StorageError> {
    let mut held_rows = HeldRows::new();
    for (table, key) in rows {
        let name = (table.to_owned(), key);
        if RULES.schema.table(table).is_some() && !held_rows.contains_key(&name) {
            held_rows.insert(name, held(reading, table, key).await?);
        }
    }
    Ok(held_rows)
}

/// Stored values as what they are.
pub(super) fn read_all<T: DeserializeOwned>(values: &[JsValue]) -> Result<Vec<T>, StorageError> {
    values.iter().map(from_js).collect()
}

/// The values behind this key, at most so many, in the order of keys.
pub(super) async fn window<T: DeserializeOwned>(
    store: &ObjectStore,
    after: Option<&JsValue>,
    limit: usize,
) -> Result<Vec<T>, StorageError> {
    let range = match after {
        Some(key) => Some(KeyRange::lower_bound(key, Some(true))?.into()),
        None => None,
    };
    let limit = u32::try_from(limit).unwrap_or(u32::MAX);
    read_all(&store.get_all(range, Some(limit))?.await?)
}

/// The device's counters; new ones for a new database.
pub(super) async fn meta(store: &ObjectStore, new_device: Id) -> Result<Meta, StorageError> {
    Ok(state(store, META)
        .await?
        .unwrap_or_else(|| Meta::new(new_device)))
}

/// The device's markers.
pub(super) async fn markers(store: &ObjectStore) -> Result<Markers, StorageError> {
    Ok(state(store, MARKERS).await?.unwrap_or_default())
}

/// The names of the last mutations that were kept.
pub(super) async fn mutations(store: &ObjectStore) -> Result<VecDeque<Id>, StorageError> {
    Ok(state(store, MUTATIONS).await?.unwrap_or_default())
}

/// The build that last drove the engine here.
pub(super) async fn build(store: &ObjectStore) -> Result<Option<String>, StorageError> {
    state(store, BUILD).await
}

/// How far the sweep has come for this generation.
pub(super) async fn swept_to(
    store: &ObjectStore,
    generation: u32,
) -> Result<SweptTo, StorageError> {
    let stored: Option<SweptTo> = state(store, SWEPT).await?;
    let fresh = SweptTo {
        generation,
        ..SweptTo::default()
    };
    Ok(stored
        .filter(|place| place.generation == generation)
        .unwrap_or(fresh))
}

async fn state<T: DeserializeOwned>(
    store: &ObjectStore,
    name: &str,
) -> Result<Option<T>, StorageError> {
    let stored = store.get(JsValue::from_str(name))?.await?;
    stored.as_ref().map(from_js).transpose()
}

impl Writes {
    /// Writes rows, and changes of which those numbered from `first_new` on are new in this
    /// transaction.
    pub(super) fn rows(
        &mut self,
        records: &[Record],
        changes: &[LocalChange],
        first_new: u64,
    ) -> Result<(), StorageError> {
        for record in records {
            self.record(record)?;
        }
        for local in changes {
            self.change(local, local.local_seq >= first_new)?;
        }
        Ok(())
    }

    /// Writes a row as its person sees it and as the server has it.
    pub(super) fn record(&mut self, record: &Record) -> Result<(), StorageError> {
        if let Some(table) = RULES.schema.table(&record.seen.table) {
            self.put(table.name, to_js(record)?, None);
        }
        Ok(())
    }

    /// Removes a row.
    pub(super) fn drop_record(&mut self, table: &'static str, key: Id) {
        self.delete(table, key.to_string().into());
    }

    /// Writes a change. One that is new may not take the place of another.
    pub(super) fn change(&mut self, local: &LocalChange, new: bool) -> Result<(), StorageError> {
        let value = to_js(local)?;
        let row = row_name(&local.change.table, local.change.key);
        set(&value, ROW, &row)?;
        if let Some(queue) = queue_of(local.state) {
            set(&value, QUEUE, queue)?;
        }
        if new {
            self.add(LOCAL_CHANGES, value);
        } else {
            self.put(LOCAL_CHANGES, value, None);
        }
        Ok(())
    }

    /// Removes a change.
    pub(super) fn drop_change(&mut self, local_seq: u64) -> Result<(), StorageError> {
        self.delete(LOCAL_CHANGES, to_js(&local_seq)?);
        Ok(())
    }

    /// Writes the device's counters.
    pub(super) fn meta(&mut self, meta: &Meta) -> Result<(), StorageError> {
        self.state(META, meta)
    }

    /// Writes the device's markers.
    pub(super) fn markers(&mut self, markers: &Markers) -> Result<(), StorageError> {
        self.state(MARKERS, markers)
    }

    /// Remembers the names of the last mutations.
    pub(super) fn mutations(&mut self, mut kept: VecDeque<Id>) -> Result<(), StorageError> {
        while kept.len() > MUTATIONS_REMEMBERED_MAX {
            kept.pop_front();
        }
        self.state(MUTATIONS, &kept)
    }

    /// Remembers which build drives the engine.
    pub(super) fn build(&mut self, build: &str) -> Result<(), StorageError> {
        self.state(BUILD, build)
    }

    /// Remembers how far the sweep has come.
    pub(super) fn swept_to(&mut self, place: &SweptTo) -> Result<(), StorageError> {
        self.state(SWEPT, place)
    }

    fn state<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), StorageError> {
        self.put(SYNC_STATE, to_js(value)?, Some(name.into()));
        Ok(())
    }
}
