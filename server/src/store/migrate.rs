//! The schema's migrations, embedded in the program, and the check that the tables have what
//! their declarations say.

use crate::error::StartError;
use sqlx::SqlitePool;
use sqlx::migrate::Migrator;

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/sqlite");

/// Applies what this database has not seen yet.
pub(super) async fn run(writer: &SqlitePool) -> Result<(), StartError> {
    MIGRATIONS.run(writer).await.map_err(StartError::Migration)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::statements::column_type;
    use sqlx::Row as _;
    use sqlx::sqlite::SqlitePoolOptions;
    use std::collections::{BTreeMap, BTreeSet};
    use sync::table::TableSpec;

    const AROUND: [&str; 7] = [
        "scope", "key", "lsn", "op_id", "deleted", "stamps", "group_id",
    ];

    async fn empty() -> SqlitePool {
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .connect("sqlite::memory:")
            .await;
        pool.expect("a database")
    }

    async fn migrated() -> SqlitePool {
        let pool = empty().await;
        run(&pool).await.expect("migrations");
        pool
    }

    /// The statement that is missing for the table to have what its declaration says, if any.
    async fn missing(pool: &SqlitePool, table: &TableSpec) -> Option<String> {
        let rows = sqlx::query("SELECT name, type, \"notnull\" FROM pragma_table_info(?)")
            .bind(table.name)
            .fetch_all(pool)
            .await
            .expect("the table's columns");
        let columns: BTreeMap<String, (String, bool)> = rows
            .iter()
            .map(|row| (row.get(0), (row.get(1), row.get(2))))
            .collect();
        if columns.is_empty() {
            return Some(format!("CREATE TABLE {} (…) STRICT;", table.name));
        }
        for field in table.fields {
            let wanted = column_type(field.kind);
            match columns.get(field.name) {
                None => {
                    let (table, field) = (table.name, field.name);
                    return Some(format!("ALTER TABLE {table} ADD COLUMN {field} {wanted};"));
                }
                Some((found, not_null)) if found != wanted || *not_null => {
                    return Some(format!(
                        "-- {}.{} is {found}, and must be {wanted} and allow NULL (tombstones)",
                        table.name, field.name
                    ));
                }
                Some(_) => {}
            }
        }
        let around = AROUND.iter().find(|name| !columns.contains_key(**name));
        if let Some(name) = around {
            return Some(format!("-- {}.{name} is missing", table.name));
        }
        let fields = table.fields.iter().map(|field| field.name);
        let known: BTreeSet<&str> = fields.chain(AROUND).collect();
        let extra = columns.keys().find(|name| !known.contains(name.as_str()));
        extra.map(|name| format!("ALTER TABLE {} DROP COLUMN {name};", table.name))
    }

    #[tokio::test]
    async fn every_table_has_the_columns_of_its_declaration() {
        let pool = migrated().await;
        for table in domain::SCHEMA.tables {
            assert_eq!(
                missing(&pool, table).await,
                None,
                "add this to a new migration"
            );
        }
    }

    #[tokio::test]
    async fn a_missing_column_is_named_by_the_statement_that_adds_it() {
        let pool = migrated().await;
        sqlx::query("ALTER TABLE journal_entries DROP COLUMN prompt_text")
            .execute(&pool)
            .await
            .expect("dropped");
        let table = domain::SCHEMA.table("journal_entries").expect("entries");
        assert_eq!(
            missing(&pool, table).await.as_deref(),
            Some("ALTER TABLE journal_entries ADD COLUMN prompt_text TEXT;")
        );
    }

    #[tokio::test]
    async fn the_library_comes_with_prompts_that_have_positions_without_gaps() {
        let pool = migrated().await;
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

    /// Everything in a table, as one text a row.
    async fn contents(pool: &SqlitePool, columns: &str, table: &str) -> Vec<String> {
        let parts: Vec<_> = columns.split(' ').map(|c| format!("quote({c})")).collect();
        let statement = format!(
            "SELECT {} FROM {table} ORDER BY 1",
            parts.join(" || '|' || ")
        );
        sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
            .fetch_all(pool)
            .await
            .expect("contents")
    }

    #[tokio::test]
    async fn a_database_of_the_first_version_keeps_everything() {
        let pool = empty().await;
        MIGRATIONS
            .run_to(2, &pool)
            .await
            .expect("the first version");
        sqlx::raw_sql(
            "INSERT INTO users VALUES ('0000000000000000000001', 'ann@example.org', '$', 5); \
             INSERT INTO scopes VALUES ('own:0000000000000000000001', 2); \
             INSERT INTO journal_entries VALUES ('own:0000000000000000000001', \
             '0000000000000000000011', '2026-11-21', 'Rain', 'It rained.', NULL, 'Why?', 7, NULL, \
             1, '0000000000000000000021', 0, '{\"body\":\"s\"}'); \
             INSERT INTO journal_entries VALUES ('own:0000000000000000000001', \
             '0000000000000000000012', NULL, NULL, NULL, NULL, NULL, NULL, NULL, \
             2, '0000000000000000000022', 1, '{}'); \
             INSERT INTO outcomes VALUES ('own:0000000000000000000001', \
             '0000000000000000000021', 1, '{\"applied\":{\"lsn\":1}}', 8), \
             ('own:0000000000000000000001', '0000000000000000000022', 2, \
             '{\"applied\":{\"lsn\":2}}', 9), ('own:0000000000000000000001', \
             '0000000000000000000023', NULL, '{\"gone\":{\"message\":\"m\"}}', 9);",
        )
        .execute(&pool)
        .await
        .expect("a journal");
        let kept = [
            ("id email password_hash created_at_ms", "users"),
            ("scope lsn", "scopes"),
            (
                "scope key day title body prompt_id prompt_text written_at trashed_at lsn op_id \
                 deleted stamps",
                "journal_entries",
            ),
            (
                "scope key category text lsn op_id deleted stamps",
                "prompts",
            ),
            (
                "scope op_id lsn outcome at_ms",
                "outcomes WHERE lsn IS NOT NULL",
            ),
        ];
        let mut before = Vec::new();
        for (columns, table) in kept {
            before.push(contents(&pool, columns, table).await);
        }
        assert!(before.iter().all(|rows| !rows.is_empty()));
        run(&pool).await.expect("this version");
        for ((columns, table), before) in kept.iter().zip(before) {
            assert_eq!(contents(&pool, columns, table).await, before, "{table}");
        }
        assert_eq!(
            contents(&pool, "floor", "scopes").await,
            ["0", "0"],
            "nothing was cleared out yet"
        );
        assert_eq!(
            contents(&pool, "group_id", "journal_entries").await,
            ["NULL", "NULL"]
        );
        let unplaced = contents(&pool, "op_id", "outcomes WHERE lsn IS NULL").await;
        assert!(unplaced.is_empty(), "answers to what changed nothing");
    }
}
