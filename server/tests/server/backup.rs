//! Backups: made while the server runs, put back, and healed by the devices that know more.

use crate::device::{Device, edit};
use crate::said::{entries, own, written};
use crate::world::World;
use server::store::backup::{BackupError, back_up, restore};
use server::store::check::faults;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use sync::change::Op;
use sync::digest::Digest;
use sync::frame::{Digests, Standing};
use sync::id::Id;
use sync::local::Edit;
use sync::row::Row;
use sync::scope::Markers;
use sync::value::{Fields, Value};

impl World {
    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn database_url(&self) -> String {
        self.home.url.clone()
    }

    async fn back_up(&self, name: &str) -> PathBuf {
        let file = self.file(name);
        let made = back_up(&self.database_url(), &file).await.expect("a copy");
        assert_eq!(made.bytes, std::fs::metadata(&file).expect("a file").len());
        file
    }

    fn base(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// Everything that devices are told of a person's entries, by key.
    async fn all(&self, name: &str) -> BTreeMap<Id, Row> {
        let device = self.other_device(name).await;
        let rows = entries(&device.pull(Markers::default()).await);
        rows.into_iter().map(|row| (row.key, row)).collect()
    }
}

fn entry(key: u128, body: &str) -> Edit {
    let text = |text: &str| Value::Text(text.to_owned());
    let nothing = ["prompt_id", "prompt_text", "trashed_at"].map(|name| (name, Value::Null));
    let fields = [
        ("day", text("2026-11-21")),
        ("title", text("")),
        ("body", text(body)),
        ("written_at", Value::Integer(1)),
    ];
    let fields: Vec<_> = fields.into_iter().chain(nothing).collect();
    edit("journal_entries", Op::Insert, key, &fields)
}

fn rewritten(key: u128, body: &str) -> Edit {
    let body = Value::Text(body.to_owned());
    edit("journal_entries", Op::Update, key, &[("body", body)])
}

fn living(rows: &BTreeMap<Id, Row>) -> BTreeMap<Id, Fields> {
    let living = rows.values().filter(|row| !row.deleted);
    living.map(|row| (row.key, row.fields.clone())).collect()
}

fn only_its_owner_may_read(file: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(file)
            .expect("a file")
            .permissions()
            .mode();
        mode & 0o077 == 0
    }
    #[cfg(not(unix))]
    file.exists()
}

#[tokio::test]
async fn a_device_gives_a_restored_server_everything_that_the_backup_did_not_know() {
    let world = World::in_file().await;
    let (ann, _) = world.person("ann").await;
    let mut device = Device::new(ann);
    device.write(vec![entry(1, "One."), entry(2, "Two."), entry(3, "Three.")]);
    device.sync_with(&world.base()).await;
    let backup = world.back_up("backup.sqlite").await;

    device.write(vec![entry(4, "Four."), entry(5, "Five.")]);
    device.write(vec![rewritten(1, "One, and more.")]);
    device.write(vec![edit("journal_entries", Op::Delete, 2, &[])]);
    device.sync_with(&world.base()).await;
    let before = world.all("ann").await;
    assert_eq!(living(&before), device.seen("journal_entries"));

    let url = world.database_url();
    let world = world
        .restarted_after(async || {
            let done = restore(&url, &backup, true, false).await.expect("restored");
            assert!(only_its_owner_may_read(&done.database));
            assert!(done.kept.expect("the one from before").exists());
        })
        .await;
    let lost = world.all("ann").await;
    assert_eq!(lost.len(), 3, "the server knows what the backup knew");
    assert_eq!(faults(&url).await.expect("an answer"), [""; 0]);
    // Another device writes on, so that positions are given a second time.
    let other = world.other_device("ann").await;
    other.push_one(&written("Written after the restore.")).await;
    other.push_one(&written("And this one.")).await;

    let rebuilt = device.generation();
    device.sync_with(&world.base()).await;
    assert_eq!(
        device.generation(),
        rebuilt + 1,
        "it heard of the other epoch"
    );
    let after = world.all("ann").await;
    for (key, row) in &before {
        let healed = &after[key];
        assert_eq!(healed.deleted, row.deleted, "{key}");
        assert_eq!(healed.fields, row.fields, "{key}");
        assert_eq!(
            healed.stamps, row.stamps,
            "it is the same edit and no new one"
        );
    }
    assert_eq!(after.len(), before.len() + 2);
    assert_eq!(living(&after), device.seen("journal_entries"));
    assert_eq!(faults(&url).await.expect("an answer"), [""; 0]);
    check_digests(&world, &after).await;
}

/// The server's own comparison says the same as ours.
async fn check_digests(world: &World, rows: &BTreeMap<Id, Row>) {
    let device = world.other_device("ann").await;
    let markers = crate::said::markers_after(&device.pull(Markers::default()).await);
    let tables = [("journal_entries".to_owned(), Digest::of(rows.values()))];
    let digests = Digests::from([(own(), tables.into())]);
    let verified = device.verify(markers, digests).await;
    assert_eq!(verified.tables[&own()]["journal_entries"], Standing::Same);
}

#[tokio::test]
async fn a_backup_of_a_server_that_writes_is_whole_and_private() {
    let world = World::in_file().await;
    let (ann, account) = world.person("ann").await;
    let writing = tokio::spawn(async move {
        for number in 0..60 {
            ann.push_one(&written(&format!("Entry {number}."))).await;
        }
    });
    let mut ends = Vec::new();
    for number in 0..4 {
        let file = world.back_up(&format!("{number}.sqlite")).await;
        assert!(only_its_owner_may_read(&file));
        let url = format!("sqlite:{}", file.display());
        assert_eq!(faults(&url).await.expect("an answer"), [""; 0]);
        let copy = server::store::Store::open(&url).await.expect("a database");
        copy.close().await;
        ends.push(end_in(&file, &account.id.to_string()).await);
    }
    assert!(ends.is_sorted(), "{ends:?}");
    writing.await.expect("it wrote on");
    assert_eq!(world.end_of(&account).await, 60);
    assert!(!world.file("0.sqlite.partial").exists());
}

async fn end_in(file: &Path, user: &str) -> i64 {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
    let pool = sqlx::SqlitePool::connect_with(options)
        .await
        .expect("the copy");
    let end = sqlx::query_scalar("SELECT lsn FROM scopes WHERE scope = ?")
        .bind(format!("own:{user}"))
        .fetch_one(&pool)
        .await;
    pool.close().await;
    end.expect("a log")
}

#[tokio::test]
async fn a_backup_takes_no_name_that_is_taken_and_needs_a_database() {
    let world = World::in_file().await;
    let taken = world.file("taken");
    std::fs::write(&taken, "a shopping list").expect("a file");
    let error = back_up(&world.database_url(), &taken).await;
    assert!(matches!(error, Err(BackupError::Exists(_))), "{error:?}");
    assert_eq!(
        std::fs::read_to_string(&taken).expect("text"),
        "a shopping list"
    );
    let nowhere = format!("sqlite:{}", world.file("nowhere.sqlite").display());
    let error = back_up(&nowhere, &world.file("new")).await;
    assert!(
        matches!(error, Err(BackupError::NoDatabase(_))),
        "{error:?}"
    );
    assert!(!world.file("new").exists() && !world.file("nowhere.sqlite").exists());
    let other = back_up("postgres://localhost/daybook", &world.file("new")).await;
    let error = other.expect_err("another database").to_string();
    assert!(error.contains("use pg_dump"), "{error}");
}

#[tokio::test]
async fn a_database_that_is_there_is_replaced_only_when_asked_and_only_when_nobody_has_it_open() {
    let world = World::in_file().await;
    let (ann, account) = world.person("ann").await;
    let backup = world.back_up("backup.sqlite").await;
    ann.push_one(&written("After the backup.")).await;
    let url = world.database_url();
    let error = restore(&url, &backup, false, false).await;
    assert!(
        matches!(error, Err(BackupError::WouldReplace(_))),
        "{error:?}"
    );
    let error = restore(&url, &backup, true, false).await;
    assert!(matches!(error, Err(BackupError::InUse(_))), "{error:?}");
    assert_eq!(
        world.end_of(&account).await,
        1,
        "the live one was left alone"
    );
    assert_eq!(faults(&url).await.expect("an answer"), [""; 0]);
    let names = names_in(&world.file("data"));
    assert!(
        names.iter().all(|name| !name.contains("restor")),
        "{names:?}"
    );
}

#[tokio::test]
async fn nothing_of_another_database_is_left_beside_a_restored_one() {
    let world = World::in_file().await;
    let (ann, _) = world.person("ann").await;
    let backup = world.back_up("backup.sqlite").await;
    ann.push_one(&written("After the backup.")).await;
    let wal = std::fs::read(world.file("data/daybook.sqlite-wal")).expect("what was written");
    std::fs::create_dir(world.file("restored")).expect("a folder");
    // Of a database that is gone, and of a restore that was broken off.
    for name in ["daybook.sqlite-wal", "daybook.sqlite.restoring-wal"] {
        std::fs::write(world.file("restored").join(name), &wal).expect("a file");
    }
    let url = format!("sqlite:{}", world.file("restored/daybook.sqlite").display());
    let error = restore(&url, &backup, false, false).await;
    assert!(
        matches!(error, Err(BackupError::WouldReplace(_))),
        "{error:?}"
    );
    let done = restore(&url, &backup, true, false).await.expect("restored");
    let kept = done.kept.expect("what was there");
    let kept = format!("{}-wal", kept.file_name().expect("a name").display());
    let mut names = names_in(&world.file("restored"));
    names.sort();
    assert_eq!(names, ["daybook.sqlite", kept.as_str()]);
    assert_eq!(faults(&url).await.expect("an answer"), [""; 0]);
}

fn names_in(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).expect("a folder");
    let names = names.map(|entry| entry.expect("a file").file_name());
    names.map(|name| name.to_string_lossy().into()).collect()
}

#[tokio::test]
async fn restoring_can_end_all_sessions_and_mailed_links() {
    let world = World::in_file().await;
    let (ann, account) = world.person("ann").await;
    world
        .execute(
            "INSERT INTO password_links (user_id, token_hash, expires_at_ms) \
             SELECT id, zeroblob(32), 9000000000000 FROM users",
        )
        .await;
    let backup = world.back_up("backup.sqlite").await;
    let url = world.database_url();
    for (end_sessions, expected) in [(false, Some(account)), (true, None)] {
        let elsewhere = World::in_file().await;
        let elsewhere_url = elsewhere.database_url();
        let elsewhere = elsewhere
            .restarted_after(async || {
                let done = restore(&elsewhere_url, &backup, true, end_sessions).await;
                done.expect("restored");
            })
            .await;
        let mut ann = ann.clone();
        ann.base = elsewhere.base();
        assert_eq!(ann.who_am_i().await, expected);
        let links: i64 = sqlx::query_scalar("SELECT count(*) FROM password_links")
            .fetch_one(&elsewhere.database().await)
            .await
            .expect("a count");
        assert_eq!(links, i64::from(!end_sessions));
    }
    assert_eq!(faults(&url).await.expect("an answer"), [""; 0]);
}

#[tokio::test]
async fn sessions_are_ended_also_in_a_backup_that_keeps_a_log_of_its_writes() {
    let world = World::in_file().await;
    world.person("ann").await;
    let backup = world.back_up("backup.sqlite").await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&backup);
    let options = options.journal_mode(sqlx::sqlite::SqliteJournalMode::Wal);
    let pool = sqlx::SqlitePool::connect_with(options).await;
    pool.expect("the copy").close().await;
    for number in 0..20 {
        let folder = world.file(&number.to_string());
        let file = folder.join("daybook.sqlite");
        let url = format!("sqlite:{}", file.display());
        restore(&url, &backup, false, true).await.expect("restored");
        assert_eq!(names_in(&folder), ["daybook.sqlite"]);
        // By its bytes alone, so that nothing that is still open comes to its help.
        let copy = folder.join("copy");
        std::fs::copy(&file, &copy).expect("a copy");
        assert_eq!(count_of(&copy, "sessions").await, 0, "restore {number}");
        assert_eq!(count_of(&copy, "users").await, 1);
    }
}

async fn count_of(file: &Path, table: &str) -> i64 {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
    let pool = sqlx::SqlitePool::connect_with(options)
        .await
        .expect("the copy");
    let count = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    let count = sqlx::query_scalar(count).fetch_one(&pool).await;
    pool.close().await;
    count.expect("a count")
}

#[tokio::test]
async fn what_is_no_whole_backup_is_not_restored() {
    let world = World::in_file().await;
    let (ann, _) = world.person("ann").await;
    ann.push_one(&written(&"Words. ".repeat(10_000))).await;
    let good = world.back_up("good.sqlite").await;
    let bytes = std::fs::read(&good).expect("bytes");
    let target = format!("sqlite:{}", world.file("restored/daybook.sqlite").display());

    let text = world.file("text");
    std::fs::write(&text, "Dear diary, this is no database. ".repeat(50)).expect("a file");
    let empty = world.file("empty");
    std::fs::write(&empty, "").expect("a file");
    let half = world.file("half");
    std::fs::write(&half, &bytes[..bytes.len() / 2]).expect("a file");
    let spoilt = world.file("spoilt");
    let mut broken = bytes.clone();
    let middle = broken.len() / 2;
    broken[middle..middle + 8_192].fill(0xa5);
    std::fs::write(&spoilt, &broken).expect("a file");
    let newer = world.file("newer");
    std::fs::write(&newer, &bytes).expect("a file");
    let statement = "INSERT INTO _sqlx_migrations VALUES (9999, 'x', 0, TRUE, X'00', 1)";
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&newer);
    let pool = sqlx::SqlitePool::connect_with(options)
        .await
        .expect("the copy");
    sqlx::query(statement)
        .execute(&pool)
        .await
        .expect("a migration");
    pool.close().await;
    for file in [text, empty, half, spoilt] {
        let error = restore(&target, &file, false, false).await;
        assert!(
            matches!(error, Err(BackupError::Unfit { .. })),
            "{file:?}: {error:?}"
        );
    }
    let error = restore(&target, &newer, false, false).await;
    assert!(matches!(error, Err(BackupError::Newer { .. })), "{error:?}");
    let live = world.file("data/daybook.sqlite");
    let begun = world.file("begun");
    std::fs::write(&begun, &bytes).expect("a file");
    std::fs::write(world.file("begun-journal"), "half-way").expect("a file");
    for (half, companion) in [(live, "-wal"), (begun, "-journal")] {
        let error = restore(&target, &half, false, false).await;
        let error = error.expect_err("half of one").to_string();
        assert!(error.contains(companion), "{error}");
    }
    assert!(!world.file("restored/daybook.sqlite").exists());
    restore(&target, &good, false, false)
        .await
        .expect("a good one");
}
