//! A server that is moved from SQLite to PostgreSQL: everything arrives, devices go on where they
//! are, and whatever is in the way changes nothing.

mod contents;
mod refusals;

use crate::database::Database;
use crate::device::{Device, edit};
use crate::program::{call, home};
use crate::said::{
    deleted, edited, entries, grouped, lsn_of, markers_after, patched, rows_of, standing_at,
    written,
};
use crate::ways::Events;
use crate::world::{SOON, Visitor, World};
use contents::{check_same, contents, tables_of};
use server::store::check::faults;
use server::store::moving::{MoveError, Moved, Progress, move_all};
use sqlx::{ConnectOptions as _, Connection as _};
use std::collections::BTreeMap;
use std::time::Duration;
use sync::change::{Change, Op};
use sync::digest::Digest;
use sync::frame::{Digests, Outcome, ServerFrame, Standing};
use sync::id::Id;
use sync::row::Row;
use sync::scope::{Marker, Markers};
use sync::value::Value;

/// Moves without a word.
async fn moved(from: &Database, to: &Database) -> Result<Vec<Moved>, MoveError> {
    move_all(&from.url, &to.url, &mut |_| ()).await
}

impl World {
    /// Ends the server, moves everything, and starts another in PostgreSQL.
    async fn moved(self) -> Self {
        self.server.end().await;
        let target = Database::on_postgres().await;
        let tables = moved(&self.home, &target).await.expect("moved");
        check_same(&self.home, &target, &tables).await;
        assert_eq!(faults(&target.url).await.expect("an answer"), [""; 0]);
        Self::over(target, self.folder, |_| ()).await
    }
}

/// What a person did, and what the server said to it.
struct Told {
    change: Change,
    outcome: Outcome,
}

/// Writes, edits, joins, loses, trashes and deletes on two devices, so that every table has rows.
async fn live(phone: &Visitor, laptop: &Visitor) -> Vec<Told> {
    let long = |end: &str| format!("{} {end}", "It rained on the roof. ".repeat(200));
    let first = written(&long("All day."));
    let second = written("Two.");
    let third = written("Naïve 🌧 \\u0000 \"quoted\" \\ back.\nA line.\u{1}");
    let mut told = Vec::new();
    let mut push = async |who: &Visitor, change: Change| {
        let outcome = who.push_one(&change).await;
        assert!(lsn_of(&outcome).is_some(), "{outcome:?}");
        told.push(Told { change, outcome });
    };
    for entry in [&first, &second, &third] {
        push(phone, entry.clone()).await;
    }
    push(phone, edited(&second, "Two, on the phone.")).await;
    push(laptop, edited(&second, "Two, on the laptop.")).await;
    let patch = patched(&first, &long("All day."), &long("All day and all night."));
    push(laptop, patch).await;
    push(phone, deleted(&third)).await;
    let together = grouped(vec![written("One of two."), written("Two of two.")]);
    phone.push(together).await;
    told
}

/// Where a person's log ends, as a device would say it.
async fn end_of(who: &Visitor) -> (Markers, BTreeMap<Id, Row>) {
    let frames = who.pull(Markers::default()).await;
    let rows = entries(&frames).into_iter().map(|row| (row.key, row));
    (markers_after(&frames), rows.collect())
}

/// Nothing comes to who stands at the end, neither by a pull nor by a stream, and what is there is
/// the same. The stream goes on.
async fn nothing_comes_anew(
    laptop: &Visitor,
    markers: Markers,
    before: &BTreeMap<Id, Row>,
) -> Events {
    let frames = laptop.pull(markers.clone()).await;
    assert!(
        !crate::said::kinds(&frames).contains(&"error"),
        "{frames:?}"
    );
    let mut events = laptop.stream(markers.clone()).await;
    let first = events.until_live().await;
    for table in domain::SCHEMA.tables {
        assert_eq!(rows_of(table.name, &frames), [], "{}", table.name);
        assert_eq!(rows_of(table.name, &first), [], "{}", table.name);
    }
    assert_eq!(end_of(laptop).await, (markers.clone(), before.clone()));
    let tables = [("journal_entries".to_owned(), Digest::of(before.values()))];
    let digests = Digests::from([(crate::said::own(), tables.into())]);
    let verified = laptop.verify(markers, digests).await;
    assert_eq!(
        verified.tables[&crate::said::own()]["journal_entries"],
        Standing::Same
    );
    events
}

#[tokio::test]
async fn a_moved_journal_goes_on_as_if_nothing_had_happened() {
    let world = World::in_file().await;
    let (phone, account) = world.person("ann").await;
    let laptop = world.other_device("ann").await;
    let told = live(&phone, &laptop).await;
    let (markers, before) = end_of(&laptop).await;
    let end = world.end_of(&account).await;
    let history = standing_at(Marker {
        lsn: lsn_of(&told[6].outcome).expect("a position"),
        op_id: told[6].change.op_id,
    });
    laptop.acknowledge(Marker::START).await;

    let world = world.moved().await;
    let (mut phone, mut laptop) = (phone, laptop);
    phone.base = world.url("");
    laptop.base = world.url("");
    assert_eq!(
        phone.who_am_i().await,
        Some(account.clone()),
        "the same session"
    );
    assert_eq!(world.end_of(&account).await, end);

    let mut events = nothing_comes_anew(&laptop, markers, &before).await;
    // A device that stands in the middle is sent the rest alone.
    let rest = phone.pull(history).await;
    assert_eq!(entries(&rest).len(), 2, "{rest:?}");

    // What was pushed before is answered as it was, and what is new comes right behind.
    for Told { change, outcome } in &told {
        let again = phone.push_one(change).await;
        assert!(matches!(again, Outcome::Duplicate { .. }), "{again:?}");
        assert_eq!(again.first(), outcome.first());
    }
    assert_eq!(world.end_of(&account).await, end, "repeats write nothing");
    let next = written("Written in PostgreSQL.");
    assert_eq!(
        lsn_of(&phone.push_one(&next).await),
        u64::try_from(end + 1).ok()
    );
    let news = events
        .until(|frame| matches!(frame, ServerFrame::Change(_)))
        .await;
    assert_eq!(entries(&news)[0].key, next.key);
    // The text that an edit began from came along too.
    let old = before[&told[0].change.key].fields["body"].clone();
    let Value::Text(old) = old else {
        unreachable!("{old:?}")
    };
    let patch = patched(&told[5].change, &old, &format!("{old} And the next."));
    assert!(lsn_of(&phone.push_one(&patch).await).is_some());
}

#[tokio::test]
async fn a_device_with_words_that_wait_is_told_of_no_other_history() {
    let world = World::in_file().await;
    let (ann, _) = world.person("ann").await;
    let mut device = Device::new(ann);
    let entry = |key, body: &str| {
        let text = |text: &str| Value::Text(text.to_owned());
        let nothing = ["prompt_id", "prompt_text", "trashed_at"].map(|name| (name, Value::Null));
        let fields = [
            ("day", text("2026-11-21")),
            ("title", text("")),
            ("body", text(body)),
        ];
        let fields = fields
            .into_iter()
            .chain([("written_at", Value::Integer(1))]);
        edit(
            "journal_entries",
            Op::Insert,
            key,
            &fields.chain(nothing).collect::<Vec<_>>(),
        )
    };
    device.write(vec![entry(1, "One."), entry(2, "Two.")]);
    device.sync_with(&world.url("")).await;
    device.write(vec![entry(3, "Written on the way.")]);
    let before = device.generation();
    let world = world.moved().await;
    device.sync_with(&world.url("")).await;
    assert_eq!(device.generation(), before, "nothing was taken anew");
    let other = world.other_device("ann").await;
    let rows = entries(&other.pull(Markers::default()).await);
    assert_eq!(
        rows.iter().map(|row| row.lsn).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert_eq!(rows.len(), device.seen("journal_entries").len());
}

/// A table as a later migration might make it, with everything that a column can hold. Its name
/// comes before that of the table it refers to.
const LATER_HERE: &str = "CREATE TABLE a_later_table (id INTEGER PRIMARY KEY, user_id TEXT NOT NULL \
     REFERENCES users (id), flag INTEGER, bytes BLOB, data TEXT, words TEXT, number INTEGER) STRICT; \
     INSERT INTO a_later_table SELECT 7, id, 1, x'00ff5c27', '{\"b\":[1,{\"z\":null,\"a\":true}], \"a\":-5}', \
     '', 9223372036854775807 FROM users; \
     INSERT INTO a_later_table SELECT 9, id, 0, x'', '\"\\\\u0041\"', '\\x41 {NULL} ,', -9223372036854775808 \
     FROM users; \
     INSERT INTO a_later_table SELECT 8, id, NULL, NULL, NULL, NULL, NULL FROM users; \
     WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 2600) \
     INSERT INTO a_later_table SELECT i, id, i % 2, NULL, NULL, printf('row %d', i), i FROM n, users";
const LATER_THERE: &str = "CREATE TABLE a_later_table (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY \
     KEY, user_id TEXT NOT NULL REFERENCES users (id), flag BOOLEAN, bytes BYTEA, data JSONB, \
     words TEXT, number BIGINT)";

#[tokio::test]
async fn a_table_that_nobody_has_thought_of_yet_is_carried_too() {
    let world = World::in_file().await;
    world.person("ann").await;
    world.server.end().await;
    world.home.execute(LATER_HERE).await;
    let target = Database::on_postgres().await;
    // It was migrated before, and nobody has written anything.
    target.store().await.close().await;
    target.execute(LATER_THERE).await;
    let tables = moved(&world.home, &target).await.expect("moved");
    check_same(&world.home, &target, &tables).await;
    let later = tables.iter().find(|one| one.table == "a_later_table");
    assert_eq!(later.expect("the table").rows, 2_504);
    // A column that counts by itself goes on behind what came.
    let next = "INSERT INTO a_later_table (user_id) SELECT id FROM users RETURNING id";
    let next: i64 = sqlx::query_scalar(next)
        .fetch_one(&target.pool().await)
        .await
        .expect("a row");
    assert_eq!(next, 2_601);
}

#[tokio::test]
async fn every_table_of_the_schema_is_carried_parents_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = Database::in_file(folder.path());
    source.store().await.close().await;
    let target = Database::on_postgres().await;
    let tables = moved(&source, &target).await.expect("moved");
    check_same(&source, &target, &tables).await;
    let names: Vec<_> = tables.iter().map(|moved| moved.table.as_str()).collect();
    let place = |name: &str| names.iter().position(|other| *other == name).expect(name);
    for table in domain::SCHEMA.tables {
        assert!(place("scopes") < place(table.name), "{names:?}");
    }
    assert!(place("users") < place("sessions") && place("users") < place("device_cursors"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_open_the_file_while_it_is_moved() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = Database::in_file(folder.path());
    source.store().await.close().await;
    let target = Database::on_postgres().await;
    let options = || {
        let options: sqlx::sqlite::SqliteConnectOptions = source.url.parse().expect("a file");
        options.busy_timeout(Duration::ZERO)
    };
    let read = async || {
        let mut connection = options().connect().await?;
        let read = sqlx::query("SELECT * FROM users")
            .fetch_all(&mut connection)
            .await;
        connection.close().await?;
        read
    };
    let mut tried = Vec::new();
    let mut tell = |_: Progress<'_>| {
        let handle = tokio::runtime::Handle::current();
        let result = tokio::task::block_in_place(|| handle.block_on(read()));
        tried.push(result.is_err());
    };
    let done = move_all(&source.url, &target.url, &mut tell);
    tokio::time::timeout(4 * SOON, done)
        .await
        .expect("in time")
        .expect("moved");
    assert!(
        tried.len() > 5 && tried.iter().all(|refused| *refused),
        "{tried:?}"
    );
    assert!(read().await.is_ok(), "and then it is anybody's again");
}

#[tokio::test]
async fn an_operator_is_told_how_far_it_is_and_what_to_do_then() {
    let home = home();
    let target = Database::on_postgres().await;
    let path = home.path();
    assert!(call(path, &["seed", "--until", "2026-11-24"]).0);
    let (fine, said) = call(path, &["move", "--to", &target.url]);
    assert!(fine, "{said}");
    for part in [
        " tables are to be moved",
        "journal_entries: 447 rows, the same on both sides",
        "set `database_url`",
        "Start no server on it again",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let (fine, said) = call(path, &["check", "--database-url", &target.url]);
    assert!(fine && said.contains("whole"), "{said}");
    let (fine, said) = call(path, &["move", "--to", &target.url]);
    assert!(
        !fine && said.contains("is in use") && said.contains("createdb"),
        "{said}"
    );
    let (fine, said) = call(path, &["check"]);
    assert!(fine, "the file is as it was: {said}");
    let (fine, said) = call(path, &["move"]);
    assert!(!fine && said.contains("--to"), "{said}");
    assert!(!tables_of(&target).await.is_empty() && !contents(&target).await.is_empty());
}
