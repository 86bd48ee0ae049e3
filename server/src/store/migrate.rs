//! The schema's migrations, embedded in the program. Each has a twin of the same number for the
//! other database. Several programs may start on one database at once: one of them migrates it,
//! and the others wait and then find nothing to do.

use super::postgres::{cannot_open, options};
use crate::error::StartError;
use sqlx::migrate::Migrator;
use sqlx::{AnyPool, ConnectOptions as _, Connection as _};

pub(super) static SQLITE: Migrator = sqlx::migrate!("../migrations/sqlite");
pub(super) static POSTGRES: Migrator = sqlx::migrate!("../migrations/postgres");

/// Applies what this database has not seen yet, all of it or nothing. The write lock is taken
/// before it is read what has been applied, so nobody else applies the same.
pub(super) async fn sqlite(writer: &AnyPool) -> Result<(), StartError> {
    let failed = |error: sqlx::Error| StartError::Migration(error.into());
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    SQLITE
        .run(&mut *transaction)
        .await
        .map_err(StartError::Migration)?;
    transaction.commit().await.map_err(failed)
}

/// Applies what this database has not seen yet, under an advisory lock of the migrator's, and on a
/// connection without the others' limits: a migration may take its time.
pub(super) async fn postgres(url: &str) -> Result<(), StartError> {
    let connection = options(url)?.connect().await;
    let mut connection = connection.map_err(|error| cannot_open(url, &error))?;
    let migrated = POSTGRES.run(&mut connection).await;
    // What was done is done, however the connection ends; and with it ends the lock.
    let _ = connection.close().await;
    migrated.map_err(StartError::Migration)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::any::{AnyPoolOptions, install_default_drivers};

    async fn empty() -> AnyPool {
        install_default_drivers();
        let pool = AnyPoolOptions::new()
            .max_connections(1)
            .connect("sqlite::memory:")
            .await;
        pool.expect("a database")
    }

    #[test]
    fn each_migration_has_a_twin_for_the_other_database() {
        let names = |migrator: &'static Migrator| {
            let migrations = migrator.iter();
            migrations.map(|migration| (migration.version, migration.description.as_ref()))
        };
        assert!(names(&SQLITE).eq(names(&POSTGRES)));
    }

    /// Everything in a table, as one text a row.
    async fn contents(pool: &AnyPool, columns: &str, table: &str) -> Vec<String> {
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
        SQLITE.run_to(2, &pool).await.expect("the first version");
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
        sqlite(&pool).await.expect("this version");
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
