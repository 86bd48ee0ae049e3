//! Names of things: 128-bit UUIDv7 values in 22 characters that sort as the numbers do.
//!
//! Keys are made on the device, so they must not collide and need no server (RFC 9562). The
//! text is base 64 with the digits in ASCII order, so that a database, IndexedDB and Rust all
//! sort it alike, and it is safe in a URL.

use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

const DIGITS: &[u8; 64] = b"-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";

/// How many characters an [`Id`] has as text.
pub const ID_CHARS: usize = 22;

/// A 128-bit name, ordered by the time it was made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Id(u128);

/// The text is not the 22 characters of an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an identifier has 22 characters from - 0-9 A-Z _ a-z and this text is not one")]
pub struct IdError;

impl Id {
    /// The name of nothing: below every name that was ever made.
    pub const NIL: Self = Self(0);

    /// Makes a UUIDv7 from a wall clock reading in milliseconds and 80 random bits.
    #[must_use]
    pub fn v7(now_ms: u64, random: [u8; 10]) -> Self {
        let uuid = uuid::Builder::from_unix_timestamp_millis(now_ms, &random).into_uuid();
        Self(uuid.as_u128())
    }

    /// A name made of two others: the same two always make the same one, and it sorts with the
    /// first. For what both sides must name alike without asking each other. Mixes by the
    /// finalizer of SplitMix64 (Steele et al. 2014); good against accidents, not against malice.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the halves of 128 bits, each masked to 64"
    )]
    pub const fn derived(self, other: Self) -> Self {
        let [high, low] = [(other.0 >> 64) as u64, (other.0 & u64::MAX as u128) as u64];
        let own = (self.0 & u64::MAX as u128) as u64;
        let first = mix(own ^ mix(low) ^ mix(high).rotate_left(32));
        let second = mix(first ^ own.rotate_left(17) ^ low);
        let random = ((first as u128) << 64 | second as u128) & RANDOM_BITS;
        Self(self.0 & !RANDOM_BITS | random)
    }

    /// The number behind the name.
    #[must_use]
    pub const fn number(self) -> u128 {
        self.0
    }

    /// The name with this number.
    #[must_use]
    pub const fn from_u128(number: u128) -> Self {
        Self(number)
    }
}

/// The bits of a UUIDv7 that are neither time nor version nor variant.
const RANDOM_BITS: u128 = 0x0fff_3fff_ffff_ffff_ffff;

const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for place in (0..ID_CHARS).rev() {
            let digit = usize::try_from((self.0 >> (6 * place)) & 63).unwrap_or_default();
            fmt::Write::write_char(f, char::from(DIGITS[digit]))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Id {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.len() != ID_CHARS {
            return Err(IdError);
        }
        let mut number: u128 = 0;
        for (place, character) in text.bytes().enumerate() {
            let digit = DIGITS.iter().position(|d| *d == character).ok_or(IdError)? as u128;
            // The first digit holds the two bits that are left over: 128 = 2 + 21 × 6.
            if place == 0 && digit > 3 {
                return Err(IdError);
            }
            number = (number << 6) | digit;
        }
        Ok(Self(number))
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_string())
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// The engine's only source of names and chance. A host seeds it from the system's randomness,
/// a test from a number; the same seed gives the same run.
#[derive(Clone, Debug)]
pub struct Mint {
    now_ms: u64,
    seed: [u64; 2],
}

impl Mint {
    /// Starts from the wall clock in milliseconds and 128 random bits.
    #[must_use]
    pub const fn new(now_ms: u64, seed: [u64; 2]) -> Self {
        Self { now_ms, seed }
    }

    /// The wall clock in milliseconds, as it was when this mint was made.
    #[must_use]
    pub const fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// The next 64 bits of chance (xoroshiro128++, Blackman and Vigna 2019).
    pub const fn next_u64(&mut self) -> u64 {
        let [first, mut second] = self.seed;
        let result = first
            .wrapping_add(second)
            .rotate_left(17)
            .wrapping_add(first);
        second ^= first;
        self.seed = [
            first.rotate_left(49) ^ second ^ (second << 21),
            second.rotate_left(28),
        ];
        result
    }

    /// A new name.
    pub fn id(&mut self) -> Id {
        let mut random = [0; 10];
        let (high, low) = (self.next_u64().to_be_bytes(), self.next_u64().to_be_bytes());
        random[..8].copy_from_slice(&high);
        random[8..].copy_from_slice(&low[..2]);
        Id::v7(self.now_ms, random)
    }

    /// A number below `bound`; 0 when `bound` is 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            0
        } else {
            self.next_u64() % bound
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_sorts_as_the_number_does_and_comes_back() {
        let numbers = [0, 1, 63, 64, 1 << 90, u128::MAX - 1, u128::MAX];
        let texts: alloc::vec::Vec<_> = numbers.map(|n| Id(n).to_string()).into();
        assert!(texts.is_sorted());
        for (number, text) in numbers.iter().zip(&texts) {
            assert_eq!(text.len(), ID_CHARS);
            assert_eq!(text.parse::<Id>(), Ok(Id(*number)));
        }
    }

    #[test]
    fn text_that_is_no_identifier_is_refused() {
        for text in [
            "",
            "short",
            "3zzzzzzzzzzzzzzzzzzzz!",
            "zzzzzzzzzzzzzzzzzzzzzz",
        ] {
            assert_eq!(text.parse::<Id>(), Err(IdError), "{text}");
        }
    }

    #[test]
    fn the_same_seed_mints_the_same_names_and_no_name_twice() {
        let mut one = Mint::new(1, [7, 9]);
        let mut two = Mint::new(1, [7, 9]);
        let mut seen = alloc::collections::BTreeSet::new();
        for _ in 0..1_000 {
            let id = one.id();
            assert_eq!(id, two.id());
            assert!(seen.insert(id));
        }
    }

    #[test]
    fn a_derived_name_is_the_same_in_every_release() {
        // Computed by hand-written Python: what one release named, the next must name alike.
        let one = Id(0x0192_3f5e_7c1a_7abc_8def_0123_4567_89ab);
        let other = Id(0x0192_3f5e_9b00_7123_9456_fedc_ba98_7654);
        let expected = [
            0x0192_3f5e_7c1a_7271_a13a_02b5_edce_7ec4,
            0x0192_3f5e_9b00_7327_a599_2711_b75f_4ffe,
        ];
        assert_eq!([one.derived(other).0, other.derived(one).0], expected);
        assert_eq!(
            mix(0x9e37_79b9_7f4a_7c15),
            0xe220_a839_7b1d_cdaf,
            "SplitMix64"
        );
    }

    #[test]
    fn chance_is_the_published_generator() {
        let mut mint = Mint::new(1, [1, 2]);
        let published = [
            393_217,
            669_327_710_093_319,
            1_732_421_326_133_921_491,
            11_394_790_081_659_126_983,
        ];
        assert_eq!([(); 4].map(|()| mint.next_u64()), published);
    }
}
