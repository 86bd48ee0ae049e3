//! What pages ask of the store.

use super::StorageError;
use super::connection::Connection;
use super::rows::meta;
use super::schema::SYNC_STATE;
use super::values::{from_js, to_js};
use idb::{KeyRange, Query as KeyQuery};
use sync::device::record::Record;
use sync::id::Id;
use sync::limits::QUERY_ROWS_MAX;
use sync::local::{Found, Query, Range};
use sync::table::TableSpec;
use sync::value::Value;
use wasm_bindgen::JsValue;

impl Connection {
    /// The rows a query asks for.
    pub(crate) async fn find(
        &self,
        table: &'static TableSpec,
        query: &Query,
    ) -> Result<Vec<Found>, StorageError> {
        let transaction = self.reading(&[table.name, SYNC_STATE])?;
        let floor = meta(&transaction.object_store(SYNC_STATE)?, Id::NIL)
            .await?
            .floor;
        let store = transaction.object_store(table.name)?;
        let stored = match (&query.key, &query.range) {
            (Some(key), _) => {
                let found = store.get(JsValue::from_str(&key.to_string()))?.await?;
                found.into_iter().collect()
            }
            (None, Some(range)) => {
                let mut rows = store
                    .index(&range.field)?
                    .get_all(bounds(range)?, None)?
                    .await?;
                if range.descending {
                    rows.reverse();
                }
                rows
            }
            (None, None) => store.get_all(None, None)?.await?,
        };
        let mut found = Vec::new();
        let mut passed = 0;
        for value in stored {
            let record: Record = from_js(&value)?;
            if !keeps(query, &record, floor) {
                continue;
            }
            passed += 1;
            if passed > query.offset {
                found.push(record.found());
            }
            if found.len() == query.limit.min(QUERY_ROWS_MAX) {
                break;
            }
        }
        Ok(found)
    }
}

fn keeps(query: &Query, record: &Record, floor: u32) -> bool {
    let is_null = |field: &str| matches!(record.seen.fields.get(field), None | Some(Value::Null));
    record.is_visible(floor)
        && query
            .keep
            .iter()
            .all(|keep| is_null(&keep.field) == keep.null)
}

fn bounds(range: &Range) -> Result<Option<KeyQuery>, StorageError> {
    let key_range = match (&range.from, &range.to) {
        (Some(from), Some(to)) => KeyRange::bound(&to_js(from)?, &to_js(to)?, None, None)?,
        (Some(from), None) => KeyRange::lower_bound(&to_js(from)?, None)?,
        (None, Some(to)) => KeyRange::upper_bound(&to_js(to)?, None)?,
        (None, None) => return Ok(None),
    };
    Ok(Some(key_range.into()))
}
