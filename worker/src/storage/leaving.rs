//! What a person takes along when they leave this device: what is here alone, and all of it as a
//! document.
//!
//! ```json
//! {"format": "daybook-device", "version": 1, "saved_at_ms": 0, "unsent_only": false,
//!  "account": {"id": "…", "email": "…"},
//!  "tables": {"journal_entries": []},
//!  "drafts": {"new-entry": {}}}
//! ```
//!
//! A row is its `key` and its fields, as in the server's export.

use super::StorageError;
use super::connection::Connection;
use super::rows::meta;
use super::schema::SYNC_STATE;
use super::values::from_js;
use crate::browser;
use domain::RULES;
use serde::Serialize;
use std::collections::BTreeMap;
use sync::device::record::Record;
use sync::id::Id;
use sync::local::{Account, Tick, Unsent};
use sync::scope::LIBRARY;
use sync::table::{FieldType, TableSpec};
use sync::value::Fields;

/// The version of the document's shape.
const DOCUMENT_VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    version: u32,
    saved_at_ms: u64,
    unsent_only: bool,
    account: &'a Account,
    tables: BTreeMap<&'static str, Vec<Fields>>,
    drafts: BTreeMap<String, Fields>,
}

impl Connection {
    /// What is on this device alone.
    pub(crate) async fn unsent(&self) -> Result<Unsent, StorageError> {
        let outbox = self.count_outbox().await?;
        let drafts = self.drafts().await?.len();
        Ok(Unsent {
            changes: outbox.waiting + outbox.failed,
            drafts: u64::try_from(drafts).unwrap_or(u64::MAX),
        })
    }

    /// Whether anybody has written anything here.
    pub(crate) async fn has_words(&self) -> Result<bool, StorageError> {
        if !self.drafts().await?.is_empty() {
            return Ok(true);
        }
        for &table in RULES.schema.tables {
            if !table.lives_in(LIBRARY) && !self.rows(table, false).await?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The journal as this device has it, or what of it is here alone.
    pub(crate) async fn document(
        &self,
        account: &Account,
        unsent_only: bool,
    ) -> Result<String, StorageError> {
        let mut tables = BTreeMap::new();
        for &table in RULES.schema.tables {
            tables.insert(table.name, self.rows(table, unsent_only).await?);
        }
        Ok(serde_json::to_string(&Document {
            format: "daybook-device",
            version: DOCUMENT_VERSION,
            saved_at_ms: browser::now_ms(),
            unsent_only,
            account,
            tables,
            drafts: self.drafts().await?,
        })?)
    }

    async fn rows(
        &self,
        table: &'static TableSpec,
        unsent_only: bool,
    ) -> Result<Vec<Fields>, StorageError> {
        let transaction = self.reading(&[table.name, SYNC_STATE])?;
        let state = transaction.object_store(SYNC_STATE)?;
        let floor = meta(&state, Id::NIL).await?.floor;
        let store = transaction.object_store(table.name)?;
        let mut rows = Vec::new();
        for value in store.get_all(None, None)?.await? {
            let record: Record = from_js(&value)?;
            let wanted = !unsent_only || record.tick() != Tick::Synced;
            if wanted && record.is_visible(floor) {
                rows.push(written(record));
            }
        }
        Ok(rows)
    }
}

/// A row as its fields, with its key among them.
fn written(record: Record) -> Fields {
    let mut fields = record.seen.fields;
    fields.insert("key".to_owned(), record.key.to_value());
    fields
}
