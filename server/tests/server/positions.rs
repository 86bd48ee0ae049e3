//! Positions: dense, unique, and in the order of commits, however many write at once.

use crate::said::{entries, markers_after, written};
use crate::world::World;
use std::collections::BTreeMap;
use sync::frame::{Outcome, ServerFrame};
use sync::scope::Markers;

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
