//! A clock never goes back.

use crate::cases;
use proptest::prelude::*;
use sync::clock::Clock;

/// 48 bits of milliseconds, and well below where they end.
const MS: std::ops::Range<u64> = 0..1 << 46;

fn clock() -> impl Strategy<Value = Clock> {
    (MS, any::<u16>()).prop_map(|(ms, counter)| Clock(Clock::at_ms(ms).0 | u64::from(counter)))
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn a_tick_is_later_than_all_that_was_seen_and_not_before_the_wall_clock(
        mut mine in clock(),
        seen in prop::collection::vec((clock(), MS), 1..20),
    ) {
        for (remote, now_ms) in seen {
            let observed = mine.observe(remote);
            prop_assert!(observed >= mine && observed >= remote);
            let next = observed.tick(now_ms);
            prop_assert!(next > mine && next > remote);
            prop_assert!(next.ms() >= now_ms);
            prop_assert_eq!(next, Clock::at_ms(now_ms).max(observed.after()));
            mine = next;
        }
    }

    #[test]
    fn a_shift_keeps_the_order_and_can_be_shifted_back(
        one in clock(),
        other in clock(),
        shift_ms in -(1_i64 << 44)..1 << 44,
    ) {
        let (early, late) = (one.min(other), one.max(other));
        if let Some(least) = early.ms().checked_add_signed(shift_ms) {
            prop_assert!(early.shifted(shift_ms) <= late.shifted(shift_ms));
            prop_assert_eq!(early.shifted(shift_ms).ms(), least);
            prop_assert_eq!(early.shifted(shift_ms).shifted(-shift_ms), early);
        } else {
            prop_assert_eq!(early.shifted(shift_ms).ms(), 0, "never before the beginning");
        }
    }

    #[test]
    fn no_reading_runs_over(any in any::<u64>(), now_ms in any::<u64>(), shift_ms in any::<i64>()) {
        let clock = Clock(any);
        prop_assert!(clock.tick(now_ms) >= clock);
        prop_assert!(clock.after() >= clock);
        let shifted = clock.shifted(shift_ms);
        prop_assert!(shift_ms < 0 || shifted >= clock);
        prop_assert!(shift_ms > 0 || shifted <= clock);
    }
}
