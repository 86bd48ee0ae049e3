//! The device's own counters. They live beside the rows and move in the same transaction, so
//! that two tabs never give one number twice.

use crate::clock::Clock;
use crate::id::Id;
use crate::planted;
use crate::stamp::Stamp;
use serde::{Deserialize, Serialize};

/// The counters.
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
    /// Counts how often the state was begun anew; rows carry the number of the time they came.
    #[serde(default)]
    pub generation: u32,
    /// Rows of an older generation than this are no longer the server's, and not to be seen.
    #[serde(default)]
    pub floor: u32,
    /// The state is being taken anew, and why.
    #[serde(default)]
    pub rebuild: Option<Rebuild>,
    /// Rows were shown before their turn, moving no marker, since the state was last begun.
    #[serde(default)]
    pub headed: bool,
}

/// Why the state is taken anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rebuild {
    /// This device was away for longer than tombstones are kept: what does not come again is
    /// gone.
    Replace,
    /// The server lost something: what does not come again is offered to it.
    Heal,
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
            generation: 0,
            floor: 0,
            rebuild: None,
            headed: false,
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

    /// Begins to take the state anew. The markers go back to the start with it.
    pub const fn begin_rebuild(&mut self, rebuild: Rebuild) {
        self.generation += 1;
        self.headed = false;
        // What a server lost is still to be offered to it: until that is done, nothing is dropped.
        if !matches!(self.rebuild, Some(Rebuild::Heal)) {
            self.rebuild = Some(rebuild);
        }
    }

    /// The state is here anew. One pointer moves, and with it everything is seen as it is now;
    /// rows that did not come again are swept up later.
    pub fn finish_rebuild(&mut self) {
        if self.rebuild == Some(Rebuild::Replace) && !planted!(RebuildKeepsWhatIsGone) {
            self.floor = self.generation;
        }
        planted!(CounterBeginsAnew, self.local_seq = 0);
        self.rebuild = None;
    }

    /// Follows the stamps that the server gave instead of the claimed ones; so a clock that was
    /// ahead does not stay there. Never below a stamp that is stored.
    pub fn adopt(&mut self, latest_stored: Clock, now_ms: u64) {
        let now = Clock::at_ms(now_ms.saturating_add_signed(self.offset_ms));
        self.clock = latest_stored.max(now.min(self.clock));
    }
}
