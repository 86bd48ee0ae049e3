//! What a session reads: where its scopes end, what the history says, and rows by position.

use super::statements::read_row;
use super::{ScopeKey, Store, from_sql, id_from_sql, to_sql};
use crate::error::Error;
use futures_util::TryStreamExt as _;
use sqlx::{Row as _, SqliteConnection};
use std::collections::BTreeMap;
use sync::id::Id;
use sync::limits::{CHUNK_BYTES_MAX, CHUNK_ROWS_MAX};
use sync::row::Row;
use sync::scope::{Lsn, Marker, Scope};
use sync::table::{TableSpec, text};

/// What [`sync::hub::session::Session::open`] wants to know, from one snapshot.
#[derive(Debug, Default)]
pub struct Standing {
    /// Where each scope ends.
    pub ceilings: BTreeMap<Scope, Marker>,
    /// Which change has each position asked about, if that is known.
    pub history: BTreeMap<(Scope, Lsn), Id>,
}

/// Rows of one scope, and whether they are all there are.
#[derive(Debug)]
pub struct Page {
    /// In the order of their positions.
    pub rows: Vec<Row>,
    /// There are no more.
    pub exhausted: bool,
}

impl Store {
    /// Where these scopes end, and which changes have the positions claimed.
    ///
    /// # Errors
    /// The database failed.
    pub async fn standing(
        &self,
        scopes: &[(Scope, ScopeKey)],
        claims: &[(Scope, Marker)],
    ) -> Result<Standing, Error> {
        let mut snapshot = self.reader.begin().await?;
        let mut standing = Standing::default();
        for (scope, key) in scopes {
            let end = "SELECT lsn FROM scopes WHERE scope = ?";
            let end: Option<i64> = sqlx::query_scalar(end)
                .bind(key.as_str())
                .fetch_optional(&mut *snapshot)
                .await?;
            let lsn = from_sql(end.unwrap_or(0))?;
            let op_id = change_at(&mut snapshot, key, lsn).await?.unwrap_or(Id::NIL);
            standing
                .ceilings
                .insert(scope.clone(), Marker { lsn, op_id });
        }
        for (scope, marker) in claims {
            let Some((_, key)) = scopes.iter().find(|(known, _)| known == scope) else {
                continue;
            };
            if let Some(op_id) = change_at(&mut snapshot, key, marker.lsn).await? {
                standing.history.insert((scope.clone(), marker.lsn), op_id);
            }
        }
        Ok(standing)
    }

    /// Rows of these tables with `after < lsn ≤ ceiling`, lowest first, from one snapshot: at
    /// most [`CHUNK_ROWS_MAX`], and not many more bytes than a chunk of the feed may have.
    ///
    /// # Errors
    /// The database failed.
    pub async fn page(
        &self,
        scope: &ScopeKey,
        tables: &[&'static TableSpec],
        after: Lsn,
        ceiling: Option<Lsn>,
    ) -> Result<Page, Error> {
        let mut snapshot = self.reader.begin().await?;
        let mut page = Page {
            rows: Vec::new(),
            exhausted: true,
        };
        // No row behind the last one read of a table that has more may be sent before those.
        let mut horizon = Lsn::MAX;
        for table in tables {
            let before = page.rows.len();
            let (rows, all) = self
                .table_page(&mut snapshot, table, scope, after, ceiling)
                .await?;
            page.rows.extend(rows);
            if !all {
                page.exhausted = false;
                let last = page.rows[before..].last().map_or(after, |row| row.lsn);
                horizon = horizon.min(last);
            }
        }
        page.rows.retain(|row| row.lsn <= horizon);
        page.rows.sort_by_key(|row| row.lsn);
        if page.rows.len() > CHUNK_ROWS_MAX {
            page.rows.truncate(CHUNK_ROWS_MAX);
            page.exhausted = false;
        }
        Ok(page)
    }

    /// The next rows of one table, and whether they are all there are.
    async fn table_page(
        &self,
        snapshot: &mut SqliteConnection,
        table: &TableSpec,
        scope: &ScopeKey,
        after: Lsn,
        ceiling: Option<Lsn>,
    ) -> Result<(Vec<Row>, bool), Error> {
        // One more than is sent, so that "there are no more" is known and not guessed.
        let limit = i64::try_from(CHUNK_ROWS_MAX + 1).unwrap_or(i64::MAX);
        let query = self.statements.feed(table, scope, after, ceiling, limit)?;
        let mut found = query.fetch(snapshot);
        let mut rows = Vec::new();
        let mut bytes = 0;
        while let Some(row) = found.try_next().await? {
            if rows.len() == CHUNK_ROWS_MAX || bytes > CHUNK_BYTES_MAX {
                return Ok((rows, false));
            }
            let row = read_row(table, &row)?;
            bytes += row
                .fields
                .values()
                .filter_map(text)
                .map(String::len)
                .sum::<usize>();
            rows.push(row);
        }
        Ok((rows, true))
    }
}

async fn change_at(
    snapshot: &mut SqliteConnection,
    scope: &ScopeKey,
    lsn: Lsn,
) -> Result<Option<Id>, Error> {
    let found = sqlx::query("SELECT op_id FROM outcomes WHERE scope = ? AND lsn = ?")
        .bind(scope.as_str())
        .bind(to_sql(lsn))
        .fetch_optional(snapshot)
        .await?;
    found
        .map(|row| id_from_sql(row.try_get("op_id")?))
        .transpose()
}
