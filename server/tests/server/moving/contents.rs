//! Everything that a database holds, read without the code that moves it.

use crate::database::Database;
use server::store::dialect::Dialect;
use server::store::moving::Moved;
use sqlx::{AnyPool, AssertSqlSafe, Row as _};
use std::collections::BTreeMap;

/// Rows by table; each value as a text.
pub(super) type Contents = BTreeMap<String, Vec<Vec<String>>>;

/// The tables' names.
pub(super) async fn tables_of(database: &Database) -> Vec<String> {
    let tables = match database.dialect() {
        Dialect::Sqlite => "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1",
        Dialect::Postgres => {
            "SELECT relname::text COLLATE \"C\" FROM pg_class WHERE relkind = 'r' \
             AND relnamespace = 'public'::regnamespace ORDER BY 1"
        }
    };
    let pool = database.pool().await;
    sqlx::query_scalar(tables)
        .fetch_all(&pool)
        .await
        .expect("names")
}

async fn columns_of(pool: &AnyPool, dialect: Dialect, table: &str) -> Vec<(String, String)> {
    let columns = match dialect {
        Dialect::Sqlite => "SELECT name, type FROM pragma_table_info($1) ORDER BY name",
        Dialect::Postgres => {
            "SELECT attname::text COLLATE \"C\", atttypid::regtype::text FROM pg_attribute \
             WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY 1"
        }
    };
    let columns = sqlx::query_as(columns).bind(table.to_owned());
    columns.fetch_all(pool).await.expect("columns")
}

/// A column as a text that says the same in both databases.
fn as_text(dialect: Dialect, column: &str, kind: &str) -> String {
    match (dialect, kind) {
        (Dialect::Sqlite, "BLOB") => format!("hex({column})"),
        (Dialect::Sqlite, _) => format!("CAST({column} AS TEXT)"),
        (Dialect::Postgres, "bytea") => format!("upper(encode({column}, 'hex'))"),
        (Dialect::Postgres, "boolean") => format!("{column}::int::text"),
        (Dialect::Postgres, _) => format!("{column}::text"),
    }
}

/// Everything but the notes on migrations, which each database makes for itself.
pub(super) async fn contents(database: &Database) -> Contents {
    let (pool, dialect) = (database.pool().await, database.dialect());
    let mut contents = Contents::new();
    for table in tables_of(database).await {
        if table == "_sqlx_migrations" {
            continue;
        }
        let columns = columns_of(&pool, dialect, &table).await;
        let parts = columns.iter().map(|(name, kind)| {
            let value = as_text(dialect, name, kind);
            // A NULL that is no text, and a text that is no NULL.
            format!("CASE WHEN {name} IS NULL THEN 'N' ELSE 'V' || {value} END AS {name}")
        });
        let query = format!(
            "SELECT {} FROM {table}",
            parts.collect::<Vec<_>>().join(", ")
        );
        let rows = sqlx::query(AssertSqlSafe(query)).fetch_all(&pool).await;
        let rows = rows.expect("rows");
        let rows = rows.iter().map(|row| {
            let values = columns
                .iter()
                .map(|(name, _)| row.get::<String, _>(name.as_str()));
            values.map(plain_json).collect::<Vec<_>>()
        });
        let mut rows: Vec<_> = rows.collect();
        rows.sort();
        contents.insert(table, rows);
    }
    contents
}

/// PostgreSQL writes JSON in its own way.
fn plain_json(value: String) -> String {
    let json = value
        .strip_prefix('V')
        .map(serde_json::from_str::<serde_json::Value>);
    match json {
        Some(Ok(mut json)) => {
            json.sort_all_objects();
            format!("J{json}")
        }
        _ => value,
    }
}

/// Checks that both databases hold the same, and that each table was told.
pub(super) async fn check_same(here: &Database, there: &Database, told: &[Moved]) {
    let (ours, theirs) = (contents(here).await, contents(there).await);
    assert!(ours.keys().eq(theirs.keys()), "other tables");
    for (table, rows) in &ours {
        assert_eq!(rows.len(), theirs[table].len(), "rows of {table}");
        let differing = rows.iter().zip(&theirs[table]).find(|(a, b)| a != b);
        assert_eq!(differing, None, "{table}");
    }
    let told = told.iter().map(|moved| {
        let rows = usize::try_from(moved.rows).expect("a number");
        (&moved.table, rows)
    });
    let told: BTreeMap<_, _> = told.collect();
    let counted = ours.iter().map(|(table, rows)| (table, rows.len()));
    assert_eq!(told, counted.collect());
}
