//! Whether two copies of a table are the same, without sending either.

use crate::row::Row;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh64::xxh64;

/// The sum of the fingerprints of a table's living rows, each of its key and position; so it
/// can be taken in any order and in parts. Tombstones are left out, for each side clears them
/// out in its own time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(u32);

impl Digest {
    /// Takes one more row in. 32 bits, for JavaScript holds no 64: enough to notice a row that
    /// is missing, not to prove that none is.
    pub fn add(&mut self, row: &Row) {
        if row.deleted {
            return;
        }
        let mut bytes = [0; 24];
        bytes[..16].copy_from_slice(&row.key.number().to_be_bytes());
        bytes[16..].copy_from_slice(&row.lsn.to_be_bytes());
        let fingerprint = xxh64(&bytes, 0);
        let folded = u32::try_from((fingerprint ^ (fingerprint >> 32)) & 0xffff_ffff);
        self.0 = self.0.wrapping_add(folded.unwrap_or_default());
    }

    /// The digest of these rows.
    #[must_use]
    pub fn of<'a>(rows: impl Iterator<Item = &'a Row>) -> Self {
        let mut digest = Self::default();
        rows.for_each(|row| digest.add(row));
        digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Id;

    fn row(key: u128, lsn: u64) -> Row {
        Row {
            lsn,
            ..Row::empty("notes", Id::from_u128(key))
        }
    }

    #[test]
    fn order_does_not_matter_and_any_difference_does() {
        let rows = [row(1, 4), row(2, 5), row(3, 6)];
        let digest = Digest::of(rows.iter());
        assert_eq!(digest, Digest::of(rows.iter().rev()));
        assert_ne!(digest, Digest::of(rows[1..].iter()));
        let moved = [row(1, 4), row(2, 7), row(3, 6)];
        assert_ne!(digest, Digest::of(moved.iter()));
        assert_ne!(
            Digest::of([row(1, 2)].iter()),
            Digest::of([row(2, 1)].iter())
        );
    }

    #[test]
    fn a_tombstone_counts_for_nothing() {
        let mut tombstone = row(9, 9);
        tombstone.deleted = true;
        assert_eq!(
            Digest::of([row(1, 4), tombstone].iter()),
            Digest::of([row(1, 4)].iter())
        );
    }

    #[test]
    fn a_digest_is_the_same_in_every_release() {
        // Both sides of the wire take it, and they may be of different releases. Computed by hand in Python.
        assert_eq!(
            Digest::of([row(1, 4), row(2, 5)].iter()),
            Digest(926_527_673)
        );
    }
}
