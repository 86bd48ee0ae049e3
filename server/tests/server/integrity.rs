//! Whether damage to a database is found, in either of the two.

use crate::database::Database;
use crate::said::written;
use crate::world::World;
use server::store::check::faults;

/// What may happen to a database, and what is said of it.
const DAMAGE: [(&str, &str); 7] = [
    (
        "UPDATE scopes SET lsn = 1 WHERE scope LIKE 'own:%'",
        "beyond the end of the log at 1",
    ),
    (
        "UPDATE journal_entries SET op_id = '-0arQPe-4ykv8HS0USkiEu' WHERE lsn = 2",
        "the history has another change or none at 2",
    ),
    (
        "DELETE FROM outcomes WHERE lsn = 3",
        "the history has another change or none at 3",
    ),
    (
        "INSERT INTO entry_revisions (scope, key, lsn, op_id, deleted, stamps) \
             SELECT scope, key, lsn, op_id, true, '{}' FROM journal_entries WHERE lsn = 1",
        "position 1 is given to 2 rows",
    ),
    ("DELETE FROM scopes WHERE scope LIKE 'own:%'", "has no log"),
    (
        "DELETE FROM _sqlx_migrations WHERE version = 3",
        "migration 3",
    ),
    (
        "ALTER TABLE journal_entries DROP COLUMN prompt_text",
        "journal_entries.prompt_text is missing",
    ),
];

const ORPHAN: (&str, &str) = (
    "PRAGMA foreign_keys = OFF; INSERT INTO texts VALUES ('own:nobody', \
             '0000000000000000000001', 'body', 'x', 1)",
    "belong to rows of scopes that are not there",
);

async fn check_found(world: World, (damage, said): (&'static str, &str)) {
    let (ann, _) = world.person("ann").await;
    for number in 0..3 {
        ann.push_one(&written(&format!("Entry {number}."))).await;
    }
    let url = &world.home.url;
    assert_eq!(faults(url).await.expect("an answer"), [""; 0]);
    world.execute(damage).await;
    let found = faults(url).await.expect("an answer");
    assert!(
        found.iter().any(|fault| fault.contains(said)),
        "{damage}: {found:?}"
    );
}

#[tokio::test]
async fn what_devices_rely_on_is_checked() {
    for case in DAMAGE {
        check_found(World::open().await, case).await;
    }
    check_found(World::in_file().await, ORPHAN).await;
}

#[tokio::test]
async fn a_new_database_lacks_its_migrations_and_its_tables() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = Database::new(folder.path()).await;
    database.store().await.close().await;
    database.execute("DELETE FROM _sqlx_migrations").await;
    let found = faults(&database.url).await.expect("an answer");
    assert!(
        found
            .iter()
            .any(|fault| fault.contains("`daybook migrate` makes it")),
        "{found:?}"
    );
    database.execute("DROP TABLE _sqlx_migrations").await;
    assert_eq!(faults(&database.url).await.expect("an answer"), found);
}
