//! Edits made apart: what is joined, what is kept of what lost, and what a patch needs.

use crate::said::{deleted, edited, entries, lsn_of, patched, rows_of, written};
use crate::world::{Visitor, World};
use domain::EntryRevision;
use sync::change::{Change, Op};
use sync::frame::{Outcome, ServerFrame};
use sync::id::Id;
use sync::row::Row;
use sync::scope::Markers;
use sync::table::Synced as _;
use sync::value::{Fields, Value};

async fn body_of(visitor: &Visitor, key: Id) -> Value {
    row_of(visitor, key).await.fields["body"].clone()
}

async fn row_of(visitor: &Visitor, key: Id) -> Row {
    let rows = entries(&visitor.pull(Markers::default()).await);
    rows.into_iter()
        .find(|row| row.key == key)
        .expect("an entry")
}

async fn revisions(visitor: &Visitor) -> Vec<EntryRevision> {
    let frames = visitor.pull(Markers::default()).await;
    let rows = rows_of("entry_revisions", &frames);
    let typed = |row: &Row| EntryRevision::from_fields(row.key, &row.fields);
    rows.iter()
        .map(|row| typed(row).expect("a revision"))
        .collect()
}

fn lost_fields(outcome: &Outcome) -> &[String] {
    match outcome.first() {
        Outcome::Applied { lost_fields, .. } => lost_fields,
        _ => &[],
    }
}

#[tokio::test]
async fn two_devices_that_edit_one_body_apart_come_to_hold_both_edits() {
    let world = World::open().await;
    let (phone, account) = world.person("ann").await;
    let laptop = world.other_device("ann").await;
    let entry = written("It rained in the morning. Then we walked home.");
    phone.push_one(&entry).await;
    let first = edited(&entry, "It poured in the morning. Then we walked home.");
    let second = edited(&entry, "It rained in the morning. Then we ran home.");
    phone.push_one(&first).await;
    let outcome = laptop.push_one(&second).await;
    let both = Value::from("It poured in the morning. Then we ran home.");
    let Outcome::Applied {
        row: Some(row),
        lost_fields,
        stamp,
        ..
    } = &outcome
    else {
        panic!("{outcome:?}");
    };
    assert_eq!(
        row.fields["body"], both,
        "the device is told what it became"
    );
    assert!(lost_fields.is_empty() && stamp.is_none());
    assert_eq!(body_of(&phone, entry.key).await, both);
    assert!(revisions(&phone).await.is_empty(), "nothing lost");
    assert_eq!(world.end_of(&account).await, 3);
    // Once more changes nothing.
    let again = laptop.push_one(&second).await;
    assert!(matches!(again, Outcome::Duplicate { .. }));
    assert_eq!(*again.first(), outcome);
    assert_eq!(world.end_of(&account).await, 3);
    // A third device that wrote on what the phone had is joined with the joined text.
    let third = edited(
        &first,
        "It poured in the morning. Then we walked home. End.",
    );
    laptop.push_one(&third).await;
    assert_eq!(
        body_of(&phone, entry.key).await,
        "It poured in the morning. Then we ran home. End.".into()
    );
}

#[tokio::test]
async fn of_two_edits_of_one_place_the_later_stands_and_the_other_is_kept() {
    let world = World::open().await;
    let (phone, account) = world.person("ann").await;
    let laptop = world.other_device("ann").await;
    for (number, later_first) in [(0, true), (1, false)] {
        let entry = written("It rained.");
        phone.push_one(&entry).await;
        let mut one = edited(&entry, "It poured.");
        let mut other = edited(&entry, "It snowed.");
        one.stamp.clock = entry.stamp.clock.after();
        other.stamp.clock = one.stamp.clock.after();
        let (first, second) = if later_first {
            (&other, &one)
        } else {
            (&one, &other)
        };
        phone.push_one(first).await;
        let outcome = laptop.push_one(second).await;
        let lost: &[&str] = if later_first { &["body"] } else { &[] };
        assert_eq!(lost_fields(&outcome), lost);
        assert_eq!(body_of(&laptop, entry.key).await, "It snowed.".into());
        let kept = revisions(&phone).await;
        let of_this_entry: Vec<_> = kept.iter().filter(|r| r.row_key == entry.key).collect();
        let [revision] = of_this_entry[..] else {
            panic!("{kept:?}");
        };
        assert_eq!(revision.field.as_str(), "body");
        assert_eq!(revision.text.as_str(), "It poured.");
        assert_eq!(revision.device_id, one.stamp.node);
        assert!(revision.lost);
        let expected_ms = i64::try_from(one.stamp.clock.ms()).expect("a time");
        assert_eq!(revision.written_at.0, expected_ms);
        // Row and revision have a position each, and a repeat gives no further ones.
        let end = 4 * (number + 1);
        assert_eq!(world.end_of(&account).await, end);
        laptop.push_one(second).await;
        assert_eq!(world.end_of(&account).await, end);
    }
    check_history(&world, &account.id.to_string()).await;
}

/// Every position has the change that its row names.
async fn check_history(world: &World, user: &str) {
    let gaps: i64 = sqlx::query_scalar(
        "WITH rows AS (SELECT lsn, op_id FROM journal_entries WHERE scope = $1 \
         UNION ALL SELECT lsn, op_id FROM entry_revisions WHERE scope = $1) \
         SELECT count(*) FROM rows LEFT JOIN outcomes o ON o.scope = $1 AND o.lsn = rows.lsn \
         WHERE o.op_id IS DISTINCT FROM rows.op_id",
    )
    .bind(format!("own:{user}"))
    .fetch_one(&world.database().await)
    .await
    .expect("a count");
    assert_eq!(gaps, 0);
}

#[tokio::test]
async fn what_a_device_learns_live_includes_the_revision() {
    let world = World::open().await;
    let (phone, _) = world.person("ann").await;
    let entry = written("It rained.");
    phone.push_one(&entry).await;
    let mut events = phone.stream(Markers::default()).await;
    events.until_live().await;
    let laptop = world.other_device("ann").await;
    laptop.push_one(&edited(&entry, "It poured.")).await;
    laptop.push_one(&edited(&entry, "It snowed.")).await;
    let revision =
        |frame: &ServerFrame| !rows_of("entry_revisions", std::slice::from_ref(frame)).is_empty();
    events.until(revision).await;
}

#[tokio::test]
async fn a_text_that_is_knowingly_written_over_is_kept_once_in_a_while() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let mut entry = written("Yesterday's words.");
    let now_ms = server::clock::now_ms();
    entry.stamp.clock = sync::clock::Clock::at_ms(now_ms - 60 * 60 * 1_000);
    ann.push_one(&entry).await;
    let today = edited(&entry, "Today's words.");
    ann.push_one(&today).await;
    let kept = revisions(&ann).await;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].text.as_str(), "Yesterday's words.");
    assert!(!kept[0].lost);
}

/// A text that is long enough to travel as a patch.
fn long(first_word: &str) -> String {
    format!("{first_word} {}", "and the rain went on. ".repeat(100))
}

#[tokio::test]
async fn a_patch_is_taken_where_its_text_is_known_and_asked_for_whole_where_not() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    let entry = written(&long("One"));
    ann.push_one(&entry).await;
    let edit = patched(&entry, &long("One"), &long("Two"));
    assert!(matches!(
        ann.push_one(&edit).await,
        Outcome::Applied { lsn: 2, .. }
    ));
    assert_eq!(body_of(&ann, entry.key).await, Value::Text(long("Two")));
    // The base is not the present text any more, and still known.
    let mut late = patched(&entry, &long("One"), &long("Three"));
    late.stamp.clock = edit.stamp.clock.after();
    let outcome = ann.push_one(&late).await;
    assert!(lsn_of(&outcome).is_some(), "{outcome:?}");
    assert_eq!(body_of(&ann, entry.key).await, Value::Text(long("Three")));
    // A patch for another text than the one it names.
    let mut wrong = patched(&late, &long("One"), &long("Four"));
    let before = world.end_of(&account).await;
    assert_eq!(ann.push_one(&wrong).await, Outcome::NeedFull {});
    // A base that was cleared out; but a base that is still the present text never is.
    world.execute("DELETE FROM texts").await;
    let lost = patched(&entry, &long("One"), &long("Five"));
    assert_eq!(ann.push_one(&lost).await, Outcome::NeedFull {});
    assert_eq!(world.end_of(&account).await, before, "nothing was written");
    let current = patched(&late, &long("Three"), &long("Six"));
    let outcome = ann.push_one(&current).await;
    assert!(lsn_of(&outcome).is_some(), "{outcome:?}");
    // What was not taken has no answer that is kept: sent whole, it is taken under its name.
    wrong.patches.clear();
    wrong.fields = Fields::from([("body".into(), Value::Text(long("Four")))]);
    let outcome = ann.push_one(&wrong).await;
    assert!(lsn_of(&outcome).is_some(), "{outcome:?}");
}

#[tokio::test]
async fn a_patch_reads_no_text_of_another_person() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let (bob, _) = world.person("bob").await;
    let hers = written(&long("Ann's"));
    ann.push_one(&hers).await;
    let his = written("Bob's words.");
    bob.push_one(&his).await;
    let mut thief = patched(&hers, &long("Ann's"), &long("Bob's"));
    thief.key = his.key;
    thief.base.insert("trashed_at".into(), his.stamp);
    assert_eq!(bob.push_one(&thief).await, Outcome::NeedFull {});
}

#[tokio::test]
async fn an_edit_of_an_entry_in_the_trash_brings_it_back_and_its_writer_is_told() {
    let world = World::open().await;
    let (phone, _) = world.person("ann").await;
    let laptop = world.other_device("ann").await;
    let entry = written("It rained.");
    phone.push_one(&entry).await;
    let trashed = Fields::from([("trashed_at".into(), Value::Integer(5))]);
    let trash = Change {
        base: deleted(&entry).base,
        ..crate::said::change(Op::Update, entry.key, trashed)
    };
    phone.push_one(&trash).await;
    assert_eq!(
        row_of(&phone, entry.key).await.fields["trashed_at"],
        Value::Integer(5)
    );
    let outcome = laptop.push_one(&edited(&entry, "It rained on.")).await;
    let Outcome::Applied { row: Some(row), .. } = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(row.fields["trashed_at"], Value::Null);
    let stands = row_of(&phone, entry.key).await;
    assert_eq!(stands.fields, row.fields);
}

#[tokio::test]
async fn a_deletion_takes_no_edit_that_it_had_not_seen() {
    let world = World::open().await;
    let (phone, _) = world.person("ann").await;
    let laptop = world.other_device("ann").await;
    let entry = written("It rained.");
    phone.push_one(&entry).await;
    laptop.push_one(&edited(&entry, "It rained on.")).await;
    let outcome = phone.push_one(&deleted(&entry)).await;
    assert!(matches!(outcome, Outcome::Applied { row: Some(_), .. }));
    assert_eq!(body_of(&phone, entry.key).await, "It rained on.".into());
}

#[tokio::test]
async fn a_device_that_does_not_know_revisions_is_sent_none_and_keeps_up_all_the_same() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let entry = written("It rained.");
    ann.push_one(&entry).await;
    let older = ann
        .hello(Markers::default())
        .replace(",\"entry_revisions\"", "");
    let mut events = ann.stream_of(older.clone()).await;
    events.until_live().await;
    ann.push_one(&edited(&entry, "It poured.")).await;
    ann.push_one(&edited(&entry, "It snowed.")).await;
    // The revision has the last position.
    let last = |frame: &ServerFrame| matches!(frame, ServerFrame::Change(c) if c.to.lsn == 4);
    let news = events.until(last).await;
    // A feed of states: two edits that are read at once are one row.
    let latest = entries(&news).pop().expect("the entry");
    assert_eq!(latest.fields["body"], "It snowed.".into());
    assert!(rows_of("entry_revisions", &news).is_empty());
    let mut events = ann.stream_of(older).await;
    let missed = events.until_live().await;
    assert_eq!(entries(&missed).len(), 1);
    assert!(rows_of("entry_revisions", &missed).is_empty());
}
