//! The tables that both databases have, and a row on its way between them: as the text of one
//! JSON object, which is the same on both sides if the row is.

use super::error::MoveError;
use crate::store::dialect::{Dialect, read_flag};
use crate::store::schema::columns;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::{Map, Value};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// A table that is carried.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: String,
    /// The columns by which a person finds a row.
    pub(super) key: Vec<String>,
    columns: BTreeMap<String, Kind>,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Integer,
    Boolean,
    Bytes,
    /// Text in SQLite. PostgreSQL puts it in an order of its own, so it is compared by what it says.
    Json,
}

impl Kind {
    /// What a column of these types, in SQLite and in PostgreSQL, holds.
    fn of(here: &str, there: &str) -> Option<Self> {
        match (here, there) {
            ("TEXT", "TEXT") => Some(Self::Text),
            ("INTEGER", "BIGINT") => Some(Self::Integer),
            ("INTEGER", "BOOLEAN") => Some(Self::Boolean),
            ("BLOB", "BYTEA") => Some(Self::Bytes),
            ("TEXT", "JSONB") => Some(Self::Json),
            _ => None,
        }
    }

    fn read(self, row: &AnyRow, column: &str) -> sqlx::Result<Value> {
        Ok(match self {
            Self::Text => row.try_get::<Option<String>, _>(column)?.into(),
            Self::Integer => row.try_get::<Option<i64>, _>(column)?.into(),
            Self::Boolean => read_flag(row, column)?.into(),
            Self::Bytes => {
                let bytes = row.try_get::<Option<Vec<u8>>, _>(column)?;
                bytes.map(|bytes| as_bytea(&bytes)).into()
            }
            Self::Json => {
                let text = row.try_get::<Option<String>, _>(column)?;
                let value = text.map(|text| serde_json::from_str::<Value>(&text));
                let value = value
                    .transpose()
                    .map_err(|source| no_json(column, source))?;
                let mut value = value.unwrap_or_default();
                value.sort_all_objects();
                value
            }
        })
    }
}

/// Bytes as PostgreSQL reads them in a text.
fn as_bytea(bytes: &[u8]) -> String {
    bytes.iter().fold("\\x".to_owned(), |mut text, byte| {
        // A `String` takes whatever is written into it.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn no_json(column: &str, source: serde_json::Error) -> sqlx::Error {
    sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: source.into(),
    }
}

/// A row on its way.
#[derive(Debug)]
pub(super) struct Row {
    values: Map<String, Value>,
    text: String,
}

impl Row {
    fn of(values: Map<String, Value>) -> Self {
        Self {
            text: Value::Object(values.clone()).to_string(),
            values,
        }
    }

    /// All values, as one JSON object.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn value(&self, column: &str) -> &Value {
        &self.values[column]
    }

    /// The columns that hold the character NUL.
    pub(super) fn columns_with_nul(&self) -> impl Iterator<Item = &str> {
        let with_nul = self.values.iter().filter(|(_, value)| has_nul(value));
        with_nul.map(|(column, _)| column.as_str())
    }
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(has_nul),
        Value::Object(values) => {
            let mut values = values.iter();
            values.any(|(name, value)| name.contains('\0') || has_nul(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

impl Table {
    /// Names of its columns, for a statement.
    pub(super) fn column_list(&self) -> String {
        let names = self.columns.keys().map(|name| format!("\"{name}\""));
        names.collect::<Vec<_>>().join(", ")
    }

    /// All its rows, in no order, read as they are asked for.
    pub(super) fn rows<'c>(
        &'c self,
        connection: &'c mut AnyConnection,
        dialect: Dialect,
    ) -> BoxStream<'c, sqlx::Result<Row>> {
        let parts = self.columns.iter().map(|(name, kind)| match kind {
            Kind::Json => dialect.json_text(&format!("\"{name}\"")),
            _ => format!("\"{name}\""),
        });
        let parts = parts.collect::<Vec<_>>().join(", ");
        let query = format!("SELECT {parts} FROM \"{}\"", self.name);
        let found = sqlx::query(AssertSqlSafe(query)).fetch(connection);
        found.and_then(async |row| self.read(&row)).boxed()
    }

    fn read(&self, row: &AnyRow) -> sqlx::Result<Row> {
        let columns = self.columns.iter();
        let values = columns.map(|(name, kind)| Ok((name.clone(), kind.read(row, name)?)));
        Ok(Row::of(values.collect::<sqlx::Result<_>>()?))
    }
}

/// The names of all tables but the one where migrations are noted, which each database has for
/// itself.
pub(super) async fn names(
    connection: &mut AnyConnection,
    dialect: Dialect,
) -> sqlx::Result<BTreeSet<String>> {
    let names = sqlx::query_scalar(dialect.tables()).fetch_all(connection);
    Ok(names.await?.into_iter().collect())
}

/// The tables of both databases, parents first.
pub(super) async fn shared(
    here: &mut AnyConnection,
    there: &mut AnyConnection,
) -> Result<Vec<Table>, MoveError> {
    let ours = names(here, Dialect::Sqlite).await;
    let ours = ours.map_err(MoveError::Source)?;
    let theirs = names(there, Dialect::Postgres).await;
    let theirs = theirs.map_err(MoveError::Target)?;
    if let Some(name) = ours.symmetric_difference(&theirs).next() {
        let side = if ours.contains(name) {
            "SQLite"
        } else {
            "PostgreSQL"
        };
        return Err(MoveError::Schemas(format!(
            "only {side} has a table {name}"
        )));
    }
    let references = references(there).await.map_err(MoveError::Target)?;
    let mut tables = Vec::new();
    for name in parents_first(ours, &references) {
        tables.push(table(here, there, name).await?);
    }
    Ok(tables)
}

async fn table(
    here: &mut AnyConnection,
    there: &mut AnyConnection,
    name: String,
) -> Result<Table, MoveError> {
    let ours = columns(here, Dialect::Sqlite, &name).await;
    let ours = ours.map_err(MoveError::Source)?;
    let theirs = columns(there, Dialect::Postgres, &name).await;
    let theirs = theirs.map_err(MoveError::Target)?;
    if !ours.keys().eq(theirs.keys()) {
        let what = format!("the table {name} has other columns in SQLite than in PostgreSQL");
        return Err(MoveError::Schemas(what));
    }
    let kinds = ours
        .iter()
        .zip(theirs)
        .map(|((column, ours), (_, theirs))| {
            let kind = Kind::of(&ours.kind, &theirs.kind).ok_or_else(|| {
                MoveError::Schemas(format!(
                    "{name}.{column} is {} in SQLite and {} in PostgreSQL, which is not known here",
                    ours.kind, theirs.kind
                ))
            });
            Ok((column.clone(), kind?))
        });
    let columns = kinds.collect::<Result<_, MoveError>>()?;
    let key = "SELECT name FROM pragma_table_info($1) WHERE pk > 0 ORDER BY pk";
    let key = sqlx::query_scalar(key).bind(name.clone()).fetch_all(here);
    let key = key.await.map_err(MoveError::Source)?;
    Ok(Table { name, key, columns })
}

/// Which table refers to which.
async fn references(there: &mut AnyConnection) -> sqlx::Result<Vec<(String, String)>> {
    let references = "SELECT child.relname::text, parent.relname::text FROM pg_constraint AS one \
                      JOIN pg_class AS child ON child.oid = one.conrelid \
                      JOIN pg_class AS parent ON parent.oid = one.confrelid \
                      WHERE one.contype = 'f' AND one.connamespace = current_schema()::regnamespace";
    sqlx::query_as(references).fetch_all(there).await
}

/// Orders tables so that no row is written before the rows that it refers to.
fn parents_first(mut waiting: BTreeSet<String>, references: &[(String, String)]) -> Vec<String> {
    let mut placed = Vec::new();
    while !waiting.is_empty() {
        let waits = |name: &String| {
            let mut parents = references.iter().filter(|(child, _)| child == name);
            parents.any(|(_, parent)| parent != name && waiting.contains(parent))
        };
        let (later, now): (BTreeSet<_>, BTreeSet<_>) = waiting.iter().cloned().partition(waits);
        // Tables that refer to each other have no order; what PostgreSQL says of them is told.
        let (later, now) = if now.is_empty() {
            (now, later)
        } else {
            (later, now)
        };
        placed.extend(now);
        waiting = later;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_come_first_and_a_circle_ends() {
        let check = |names: &[&str], references: &[(&str, &str)], expected: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            let references = references.iter();
            let references = references.map(|(c, p)| ((*c).to_owned(), (*p).to_owned()));
            let placed = parents_first(names, &references.collect::<Vec<_>>());
            assert_eq!(placed, expected);
        };
        check(
            &["a", "b", "c"],
            &[("a", "c"), ("c", "b")],
            &["b", "c", "a"],
        );
        check(&["a", "b"], &[("a", "a"), ("a", "b")], &["b", "a"]);
        check(
            &["a", "b", "c"],
            &[("a", "b"), ("b", "a")],
            &["c", "a", "b"],
        );
    }

    #[test]
    fn nul_is_found_wherever_it_stands() {
        for (text, expected) in [
            (r#"{"a":"b"}"#, false),
            (r#"{"a":"\\u0000"}"#, false),
            (r#"{"a":"b\u0000"}"#, true),
            (r#"{"a":{"b":["\u0000"]}}"#, true),
            (r#"{"a":{"\u0000":1}}"#, true),
        ] {
            let value: Map<_, _> = serde_json::from_str(text).expect(text);
            let row = Row::of(value);
            assert_eq!(row.columns_with_nul().eq(["a"]), expected, "{text}");
        }
    }
}
