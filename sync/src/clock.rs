//! The hybrid logical clock: wall time when it can, a counter when it must.
//!
//! Kulkarni et al., "Logical Physical Clocks" (2014). One integer: 48 bits of milliseconds and
//! 16 bits of counter. It never goes back, every change raises it, and receiving a change
//! raises it past that change; so an edit made after seeing a value always reads later.

use alloc::format;
use alloc::string::String;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

const COUNTER_BITS: u32 = 16;
const MS_MAX: u64 = u64::MAX >> COUNTER_BITS;

/// A reading of the clock. Readings of different devices compare; ties are broken by
/// [`crate::stamp::Stamp`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Clock(pub u64);

impl Clock {
    /// Below every reading that was ever taken.
    pub const ZERO: Self = Self(0);

    /// The first reading of this millisecond.
    #[must_use]
    pub const fn at_ms(now_ms: u64) -> Self {
        let now_ms = if now_ms > MS_MAX { MS_MAX } else { now_ms };
        Self(now_ms << COUNTER_BITS)
    }

    /// The wall time in this reading, in milliseconds.
    #[must_use]
    pub const fn ms(self) -> u64 {
        self.0 >> COUNTER_BITS
    }

    /// The reading for the next change: later than this one, and not before the wall clock.
    #[must_use]
    pub fn tick(self, now_ms: u64) -> Self {
        self.after().max(Self::at_ms(now_ms))
    }

    /// The least reading later than this one.
    #[must_use]
    pub const fn after(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The reading after a change stamped `remote` was seen.
    #[must_use]
    pub fn observe(self, remote: Self) -> Self {
        self.max(remote)
    }

    /// This reading on a clock that is `shift_ms` ahead of the one that took it.
    #[must_use]
    pub fn shifted(self, shift_ms: i64) -> Self {
        let counter = self.0 & ((1 << COUNTER_BITS) - 1);
        Self(Self::at_ms(self.ms().saturating_add_signed(shift_ms).min(MS_MAX)).0 | counter)
    }
}

// As text, for JavaScript's numbers do not hold 64 bits.
impl Serialize for Clock {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{:016x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Clock {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        u64::from_str_radix(&text, 16)
            .map(Self)
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_is_always_later_even_when_the_wall_clock_goes_back() {
        let mut clock = Clock::ZERO;
        for now_ms in [1_000, 1_000, 900, 5_000, 0, 5_000] {
            let next = clock.tick(now_ms);
            assert!(next > clock);
            assert!(next.ms() >= now_ms);
            clock = next;
        }
    }

    #[test]
    fn a_change_made_after_seeing_another_is_stamped_later() {
        let theirs = Clock::at_ms(9_999_999);
        let mine = Clock::at_ms(1).observe(theirs).tick(2);
        assert!(mine > theirs);
    }

    #[test]
    fn a_full_counter_runs_into_the_next_millisecond() {
        let full = Clock(Clock::at_ms(5).0 | 0xffff);
        assert_eq!(full.tick(5), Clock::at_ms(6));
    }

    #[test]
    fn a_reading_past_the_last_millisecond_stands_on_it() {
        let last_ms = (1 << 48) - 1;
        assert_eq!(Clock::at_ms(last_ms + 1).ms(), last_ms);
        assert_eq!(Clock::at_ms(u64::MAX).ms(), last_ms);
        assert_eq!(Clock(u64::MAX).ms(), last_ms);
    }

    #[test]
    fn a_reading_comes_back_from_its_text() {
        let clock = Clock(0x0192_3f5e_7c1a_0007);
        let text = serde_json::to_string(&clock).unwrap();
        assert_eq!(text, "\"01923f5e7c1a0007\"");
        assert_eq!(serde_json::from_str::<Clock>(&text).unwrap(), clock);
    }
}
