//! The digests of what this device has, for comparing both sides without sending either.

use super::StorageError;
use super::connection::Connection;
use super::rows::{markers, meta, window};
use super::schema::{SYNC_STATE, tables};
use super::values::to_js;
use domain::RULES;
use sync::device::record::Record;
use sync::digest::Digest;
use sync::frame::Digests;
use sync::id::Id;
use sync::scope::{Markers, Scope};

/// How many rows are read at once: a journal is never held whole.
const WINDOW_ROWS: usize = 200;

impl Connection {
    /// The digests of all tables, and where the device stood when they were taken. A table that
    /// lives in several scopes is left out: a stored row does not say which one it is of.
    pub(crate) async fn digests(&self) -> Result<(Markers, Digests), StorageError> {
        let stores: Vec<_> = tables().chain([SYNC_STATE]).collect();
        let transaction = self.reading(&stores)?;
        let state = transaction.object_store(SYNC_STATE)?;
        let generation = meta(&state, Id::NIL).await?.generation;
        let markers = markers(&state).await?;
        let mut digests = Digests::new();
        for table in RULES.schema.tables {
            let [scope] = table.scopes else { continue };
            let store = transaction.object_store(table.name)?;
            let mut digest = Digest::default();
            let mut after = None;
            loop {
                let rows: Vec<Record> = window(&store, after.as_ref(), WINDOW_ROWS).await?;
                // What came before the state was taken anew and not again is not the server's.
                let present = rows.iter().filter(|row| row.generation >= generation);
                present
                    .filter_map(|row| row.base.as_ref())
                    .for_each(|row| digest.add(row));
                match rows.last() {
                    Some(last) => after = Some(to_js(&last.key)?),
                    None => break,
                }
            }
            let scope = digests.entry(Scope::named(scope)).or_default();
            scope.insert(table.name.to_owned(), digest);
        }
        Ok((markers, digests))
    }
}
