//! The outbox: changes of this device that the server has not acknowledged, and what was done
//! with them since.

use crate::change::{Change, Op};
use crate::id::Id;
use crate::limits::{PUSH_BYTES_MAX, PUSH_CHANGES_MAX};
use crate::scope::Lsn;
use crate::value::Fields;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// What became of a change so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeState {
    /// Waits to be sent.
    Pending,
    /// Was sent and is not answered. After a crash it is sent again: repeats change nothing.
    InFlight,
    /// The server has it.
    Done,
    /// The server refused it; it stays here, on top of its row, until its person decides.
    Failed,
    /// A later change of the same row carries its values.
    Superseded,
}

impl ChangeState {
    /// Whether the change still lies on top of its row.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::InFlight | Self::Failed)
    }
}

/// One change as the device keeps it: the outbox and its history in one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalChange {
    /// The order of writing on this device; it does not travel.
    pub local_seq: u64,
    /// The change.
    pub change: Change,
    /// The values it replaced.
    pub old: Fields,
    /// What became of it.
    pub state: ChangeState,
    /// How often the server failed at it.
    pub attempts: u32,
    /// Not before this, on the device's clock in milliseconds.
    pub next_attempt_at_ms: u64,
    /// The code and words of its refusal.
    pub refusal: Option<(String, String)>,
    /// The position the server gave it.
    pub lsn: Option<Lsn>,
}

impl LocalChange {
    /// A change that has just been made.
    #[must_use]
    pub const fn new(local_seq: u64, change: Change, old: Fields) -> Self {
        Self {
            local_seq,
            change,
            old,
            state: ChangeState::Pending,
            attempts: 0,
            next_attempt_at_ms: 0,
            refusal: None,
            lsn: None,
        }
    }
}

/// How the outbox stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxCount {
    /// Changes to be sent or on their way.
    pub waiting: u64,
    /// Changes the server refused.
    pub failed: u64,
    /// When the earliest waiting change is due, on the device's clock in milliseconds.
    pub next_due_ms: Option<u64>,
}

/// The changes of one row that its history no longer needs: everything before the last one
/// that the server has. By their local numbers.
#[must_use]
pub fn outlived(changes: &[LocalChange]) -> Vec<u64> {
    let done = |local: &&LocalChange| local.state == ChangeState::Done;
    let Some(last) = changes
        .iter()
        .filter(done)
        .map(|local| local.local_seq)
        .max()
    else {
        return Vec::new();
    };
    let before = changes
        .iter()
        .filter(|local| local.local_seq < last && !local.state.is_open());
    before.map(|local| local.local_seq).collect()
}

impl OutboxCount {
    /// Counts open changes.
    #[must_use]
    pub fn of<'a>(open: impl Iterator<Item = &'a LocalChange>) -> Self {
        let mut count = Self::default();
        for local in open {
            if local.state == ChangeState::Failed {
                count.failed += 1;
            } else if local.state.is_open() {
                count.waiting += 1;
                let due = local.next_attempt_at_ms;
                count.next_due_ms = Some(count.next_due_ms.map_or(due, |least| least.min(due)));
            }
        }
        count
    }
}

/// Which of the open changes go out now, given oldest first: those that are due, up to a
/// push's limits, and never one that must wait for an earlier change of its row.
#[must_use]
pub fn select(open: &[LocalChange], now_ms: u64) -> Vec<LocalChange> {
    let mut taken: Vec<LocalChange> = Vec::new();
    let mut bytes = 0;
    let mut held: BTreeSet<(&str, Id)> = BTreeSet::new();
    for local in open {
        let row = (local.change.table.as_str(), local.change.key);
        // An insert sets every field, so it does not need what was held before it.
        let free = local.change.op == Op::Insert || !held.contains(&row);
        if local.state == ChangeState::Failed || local.next_attempt_at_ms > now_ms || !free {
            held.insert(row);
            continue;
        }
        let weight = weight(&local.change);
        let full = taken.len() == PUSH_CHANGES_MAX || bytes + weight > PUSH_BYTES_MAX;
        if full && !taken.is_empty() {
            break;
        }
        bytes += weight;
        taken.push(local.clone());
    }
    taken
}

/// About how many bytes a change has on the wire; never less than it really has, for texts
/// without many control characters.
fn weight(change: &Change) -> usize {
    let fields: usize = change
        .fields
        .iter()
        .map(|(name, value)| {
            name.len() + crate::table::text(value).map_or(20, |text| escaped_len(text)) + 6
        })
        .sum();
    fields + change.base.len() * 90 + 260
}

fn escaped_len(text: &str) -> usize {
    text.bytes()
        .map(|byte| match byte {
            b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
            0..0x20 => 6,
            _ => 1,
        })
        .sum()
}
