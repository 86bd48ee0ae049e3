//! Positions: dense, unique, and in the order of commits, however many write at once.

use crate::said::{edited, entries, markers_after, rows_of, written};
use crate::world::World;
use std::collections::BTreeMap;
use sync::frame::{Outcome, ServerFrame};
use sync::scope::Markers;
use sync::value::Value;

const DEVICES: u64 = 8;
const PUSHES: u64 = 12;

#[tokio::test]
async fn positions_are_dense_and_in_commit_order_under_eight_writers_and_a_stream_misses_none() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    let mut events = ann.stream(Markers::default()).await;
    let mut seen = entries(&events.until_live().await);
    let writers: Vec<_> = (0..DEVICES)
        .map(|device| {
            let ann = ann.clone();
            tokio::spawn(async move {
                let mut mine = Vec::new();
                for number in 0..PUSHES {
                    let pair = [written(&format!("{device}/{number}")), written("and more")];
                    let outcomes = ann.push(pair.to_vec()).await.outcomes;
                    for change in pair {
                        let Outcome::Applied { lsn, .. } = outcomes[&change.op_id] else {
                            panic!("{:?}", outcomes[&change.op_id]);
                        };
                        mine.push((lsn, change.op_id));
                    }
                }
                assert!(
                    mine.is_sorted(),
                    "a later push has a later position: {mine:?}"
                );
                mine
            })
        })
        .collect();
    let mut given = BTreeMap::new();
    for writer in writers {
        given.extend(writer.await.expect("a writer"));
    }
    let total = 2 * DEVICES * PUSHES;
    assert!(given.keys().copied().eq(1..=total), "{:?}", given.keys());
    let last = |frame: &ServerFrame| matches!(frame, ServerFrame::Change(c) if c.to.lsn == total);
    let news = events.until(last).await;
    let mut stands = 0;
    for frame in &news {
        if let ServerFrame::Change(change) = frame {
            assert_eq!(
                change.from.lsn, stands,
                "each change begins where the one before ended"
            );
            stands = change.to.lsn;
        }
    }
    seen.extend(entries(&news));
    let seen: BTreeMap<_, _> = seen.iter().map(|row| (row.lsn, row.op_id)).collect();
    assert_eq!(
        seen, given,
        "the stream brought every change under its own position"
    );
    let history: Vec<(i64, String)> =
        sqlx::query_as("SELECT lsn, op_id FROM outcomes WHERE scope = $1 ORDER BY lsn")
            .bind(format!("own:{}", account.id))
            .fetch_all(&world.database().await)
            .await
            .expect("history");
    let given = given
        .iter()
        .map(|(lsn, op_id)| (i64::try_from(*lsn).expect("few"), op_id.to_string()));
    assert!(history.into_iter().eq(given));
}

#[tokio::test]
async fn a_change_that_is_pushed_by_eight_at_once_is_taken_once_and_each_is_answered() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    let entry = written("It rained.");
    let pushes = (0..DEVICES).map(|_| ann.push_one(&entry));
    let outcomes = futures_util::future::join_all(pushes).await;
    let is_first = |outcome: &&Outcome| matches!(outcome, Outcome::Applied { .. });
    assert_eq!(outcomes.iter().filter(is_first).count(), 1, "{outcomes:?}");
    let lsn_1 = |outcome: &Outcome| crate::said::lsn_of(outcome) == Some(1);
    assert!(outcomes.iter().all(lsn_1), "{outcomes:?}");
    assert_eq!(world.end_of(&account).await, 1);
}

#[tokio::test]
async fn of_eight_edits_of_one_place_at_once_one_stands_and_seven_are_kept() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let entry = written("zero");
    ann.push_one(&entry).await;
    let edits: Vec<_> = (0..DEVICES)
        .map(|number| edited(&entry, &format!("edit{number}")))
        .collect();
    futures_util::future::join_all(edits.iter().map(|edit| ann.push_one(edit))).await;
    let frames = ann.pull(Markers::default()).await;
    let lost = rows_of("entry_revisions", &frames).into_iter();
    let lost = lost.filter(|row| row.fields["lost"] == Value::Boolean(true));
    let mut words: Vec<_> = lost.map(|row| row.fields["text"].clone()).collect();
    words.push(entries(&frames)[0].fields["body"].clone());
    words.sort_by_key(|word| format!("{word:?}"));
    let all = edits.iter().map(|edit| edit.fields["body"].clone());
    assert!(words.iter().cloned().eq(all), "{words:?}");
}

#[tokio::test]
async fn the_library_has_positions_from_one_on_and_a_stream_starts_after_what_is_known() {
    let world = World::open().await;
    let nobody = world.visitor();
    let frames = nobody.pull(Markers::default()).await;
    let positions: Vec<_> = frames
        .iter()
        .flat_map(|frame| match frame {
            ServerFrame::Delta(delta) => delta.rows.iter().map(|row| row.lsn).collect(),
            _ => Vec::new(),
        })
        .collect();
    assert!(positions.len() >= 40);
    assert!(positions.iter().copied().eq(1..=positions.len() as u64));
    let again = nobody.pull(markers_after(&frames)).await;
    let more = again
        .iter()
        .any(|frame| matches!(frame, ServerFrame::Delta(d) if !d.rows.is_empty()));
    assert!(!more);
}
