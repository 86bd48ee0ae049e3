//! The SQL of synced tables, made once from their declarations.
//!
//! Only names from the declarations get into the text, and those are Rust identifiers or
//! literals in our own code; every value is bound.

use super::dialect::{Dialect, read_flag};
use super::{ScopeKey, from_sql, id_from_sql, to_sql};
use crate::error::Error;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe, Row as _};
use std::collections::BTreeMap;
use std::sync::Arc;
use sync::id::Id;
use sync::row::Row;
use sync::scope::Lsn;
use sync::table::{FieldSpec, Schema, TableSpec};
use sync::value::{FieldKind, Fields, Value};

pub(super) type AnyQuery = Query<'static, Any, AnyArguments>;

/// The hole of a table's first field in what writes a row: what all tables have comes before.
const FIRST_FIELD_HOLE: usize = 8;

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
    /// The living rows of a scope after a key, by key.
    after_key: Arc<str>,
    /// Key and position of every living row of a scope.
    places: Arc<str>,
    /// Key, position, change and age of the tombstones of a scope up to a position.
    tombstones: Arc<str>,
    /// The same of its living rows.
    living: Arc<str>,
    /// Takes one row away for good.
    remove: Arc<str>,
}

impl Statements {
    pub(super) fn of(schema: &'static Schema, dialect: Dialect) -> Self {
        Self(
            schema
                .tables
                .iter()
                .map(|table| (table.name, TableStatements::of(table, dialect)))
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
    ) -> Result<AnyQuery, Error> {
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
    ) -> Result<AnyQuery, Error> {
        Ok(query(&self.table(table)?.row, scope).bind(key.to_string()))
    }

    /// Reads the newest living rows, by day.
    pub(super) fn head(
        &self,
        table: &TableSpec,
        scope: &ScopeKey,
        limit: i64,
    ) -> Result<AnyQuery, Error> {
        let head = self.table(table)?.head.as_ref();
        let head = head.ok_or(Error::Internal("the newest rows of a table without days"))?;
        Ok(query(head, scope).bind(limit))
    }

    /// Reads the next living rows after a key, by key.
    pub(super) fn after_key(
        &self,
        table: &TableSpec,
        scope: &ScopeKey,
        key: Option<Id>,
        limit: i64,
    ) -> Result<AnyQuery, Error> {
        let key = key.map_or_else(String::new, |key| key.to_string());
        let query = query(&self.table(table)?.after_key, scope);
        Ok(query.bind(key).bind(limit))
    }

    /// Reads key and position of every living row.
    pub(super) fn places(&self, table: &TableSpec, scope: &ScopeKey) -> Result<AnyQuery, Error> {
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
    ) -> Result<AnyQuery, Error> {
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
    ) -> Result<AnyQuery, Error> {
        Ok(query(&self.table(table)?.remove, scope).bind(key.to_string()))
    }

    /// Writes one row.
    pub(super) fn put(
        &self,
        table: &TableSpec,
        scope: &ScopeKey,
        row: &Row,
    ) -> Result<AnyQuery, Error> {
        let stamps = serde_json::to_string(&row.stamps);
        let stamps = stamps.map_err(|_| Error::corrupt("stamps that cannot be written"))?;
        let mut query = query(&self.table(table)?.put, scope)
            .bind(row.key.to_string())
            .bind(to_sql(row.lsn))
            .bind(row.op_id.to_string())
            .bind(row.deleted)
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
fn query(text: &Arc<str>, scope: &ScopeKey) -> AnyQuery {
    sqlx::query(AssertSqlSafe(Arc::clone(text))).bind(scope.as_str().to_owned())
}

impl TableStatements {
    fn of(table: &TableSpec, dialect: Dialect) -> Self {
        let name = table.name;
        let fields = || table.fields.iter().map(|field| field.name);
        let names: String = fields().map(|field| format!(", \"{field}\"")).collect();
        let sets: String = fields()
            .map(|field| format!(", \"{field}\" = excluded.\"{field}\""))
            .collect();
        let holes: String = (FIRST_FIELD_HOLE..)
            .take(table.fields.len())
            .map(|number| format!(", ${number}"))
            .collect();
        let stamps = dialect.json_text("stamps");
        let columns = format!("key, lsn, op_id, deleted, {stamps}, group_id{names}");
        // Truth values are written out, so that the planner sees that the partial index will do.
        let (living, dead) = (dialect.flag(false), dialect.flag(true));
        let aged = |deleted: &str| {
            format!(
                "SELECT r.key, r.lsn, r.op_id, coalesce(o.at_ms, 0) AS at_ms FROM \"{name}\" AS r \
                 LEFT JOIN outcomes AS o ON o.scope = r.scope AND o.lsn = r.lsn \
                 WHERE r.scope = $1 AND r.deleted = {deleted} AND r.lsn <= $2 \
                 ORDER BY r.lsn LIMIT $3"
            )
        };
        Self {
            feed: format!(
                "SELECT {columns} FROM \"{name}\" WHERE scope = $1 AND lsn > $2 AND lsn <= $3 \
                 ORDER BY lsn LIMIT $4"
            )
            .into(),
            row: format!("SELECT {columns} FROM \"{name}\" WHERE scope = $1 AND key = $2").into(),
            put: format!(
                "INSERT INTO \"{name}\" \
                 (scope, key, lsn, op_id, deleted, stamps, group_id{names}) \
                 VALUES ($1, $2, $3, $4, $5, {stamps}, $7{holes}) \
                 ON CONFLICT (scope, key) DO UPDATE SET lsn = excluded.lsn, \
                 op_id = excluded.op_id, deleted = excluded.deleted, \
                 stamps = excluded.stamps, group_id = excluded.group_id{sets}",
                stamps = dialect.json_hole(6)
            )
            .into(),
            head: table.day().map(|day| {
                let head = format!(
                    "SELECT {columns} FROM \"{name}\" WHERE scope = $1 AND deleted = {living} \
                     ORDER BY \"{day}\" DESC, key DESC LIMIT $2"
                );
                head.into()
            }),
            after_key: format!(
                "SELECT {columns} FROM \"{name}\" \
                 WHERE scope = $1 AND key > $2 AND deleted = {living} ORDER BY key LIMIT $3"
            )
            .into(),
            places: format!(
                "SELECT key, lsn FROM \"{name}\" WHERE scope = $1 AND deleted = {living}"
            )
            .into(),
            tombstones: aged(dead).into(),
            living: aged(living).into(),
            remove: format!("DELETE FROM \"{name}\" WHERE scope = $1 AND key = $2").into(),
        }
    }
}

/// Nothing, too, has a type.
fn bind_field(query: AnyQuery, field: &FieldSpec, fields: &Fields) -> AnyQuery {
    match (field.kind, fields.get(field.name)) {
        (_, Some(Value::Text(text))) => query.bind(text.clone()),
        (_, Some(Value::Integer(number))) => query.bind(*number),
        (_, Some(Value::Boolean(boolean))) => query.bind(*boolean),
        (FieldKind::Integer, None | Some(Value::Null)) => query.bind(None::<i64>),
        (FieldKind::Boolean, None | Some(Value::Null)) => query.bind(None::<bool>),
        (_, None | Some(Value::Null)) => query.bind(None::<String>),
    }
}

/// A row as it stands in the database.
pub(super) fn read_row(table: &TableSpec, found: &AnyRow) -> Result<Row, Error> {
    let stamps: String = found.try_get("stamps")?;
    let deleted = read_flag(found, "deleted")?.unwrap_or_default();
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

fn read_field(field: &FieldSpec, found: &AnyRow) -> Result<Value, Error> {
    Ok(match field.kind {
        FieldKind::Integer => found
            .try_get::<Option<i64>, _>(field.name)?
            .map_or(Value::Null, Value::Integer),
        FieldKind::Boolean => read_flag(found, field.name)?.map_or(Value::Null, Value::Boolean),
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
        for dialect in [Dialect::Sqlite, Dialect::Postgres] {
            let statements = Statements::of(&domain::SCHEMA, dialect);
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
}
