//! What is in the way of a move, and that nothing is changed by it.

use super::contents::{check_same, contents, tables_of};
use super::moved;
use crate::database::Database;
use crate::said::written;
use crate::world::World;
use server::store::moving::{MoveError, move_all};
use sqlx::{AssertSqlSafe, Executor as _};
use tempfile::TempDir;

/// A database of SQLite with the library and nothing else, which no server has open.
async fn unused() -> (TempDir, Database) {
    let folder = tempfile::tempdir().expect("a folder");
    let database = Database::in_file(folder.path());
    database.store().await.close().await;
    (folder, database)
}

/// A person's database of SQLite, with entries that say this, which no server has open.
async fn written_down(bodies: &[&str]) -> (TempDir, Database) {
    let world = World::in_file().await;
    let (ann, _) = world.person("ann").await;
    for body in bodies {
        ann.push_one(&written(body)).await;
    }
    world.server.end().await;
    (world.folder, world.home)
}

/// Moves, which must fail, and tells why. Both databases must be as they were.
async fn refusal(from: &Database, to: &Database) -> MoveError {
    let (here, there) = (contents(from).await, contents(to).await);
    let tables = tables_of(to).await;
    let error = moved(from, to).await.expect_err("a refusal");
    let said = error.to_string();
    assert!(
        said.contains("Nothing was") && said.contains('\n'),
        "{said}"
    );
    assert_eq!(tables_of(to).await, tables, "{said}");
    assert!(
        contents(from).await == here && contents(to).await == there,
        "{said}"
    );
    error
}

#[tokio::test]
async fn a_server_that_runs_is_not_moved() {
    let world = World::in_file().await;
    let (ann, _) = world.person("ann").await;
    ann.push_one(&written("It rained.")).await;
    let target = Database::on_postgres().await;
    let error = moved(&world.home, &target).await.expect_err("a refusal");
    assert!(matches!(error, MoveError::InUse(_)), "{error}");
    assert!(tables_of(&target).await.is_empty());
    ann.push_one(&written("It goes on.")).await;
    world.server.end().await;
    moved(&world.home, &target).await.expect("moved");
}

#[tokio::test]
async fn a_database_where_somebody_has_written_is_left_alone() {
    let (_folder, source) = written_down(&["From SQLite."]).await;
    let world = World::on_postgres().await;
    world.person("bob").await;
    let error = refusal(&source, &world.home).await;
    assert!(
        matches!(&error, MoveError::Taken { table, .. } if table == "scopes"),
        "{error}"
    );
    world
        .execute("DELETE FROM users; DELETE FROM scopes WHERE scope <> 'library'")
        .await;
    world
        .execute("UPDATE prompts SET text = 'Mine.' WHERE lsn = 3")
        .await;
    let error = refusal(&source, &world.home).await;
    assert!(
        matches!(&error, MoveError::Taken { table, .. } if table == "prompts"),
        "{error}"
    );
    world.server.end().await;

    let other = Database::on_postgres().await;
    other
        .execute("CREATE TABLE users (name TEXT); INSERT INTO users VALUES ('bob')")
        .await;
    let error = refusal(&source, &other).await;
    assert!(
        matches!(&error, MoveError::Taken { table, .. } if table == "users"),
        "{error}"
    );
    let password = other.url.replace("postgres@", "postgres:secret@");
    let error = move_all(&source.url, &password, &mut |_| ()).await;
    let said = error.expect_err("a refusal").to_string();
    assert!(!said.contains("secret"), "{said}");
}

#[tokio::test]
async fn another_versions_database_is_not_moved() {
    let (_folder, source) = written_down(&["Words."]).await;
    let target = Database::on_postgres().await;
    let newer = "INSERT INTO _sqlx_migrations VALUES (9999, 'x', '2026-11-21', TRUE, '\\x00', 1)";
    source
        .execute("INSERT INTO _sqlx_migrations VALUES (9999, 'x', 0, TRUE, X'00', 1)")
        .await;
    let error = refusal(&source, &target).await;
    assert!(
        matches!(error, MoveError::SourceNewer { version: 9_999, .. }),
        "{error}"
    );
    source
        .execute("DELETE FROM _sqlx_migrations WHERE version = 9999")
        .await;
    source
        .execute(
            "DELETE FROM _sqlx_migrations \
             WHERE version = (SELECT max(version) FROM _sqlx_migrations)",
        )
        .await;
    let error = refusal(&source, &target).await;
    assert!(matches!(error, MoveError::SourceOlder { .. }), "{error}");
    source.execute("DELETE FROM _sqlx_migrations").await;
    let error = refusal(&source, &target).await;
    assert!(matches!(error, MoveError::NotDaybook(_)), "{error}");

    let (_folder, source) = unused().await;
    target.store().await.close().await;
    target.execute(newer).await;
    let error = refusal(&source, &target).await;
    assert!(
        matches!(error, MoveError::TargetNewer { version: 9_999, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_no_database_of_the_right_kind_is_told() {
    let (folder, source) = unused().await;
    let target = Database::on_postgres().await;
    let move_to = async |from: &str, to: &str| {
        let error = move_all(from, to, &mut |_| ()).await;
        error.expect_err("a refusal")
    };
    let error = move_to(&target.url, &target.url).await;
    assert!(matches!(error, MoveError::NotSqlite), "{error}");
    let error = move_to(&source.url, &source.url).await;
    assert!(matches!(error, MoveError::NotPostgres), "{error}");
    let nowhere = format!("sqlite:{}", folder.path().join("nowhere").display());
    let error = move_to(&nowhere, &target.url).await;
    assert!(matches!(error, MoveError::NoDatabase(_)), "{error}");
    assert!(!folder.path().join("nowhere").exists());
    let away = "postgres://ann:secret@127.0.0.1:1/daybook";
    let error = move_to(&source.url, away).await;
    assert!(matches!(error, MoveError::Away { .. }), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
    assert!(tables_of(&target).await.is_empty());
}

#[tokio::test]
async fn a_database_that_is_not_whole_or_is_another_than_ours_is_not_moved() {
    let (_folder, source) = written_down(&["Words."]).await;
    let target = Database::on_postgres().await;
    source
        .execute("UPDATE scopes SET lsn = 0 WHERE scope <> 'library'")
        .await;
    let error = refusal(&source, &target).await;
    assert!(matches!(error, MoveError::SourceFaults(_)), "{error}");
    assert!(
        error.to_string().contains("beyond the end of the log at 0"),
        "{error}"
    );

    let (_folder, source) = unused().await;
    source.execute("CREATE TABLE mine (a TEXT)").await;
    let error = refusal(&source, &target).await;
    assert!(
        error.to_string().contains("only SQLite has a table mine"),
        "{error}"
    );
    source
        .execute("DROP TABLE mine; ALTER TABLE users ADD COLUMN mine TEXT")
        .await;
    let error = refusal(&source, &target).await;
    assert!(
        error.to_string().contains("users has other columns"),
        "{error}"
    );
}

#[tokio::test]
async fn a_text_with_nul_is_found_first_and_its_remedy_is_told() {
    let odd = "A\0 text \\u0000 with \\\\ \"NUL\"\0, 🌧 and \u{1}.";
    let (_folder, source) = written_down(&["Fine.", "Odd."]).await;
    // As a server of an earlier version took it.
    let pool = source.pool().await;
    for table in ["journal_entries SET body", "texts SET text"] {
        let column = table.rsplit_once(' ').expect("a column").1;
        let spoil = format!("UPDATE {table} = $1 WHERE {column} = 'Odd.'");
        let spoilt = sqlx::query(AssertSqlSafe(spoil)).bind(odd).execute(&pool);
        assert_eq!(spoilt.await.expect("spoilt").rows_affected(), 1);
    }
    pool.close().await;
    let target = Database::on_postgres().await;
    let error = refusal(&source, &target).await;
    let MoveError::Nul(nul) = &error else {
        unreachable!("{error}")
    };
    // The entry, and the text that a later edit may begin from.
    assert_eq!(
        (nul.count, nul.first.len(), nul.statements.len()),
        (2, 2, 2),
        "{error}"
    );
    let said = error.to_string();
    assert!(
        said.contains("journal_entries.body of the row with scope own:"),
        "{said}"
    );
    assert!(
        !said.contains("with \\\\ \"NUL\""),
        "no words are told: {said}"
    );
    let pool = source.pool().await;
    for statement in &nul.statements {
        let done = pool.execute(AssertSqlSafe(statement.clone())).await;
        done.expect(statement);
    }
    pool.close().await;
    let tables = moved(&source, &target).await.expect("moved");
    check_same(&source, &target, &tables).await;
    let bodies: Vec<String> = sqlx::query_scalar("SELECT body FROM journal_entries ORDER BY lsn")
        .fetch_all(&target.pool().await)
        .await
        .expect("bodies");
    assert_eq!(bodies, ["Fine.", &odd.replace('\0', "\u{fffd}")]);
}

#[tokio::test]
async fn a_move_that_breaks_off_leaves_nothing_behind_and_can_be_made_again() {
    let (_folder, source) = written_down(&["Fine.", "cursed", "Fine again."]).await;
    let target = Database::on_postgres().await;
    target.store().await.close().await;
    target.refuse_cursed().await;
    let error = refusal(&source, &target).await;
    assert!(matches!(error, MoveError::Target(_)), "{error}");
    target.refuse_nothing().await;
    let tables = moved(&source, &target).await.expect("moved");
    check_same(&source, &target, &tables).await;
}

#[tokio::test]
async fn what_arrives_otherwise_or_not_at_all_is_noticed_before_it_counts() {
    let (_folder, source) = written_down(&["One.", "Two.", "Three."]).await;
    let target = Database::on_postgres().await;
    target.store().await.close().await;
    target.spoil_entries().await;
    let error = refusal(&source, &target).await;
    let said = error.to_string();
    assert!(said.contains("journal_entries did not arrive"), "{said}");
    assert!(
        said.contains("3 rows here, 3 there, and other values"),
        "{said}"
    );
    target
        .execute(
            "CREATE OR REPLACE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN IF NEW.lsn = 2 THEN RETURN NULL; END IF; RETURN NEW; END $$",
        )
        .await;
    let said = refusal(&source, &target).await.to_string();
    assert!(said.contains("3 rows here, 2 there.\n"), "{said}");
}
