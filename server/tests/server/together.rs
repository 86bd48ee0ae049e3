//! Groups: changes that are taken together or not at all, and arrive together.

use crate::said::{change, code_of, deleted, edited, entries, grouped, lsn_of, written};
use crate::world::World;
use sync::change::{Change, Op};
use sync::frame::{Outcome, ServerFrame};
use sync::limits::{CHUNK_ROWS_MAX, FRAME_BYTES_MAX, GROUP_CHANGES_MAX};
use sync::scope::Markers;
use sync::value::Value;

#[tokio::test]
async fn a_group_is_taken_whole_or_not_at_all() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    let alone = written("Alone.");
    let bad = grouped(vec![written("One."), written("  "), written("Three.")]);
    let mut changes = bad.clone();
    changes.insert(1, alone.clone());
    let outcomes = ann.push(changes).await.outcomes;
    let codes = bad.iter().map(|change| code_of(&outcomes[&change.op_id]));
    assert!(codes.eq([Some("group_refused"), Some("blank"), Some("group_refused")]));
    assert_eq!(lsn_of(&outcomes[&alone.op_id]), Some(1));
    assert_eq!(world.end_of(&account).await, 1);
    let good = grouped(vec![written("One."), written("Two."), written("Three.")]);
    let outcomes = ann.push(good.clone()).await.outcomes;
    let positions = good.iter().map(|change| lsn_of(&outcomes[&change.op_id]));
    assert!(positions.eq([Some(2), Some(3), Some(4)]));
    let rows = entries(&ann.pull(Markers::default()).await);
    let group = good[0].group.map(|group| group.id);
    let groups = rows.iter().map(|row| row.group);
    assert!(groups.eq([None, group, group, group]));
    let again = ann.push(good.clone()).await.outcomes;
    let repeats = |outcome: &Outcome| matches!(outcome, Outcome::Duplicate { .. });
    assert!(again.len() == 3 && again.values().all(repeats));
    assert_eq!(world.end_of(&account).await, 4);
}

#[tokio::test]
async fn a_group_of_which_the_database_refuses_one_leaves_nothing() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    world.home.refuse_cursed().await;
    let group = grouped(vec![written("one"), written("cursed"), written("three")]);
    assert_eq!(ann.push(group.clone()).await.outcomes, [].into());
    assert_eq!(world.end_of(&account).await, 0);
    let kept: i64 = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM texts) + (SELECT count(*) FROM journal_entries)",
    )
    .fetch_one(&world.database().await)
    .await
    .expect("a count");
    assert_eq!(kept, 0);
    world.home.refuse_nothing().await;
    assert_eq!(ann.push(group).await.outcomes.len(), 3);
    assert_eq!(world.end_of(&account).await, 3);
}

#[tokio::test]
async fn a_group_that_is_not_whole_is_refused() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    let mut torn = grouped(vec![written("One."), written("Two.")]);
    torn.pop();
    let many = vec![written("x"); GROUP_CHANGES_MAX + 1];
    let many = grouped(many.iter().map(|_| written("x")).collect());
    let twice = written("Once.");
    let twice = grouped(vec![twice.clone(), edited(&twice, "Twice.")]);
    for group in [torn, many, twice] {
        let outcomes = ann.push(group.clone()).await.outcomes;
        assert_eq!(outcomes.len(), group.len());
        for outcome in outcomes.values() {
            assert_eq!(code_of(outcome), Some("bad_group"));
        }
    }
    assert_eq!(world.end_of(&account).await, 0);
}

#[tokio::test]
async fn what_a_group_brings_that_was_here_before_keeps_its_position() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    let group = grouped(vec![written("One."), written("Two.")]);
    let mut alone = group[0].clone();
    alone.group = None;
    let first = ann.push_one(&alone).await;
    let outcomes = ann.push(group.clone()).await.outcomes;
    assert_eq!(*outcomes[&alone.op_id].first(), first);
    assert_eq!(lsn_of(&outcomes[&group[1].op_id]), Some(2));
    assert_eq!(world.end_of(&account).await, 2);
    let positions = entries(&ann.pull(Markers::default()).await);
    assert!(positions.iter().map(|row| row.lsn).eq([1, 2]));
}

#[tokio::test]
async fn rows_of_one_group_arrive_in_one_chunk_though_a_page_ends_among_them() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let mut stream = ann.stream(Markers::default()).await;
    stream.until_live().await;
    let before = CHUNK_ROWS_MAX - 5;
    let singles = (0..before).map(|n| written(&format!("{n}"))).collect();
    ann.push(singles).await;
    // Losers leave revisions, which stand among the rows of their group.
    let base = written("One base.");
    ann.push_one(&base).await;
    ann.push_one(&edited(&base, "One edit.")).await;
    let mut group: Vec<_> = (0..9).map(|n| written(&format!("grouped {n}"))).collect();
    group.insert(4, edited(&base, "Another edit."));
    let group = grouped(group);
    ann.push(group.clone()).await;
    let id = group[0].group.map(|group| group.id);
    let in_group = |frame: &ServerFrame| {
        let rows = entries(std::slice::from_ref(frame));
        rows.iter().filter(|row| row.group == id).count()
    };
    for frames in [
        ann.pull(Markers::default()).await,
        stream.until(|frame| in_group(frame) > 0).await,
    ] {
        let counts: Vec<_> = frames.iter().map(in_group).filter(|n| *n > 0).collect();
        assert_eq!(counts, [group.len()]);
    }
}

#[tokio::test]
async fn a_heavy_group_arrives_in_one_chunk_where_a_device_takes_so_much_and_else_in_parts() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let mut groups = Vec::new();
    for count in [6, 9] {
        let mut trashed = Vec::new();
        for _ in 0..count {
            // Small edits of long entries: a push carries the edits, the feed whole rows.
            let entry = written(&"x".repeat(150 * 1024));
            ann.push_one(&entry).await;
            let fields = [("trashed_at".into(), Value::Integer(5))];
            let mut trash = change(Op::Update, entry.key, fields.into());
            trash.base = deleted(&entry).base;
            trashed.push(trash);
        }
        let group = grouped(trashed);
        ann.push(group.clone()).await;
        groups.push(group);
    }
    let frames = ann.pull(Markers::default()).await;
    let chunks = |group: &[Change]| -> Vec<usize> {
        let id = group[0].group.map(|group| group.id);
        let frames = frames
            .iter()
            .map(|frame| entries(std::slice::from_ref(frame)));
        frames
            .map(|rows| rows.iter().filter(|row| row.group == id).count())
            .filter(|count| *count > 0)
            .collect()
    };
    assert_eq!(chunks(&groups[0]), [6]);
    assert_eq!(chunks(&groups[1]), [6, 3]);
    for frame in &frames {
        assert!(frame.encode().len() < FRAME_BYTES_MAX, "{}", frame.kind());
    }
}
