//! What rows from the server become on disk: the rows, the markers, and nothing between.

use super::edit::{Meta, recover};
use super::outbox::LocalChange;
use super::record::{Held, Record};
use crate::change::Op;
use crate::frame::{Delta, ScopeChange};
use crate::id::{Id, Mint};
use crate::row::Row;
use crate::scope::{Marker, Markers, Scope};
use crate::table::Schema;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// What is stored of the rows in question, by table and key.
pub type HeldRows = BTreeMap<(String, Id), Held>;

/// What a page of the feed writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Rows that changed.
    pub records: Vec<Record>,
    /// Changes that are new or whose state changed.
    pub changes: Vec<LocalChange>,
    /// Markers that moved.
    pub moved: Vec<(Scope, String, Marker)>,
}

/// A page that is not taken. Nothing was written; the device asks again from where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiveError {
    /// The page does not begin where this device stands.
    #[error("the page does not begin where this device stands")]
    Gap,
    /// The page holds a row of a table that was not asked for.
    #[error("the page holds a row of a table that was not asked for")]
    UnknownTable,
}

/// Decides what a chunk of missed rows writes.
///
/// # Errors
/// The chunk does not fit; nothing is to be written.
pub fn delta(
    schema: &Schema,
    markers: &Markers,
    meta: &mut Meta,
    mint: &mut Mint,
    held: HeldRows,
    delta: &Delta,
) -> Result<Received, ReceiveError> {
    if markers.get(&delta.scope, &delta.table) != delta.from {
        return Err(ReceiveError::Gap);
    }
    let foreign = |row: &Row| row.table != delta.table;
    if schema.table(&delta.table).is_none() || delta.rows.iter().any(foreign) {
        return Err(ReceiveError::UnknownTable);
    }
    let mut received = rows(meta, mint, held, &delta.rows);
    received
        .moved
        .push((delta.scope.clone(), delta.table.clone(), delta.to));
    Ok(received)
}

/// Decides what rows that have just changed write.
///
/// # Errors
/// They do not fit; nothing is to be written.
pub fn change(
    schema: &Schema,
    markers: &Markers,
    meta: &mut Meta,
    mint: &mut Mint,
    held: HeldRows,
    change: &ScopeChange,
) -> Result<Received, ReceiveError> {
    let tables: Vec<_> = schema
        .tables
        .iter()
        .filter(|table| table.lives_in(change.scope.as_str()))
        .collect();
    if markers.lowest(&change.scope, tables.iter().map(|table| table.name)) != change.from {
        return Err(ReceiveError::Gap);
    }
    let foreign = |row: &Row| !tables.iter().any(|table| table.name == row.table);
    if change.rows.iter().any(foreign) {
        return Err(ReceiveError::UnknownTable);
    }
    let mut received = rows(meta, mint, held, &change.rows);
    for table in tables {
        received
            .moved
            .push((change.scope.clone(), table.name.into(), change.to));
    }
    Ok(received)
}

/// Takes each row whose position is higher than the one stored, never by comparing stamps, and
/// joins this device's own open changes on top again.
fn rows(meta: &mut Meta, mint: &mut Mint, mut held: HeldRows, rows: &[Row]) -> Received {
    let mut received = Received::default();
    for row in rows {
        meta.clock = meta.clock.observe(row.latest_stamp().clock);
        let held = held
            .remove(&(row.table.clone(), row.key))
            .unwrap_or_default();
        let open = held.open();
        let mut record = held
            .record
            .unwrap_or_else(|| Record::empty(&row.table, row.key));
        if record.base.as_ref().is_some_and(|base| base.lsn >= row.lsn) {
            continue;
        }
        let seen = core::mem::take(&mut record.seen.fields);
        record.base = Some(row.clone());
        record.rebuild(open.iter());
        let edited_here = open.iter().any(|local| local.change.op != Op::Delete);
        if row.deleted && edited_here && !record.is_live() && !seen.is_empty() {
            // Deleted elsewhere while it was being edited here: the words come back.
            received
                .changes
                .extend(recover(meta, mint, &mut record, seen, open));
        }
        received.records.push(record);
    }
    received
}
