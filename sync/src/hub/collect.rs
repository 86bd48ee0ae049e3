//! Collection on the server: what has served its time, and what must stay for devices that are
//! still to come.

use crate::limits::{REVISION_MS, TOMBSTONE_MS};
use crate::scope::Lsn;

/// Where a device stood when it was last heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceCursor {
    /// The position in the scope that it acknowledged last.
    pub acknowledged: Lsn,
    /// When, in milliseconds since 1970.
    pub heard_at_ms: u64,
}

/// How long things are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Tombstones and outcomes, in milliseconds.
    pub tombstone_ms: u64,
    /// Superseded revisions and texts, in milliseconds.
    pub revision_ms: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            tombstone_ms: TOMBSTONE_MS,
            revision_ms: REVISION_MS,
        }
    }
}

/// What may go from one scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// When it was made, in milliseconds since 1970.
    pub now_ms: u64,
    /// Nothing above this position: some device has not seen it yet.
    pub up_to: Lsn,
    /// Tombstones and outcomes written before this, in milliseconds since 1970.
    pub tombstones_before_ms: u64,
    /// Superseded revisions and texts written before this, in milliseconds since 1970.
    pub revisions_before_ms: u64,
}

/// Plans the collection of a scope that ends at `ceiling`. A device that was silent for longer
/// than tombstones are kept does not hold it back: when it comes, its marker is below the purge
/// floor, and it takes the state anew.
#[must_use]
pub fn plan(now_ms: u64, ceiling: Lsn, devices: &[DeviceCursor], retention: Retention) -> Plan {
    let tombstones_before_ms = now_ms.saturating_sub(retention.tombstone_ms);
    let live = devices
        .iter()
        .filter(|device| device.heard_at_ms >= tombstones_before_ms);
    let slowest = live.map(|device| device.acknowledged).min();
    Plan {
        now_ms,
        up_to: slowest.unwrap_or(ceiling).min(ceiling),
        tombstones_before_ms,
        revisions_before_ms: now_ms.saturating_sub(retention.revision_ms),
    }
}

impl Plan {
    /// Whether a tombstone may go. The purge floor then rises to its position.
    #[must_use]
    pub const fn takes_tombstone(&self, lsn: Lsn, written_at_ms: u64) -> bool {
        lsn <= self.up_to && written_at_ms < self.tombstones_before_ms
    }

    /// Whether a superseded revision or text may go.
    #[must_use]
    pub const fn takes_revision(&self, lsn: Lsn, written_at_ms: u64) -> bool {
        lsn <= self.up_to && written_at_ms < self.revisions_before_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 2 * TOMBSTONE_MS;

    fn device(acknowledged: Lsn, heard_at_ms: u64) -> DeviceCursor {
        DeviceCursor {
            acknowledged,
            heard_at_ms,
        }
    }

    #[test]
    fn nothing_goes_that_a_live_device_has_not_passed() {
        let devices = [device(40, NOW_MS), device(7, NOW_MS - 5)];
        let plan = plan(NOW_MS, 50, &devices, Retention::default());
        assert_eq!(plan.up_to, 7);
        assert!(plan.takes_tombstone(7, 0));
        assert!(!plan.takes_tombstone(8, 0));
        assert!(!plan.takes_tombstone(7, NOW_MS - TOMBSTONE_MS));
        assert!(plan.takes_revision(7, NOW_MS - REVISION_MS - 1));
        assert!(!plan.takes_revision(7, NOW_MS - REVISION_MS));
        assert!(!plan.takes_revision(8, 0));
    }

    #[test]
    fn a_device_silent_for_too_long_holds_nothing_back() {
        let devices = [device(40, NOW_MS), device(7, NOW_MS - TOMBSTONE_MS - 1)];
        assert_eq!(plan(NOW_MS, 50, &devices, Retention::default()).up_to, 40);
        assert_eq!(plan(NOW_MS, 50, &[], Retention::default()).up_to, 50);
    }
}
