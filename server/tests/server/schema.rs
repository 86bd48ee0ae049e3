//! The tables that migrations make are those that the declarations ask for, in both databases.

use crate::database::Database;
use server::store::check::faults;
use server::store::dialect::Dialect;
use server::store::schema::{AROUND, Column, columns};
use sqlx::{AnyPool, AssertSqlSafe};
use std::collections::{BTreeMap, BTreeSet};
use sync::value::FieldKind;

/// A database with its schema and nothing else.
async fn migrated(database: &Database) -> AnyPool {
    database.store().await.close().await;
    database.pool().await
}

async fn columns_of(pool: &AnyPool, dialect: Dialect, table: &str) -> BTreeMap<String, Column> {
    let mut connection = pool.acquire().await.expect("a connection");
    let found = columns(&mut connection, dialect, table).await;
    found.expect("the table's columns")
}

#[tokio::test]
async fn every_table_has_the_columns_of_its_declaration_and_no_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = Database::new(folder.path()).await;
    let pool = migrated(&database).await;
    let dialect = database.dialect();
    let found = faults(&database.url).await.expect("an answer");
    assert_eq!(found, [""; 0], "add this to a new migration of {dialect:?}");
    for table in domain::SCHEMA.tables {
        let fields = table.fields.iter().map(|field| field.name);
        let known: BTreeSet<&str> = fields.chain(AROUND).collect();
        let columns = columns_of(&pool, dialect, table.name).await;
        let extra = columns.keys().find(|name| !known.contains(name.as_str()));
        assert_eq!(extra, None, "drop this column of {}", table.name);
    }
}

#[tokio::test]
async fn a_missing_column_is_named_by_the_statement_that_adds_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = Database::new(folder.path()).await;
    let pool = migrated(&database).await;
    let number = database.dialect().column_type(FieldKind::Integer);
    for (column, kind) in [("prompt_text", "TEXT"), ("trashed_at", number)] {
        let drop = format!("ALTER TABLE journal_entries DROP COLUMN {column}");
        let dropped = sqlx::query(AssertSqlSafe(drop)).execute(&pool).await;
        dropped.expect("dropped");
        let statement = format!("ALTER TABLE journal_entries ADD COLUMN {column} {kind};");
        let found = faults(&database.url).await.expect("an answer");
        let told = format!("journal_entries.{column} is missing: {statement}");
        assert_eq!(found, [told]);
        // And it does what it says.
        let added = sqlx::query(AssertSqlSafe(statement)).execute(&pool);
        added.await.expect("added");
        assert_eq!(faults(&database.url).await.expect("an answer"), [""; 0]);
    }
}

#[tokio::test]
async fn several_programs_may_start_on_one_new_database_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = Database::new(folder.path()).await;
    let starts = (0..4).map(|_| database.store());
    let stores = futures_util::future::join_all(starts).await;
    for store in stores {
        assert_eq!(store.is_migrated().await.ok(), Some(true));
        store.close().await;
    }
}

#[tokio::test]
async fn the_library_comes_with_prompts_that_have_positions_without_gaps() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = Database::new(folder.path()).await;
    let pool = migrated(&database).await;
    let (prompts, categories): (i64, i64) =
        sqlx::query_as("SELECT count(*), count(DISTINCT category) FROM prompts")
            .fetch_one(&pool)
            .await
            .expect("counts");
    assert!(
        prompts >= 40 && categories >= 10,
        "{prompts} prompts in {categories} categories"
    );
    let positions: Vec<(i64, String)> =
        sqlx::query_as("SELECT lsn, op_id FROM prompts WHERE scope = 'library' ORDER BY lsn")
            .fetch_all(&pool)
            .await
            .expect("positions");
    let history: Vec<(i64, String)> =
        sqlx::query_as("SELECT lsn, op_id FROM outcomes WHERE scope = 'library' ORDER BY lsn")
            .fetch_all(&pool)
            .await
            .expect("history");
    assert_eq!(positions, history);
    assert!(positions.iter().map(|(lsn, _)| *lsn).eq(1..=prompts));
    let end: i64 = sqlx::query_scalar("SELECT lsn FROM scopes WHERE scope = 'library'")
        .fetch_one(&pool)
        .await
        .expect("the end");
    assert_eq!(end, prompts);
}

#[tokio::test]
async fn both_databases_have_the_same_tables_and_the_same_library() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, server) = (
        Database::in_file(folder.path()),
        Database::on_postgres().await,
    );
    let (here, there) = (migrated(&file).await, migrated(&server).await);
    for rows in [
        "SELECT key || category || text || lsn || op_id FROM prompts ORDER BY lsn",
        "SELECT op_id || lsn || outcome || at_ms FROM outcomes ORDER BY lsn",
    ] {
        assert_eq!(texts(&here, rows).await, texts(&there, rows).await);
    }
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1";
    let theirs = "SELECT tablename::text COLLATE \"C\" FROM pg_tables \
                  WHERE schemaname = 'public' ORDER BY 1";
    let tables = texts(&here, tables).await;
    assert_eq!(tables, texts(&there, theirs).await);
    for table in tables.iter().filter(|name| *name != "_sqlx_migrations") {
        let here = columns_of(&here, Dialect::Sqlite, table).await;
        let there = columns_of(&there, Dialect::Postgres, table).await;
        assert!(here.keys().eq(there.keys()), "{table}: {here:?} {there:?}");
    }
}

#[tokio::test]
async fn what_is_looked_up_or_put_in_order_sorts_by_bytes_whatever_the_databases_language() {
    let database = Database::on_postgres().await;
    let odd: Vec<String> = sqlx::query_scalar(
        "SELECT i.indexrelid::regclass::text || '.' || a.attname FROM pg_index AS i \
         JOIN pg_class AS c ON c.oid = i.indrelid AND c.relnamespace = 'public'::regnamespace \
         JOIN pg_attribute AS a ON a.attrelid = i.indexrelid \
         WHERE a.atttypid = 'text'::regtype AND a.attcollation <> '\"C\"'::regcollation",
    )
    .fetch_all(&migrated(&database).await)
    .await
    .expect("columns of indexes");
    assert!(odd.is_empty(), "these are not COLLATE \"C\": {odd:?}");
}

/// What a query finds, as texts.
async fn texts(pool: &AnyPool, query: &'static str) -> Vec<String> {
    let found: Vec<String> = sqlx::query_scalar(query)
        .fetch_all(pool)
        .await
        .expect(query);
    assert!(!found.is_empty());
    found
}
