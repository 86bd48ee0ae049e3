//! What a table adds up to: its rows counted, and their values summed up.

use super::table::Row;
use futures_util::{Stream, TryStreamExt as _};
use sha2::{Digest as _, Sha256};

/// The sum of a table's rows. Each adds a half of the SHA-256 of all its values, so the order in
/// which a database tells them does not matter, and any value that is another one does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) rows: u64,
    sum: u128,
}

impl Tally {
    pub(super) fn add(&mut self, row: &Row) {
        let hash = Sha256::digest(row.text());
        let half = hash.iter().take(16);
        let number = half.fold(0, |number, byte| number << 8 | u128::from(*byte));
        self.rows += 1;
        self.sum = self.sum.wrapping_add(number);
    }

    /// What all of these add up to.
    pub(super) async fn of(
        mut rows: impl Stream<Item = sqlx::Result<Row>> + Unpin,
    ) -> sqlx::Result<Self> {
        let mut sum = Self::default();
        while let Some(row) = rows.try_next().await? {
            sum.add(&row);
        }
        Ok(sum)
    }
}
