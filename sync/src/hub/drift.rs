//! One wrong clock blocks nobody and rules nobody: stamps of a device whose clock is far off are
//! shifted to the server's time before they are merged.

use crate::change::Change;
use crate::clock::Clock;
use crate::id::Id;
use crate::limits::DRIFT_MS_MAX;
use crate::planted;
use crate::stamp::{Stamp, Stamps};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// The stamps that changes were given when they were here before, by name.
pub type Given = BTreeMap<Id, Stamp>;

/// How the stamps of one push are shifted. The order in which the device made its changes is
/// kept.
#[derive(Clone, Copy, Debug)]
pub struct Shift {
    now_ms: u64,
    shift_ms: i64,
    last: Clock,
}

impl Shift {
    /// For a push of a device whose clock reads `device_time_ms` at the server's `now_ms`.
    #[must_use]
    pub fn between(device_time_ms: u64, now_ms: u64) -> Self {
        let off = now_ms.abs_diff(device_time_ms);
        let signed = i64::try_from(off).unwrap_or(i64::MAX);
        let shift_ms = match now_ms >= device_time_ms {
            _ if off <= DRIFT_MS_MAX => 0,
            true => signed,
            false => -signed,
        };
        Self {
            now_ms,
            shift_ms,
            last: Clock::ZERO,
        }
    }

    /// Shifts one change, in the order of the push. Tells the stamp that it claimed, if it or
    /// one of its values has another one now. A row that is put back keeps the stamps it has,
    /// as far as they are not in the future.
    pub fn take(&mut self, change: &mut Change, given: &Given) -> Option<Stamp> {
        if planted!(DriftIsNotShifted) {
            return None;
        }
        if change.stamps.is_some() {
            return self.take_offered(change, given);
        }
        let claimed = change.stamp;
        let mut clock = claimed.clock.shifted(self.shift_ms);
        if self.is_far_ahead(clock) || self.shifts_past_now(clock) {
            clock = Clock::at_ms(self.now_ms);
        }
        if clock != claimed.clock {
            // Nor before what its writer was looking at, unless that is far ahead itself.
            let seen = change.base.values().map(|base| base.clock);
            let seen = seen.filter(|clock| !self.is_far_ahead(*clock)).max();
            clock = clock.max(self.last.max(seen.unwrap_or(Clock::ZERO)).after());
            self.last = clock;
        }
        change.stamp.clock = clock;
        (change.stamp != claimed).then_some(claimed)
    }

    /// The changes whose values a row that is put back has under stamps of the future. If they
    /// were here before, they were given other stamps then, and must have those again.
    #[must_use]
    pub fn far_ahead(&self, change: &Change) -> Vec<Id> {
        let stamps = change.stamps.iter().flat_map(Stamps::values);
        let ahead = stamps.filter(|stamp| self.is_far_ahead(stamp.clock));
        ahead.map(|stamp| stamp.op_id).collect()
    }

    fn take_offered(&self, change: &mut Change, given: &Given) -> Option<Stamp> {
        let claimed = change.stamp;
        let stamps = change
            .stamps
            .iter_mut()
            .flat_map(|stamps| stamps.values_mut());
        let mut lowered = false;
        for stamp in stamps.chain([&mut change.stamp]) {
            if self.is_far_ahead(stamp.clock) {
                let now = Clock::at_ms(self.now_ms);
                stamp.clock = given.get(&stamp.op_id).map_or(now, |given| given.clock);
                lowered = true;
            }
        }
        lowered.then_some(claimed)
    }

    const fn is_far_ahead(&self, clock: Clock) -> bool {
        clock.ms() > self.now_ms.saturating_add(DRIFT_MS_MAX)
    }

    const fn shifts_past_now(&self, clock: Clock) -> bool {
        self.shift_ms != 0 && clock.ms() > self.now_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::insert;

    const NOW_MS: u64 = 1_800_000_000_000;
    const HOUR_MS: u64 = 3_600_000;

    #[test]
    fn a_shifted_edit_stays_after_what_its_writer_was_looking_at() {
        for (ahead_ms, after) in [(DRIFT_MS_MAX, true), (HOUR_MS, false)] {
            let mut change = insert(1, 1, "later");
            let seen = Stamp {
                clock: Clock::at_ms(NOW_MS + ahead_ms),
                ..change.stamp
            };
            change.stamp.clock = Clock::at_ms(NOW_MS + ahead_ms + 9);
            change.base = [("text".into(), seen)].into();
            let mut shift = Shift::between(NOW_MS - HOUR_MS, NOW_MS);
            assert!(shift.take(&mut change, &Given::new()).is_some());
            assert_eq!(change.stamp.clock > seen.clock, after, "{ahead_ms}");
        }
    }

    fn shifted(device_time_ms: u64, stamped_ms: &[u64]) -> Vec<Clock> {
        let mut shift = Shift::between(device_time_ms, NOW_MS);
        let stamped = stamped_ms.iter().map(|ms| {
            let mut change = insert(1, 1, "text");
            change.stamp.clock = Clock::at_ms(*ms);
            shift.take(&mut change, &Given::new());
            change.stamp.clock
        });
        stamped.collect()
    }

    #[test]
    fn a_clock_that_is_nearly_right_is_left_alone() {
        for device_time_ms in [NOW_MS - DRIFT_MS_MAX, NOW_MS, NOW_MS + DRIFT_MS_MAX] {
            let stamps = [device_time_ms - 5, device_time_ms];
            assert_eq!(shifted(device_time_ms, &stamps), stamps.map(Clock::at_ms));
        }
    }

    #[test]
    fn a_clock_that_is_off_is_shifted_either_way_and_keeps_its_order() {
        for device_time_ms in [
            NOW_MS - HOUR_MS,
            NOW_MS + HOUR_MS,
            NOW_MS + DRIFT_MS_MAX + 1,
        ] {
            let stamps = [device_time_ms - 2_000, device_time_ms - 1_000];
            let expected = [NOW_MS - 2_000, NOW_MS - 1_000].map(Clock::at_ms);
            assert_eq!(shifted(device_time_ms, &stamps), expected);
        }
    }

    #[test]
    fn no_stamp_stays_in_the_future_whatever_the_device_says_of_its_clock() {
        let far = [NOW_MS + HOUR_MS, NOW_MS + 2 * HOUR_MS, NOW_MS + 2 * HOUR_MS];
        let taken = shifted(NOW_MS, &far);
        assert!(taken.iter().all(|clock| clock.ms() == NOW_MS));
        assert!(taken.is_sorted_by(|one, next| one < next), "{taken:?}");
        // The clock was put back between writing and pushing.
        let taken = shifted(NOW_MS + HOUR_MS, &[NOW_MS + 3 * HOUR_MS]);
        assert_eq!(taken, [Clock::at_ms(NOW_MS)]);
    }

    #[test]
    fn what_was_claimed_is_told_only_when_something_was_changed() {
        let mut change = insert(1, 1, "text");
        change.stamp.clock = Clock::at_ms(NOW_MS + HOUR_MS);
        let claimed = change.stamp;
        assert_eq!(
            Shift::between(NOW_MS, NOW_MS).take(&mut change, &Given::new()),
            Some(claimed)
        );
        assert_eq!(
            Shift::between(NOW_MS, NOW_MS).take(&mut change, &Given::new()),
            None
        );
    }
}
