//! The outbox: changes of this device that the server has not acknowledged, and what was done
//! with them since. The same list is the history of the device.

use crate::change::Change;
use crate::id::Id;
use crate::scope::Lsn;
use crate::value::Fields;
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
    /// Both sides have it.
    Done,
    /// It was refused, by the server or by this device; it is kept until its person decides.
    Failed,
    /// It came from the server and there was nothing to do about it.
    Skipped,
    /// A later change of the same row carries its values.
    Superseded,
}

impl ChangeState {
    /// Whether nothing more will happen to the change by itself.
    #[must_use]
    pub const fn is_closed(self) -> bool {
        matches!(self, Self::Done | Self::Skipped | Self::Superseded)
    }
}

/// One change as the device keeps it.
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
    /// It came from the server and is no edit of this device.
    #[serde(default)]
    pub from_server: bool,
    /// It was sent before and the answer got lost: the server may have it.
    #[serde(default)]
    pub sent: bool,
    /// How often the server failed at it.
    pub attempts: u32,
    /// Not before this, on the device's clock in milliseconds.
    pub next_attempt_at_ms: u64,
    /// When it was recorded, on the device's clock in milliseconds.
    #[serde(default)]
    pub recorded_at_ms: u64,
    /// What the server's time was taken to be ahead when it was stamped, in milliseconds.
    #[serde(default)]
    pub offset_ms: i64,
    /// An answer showed that the clock which stamped it was right, whatever that clock says later.
    #[serde(default)]
    pub in_time: bool,
    /// The server asked for its values whole.
    #[serde(default)]
    pub full: bool,
    /// The code and words of its refusal.
    pub refusal: Option<(String, String)>,
    /// Why there was nothing to do about it.
    #[serde(default)]
    pub skip_reason: Option<String>,
    /// The position the server gave it.
    pub lsn: Option<Lsn>,
    /// The generation in which it gave that; see [`super::meta::Meta::generation`].
    #[serde(default)]
    pub generation: u32,
}

impl LocalChange {
    /// A change that has just been made here.
    #[must_use]
    pub const fn new(local_seq: u64, change: Change, old: Fields) -> Self {
        Self {
            local_seq,
            change,
            old,
            state: ChangeState::Pending,
            from_server: false,
            sent: false,
            attempts: 0,
            next_attempt_at_ms: 0,
            recorded_at_ms: 0,
            offset_ms: 0,
            in_time: false,
            full: false,
            refusal: None,
            skip_reason: None,
            lsn: None,
            generation: 0,
        }
    }

    /// Whether the change still lies on top of its row.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        !self.from_server && !self.state.is_closed()
    }

    /// Whether the server may have it already: it was sent, and no answer came yet.
    #[must_use]
    pub const fn is_on_its_way(&self) -> bool {
        self.is_open() && (self.sent || matches!(self.state, ChangeState::InFlight))
    }

    /// Whether this device has done with it all that it asks for.
    #[must_use]
    pub const fn processed_local(&self) -> bool {
        !self.from_server || self.state.is_closed()
    }

    /// Whether the server has it.
    #[must_use]
    pub const fn processed_sync(&self) -> bool {
        self.from_server || matches!(self.state, ChangeState::Done)
    }
}

/// How the outbox stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxCount {
    /// Changes to be sent or on their way.
    pub waiting: u64,
    /// Changes that were refused, and rows from the server that could not be stored.
    pub failed: u64,
    /// When the earliest waiting change is due, on the device's clock in milliseconds.
    pub next_due_ms: Option<u64>,
}

impl OutboxCount {
    /// Counts these changes.
    #[must_use]
    pub fn of<'a>(changes: impl Iterator<Item = &'a LocalChange>) -> Self {
        let mut count = Self::default();
        for local in changes {
            if local.state == ChangeState::Failed {
                count.failed += 1;
            } else if local.is_open() {
                count.waiting += 1;
                let due = local.next_attempt_at_ms;
                count.next_due_ms = Some(count.next_due_ms.map_or(due, |least| least.min(due)));
            }
        }
        count
    }
}

/// The changes of one row that its history no longer needs: what is closed and older than the
/// last one that the server has. By their local numbers.
#[must_use]
pub fn outlived(changes: &[LocalChange]) -> Vec<u64> {
    let done = |local: &&LocalChange| local.state == ChangeState::Done && !local.from_server;
    let last = changes
        .iter()
        .filter(done)
        .map(|local| local.local_seq)
        .max();
    let before = changes
        .iter()
        .filter(|local| Some(local.local_seq) < last && local.state == ChangeState::Superseded);
    before.map(|local| local.local_seq).collect()
}

/// The name of the row that a change edits.
pub(super) type RowName = (String, Id);

pub(super) fn row_name(local: &LocalChange) -> RowName {
    (local.change.table.clone(), local.change.key)
}

#[cfg(test)]
mod tests;
