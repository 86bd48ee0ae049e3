//! What a person's edit becomes on disk: the row, the change, and the clock that stamped it.

use super::outbox::{ChangeState, LocalChange};
use super::record::{Held, Record};
use crate::change::{Change, Op, Refusal};
use crate::clock::Clock;
use crate::id::{Id, Mint};
use crate::local::Edit;
use crate::merge::{Merged, merge};
use crate::stamp::{Stamp, Stamps, stamp_of};
use crate::table::Schema;
use crate::value::{Fields, Value};
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// The device's own counters. They live beside the rows and move in the same transaction, so
/// that two tabs never give one number twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// This device.
    pub device_id: Id,
    /// The clock's last reading.
    pub clock: Clock,
    /// The last number given to a change of this device.
    pub local_seq: u64,
    /// The server's clock less this device's, in milliseconds.
    pub offset_ms: i64,
}

impl Meta {
    /// A device that has written nothing.
    #[must_use]
    pub const fn new(device_id: Id) -> Self {
        Self {
            device_id,
            clock: Clock::ZERO,
            local_seq: 0,
            offset_ms: 0,
        }
    }

    /// Stamps a new change, by the server's time as far as it is known.
    pub fn stamp(&mut self, op_id: Id, now_ms: u64) -> Stamp {
        self.clock = self
            .clock
            .tick(now_ms.saturating_add_signed(self.offset_ms));
        Stamp {
            clock: self.clock,
            node: self.device_id,
            op_id,
        }
    }

    /// The next number for a change.
    pub const fn next_seq(&mut self) -> u64 {
        self.local_seq += 1;
        self.local_seq
    }
}

/// What one edit writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The row.
    pub record: Record,
    /// Its changes that are new or whose state changed.
    pub changes: Vec<LocalChange>,
}

/// An edit that is not kept. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// It does not fit the table.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The row is not on this device.
    #[error("this row is not on this device, or was deleted")]
    NoSuchRow,
}

impl EditError {
    /// The word that programs go by.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::NoSuchRow => "no_such_row",
        }
    }
}

/// Decides what an edit writes, given what is stored of its row. Called inside the transaction that read them and will write the result.
///
/// # Errors
/// Says why the edit is not kept; then nothing is to be written.
pub fn decide(
    schema: &Schema,
    meta: &mut Meta,
    mint: &mut Mint,
    held: Held,
    edit: Edit,
) -> Result<Written, EditError> {
    let mut open = held.open();
    let mut record = held
        .record
        .unwrap_or_else(|| Record::empty(&edit.table, edit.key));
    if edit.op != Op::Insert && !record.is_live() {
        return Err(EditError::NoSuchRow);
    }
    let op_id = mint.id();
    let mut change = Change {
        op_id,
        table: edit.table,
        key: edit.key,
        op: edit.op,
        fields: edit.fields,
        base: Stamps::new(),
        stamp: meta.stamp(op_id, mint.now_ms()),
        group: None,
    };
    change.check(schema)?;
    change.base = base_of(&record, &change.fields);
    let old = old_of(&record, &change);
    let mut local = LocalChange::new(meta.next_seq(), change, old);
    let superseded = coalesce(&mut open, &mut local);
    open.push(local.clone());
    record.rebuild(open.iter());
    debug_assert_eq!(merge(&mut record.seen.clone(), &local.change), joined());
    let changes = superseded.into_iter().chain([local]).collect();
    Ok(Written { record, changes })
}

/// Puts a row back whole after its deletion elsewhere met an edit made here: nothing typed
/// disappears. The open changes are superseded by one that sets every field as `seen` has it.
#[must_use]
pub fn recover(
    meta: &mut Meta,
    mint: &mut Mint,
    record: &mut Record,
    seen: Fields,
    open: Vec<LocalChange>,
) -> Vec<LocalChange> {
    let op_id = mint.id();
    let change = Change {
        op_id,
        table: record.seen.table.clone(),
        key: record.key,
        op: Op::Insert,
        base: base_of(record, &seen),
        fields: seen,
        stamp: meta.stamp(op_id, mint.now_ms()),
        group: None,
    };
    let local = LocalChange::new(meta.next_seq(), change, Fields::new());
    record.rebuild(core::iter::once(&local));
    let superseded = open.into_iter().map(|mut local| {
        local.state = ChangeState::Superseded;
        local
    });
    superseded.chain([local]).collect()
}

/// Pending edits of one row travel as one: the later carries the earlier one's values, with the
/// base and old data that the earlier one began from. A refused edit is tried again that way,
/// with what its person wrote since. What is on its way is left alone.
fn coalesce(open: &mut Vec<LocalChange>, local: &mut LocalChange) -> Vec<LocalChange> {
    let mut superseded = Vec::new();
    let alone = |earlier: &LocalChange| {
        matches!(earlier.state, ChangeState::Pending | ChangeState::Failed)
            && earlier.change.group.is_none()
    };
    while let Some(mut earlier) = open.pop_if(|earlier| alone(earlier)) {
        if local.change.op != Op::Delete {
            if earlier.change.op == Op::Insert {
                local.change.op = Op::Insert;
            }
            for (name, value) in core::mem::take(&mut earlier.change.fields) {
                local.change.fields.entry(name).or_insert(value);
            }
        }
        local
            .change
            .base
            .extend(core::mem::take(&mut earlier.change.base));
        local.old.extend(core::mem::take(&mut earlier.old));
        earlier.state = ChangeState::Superseded;
        superseded.push(earlier);
    }
    superseded
}

fn base_of(record: &Record, fields: &Fields) -> Stamps {
    let base = |name: &String| (name.clone(), stamp_of(&record.seen.stamps, name));
    fields
        .keys()
        .map(base)
        .filter(|(_, stamp)| *stamp != Stamp::ZERO)
        .collect()
}

fn old_of(record: &Record, change: &Change) -> Fields {
    if change.op == Op::Delete {
        return record.seen.fields.clone();
    }
    let old = |name: &String| record.seen.fields.get(name).cloned().unwrap_or(Value::Null);
    change
        .fields
        .keys()
        .map(|name| (name.clone(), old(name)))
        .collect()
}

const fn joined() -> Merged {
    Merged::Joined { lost: Vec::new() }
}
