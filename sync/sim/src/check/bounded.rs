//! **Bounded**: every queue, push, page and list keeps its limit.

use crate::server::FRAMES_AHEAD_MAX;
use crate::store::Name;
use crate::world::World;
use sync::limits::{ATTEMPTS_MAX, DRIFT_MS_MAX, PUSH_CHANGES_MAX};
use sync::row::Row;

/// More effects than one step ever needs.
const EFFECTS_MAX: usize = 256;

/// A row's history may hold so many changes, plus one for every edit of the history: what is
/// superseded is cleared out once its successor is there.
const CHANGES_OF_A_ROW_MAX: usize = 200;

impl World {
    /// Looks at a tab after a step.
    pub fn check_bounds(&mut self, device: usize, tab: usize, effects: usize) {
        let of = &self.devices[device];
        let frames = of.tabs[tab].frames.len();
        let taken = of.tabs[tab].taken.len();
        let Some(state) = &of.tabs[tab].state else {
            return;
        };
        let what = if effects > EFFECTS_MAX {
            format!("one step asked for {effects} effects")
        } else if frames > 2 * FRAMES_AHEAD_MAX {
            format!("{frames} frames wait for device {device}")
        } else if taken > PUSH_CHANGES_MAX {
            format!("{taken} changes were taken for one push")
        } else if state.pass.len() > 8 || state.conflicts.len() > 256 {
            "the engine remembers too much".to_owned()
        } else {
            return;
        };
        self.violated("bounded", what);
    }

    /// No stamp lies further ahead than a clock may be wrong: a future clock never rules for long.
    pub fn check_stamps(&mut self) {
        let latest_ms = self.now_ms + DRIFT_MS_MAX;
        let ahead = |row: &&Row| row.latest_stamp().clock.ms() > latest_ms;
        let rows = (0..self.history.people)
            .filter_map(|p| self.servers.ledger.log(&crate::server::own(p)))
            .flat_map(|log| log.rows().find(ahead))
            .map(|row| format!("a stamp lies too far ahead: {row:?}"))
            .next();
        if let Some(what) = rows {
            self.violated("bounded", what);
        }
    }

    /// Looks at a row that a transaction wrote.
    pub fn check_row_bounds(&mut self, device: usize, name: &Name) {
        let store = &self.devices[device].store;
        let length = store.changes_of(name).count();
        let what = if length > CHANGES_OF_A_ROW_MAX {
            format!(
                "a row of device {device} has {length} changes: {}",
                store.kinds()
            )
        } else if store
            .changes_of(name)
            .any(|local| local.attempts > ATTEMPTS_MAX)
        {
            "a change was tried too often".to_owned()
        } else {
            return;
        };
        self.violated("bounded", what);
    }
}
