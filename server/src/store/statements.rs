//! The SQL of synced tables, made once from their declarations.
//!
//! Only names from the declarations get into the text, and those are Rust identifiers or
//! literals in our own code; every value is bound.

use super::{ScopeKey, from_sql, id_from_sql, to_sql};
use crate::error::Error;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{AssertSqlSafe, Row as _, Sqlite};
use std::collections::BTreeMap;
use std::sync::Arc;
use sync::id::Id;
use sync::row::Row;
use sync::scope::Lsn;
use sync::table::{FieldSpec, Schema, TableSpec};
use sync::value::{FieldKind, Fields, Value};

pub(super) type SqliteQuery = Query<'static, Sqlite, SqliteArguments>;

/// The statements of every synced table, by its name.
#[derive(Debug)]
pub(super) struct Statements(BTreeMap<&'static str, TableStatements>);

#[derive(Debug)]
struct TableStatements {
    /// Rows of a scope after one position and up to another, by position.
    feed: Arc<str>,
    /// One row.
    row: Arc<str>,
    /// Writes one row, over whatever was there.
    put: Arc<str>,
    /// The newest living rows of a scope, if the table has a day to go by.
    head: Option<Arc<str>>,
    /// Key and position of every living row of a scope.
    places: Arc<str>,
    /// Key, position, change and age of the tombstones of a scope up to a position.
    tombstones: Arc<str>,
    /// The same of its living rows.
    living: Arc<str>,
    /// Takes one row away for good.
    remove: Arc<str>,
}

/// The type of the column that holds a field.
pub(super) const fn column_type(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Text { .. } | FieldKind::Day | FieldKind::Id => "TEXT",
        FieldKind::Integer | FieldKind::Boolean => "INTEGER",
    }
}

impl Statements {
    pub(super) fn of(schema: &'static Schema) -> Self {
        Self(
            schema
                .tables
                .iter()
                .map(|table| (table.name, TableStatements::of(table)))
                .collect(),
        )
    }

    /// Reads rows with `after < lsn ≤ ceiling`, by position.
    pub(super) fn feed(
        &self,
        table: &TableSpec,
        scope: &ScopeKey,
        after: Lsn,
        ceiling: Option<Lsn>,
        limit: i64,
    ) -> Result<SqliteQuery, Error> {
        let ceiling = ceiling.map_or(i64::MAX, to_sql);
        let query = query(&self.table(table)?.feed, scope);
        Ok(query.bind(to_sql(after)).bind(ceiling).bind(limit))
    }

    /// Reads one row.
    pub(super) fn row(
        &self,
        table: &TableSpec,
        scope: &ScopeKey,
        key: Id,
    ) -> Result<SqliteQuery, Error> {
        Ok(query(&self.table(table)?.row, scope).bind(key.to_string()))
    }

    /// Reads the newest living rows, by day.
    pub(super) fn head(
        &self,
        table: &TableSpec,
        scope: &ScopeKey,
        limit: i64,
    ) -> Result<SqliteQuery, Error> {
        let head = self.table(table)?.head.as_ref();
        let head = head.ok_or(Error::Internal("the newest rows of a table without days"))?;
        Ok(query(head, scope).bind(limit))
    }

    /// Reads key and position of every living row.
    pub(super) fn places(&self, table: &TableSpec, scope: &ScopeKey) -> Result<SqliteQuery, Error> {
        Ok(query(&self.table(table)?.places, scope))
    }

    /// Reads `key`, `lsn` and `op_id` of tombstones, or of living rows, up to a position, by
    /// position, and in `at_ms` when they were written by the server's clock.
    pub(super) fn aged(
        &self,
        table: &TableSpec,
        scope: &ScopeKey,
        deleted: bool,
        up_to: Lsn,
        limit: i64,
    ) -> Result<SqliteQuery, Error> {
        let made = self.table(table)?;
        let text = if deleted {
            &made.tombstones
        } else {
            &made.living
        };
        Ok(query(text, scope).bind(to_sql(up_to)).bind(limit))
    }

    /// Takes one row away for good.
    pub(super) fn remove(
        &self,
        table: &TableSpec,
        scope: &ScopeKey,
        key: Id,
    ) -> Result<SqliteQuery, Error> {
        Ok(query(&self.table(table)?.remove, scope).bind(key.to_string()))
    }

    /// Writes one row.
    pub(super) fn put(
        &self,
        table: &TableSpec,
        scope: &ScopeKey,
        row: &Row,
    ) -> Result<SqliteQuery, Error> {
        let stamps = serde_json::to_string(&row.stamps);
        let stamps = stamps.map_err(|_| Error::corrupt("stamps that cannot be written"))?;
        let mut query = query(&self.table(table)?.put, scope)
            .bind(row.key.to_string())
            .bind(to_sql(row.lsn))
            .bind(row.op_id.to_string())
            .bind(i64::from(row.deleted))
            .bind(stamps)
            .bind(row.group.map(|group| group.to_string()));
        for field in table.fields {
            query = bind_field(query, field, &row.fields);
        }
        Ok(query)
    }

    fn table(&self, table: &TableSpec) -> Result<&TableStatements, Error> {
        self.0
            .get(table.name)
            .ok_or(Error::Internal("a table without statements"))
    }
}

/// A statement whose first hole is the scope.
fn query(text: &Arc<str>, scope: &ScopeKey) -> SqliteQuery {
    sqlx::query(AssertSqlSafe(Arc::clone(text))).bind(scope.as_str().to_owned())
}

impl TableStatements {
    fn of(table: &TableSpec) -> Self {
        let name = table.name;
        let fields = || table.fields.iter().map(|field| field.name);
        let names: String = fields().map(|field| format!(", \"{field}\"")).collect();
        let holes = ", ?".repeat(table.fields.len());
        let sets: String = fields()
            .map(|field| format!(", \"{field}\" = excluded.\"{field}\""))
            .collect();
        let columns = format!("key, lsn, op_id, deleted, stamps, group_id{names}");
        // Written out, so that SQLite sees that the index of tombstones will do.
        let aged = |deleted: u8| {
            format!(
                "SELECT r.key, r.lsn, r.op_id, coalesce(o.at_ms, 0) AS at_ms FROM \"{name}\" AS r \
                 LEFT JOIN outcomes AS o ON o.scope = r.scope AND o.lsn = r.lsn \
                 WHERE r.scope = ? AND r.deleted = {deleted} AND r.lsn <= ? \
                 ORDER BY r.lsn LIMIT ?"
            )
        };
        Self {
            feed: format!(
                "SELECT {columns} FROM \"{name}\" WHERE scope = ? AND lsn > ? AND lsn <= ? \
                 ORDER BY lsn LIMIT ?"
            )
            .into(),
            row: format!("SELECT {columns} FROM \"{name}\" WHERE scope = ? AND key = ?").into(),
            put: format!(
                "INSERT INTO \"{name}\" (scope, {columns}) VALUES (?, ?, ?, ?, ?, ?, ?{holes}) \
                 ON CONFLICT (scope, key) DO UPDATE SET lsn = excluded.lsn, \
                 op_id = excluded.op_id, deleted = excluded.deleted, \
                 stamps = excluded.stamps, group_id = excluded.group_id{sets}"
            )
            .into(),
            head: table.day().map(|day| {
                let head = format!(
                    "SELECT {columns} FROM \"{name}\" WHERE scope = ? AND deleted = 0 \
                     ORDER BY \"{day}\" DESC, key DESC LIMIT ?"
                );
                head.into()
            }),
            places: format!("SELECT key, lsn FROM \"{name}\" WHERE scope = ? AND deleted = 0")
                .into(),
            tombstones: aged(1).into(),
            living: aged(0).into(),
            remove: format!("DELETE FROM \"{name}\" WHERE scope = ? AND key = ?").into(),
        }
    }
}

fn bind_field(query: SqliteQuery, field: &FieldSpec, fields: &Fields) -> SqliteQuery {
    match (column_type(field.kind), fields.get(field.name)) {
        (_, Some(Value::Text(text))) => query.bind(text.clone()),
        (_, Some(Value::Integer(number))) => query.bind(*number),
        (_, Some(Value::Boolean(boolean))) => query.bind(i64::from(*boolean)),
        ("INTEGER", None | Some(Value::Null)) => query.bind(None::<i64>),
        (_, None | Some(Value::Null)) => query.bind(None::<String>),
    }
}

/// A row as it stands in the database.
pub(super) fn read_row(table: &TableSpec, found: &SqliteRow) -> Result<Row, Error> {
    let stamps: String = found.try_get("stamps")?;
    let deleted = found.try_get::<i64, _>("deleted")? != 0;
    let mut fields = Fields::new();
    if !deleted {
        for field in table.fields {
            fields.insert(field.name.to_owned(), read_field(field, found)?);
        }
    }
    Ok(Row {
        table: table.name.to_owned(),
        key: id_from_sql(found.try_get("key")?)?,
        lsn: from_sql(found.try_get("lsn")?)?,
        op_id: id_from_sql(found.try_get("op_id")?)?,
        deleted,
        fields,
        stamps: serde_json::from_str(&stamps)
            .map_err(|_| Error::corrupt("stamps that cannot be read"))?,
        group: found
            .try_get::<Option<String>, _>("group_id")?
            .map(|group| id_from_sql(&group))
            .transpose()?,
    })
}

fn read_field(field: &FieldSpec, found: &SqliteRow) -> Result<Value, Error> {
    Ok(match field.kind {
        FieldKind::Integer => found
            .try_get::<Option<i64>, _>(field.name)?
            .map_or(Value::Null, Value::Integer),
        FieldKind::Boolean => found
            .try_get::<Option<i64>, _>(field.name)?
            .map_or(Value::Null, |number| Value::Boolean(number != 0)),
        FieldKind::Text { .. } | FieldKind::Day | FieldKind::Id => found
            .try_get::<Option<String>, _>(field.name)?
            .map_or(Value::Null, Value::Text),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statements_name_every_field_of_the_declaration() {
        let statements = Statements::of(&domain::SCHEMA);
        for table in domain::SCHEMA.tables {
            let made = statements.table(table).expect("statements");
            for field in table.fields {
                let quoted = format!("\"{}\"", field.name);
                for text in [&made.feed, &made.row, &made.put] {
                    assert!(text.contains(&quoted), "{quoted} is missing in {text}");
                }
            }
        }
    }
}
