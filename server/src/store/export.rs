//! Reading everything of a person, a page at a time and each row once.
//!
//! By key and not by position: a row that is edited meanwhile moves to the end of the log, and a
//! reader who goes by positions up to where the log ended would miss it. No page holds a snapshot
//! longer than it takes to read it, however slowly its reader reads.

use super::statements::read_row;
use super::{ScopeKey, Store};
use crate::error::Error;
use sync::id::Id;
use sync::row::Row;
use sync::table::TableSpec;

/// How many rows are read at a time. An entry has at most 200 KiB, so a page has at most 10 MiB.
pub const PAGE_ROWS_MAX: i64 = 50;

impl Store {
    /// The next living rows of a table in a scope, after this key; none when there are no more.
    ///
    /// # Errors
    /// The database failed.
    pub async fn rows_after(
        &self,
        scope: &ScopeKey,
        table: &'static TableSpec,
        key: Option<Id>,
    ) -> Result<Vec<Row>, Error> {
        let found = self
            .statements
            .after_key(table, scope, key, PAGE_ROWS_MAX)?
            .fetch_all(&self.reader)
            .await?;
        found.iter().map(|row| read_row(table, row)).collect()
    }
}
