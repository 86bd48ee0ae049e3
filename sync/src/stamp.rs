//! Who wrote a value, and when: the total order in which the last writer wins.

use crate::clock::Clock;
use crate::id::{ID_CHARS, Id};
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The stamps of a row's fields, by field name. A field without one was never written by a
/// device and reads as [`Stamp::ZERO`].
pub type Stamps = BTreeMap<String, Stamp>;

const CLOCK_CHARS: usize = 16;
const STAMP_CHARS: usize = CLOCK_CHARS + 2 * (1 + ID_CHARS);

/// The stamp of a change and of every value it set. Ordered by clock, then device, then
/// operation; so any two stamps of different changes differ, and all devices agree which is
/// later. The text has a fixed width and sorts in the same order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Stamp {
    /// The hybrid logical clock's reading.
    pub clock: Clock,
    /// The device that made the change.
    pub node: Id,
    /// The change.
    pub op_id: Id,
}

/// The text is not a stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stamp is 16 hexadecimal digits and two identifiers, joined by dots")]
pub struct StampError;

impl Stamp {
    /// Below every stamp of a device.
    pub const ZERO: Self = Self {
        clock: Clock::ZERO,
        node: Id::NIL,
        op_id: Id::NIL,
    };
}

/// The stamp of `field`, or [`Stamp::ZERO`].
#[must_use]
pub fn stamp_of(stamps: &Stamps, field: &str) -> Stamp {
    stamps.get(field).copied().unwrap_or(Stamp::ZERO)
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}.{}.{}", self.clock.0, self.node, self.op_id)
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Stamp {
    type Err = StampError;

    fn from_str(text: &str) -> Result<Self, StampError> {
        let mut parts = text.split('.');
        let mut part = || parts.next().ok_or(StampError);
        let (clock, node, op_id) = (part()?, part()?, part()?);
        let lower_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() != STAMP_CHARS || clock.len() != CLOCK_CHARS || !clock.bytes().all(lower_hex)
        {
            return Err(StampError);
        }
        Ok(Self {
            clock: Clock(u64::from_str_radix(clock, 16).map_err(|_| StampError)?),
            node: node.parse().map_err(|_| StampError)?,
            op_id: op_id.parse().map_err(|_| StampError)?,
        })
    }
}

impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_string())
    }
}

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(clock: u64, node: u128, op_id: u128) -> Stamp {
        Stamp {
            clock: Clock(clock),
            node: Id::from_u128(node),
            op_id: Id::from_u128(op_id),
        }
    }

    #[test]
    fn clock_then_device_then_operation_decide() {
        let rising = [
            Stamp::ZERO,
            stamp(1, 9, 9),
            stamp(2, 1, 9),
            stamp(2, 2, 1),
            stamp(2, 2, 2),
        ];
        assert!(rising.is_sorted());
        let texts = rising.map(|s| s.to_string());
        assert!(texts.is_sorted());
        for (stamp, text) in rising.iter().zip(&texts) {
            assert_eq!(text.parse(), Ok(*stamp));
        }
    }

    #[test]
    fn text_that_is_no_stamp_is_refused() {
        let good = stamp(1, 2, 3).to_string();
        let long = good.clone() + "x";
        let upper = good.replacen('0', "A", 1);
        for text in ["", ".", "a.b.c", long.as_str(), upper.as_str()] {
            assert_eq!(text.parse::<Stamp>(), Err(StampError), "{text}");
        }
    }

    #[test]
    fn a_stamp_with_something_behind_it_is_refused() {
        let more = stamp(1, 2, 3).to_string() + ".x";
        assert_eq!(more.parse::<Stamp>(), Err(StampError));
    }
}
