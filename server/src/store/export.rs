//! Reading everything of a person, a page at a time and each row once.
//!
//! By key and not by position: a row that is edited meanwhile moves to the end of the log, and a
//! reader who goes by positions up to where the log ended would miss it. No page holds a snapshot
//! longer than it takes to read it, however slowly its reader reads.

use super::statements::read_row;
use super::{ScopeKey, Store, from_sql};
use crate::error::Error;
use serde::Serialize;
use sqlx::Row as _;
use sync::id::Id;
use sync::row::Row;
use sync::table::TableSpec;

/// How many rows are read at a time. An entry has at most 200 KiB, so a page has at most 10 MiB.
pub const PAGE_ROWS_MAX: i64 = 50;

/// How many answers are read at a time.
pub const PAGE_ANSWERS_MAX: i64 = 500;

/// A long text that is kept for edits that begin from it.
#[derive(Clone, Debug, Serialize)]
pub struct KeptText {
    /// The change that made it.
    pub op_id: String,
    /// The field that said it.
    pub field: String,
    /// What it said.
    pub text: String,
    /// When it came, in milliseconds since 1970.
    pub at_ms: u64,
}

/// An answer to a change, kept for its repeats.
#[derive(Clone, Debug)]
pub struct KeptAnswer {
    /// The change.
    pub op_id: String,
    /// The position that it was given.
    pub lsn: Option<i64>,
    /// The answer, as JSON.
    pub outcome: String,
    /// The stamp that the change claimed, where it was given another.
    pub claimed: Option<String>,
    /// When it came, in milliseconds since 1970.
    pub at_ms: u64,
}

/// How far a device has stored a scope.
#[derive(Clone, Debug, Serialize)]
pub struct KeptCursor {
    /// Which: the person's own, or the library.
    pub scope: String,
    /// The device, by the name that it gave itself.
    pub device_id: String,
    /// The position.
    pub acknowledged: u64,
    /// When it said so, in milliseconds since 1970.
    pub heard_at_ms: u64,
}

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

    /// The next long texts that are kept of a scope for edits that begin from them, after the one
    /// of this change and field; none when there are no more.
    ///
    /// # Errors
    /// The database failed.
    pub async fn texts_after(
        &self,
        scope: &ScopeKey,
        after: &(String, String),
    ) -> Result<Vec<KeptText>, Error> {
        let found = sqlx::query(
            "SELECT op_id, field, text, at_ms FROM texts \
             WHERE scope = $1 AND (op_id > $2 OR (op_id = $2 AND field > $3)) \
             ORDER BY op_id, field LIMIT $4",
        )
        .bind(scope.as_str())
        .bind(&after.0)
        .bind(&after.1)
        .bind(PAGE_ROWS_MAX)
        .fetch_all(&self.reader)
        .await?;
        let read = |row: &sqlx::any::AnyRow| {
            Ok(KeptText {
                op_id: row.try_get("op_id")?,
                field: row.try_get("field")?,
                text: row.try_get("text")?,
                at_ms: from_sql(row.try_get("at_ms")?)?,
            })
        };
        found.iter().map(read).collect()
    }

    /// The next answers that are kept of a scope, after the one to this change; none when there
    /// are no more.
    ///
    /// # Errors
    /// The database failed.
    pub async fn answers_after(
        &self,
        scope: &ScopeKey,
        after: &str,
    ) -> Result<Vec<KeptAnswer>, Error> {
        let found = sqlx::query(
            "SELECT op_id, lsn, outcome, claimed, at_ms FROM outcomes \
             WHERE scope = $1 AND op_id > $2 ORDER BY op_id LIMIT $3",
        )
        .bind(scope.as_str())
        .bind(after)
        .bind(PAGE_ANSWERS_MAX)
        .fetch_all(&self.reader)
        .await?;
        let read = |row: &sqlx::any::AnyRow| {
            Ok(KeptAnswer {
                op_id: row.try_get("op_id")?,
                lsn: row.try_get("lsn")?,
                outcome: row.try_get("outcome")?,
                claimed: row.try_get("claimed")?,
                at_ms: from_sql(row.try_get("at_ms")?)?,
            })
        };
        found.iter().map(read).collect()
    }

    /// How far each of this person's devices has stored what, by its own word: at most
    /// [`super::cursors::DEVICES_MAX`] a scope.
    ///
    /// # Errors
    /// The database failed.
    pub async fn cursors(&self, user: Id) -> Result<Vec<KeptCursor>, Error> {
        let found = sqlx::query(
            "SELECT scope, device_id, acknowledged, heard_at_ms FROM device_cursors \
             WHERE user_id = $1 ORDER BY device_id, scope",
        )
        .bind(user.to_string())
        .fetch_all(&self.reader)
        .await?;
        let read = |row: &sqlx::any::AnyRow| {
            Ok(KeptCursor {
                scope: row.try_get("scope")?,
                device_id: row.try_get("device_id")?,
                acknowledged: from_sql(row.try_get("acknowledged")?)?,
                heard_at_ms: from_sql(row.try_get("heard_at_ms")?)?,
            })
        };
        found.iter().map(read).collect()
    }

    /// Until when the link is good that was mailed to this person last; nothing, if there is none.
    ///
    /// # Errors
    /// The database failed.
    pub async fn link_expires_at_ms(&self, user: Id) -> Result<Option<u64>, Error> {
        let expires: Option<i64> =
            sqlx::query_scalar("SELECT expires_at_ms FROM password_links WHERE user_id = $1")
                .bind(user.to_string())
                .fetch_optional(&self.reader)
                .await?;
        expires.map(from_sql).transpose()
    }
}
