//! Pushing: what becomes of changes, once and again.

use crate::world::{World, change, edited, entries, written};
use std::time::Duration;
use sync::change::Op;
use sync::frame::{Outcome, ServerFrame};
use sync::scope::Markers;
use sync::value::{Fields, Value};

#[tokio::test]
async fn what_one_device_pushes_another_pulls() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let entry = written("It rained.");
    let outcome = ann.push_one(&entry).await;
    assert_eq!(
        outcome,
        Outcome::Applied {
            lsn: 1,
            lost_fields: vec![]
        }
    );
    let frames = ann.pull(Markers::default()).await;
    assert!(matches!(frames.last(), Some(ServerFrame::DeltaComplete {})));
    let rows = entries(&frames);
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (rows[0].key, rows[0].lsn, rows[0].op_id),
        (entry.key, 1, entry.op_id)
    );
    assert_eq!(rows[0].fields, entry.fields);
    assert!(rows[0].stamps.values().all(|stamp| *stamp == entry.stamp));
}

#[tokio::test]
async fn a_repeated_push_is_a_duplicate_and_changes_nothing() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    let entry = written("It rained.");
    let edit = edited(entry.key, "It rained all day.");
    let lost = edited(server::clock::new_id().expect("a name"), "of nothing");
    let changes = vec![entry.clone(), edit.clone(), lost.clone()];
    let first = ann.push(changes.clone()).await.outcomes;
    let before = ann.pull(Markers::default()).await;
    let second = ann.push(changes).await.outcomes;
    for (op_id, outcome) in &second {
        let Outcome::Duplicate { outcome } = outcome else {
            panic!("not a duplicate: {outcome:?}");
        };
        assert_eq!(**outcome, first[op_id]);
    }
    assert_eq!(second.len(), 3);
    assert_eq!(world.end_of(&account).await, 2);
    let after = ann.pull(Markers::default()).await;
    assert_eq!(entries(&before), entries(&after));
}

#[tokio::test]
async fn nobody_changes_or_reads_another_persons_entry() {
    let world = World::open().await;
    let (ann, annas) = world.person("ann").await;
    let (bob, bobs) = world.person("bob").await;
    let entry = written("Ann's words.");
    ann.push_one(&entry).await;
    for foreign in [
        edited(entry.key, "Bob was here."),
        change(Op::Delete, entry.key, Fields::new()),
    ] {
        let outcome = bob.push_one(&foreign).await;
        assert!(matches!(outcome, Outcome::Gone { .. }), "{outcome:?}");
    }
    assert!(entries(&bob.pull(Markers::default()).await).is_empty());
    // The same key in Bob's journal is another row.
    let mut his = written("Bob's words.");
    his.key = entry.key;
    assert!(matches!(
        bob.push_one(&his).await,
        Outcome::Applied { lsn: 1, .. }
    ));
    let rows = entries(&ann.pull(Markers::default()).await);
    assert_eq!(rows[0].fields, entry.fields);
    assert_eq!(
        (world.end_of(&annas).await, world.end_of(&bobs).await),
        (1, 1)
    );
}

#[tokio::test]
async fn a_deleted_entry_leaves_a_tombstone_and_a_whole_put_brings_it_back() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let entry = written("It rained.");
    ann.push_one(&entry).await;
    tokio::time::sleep(Duration::from_millis(2)).await;
    ann.push_one(&change(Op::Delete, entry.key, Fields::new()))
        .await;
    let rows = entries(&ann.pull(Markers::default()).await);
    assert!(rows[0].deleted && rows[0].fields.is_empty() && rows[0].lsn == 2);
    let edit = edited(entry.key, "Still writing.");
    assert!(matches!(ann.push_one(&edit).await, Outcome::Gone { .. }));
    tokio::time::sleep(Duration::from_millis(2)).await;
    let back = change(Op::Insert, entry.key, entry.fields.clone());
    assert!(matches!(
        ann.push_one(&back).await,
        Outcome::Applied { lsn: 3, .. }
    ));
    let rows = entries(&ann.pull(Markers::default()).await);
    assert!(!rows[0].deleted);
    assert_eq!(rows[0].fields, entry.fields);
}

#[tokio::test]
async fn a_bad_change_fails_alone_and_the_others_are_kept() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    let good = written("Good.");
    let blank = written("  ");
    let long = written(&"x".repeat(200 * 1024 + 1));
    let full = written(&"x".repeat(200 * 1024));
    let mut nowhere = written("Nowhere.");
    nowhere.table = "nowhere".into();
    let mut prompt = written("Mine.");
    prompt.table = "prompts".into();
    let mut foreign = written("Foreign.");
    foreign.stamp.op_id = sync::id::Id::from_u128(1);
    let mut wrong = written("Wrong.");
    wrong
        .fields
        .insert("written_at".into(), Value::Boolean(true));
    let refused = [
        (&blank, "blank"),
        (&long, "too_long"),
        (&nowhere, "unknown_table"),
        (&prompt, "not_writable"),
        (&foreign, "foreign_stamp"),
        (&wrong, "wrong_type"),
    ];
    let mut changes = vec![good.clone()];
    changes.extend(refused.iter().map(|(change, _)| (*change).clone()));
    changes.push(full.clone());
    let outcomes = ann.push(changes).await.outcomes;
    assert!(matches!(
        outcomes[&good.op_id],
        Outcome::Applied { lsn: 1, .. }
    ));
    assert!(matches!(
        outcomes[&full.op_id],
        Outcome::Applied { lsn: 2, .. }
    ));
    for (change, expected) in refused {
        let Outcome::Rejected { code, message } = &outcomes[&change.op_id] else {
            panic!("{expected}: {:?}", outcomes[&change.op_id]);
        };
        assert_eq!(code, expected);
        assert!(!message.is_empty());
    }
    assert_eq!(world.end_of(&account).await, 2);
}

#[tokio::test]
async fn a_change_that_the_database_refuses_has_no_outcome_and_the_others_do() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    let trigger = "CREATE TRIGGER no BEFORE INSERT ON journal_entries WHEN NEW.body = 'cursed' \
                   BEGIN SELECT RAISE(ABORT, 'no'); END";
    sqlx::query(trigger)
        .execute(&world.database().await)
        .await
        .expect("a trigger");
    let (one, cursed, two) = (written("one"), written("cursed"), written("two"));
    let outcomes = ann
        .push(vec![one.clone(), cursed.clone(), two.clone()])
        .await
        .outcomes;
    assert!(matches!(
        outcomes[&one.op_id],
        Outcome::Applied { lsn: 1, .. }
    ));
    assert!(matches!(
        outcomes[&two.op_id],
        Outcome::Applied { lsn: 2, .. }
    ));
    assert_eq!(outcomes.get(&cursed.op_id), None);
    assert_eq!(
        world.end_of(&account).await,
        2,
        "the position was given back"
    );
    sqlx::query("DROP TRIGGER no")
        .execute(&world.database().await)
        .await
        .expect("dropped");
    assert!(matches!(
        ann.push_one(&cursed).await,
        Outcome::Applied { lsn: 3, .. }
    ));
}

#[tokio::test]
async fn a_restart_keeps_everything() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    let entry = written("It rained.");
    ann.push_one(&entry).await;
    let before = ann.pull(Markers::default()).await;
    let world = world.restarted().await;
    let mut again = world.visitor();
    again.http = ann.http.clone();
    assert_eq!(again.who_am_i().await, Some(account));
    let after = again.pull(Markers::default()).await;
    assert_eq!(entries(&before), entries(&after));
    assert!(matches!(
        again.push_one(&entry).await,
        Outcome::Duplicate { .. }
    ));
}
