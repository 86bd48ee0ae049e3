//! The order of commits is the order of positions, so a reader who goes by them skips nothing;
//! and who writes for one person does not wait for another.

use crate::said::{row_of, written};
use crate::world::{SOON, World};
use server::clock::now_ms;
use server::store::writing::Writing;
use server::store::{ScopeKey, Store};
use sqlx::{Any, AnyPool, Transaction};
use std::pin::pin;
use std::time::Duration;
use sync::change::Change;
use sync::local::Account;
use sync::row::Row;
use sync::scope::Lsn;
use sync::table::{Synced as _, text};
use tokio::time::timeout;

/// Long enough for whoever waits for nothing, and too short for whoever waits for us.
const A_WHILE: Duration = Duration::from_millis(500);

/// An entry that is written behind the servers' backs.
pub(crate) struct Unsaid(pub(crate) Writing);

impl Unsaid {
    /// Writes it and leaves the transaction open.
    pub(crate) async fn begin(store: &Store, account: &Account, entry: &Change) -> Self {
        let scope = ScopeKey::own(account.id);
        let mut writing = store.write(scope).await.expect("a turn to write");
        let mut step = writing.step().await.expect("a step");
        let mut row = row_of(entry);
        let put = step.put_own(domain::JournalEntry::TABLE, &mut row, now_ms());
        put.await.expect("a row");
        step.commit().await.expect("a step that is taken");
        Self(writing)
    }

    pub(crate) async fn commit(self) {
        self.0.commit().await.expect("a commit");
    }
}

/// A log with a cursor, which two write into and one reads.
trait Log {
    /// A transaction that has written and not been committed.
    type Open;
    async fn write(&self, text: &str) -> Self::Open;
    async fn commit(&self, open: Self::Open);
    /// What has a position above this one: position and text.
    async fn read(&self, after: Lsn) -> Vec<(Lsn, String)>;
}

/// One writes and waits; another comes later and would be done earlier; a reader reads whenever
/// something may have happened. Tells what the reader gets to see.
async fn seen_of(log: &impl Log) -> Vec<String> {
    let (mut cursor, mut seen) = (0, Vec::new());
    let mut read = async || {
        for (position, text) in log.read(cursor).await {
            cursor = cursor.max(position);
            seen.push(text);
        }
    };
    let first = log.write("one").await;
    let mut second = pin!(async {
        let second = log.write("two").await;
        log.commit(second).await;
    });
    let overtook = timeout(A_WHILE, &mut second).await.is_ok();
    read().await;
    log.commit(first).await;
    read().await;
    if !overtook {
        second.await;
    }
    read().await;
    seen.sort();
    seen
}

/// The server's own log of one person, over two connections as two nodes have them.
struct Ours {
    account: Account,
    one: Store,
    two: Store,
}

impl Log for Ours {
    type Open = Unsaid;

    async fn write(&self, text: &str) -> Unsaid {
        let store = if text == "one" { &self.one } else { &self.two };
        Unsaid::begin(store, &self.account, &written(text)).await
    }

    async fn commit(&self, open: Unsaid) {
        open.commit().await;
    }

    async fn read(&self, after: Lsn) -> Vec<(Lsn, String)> {
        let (scope, tables) = (
            ScopeKey::own(self.account.id),
            [domain::JournalEntry::TABLE],
        );
        let found = self.one.page(&scope, &tables, after, None).await;
        let rows = found.expect("a page").rows;
        let body = |row: &Row| text(&row.fields["body"]).expect("a text").to_owned();
        rows.iter().map(|row| (row.lsn, body(row))).collect()
    }
}

/// What a log is without a scope's lock: positions from a sequence, given when a row is written
/// and not when it is committed.
struct Sequence(AnyPool);

impl Log for Sequence {
    type Open = Transaction<'static, Any>;

    async fn write(&self, text: &str) -> Self::Open {
        let mut transaction = self.0.begin().await.expect("a transaction");
        sqlx::query("INSERT INTO log (text) VALUES ($1)")
            .bind(text)
            .execute(&mut *transaction)
            .await
            .expect("a row");
        transaction
    }

    async fn commit(&self, open: Self::Open) {
        open.commit().await.expect("a commit");
    }

    async fn read(&self, after: Lsn) -> Vec<(Lsn, String)> {
        let rows: Vec<(i64, String)> =
            sqlx::query_as("SELECT id, text FROM log WHERE id > $1 ORDER BY id")
                .bind(i64::try_from(after).expect("few"))
                .fetch_all(&self.0)
                .await
                .expect("rows");
        let position = |id| Lsn::try_from(id).expect("a position");
        rows.into_iter()
            .map(|(id, text)| (position(id), text))
            .collect()
    }
}

#[tokio::test]
async fn who_reads_by_position_skips_nothing_though_two_connections_write_at_once() {
    let world = World::open().await;
    let (_, account) = world.person("ann").await;
    let (one, two) = (world.store().await, world.store().await);
    let log = Ours { account, one, two };
    assert_eq!(seen_of(&log).await, ["one", "two"]);
}

#[tokio::test]
async fn who_reads_by_a_sequence_skips_what_was_committed_late_and_this_test_sees_it() {
    let world = World::on_postgres().await;
    world
        .execute("CREATE TABLE log (id BIGSERIAL PRIMARY KEY, text TEXT NOT NULL)")
        .await;
    let pool = sqlx::any::AnyPoolOptions::new().max_connections(3);
    let log = Sequence(pool.connect(&world.home.url).await.expect("the database"));
    assert_eq!(seen_of(&log).await, ["two"]);
}

#[tokio::test]
async fn what_one_person_writes_delays_nobody_else() {
    let world = World::on_postgres().await;
    let store = world.store().await;
    let mut open = Vec::new();
    for name in ["bob", "cid", "dan", "eve", "fay"] {
        let (visitor, account) = world.person(name).await;
        let entry = written("Not committed yet.");
        open.push((visitor, Unsaid::begin(&store, &account, &entry).await));
    }
    let (ann, account) = world.person("ann").await;
    let pushed = timeout(A_WHILE, ann.push_one(&written("Mine."))).await;
    assert!(pushed.is_ok(), "Ann waited for somebody else");
    assert_eq!(world.end_of(&account).await, 1);
    // Who writes for the same person does wait, and gets the next position.
    let (bob, unsaid) = open.remove(0);
    let entry = written("After that.");
    let mut push = pin!(bob.push_one(&entry));
    assert!(timeout(A_WHILE, &mut push).await.is_err());
    unsaid.commit().await;
    let outcome = timeout(SOON, push).await.expect("its turn");
    assert_eq!(crate::said::lsn_of(&outcome), Some(2));
    drop(open);
    store.close().await;
}

#[tokio::test]
async fn a_page_is_of_one_moment_though_somebody_commits_while_it_is_read() {
    let world = World::on_postgres().await;
    let (_, account) = world.person("ann").await;
    let (store, database) = (world.store().await, world.database().await);
    // Or there would be nothing to read yet, and nobody would wait.
    world
        .execute("UPDATE scopes SET lsn = 1 WHERE scope <> 'library'")
        .await;
    // Whoever reads revisions waits for this, and has read the entries before.
    let mut other = database.begin().await.expect("a transaction");
    sqlx::raw_sql("LOCK TABLE entry_revisions")
        .execute(&mut *other)
        .await
        .expect("a lock");
    let scope = ScopeKey::own(account.id);
    let tables = domain::SCHEMA.tables.iter().copied();
    let tables: Vec<_> = tables.filter(|table| table.lives_in("own")).collect();
    let mut page = pin!(store.page(&scope, &tables, 0, None));
    assert!(
        timeout(A_WHILE, &mut page).await.is_err(),
        "it did not wait"
    );
    sqlx::raw_sql(
        "UPDATE scopes SET lsn = 3 WHERE scope <> 'library'; \
         INSERT INTO journal_entries \
         (scope, key, day, title, body, written_at, lsn, op_id, deleted, stamps) \
         SELECT scope, repeat('k', 22), '2026-11-21', '', '', 1, 2, repeat('p', 22), false, '{}' \
         FROM scopes WHERE scope <> 'library'; \
         INSERT INTO entry_revisions (scope, key, lsn, op_id, deleted, stamps) \
         SELECT scope, repeat('r', 22), 3, repeat('q', 22), true, '{}' \
         FROM scopes WHERE scope <> 'library'",
    )
    .execute(&mut *other)
    .await
    .expect("two rows");
    other.commit().await.expect("a commit");
    let found = timeout(SOON, page).await.expect("a page").expect("rows");
    assert_eq!((found.rows, found.end.lsn), (vec![], 1), "half of a commit");
    store.close().await;
}
