//! Unfinished writing: local to this device, and there after anything.

use super::StorageError;
use super::connection::{Connection, Durability, Writes};
use super::schema::DRAFTS;
use super::values::{from_js, to_js};
use std::collections::BTreeMap;
use sync::value::Fields;
use wasm_bindgen::JsValue;

impl Connection {
    /// Keeps a draft.
    pub(crate) async fn save_draft(&self, slot: &str, fields: &Fields) -> Result<(), StorageError> {
        let mut writes = Writes::default();
        writes.put(DRAFTS, to_js(fields)?, Some(slot.into()));
        self.commit(&[DRAFTS], Durability::Strict, async |_| Ok((writes, ())))
            .await
    }

    /// The draft of this name.
    pub(crate) async fn read_draft(&self, slot: &str) -> Result<Option<Fields>, StorageError> {
        let transaction = self.reading(&[DRAFTS])?;
        let stored = transaction
            .object_store(DRAFTS)?
            .get(JsValue::from_str(slot))?
            .await?;
        stored.as_ref().map(from_js).transpose()
    }

    /// All that is unfinished here, by name.
    pub(crate) async fn drafts(&self) -> Result<BTreeMap<String, Fields>, StorageError> {
        let transaction = self.reading(&[DRAFTS])?;
        let store = transaction.object_store(DRAFTS)?;
        let names = store.get_all_keys(None, None)?.await?;
        let drafts = store.get_all(None, None)?.await?;
        let named = names.iter().zip(&drafts);
        named
            .map(|(name, draft)| Ok((name.as_string().unwrap_or_default(), from_js(draft)?)))
            .collect()
    }

    /// Lets a draft go.
    pub(crate) async fn drop_draft(&self, slot: &str) -> Result<(), StorageError> {
        let mut writes = Writes::default();
        writes.drop_draft(slot);
        self.commit(&[DRAFTS], Durability::Relaxed, async |_| Ok((writes, ())))
            .await
    }
}

impl Writes {
    /// Lets a draft go, together with what made it superfluous.
    pub(super) fn drop_draft(&mut self, slot: &str) {
        self.delete(DRAFTS, slot.into());
    }
}
