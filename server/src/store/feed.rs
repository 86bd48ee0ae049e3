//! What a session reads: where its scopes end, what the history says, and rows by position or by
//! day.

use super::statements::read_row;
use super::{ScopeKey, Store, from_sql, id_from_sql, to_sql};
use crate::error::Error;
use futures_util::TryStreamExt as _;
use sqlx::{AnyConnection, Row as _};
use sync::digest::Digest;
use sync::frame::Digests;
use sync::hub::session::{Found, Positions};
use sync::id::Id;
use sync::limits::{CHUNK_BYTES_MAX, CHUNK_ROWS_MAX, GROUP_BYTES_MAX, HEAD_ROWS_MAX};
use sync::row::Row;
use sync::scope::{Lsn, Marker, Scope};
use sync::table::{TableSpec, text};

impl Store {
    /// Where these scopes end and begin, and which changes have the positions claimed, from one
    /// snapshot.
    ///
    /// # Errors
    /// The database failed.
    pub async fn positions(
        &self,
        scopes: &[(Scope, ScopeKey)],
        claims: &[(Scope, Marker)],
    ) -> Result<Positions, Error> {
        let mut snapshot = self.snapshot().await?;
        positions_in(&mut snapshot, scopes, claims).await
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
    ) -> Result<Found, Error> {
        let nothing = |(end, floor)| Found {
            rows: Vec::new(),
            exhausted: true,
            end,
            floor,
        };
        // Most who look find nothing new. A single statement tells them, of one moment by itself.
        let found = nothing(end_of(&mut *self.reader.acquire().await?, scope).await?);
        if found.end.lsn <= after {
            return Ok(found);
        }
        let mut snapshot = self.snapshot().await?;
        let mut found = nothing(end_of(&mut snapshot, scope).await?);
        // No row behind the last one read of a table that has more may be sent before those.
        let mut horizon = Lsn::MAX;
        for table in tables {
            let before = found.rows.len();
            let (rows, all) = self
                .table_page(&mut snapshot, table, scope, after, ceiling)
                .await?;
            found.rows.extend(rows);
            if !all {
                found.exhausted = false;
                let last = found.rows[before..].last().map_or(after, |row| row.lsn);
                horizon = horizon.min(last);
            }
        }
        found.rows.retain(|row| row.lsn <= horizon);
        found.rows.sort_by_key(|row| row.lsn);
        if found.rows.len() > CHUNK_ROWS_MAX {
            found.rows.truncate(CHUNK_ROWS_MAX);
            found.exhausted = false;
        }
        Ok(found)
    }

    /// The next rows of one table, and whether they are all there are.
    async fn table_page(
        &self,
        snapshot: &mut AnyConnection,
        table: &TableSpec,
        scope: &ScopeKey,
        after: Lsn,
        ceiling: Option<Lsn>,
    ) -> Result<(Vec<Row>, bool), Error> {
        // One more than is sent, so that "there are no more" is known and not guessed.
        let limit = i64::try_from(CHUNK_ROWS_MAX + 1).unwrap_or(i64::MAX);
        let query = self.statements.feed(table, scope, after, ceiling, limit)?;
        let mut found = query.fetch(snapshot);
        let mut rows: Vec<Row> = Vec::new();
        let mut bytes = 0;
        while let Some(row) = found.try_next().await? {
            if rows.len() == CHUNK_ROWS_MAX {
                return Ok((rows, false));
            }
            let row = read_row(table, &row)?;
            // A group is read whole where it can be sent whole.
            let follows = row.group.is_some() && rows.last().is_some_and(|r| r.group == row.group);
            let bytes_max = if follows {
                GROUP_BYTES_MAX
            } else {
                CHUNK_BYTES_MAX
            };
            let texts = row.fields.values().filter_map(text);
            bytes += texts.map(String::len).sum::<usize>();
            if bytes > bytes_max && !rows.is_empty() {
                return Ok((rows, false));
            }
            rows.push(row);
        }
        Ok((rows, true))
    }

    /// The newest living rows of a table that has a day, by that day.
    ///
    /// # Errors
    /// The database failed.
    pub async fn newest(&self, scope: &ScopeKey, table: &TableSpec) -> Result<Vec<Row>, Error> {
        let limit = i64::try_from(HEAD_ROWS_MAX).unwrap_or(i64::MAX);
        let query = self.statements.head(table, scope, limit)?;
        let found = query.fetch_all(&self.reader).await?;
        found.iter().map(|row| read_row(table, row)).collect()
    }

    /// The digests of the tables asked about, as far as these scopes hold them, and where the
    /// scopes end, from one snapshot.
    ///
    /// # Errors
    /// The database failed.
    pub async fn digests(
        &self,
        scopes: &[(Scope, ScopeKey)],
        asked: &Digests,
    ) -> Result<(Positions, Digests), Error> {
        let mut snapshot = self.snapshot().await?;
        let positions = positions_in(&mut snapshot, scopes, &[]).await?;
        let mut digests = Digests::new();
        for (scope, key) in scopes {
            let names = asked
                .get(scope)
                .into_iter()
                .flat_map(|tables| tables.keys());
            let tables = names.filter_map(|name| domain::SCHEMA.table(name));
            for table in tables.filter(|table| table.lives_in(scope.as_str())) {
                let digest = self.digest(&mut snapshot, key, table).await?;
                let digests = digests.entry(scope.clone()).or_default();
                digests.insert(table.name.to_owned(), digest);
            }
        }
        Ok((positions, digests))
    }

    async fn digest(
        &self,
        snapshot: &mut AnyConnection,
        scope: &ScopeKey,
        table: &TableSpec,
    ) -> Result<Digest, Error> {
        let mut found = self.statements.places(table, scope)?.fetch(snapshot);
        let mut digest = Digest::default();
        let mut row = Row::empty(table.name, Id::NIL);
        while let Some(place) = found.try_next().await? {
            row.key = id_from_sql(place.try_get("key")?)?;
            row.lsn = from_sql(place.try_get("lsn")?)?;
            digest.add(&row);
        }
        Ok(digest)
    }
}

async fn positions_in(
    snapshot: &mut AnyConnection,
    scopes: &[(Scope, ScopeKey)],
    claims: &[(Scope, Marker)],
) -> Result<Positions, Error> {
    let mut positions = Positions::default();
    for (scope, key) in scopes {
        let (end, floor) = end_of(snapshot, key).await?;
        positions.ceilings.insert(scope.clone(), end);
        positions.floors.insert(scope.clone(), floor);
    }
    for (scope, marker) in claims {
        let Some((_, key)) = scopes.iter().find(|(known, _)| known == scope) else {
            continue;
        };
        if let Some(op_id) = change_at(snapshot, key, marker.lsn).await? {
            let claimed = (scope.clone(), marker.lsn);
            positions.history.insert(claimed, op_id);
        }
    }
    Ok(positions)
}

/// Where a scope ends, and up to where it was cleared out.
async fn end_of(snapshot: &mut AnyConnection, scope: &ScopeKey) -> Result<(Marker, Lsn), Error> {
    let found = sqlx::query(
        "SELECT scopes.lsn, floor, op_id FROM scopes LEFT JOIN outcomes \
         ON outcomes.scope = scopes.scope AND outcomes.lsn = scopes.lsn \
         WHERE scopes.scope = $1",
    )
    .bind(scope.as_str())
    .fetch_optional(snapshot)
    .await?;
    let Some(found) = found else {
        return Ok((Marker::START, 0));
    };
    let lsn = from_sql(found.try_get("lsn")?)?;
    let op_id: Option<String> = found.try_get("op_id")?;
    let op_id = op_id.map(|op_id| id_from_sql(&op_id)).transpose()?;
    let op_id = op_id.unwrap_or(Id::NIL);
    Ok((Marker { lsn, op_id }, from_sql(found.try_get("floor")?)?))
}

async fn change_at(
    snapshot: &mut AnyConnection,
    scope: &ScopeKey,
    lsn: Lsn,
) -> Result<Option<Id>, Error> {
    let found = sqlx::query("SELECT op_id FROM outcomes WHERE scope = $1 AND lsn = $2")
        .bind(scope.as_str())
        .bind(to_sql(lsn))
        .fetch_optional(snapshot)
        .await?;
    found
        .map(|row| id_from_sql(row.try_get("op_id")?))
        .transpose()
}
