//! The store in a real browser: commits are whole or nothing, and tabs never overwrite each other.

mod leaving;
mod outbox;
mod pages;
mod upgrade;
mod upkeep;

use super::StorageError;
use super::connection::{Connection, Durability, Writes};
use super::registry::open_journal;
use super::schema::{LOCAL_CHANGES, SYNC_STATE, write_stores};
use crate::browser;
use domain::JournalEntry;
use domain::kinds::{Day, Moment};
use std::collections::BTreeMap;
use sync::change::Op;
use sync::device::effect::Answer;
use sync::device::outbox::LocalChange;
use sync::device::state::Stored;
use sync::frame::{Outcome, PushResult};
use sync::id::Id;
use sync::limits::PUSH_CHANGES_MAX;
use sync::local::{Account, Edit, Query, Tick};
use sync::table::Synced;
use sync::value::Fields;
use wasm_bindgen::JsValue;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

fn somebody() -> Account {
    Account {
        id: browser::mint().id(),
        email: "somebody@example.org".to_owned(),
    }
}

async fn journal() -> Connection {
    let connection = open_journal(&somebody()).await.expect("a new journal");
    connection.device(browser::mint()).await.expect("a device");
    connection
}

async fn stored(connection: &Connection) -> Stored {
    connection.stored("a build").await.expect("stored")
}

/// How many values a store holds.
async fn count(connection: &Connection, store: &str) -> u32 {
    let reading = connection.reading(&[store]).expect("reads");
    let store = reading.object_store(store).expect("a store");
    store.count(None).expect("counts").await.expect("a count")
}

fn entry(body: &str) -> JournalEntry {
    JournalEntry {
        id: browser::mint().id(),
        day: Day::parse("2026-11-21").expect("a day"),
        title: "".into(),
        body: body.into(),
        prompt_id: None,
        prompt_text: None,
        written_at: Moment(1),
        trashed_at: None,
    }
}

fn insert(entry: &JournalEntry) -> Edit {
    let table = JournalEntry::TABLE.name.to_owned();
    Edit {
        table,
        key: entry.id,
        op: Op::Insert,
        fields: entry.to_fields(),
    }
}

async fn write(connection: &Connection, edits: Vec<Edit>) -> Result<(), StorageError> {
    connection
        .write(browser::mint(), browser::mint().id(), edits, None)
        .await
        .map(drop)
}

async fn entries(connection: &Connection) -> Vec<(String, Tick)> {
    let query = Query::all(JournalEntry::TABLE.name).newest_by("day");
    let found = connection
        .find(JournalEntry::TABLE, &query)
        .await
        .expect("rows");
    let read = |fields: &Fields| sync::table::text(&fields["body"]).cloned().expect("a body");
    found
        .iter()
        .map(|row| (read(&row.fields), row.tick.clone()))
        .collect()
}

async fn take(connection: &Connection) -> Vec<LocalChange> {
    connection
        .take_outbox(browser::now_ms(), PUSH_CHANGES_MAX)
        .await
        .expect("the outbox")
        .changes
}

#[wasm_bindgen_test]
async fn an_entry_is_there_after_the_database_was_closed_and_opened_again() {
    let account = somebody();
    let first = open_journal(&account).await.expect("opens");
    let device = first.device(browser::mint()).await.expect("a device");
    write(&first, vec![insert(&entry("kept"))])
        .await
        .expect("kept");
    drop(first);
    let again = open_journal(&account).await.expect("opens again");
    assert_eq!(entries(&again).await, [("kept".to_owned(), Tick::Local)]);
    let stored = stored(&again).await;
    assert_eq!((stored.device_id, stored.outbox.waiting), (device, 1));
}

#[wasm_bindgen_test]
async fn edits_are_kept_together_or_not_at_all() {
    let connection = journal().await;
    let refused = write(
        &connection,
        vec![insert(&entry("good")), insert(&entry("  "))],
    )
    .await;
    assert_eq!(refused.expect_err("refused").code(), "blank");
    assert_eq!(entries(&connection).await, []);
    assert_eq!(connection.count_outbox().await.expect("a count").waiting, 0);
}

#[wasm_bindgen_test]
async fn a_commit_that_is_given_up_between_reads_and_writes_leaves_nothing() {
    let connection = journal().await;
    let before = connection.device(browser::mint()).await.expect("a device");
    let given_up: Result<(), _> = connection
        .commit(&write_stores(), Durability::Strict, async |reading| {
            // A write that was already issued must not survive either.
            let store = reading.store(SYNC_STATE)?;
            store
                .put(&JsValue::from_str("half"), Some(&JsValue::from_str("meta")))?
                .await?;
            Err(StorageError::Unreadable("planted".to_owned()))
        })
        .await;
    assert_eq!(given_up.expect_err("given up").code(), "storage_unreadable");
    assert_eq!(stored(&connection).await.device_id, before);
}

#[wasm_bindgen_test]
async fn a_number_given_twice_aborts_everything_instead_of_overwriting() {
    let connection = journal().await;
    write(&connection, vec![insert(&entry("mine"))])
        .await
        .expect("kept");
    let taken = take(&connection).await.remove(0);
    let mut other = taken.clone();
    other.change.op_id = browser::mint().id();
    let clash = connection
        .commit(&[LOCAL_CHANGES], Durability::Strict, async |_| {
            let mut writes = Writes::default();
            writes.change(&other, true)?;
            Ok((writes, ()))
        })
        .await;
    let StorageError::Aborted(name) = clash.expect_err("aborted") else {
        panic!("not aborted")
    };
    assert_eq!(name, "ConstraintError");
    assert_eq!(take(&connection).await[0].change.op_id, taken.change.op_id);
}

#[wasm_bindgen_test]
async fn two_tabs_writing_at_once_never_share_a_number_and_lose_nothing() {
    let account = somebody();
    let one = open_journal(&account).await.expect("opens");
    one.device(browser::mint()).await.expect("a device");
    let two = open_journal(&account).await.expect("opens twice");
    let writer = async |connection: &Connection, name: &str| {
        for n in 0..40 {
            let body = format!("{name} {n}");
            write(connection, vec![insert(&entry(&body))])
                .await
                .expect("kept");
        }
    };
    futures_join(writer(&one, "one"), writer(&two, "two")).await;
    assert_eq!(entries(&one).await.len(), 80);
    let mut numbers: Vec<_> = take(&two)
        .await
        .iter()
        .map(|local| local.local_seq)
        .collect();
    numbers.dedup();
    assert_eq!(
        numbers,
        (1..=80).collect::<Vec<_>>(),
        "no gap, no repeat, in order"
    );
}

#[wasm_bindgen_test]
async fn a_mutation_that_is_asked_for_twice_is_kept_once() {
    let connection = journal().await;
    let id = browser::mint().id();
    for _ in 0..3 {
        let edits = vec![insert(&entry("said twice"))];
        let kept = connection.write(browser::mint(), id, edits, None).await;
        kept.expect("kept");
    }
    assert_eq!(entries(&connection).await.len(), 1);
    assert_eq!(take(&connection).await.len(), 1);
}

#[wasm_bindgen_test]
async fn a_draft_stays_until_the_entry_made_of_it_is_kept() {
    let connection = journal().await;
    let draft = Fields::from([("body".to_owned(), "half a thou".into())]);
    connection
        .save_draft("new-entry", &draft)
        .await
        .expect("kept");
    let refused = vec![insert(&entry(" "))];
    let slot = Some("new-entry".to_owned());
    connection
        .write(browser::mint(), browser::mint().id(), refused, slot.clone())
        .await
        .expect_err("refused");
    assert_eq!(
        connection.read_draft("new-entry").await.expect("read"),
        Some(draft)
    );
    connection
        .write(
            browser::mint(),
            browser::mint().id(),
            vec![insert(&entry("whole"))],
            slot,
        )
        .await
        .expect("kept");
    assert_eq!(
        connection.read_draft("new-entry").await.expect("read"),
        None
    );
}

#[wasm_bindgen_test]
async fn an_engine_of_another_build_is_told_so_once() {
    let connection = journal().await;
    let updated = async |build: &str| connection.stored(build).await.expect("stored").updated;
    assert!(updated("one").await);
    assert!(!updated("one").await);
    assert!(updated("two").await);
}

#[wasm_bindgen_test]
async fn edits_of_several_rows_travel_as_a_group_and_each_is_told_of() {
    let connection = journal().await;
    let edits = vec![insert(&entry("one")), insert(&entry("two"))];
    let captured = connection
        .write(browser::mint(), browser::mint().id(), edits, None)
        .await
        .expect("kept");
    assert_eq!(captured.len(), 2);
    let groups: Vec<_> = take(&connection)
        .await
        .iter()
        .map(|l| l.change.group)
        .collect();
    assert_eq!(
        (groups.len(), groups[0].map(|group| group.size)),
        (2, Some(2))
    );
    assert_eq!(groups[0], groups[1]);
}

/// What a server says that takes every one of these changes.
fn applied(pushed: &[LocalChange]) -> Answer {
    let outcomes = pushed.iter().map(|local| {
        let outcome = Outcome::Applied {
            lsn: local.local_seq,
            stamp: None,
            row: None,
            lost_fields: vec![],
        };
        (local.change.op_id, outcome)
    });
    answer(outcomes.collect())
}

fn answer(outcomes: BTreeMap<Id, Outcome>) -> Answer {
    Answer::Outcomes(PushResult {
        outcomes,
        server_time_ms: 0,
    })
}

/// Runs two futures as one: the two tabs of a test.
async fn futures_join(one: impl Future<Output = ()>, two: impl Future<Output = ()>) {
    let mut one = std::pin::pin!(one);
    let mut two = std::pin::pin!(two);
    let (mut one_done, mut two_done) = (false, false);
    std::future::poll_fn(|context| {
        one_done = one_done || one.as_mut().poll(context).is_ready();
        two_done = two_done || two.as_mut().poll(context).is_ready();
        if one_done && two_done {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
}
