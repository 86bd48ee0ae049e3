//! Pushing: what becomes of changes, once and again.

use crate::said::{
    change, deleted, edited, entries, markers_after, push_frame_at, put_back, written,
};
use crate::world::World;
use sync::change::{Change, Op};
use sync::clock::Clock;
use sync::frame::{Outcome, ServerFrame};
use sync::scope::Markers;
use sync::value::Value;

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
            stamp: None,
            row: None,
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
    let edit = edited(&entry, "It rained all day.");
    let changes = vec![entry.clone(), edit.clone()];
    let first = ann.push(changes.clone()).await.outcomes;
    let before = ann.pull(Markers::default()).await;
    let second = ann.push(changes).await.outcomes;
    for (op_id, outcome) in &second {
        let Outcome::Duplicate { outcome } = outcome else {
            panic!("not a duplicate: {outcome:?}");
        };
        assert_eq!(**outcome, first[op_id]);
    }
    assert_eq!(second.len(), 2);
    assert_eq!(world.end_of(&account).await, 2);
    let after = ann.pull(Markers::default()).await;
    assert_eq!(entries(&before), entries(&after));
}

#[tokio::test]
async fn an_answer_to_what_changed_nothing_is_not_kept_and_may_be_better_later() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    let entry = written("It rained.");
    let early = edited(&entry, "It rained all day.");
    assert!(matches!(ann.push_one(&early).await, Outcome::Gone { .. }));
    let both = ann.push(vec![entry.clone(), early.clone()]).await.outcomes;
    assert!(matches!(
        both[&early.op_id],
        Outcome::Applied { lsn: 2, .. }
    ));
    assert_eq!(world.end_of(&account).await, 2);
}

#[tokio::test]
async fn nobody_changes_or_reads_another_persons_entry() {
    let world = World::open().await;
    let (ann, annas) = world.person("ann").await;
    let (bob, bobs) = world.person("bob").await;
    let entry = written("Ann's words.");
    ann.push_one(&entry).await;
    for foreign in [edited(&entry, "Bob was here."), deleted(&entry)] {
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
    let deletion = deleted(&entry);
    ann.push_one(&deletion).await;
    let rows = entries(&ann.pull(Markers::default()).await);
    assert!(rows[0].deleted && rows[0].fields.is_empty() && rows[0].lsn == 2);
    let edit = edited(&entry, "Still writing.");
    assert!(matches!(ann.push_one(&edit).await, Outcome::Gone { .. }));
    let back = put_back(&entry, &deletion);
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
    let mut revision = written("Mine.");
    revision.table = "entry_revisions".into();
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
        (&revision, "not_writable"),
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
    world.home.refuse_cursed().await;
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
    world.home.refuse_nothing().await;
    assert!(matches!(
        ann.push_one(&cursed).await,
        Outcome::Applied { lsn: 3, .. }
    ));
}

#[tokio::test]
async fn a_text_that_not_every_database_can_hold_is_refused_and_keeps_no_other_back() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let (odd, plain) = (written("A \0 in it."), written("Nothing in it."));
    let outcomes = ann.push(vec![odd.clone(), plain.clone()]).await.outcomes;
    assert!(matches!(outcomes[&plain.op_id], Outcome::Applied { .. }));
    let refused = &outcomes[&odd.op_id];
    assert!(
        matches!(refused, Outcome::Rejected { code, .. } if code == "has_nul"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_clock_that_is_an_hour_off_is_shifted_and_the_device_is_told() {
    const HOUR_MS: u64 = 60 * 60 * 1_000;
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let now_ms = server::clock::now_ms();
    for device_time_ms in [now_ms + HOUR_MS, now_ms - HOUR_MS] {
        let mut entry = written("From another hour.");
        entry.stamp.clock = Clock::at_ms(device_time_ms - 5);
        let push = || push_frame_at(ann.device_id, vec![entry.clone()], device_time_ms);
        let (_, body) = ann.push_frame(push()).await;
        let first = outcome_in(&body, &entry);
        let Outcome::Applied {
            stamp: Some(stamp), ..
        } = first
        else {
            panic!("{body}");
        };
        let off_ms = stamp.clock.ms().abs_diff(now_ms);
        assert!(off_ms < 5_000, "{off_ms} ms");
        assert!(stamp.clock.ms() <= server::clock::now_ms(), "never ahead");
        let rows = entries(&ann.pull(Markers::default()).await);
        let row = rows.iter().find(|row| row.key == entry.key).expect("a row");
        assert!(row.stamps.values().all(|own| *own == stamp));
        let claimed: String = sqlx::query_scalar("SELECT claimed FROM outcomes WHERE op_id = $1")
            .bind(entry.op_id.to_string())
            .fetch_one(&world.database().await)
            .await
            .expect("what was claimed");
        assert_eq!(claimed, entry.stamp.to_string());
        let (_, body) = ann.push_frame(push()).await;
        let again = outcome_in(&body, &entry);
        assert!(matches!(again, Outcome::Duplicate { .. }), "{again:?}");
        assert_eq!(*again.first(), first);
    }
    let right = written("From this hour.");
    ann.push_one(&right).await;
    let claimed: Option<String> =
        sqlx::query_scalar("SELECT claimed FROM outcomes WHERE op_id = $1")
            .bind(right.op_id.to_string())
            .fetch_one(&world.database().await)
            .await
            .expect("an outcome");
    assert_eq!(claimed, None);
}

fn outcome_in(body: &str, change: &Change) -> Outcome {
    let result = match ServerFrame::decode(body) {
        Ok(ServerFrame::PushResult(result)) => Some(result),
        _ => None,
    };
    let mut outcomes = result.expect("a result").outcomes;
    outcomes.remove(&change.op_id).expect("an outcome")
}

#[tokio::test]
async fn a_device_heals_a_server_that_was_put_back_from_a_backup() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    let entry = written("It rained.");
    ann.push_one(&entry).await;
    let edit = edited(&entry, "It rained all day.");
    ann.push_one(&edit).await;
    let known = ann.pull(Markers::default()).await;
    let row = entries(&known).remove(0);
    for table in [
        "DELETE FROM journal_entries",
        "DELETE FROM texts",
        "DELETE FROM outcomes WHERE scope <> 'library'",
        "UPDATE scopes SET lsn = 0 WHERE scope <> 'library'",
    ] {
        world.execute(table).await;
    }
    let told = ann.pull(markers_after(&known)).await;
    let [ServerFrame::Error(error)] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!(error.code, "epoch_changed");
    let mut offer = change(Op::Insert, row.key, row.fields.clone());
    offer.stamps = Some(row.stamps.clone());
    assert_eq!(
        ann.push_one(&offer).await,
        Outcome::Applied {
            lsn: 1,
            stamp: None,
            row: None,
            lost_fields: vec![]
        }
    );
    let healed = entries(&ann.pull(Markers::default()).await).remove(0);
    assert_eq!((healed.fields, healed.stamps), (row.fields, row.stamps));
    // The text is a base again, under the name of the change that made it.
    ann.push_one(&edited(&edit, "It snowed all day.")).await;
    let apart = edited(&edit, "It rained all night.");
    ann.push_one(&apart).await;
    let joined = entries(&ann.pull(Markers::default()).await).remove(0);
    assert_eq!(joined.fields["body"], "It snowed all night.".into());
    assert_eq!(world.end_of(&account).await, 3);
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
