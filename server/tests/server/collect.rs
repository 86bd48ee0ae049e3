//! Clearing out: what has served its time goes, and nothing that a device still needs.

use crate::said::{deleted, edited, entries, markers_after, own, rows_of, standing_at, written};
use crate::ways::Way;
use crate::world::{SOON, Visitor, World};
use server::clock::now_ms;
use server::store::collect::Collected;
use server::sync::fanout::Fanout;
use server::sync::gc::{BATCH_ROWS_MAX, pass};
use std::time::Duration;
use sync::change::Change;
use sync::frame::{Outcome, ServerFrame};
use sync::hub::collect::Retention;
use sync::limits::PUSH_CHANGES_MAX;
use sync::scope::{Marker, Markers};
use tokio::time::timeout;

/// How long things are kept in these tests.
const SHORT: Retention = Retention {
    tombstone_ms: 60_000,
    revision_ms: 60_000,
};

/// Everything the server has written becomes old; what it hears of devices is still new.
async fn age(world: &World) {
    world.execute("UPDATE outcomes SET at_ms = 1").await;
    world.execute("UPDATE texts SET at_ms = 1").await;
}

async fn collect(world: &World) -> Collected {
    let store = world.store().await;
    let collected = pass(&store, &Fanout::default(), now_ms(), SHORT).await;
    store.close().await;
    collected.expect("a pass")
}

async fn count(world: &World, what: &'static str) -> i64 {
    sqlx::query_scalar(what)
        .fetch_one(&world.database().await)
        .await
        .expect(what)
}

const HISTORY: &str = "SELECT count(*) FROM outcomes WHERE scope <> 'library'";
const FLOOR: &str = "SELECT floor FROM scopes WHERE scope <> 'library'";
const TOMBSTONES: &str = "SELECT count(*) FROM journal_entries WHERE deleted";

fn at(lsn: u64, change: &Change) -> Marker {
    Marker {
        lsn,
        op_id: change.op_id,
    }
}

/// What a session of a device that stands there begins with, whichever way it goes.
async fn first_frame(visitor: &Visitor, marker: Marker) -> ServerFrame {
    let mut events = visitor.stream(standing_at(marker)).await;
    let frame = events.next().await.expect("a frame");
    let mut socket = Way::Socket.open(visitor, standing_at(marker)).await;
    let same = socket.next().await.expect("a frame");
    assert_eq!(
        (same.kind(), error_code(&same)),
        (frame.kind(), error_code(&frame))
    );
    frame
}

fn error_code(frame: &ServerFrame) -> Option<&str> {
    match frame {
        ServerFrame::Error(error) => Some(&error.code),
        _ => None,
    }
}

#[tokio::test]
async fn a_tombstone_goes_once_every_live_device_has_passed_it_and_not_before() {
    let world = World::open().await;
    let (phone, _) = world.person("ann").await;
    let laptop = world.other_device("ann").await;
    let entry = written("It rained.");
    let deletion = deleted(&entry);
    let last = written("It goes on.");
    phone
        .push(vec![entry.clone(), deletion.clone(), last.clone()])
        .await;
    // Young things stay, whoever has passed them.
    phone.acknowledge(at(3, &last)).await;
    assert_eq!(collect(&world).await, Collected::default());
    age(&world).await;
    laptop.acknowledge(at(1, &entry)).await;
    let collected = collect(&world).await;
    assert_eq!((collected.tombstones, collected.outcomes), (0, 0));
    assert_eq!(collected.texts, 2, "no device needs a position for those");
    assert_eq!(
        (count(&world, FLOOR).await, count(&world, HISTORY).await),
        (0, 3)
    );
    laptop.acknowledge(at(2, &deletion)).await;
    let collected = collect(&world).await;
    assert_eq!((collected.tombstones, collected.outcomes), (1, 1));
    assert_eq!(count(&world, FLOOR).await, 2);
    assert_eq!(
        collect(&world).await,
        Collected::default(),
        "once is enough"
    );
    // The history above the floor is still whole, and still makes repeats safe.
    assert_eq!(count(&world, HISTORY).await, 2);
    let repeat = phone.push_one(&deletion).await;
    assert!(matches!(repeat, Outcome::Duplicate { .. }), "{repeat:?}");
}

#[tokio::test]
async fn a_device_below_the_floor_is_told_so_and_one_above_it_goes_on() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let entry = written("It rained.");
    let deletion = deleted(&entry);
    let last = written("It goes on.");
    ann.push(vec![entry.clone(), deletion.clone(), last.clone()])
        .await;
    age(&world).await;
    assert_eq!(collect(&world).await.tombstones, 1);
    let stale = first_frame(&ann, at(1, &entry)).await;
    assert_eq!(error_code(&stale), Some("cursor_expired"));
    let pulled = ann.pull(standing_at(at(1, &entry))).await;
    assert_eq!(error_code(&pulled[0]), Some("cursor_expired"));
    for marker in [at(2, &deletion), at(3, &last), Marker::START] {
        let frame = first_frame(&ann, marker).await;
        let ServerFrame::Welcome(welcome) = &frame else {
            panic!("{frame:?}");
        };
        assert_eq!(welcome.purge_floors[&own()], 2);
    }
    // A new device gets what there is, and an edit of the row that is gone is answered so.
    let rows = entries(&ann.pull(Markers::default()).await);
    assert!(rows.iter().map(|row| row.key).eq([last.key]));
    let late = ann.push_one(&edited(&entry, "Still writing.")).await;
    assert!(matches!(late, Outcome::Gone { .. }), "{late:?}");
}

#[tokio::test]
async fn a_new_device_gets_a_journal_of_many_pages_from_which_much_was_cleared_out() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let entry = written("Not for long.");
    for _ in 0..3 {
        let some = (0..PUSH_CHANGES_MAX - 10).map(|n| written(&format!("{n}")));
        ann.push(some.collect()).await;
    }
    ann.push(vec![entry.clone(), deleted(&entry)]).await;
    age(&world).await;
    assert_eq!(collect(&world).await.tombstones, 1);
    let frames = ann.pull(Markers::default()).await;
    assert_eq!(frames.last().map(ServerFrame::kind), Some("delta_complete"));
    assert_eq!(entries(&frames).len(), 3 * (PUSH_CHANGES_MAX - 10));
    // Cut off after the first chunk, it goes on there and does not begin again.
    let is_first = |frame: &ServerFrame| matches!(frame, ServerFrame::Delta(d) if !d.is_last_chunk);
    let first = frames.iter().position(is_first).expect("a chunk");
    let half = markers_after(&frames[..=first]);
    let rest = ann.pull(half.clone()).await;
    assert_eq!(rest.last().map(ServerFrame::kind), Some("delta_complete"));
    let sent = entries(&frames[..=first]).len() + entries(&rest).len();
    assert_eq!(sent, 3 * (PUSH_CHANGES_MAX - 10));
    // Unless more was cleared out since, which it may have got.
    let entry = written("Not for long.");
    ann.push(vec![entry.clone(), deleted(&entry)]).await;
    age(&world).await;
    assert_eq!(collect(&world).await.tombstones, 1);
    assert_eq!(error_code(&ann.pull(half).await[0]), Some("cursor_expired"));
}

#[tokio::test]
async fn a_device_that_is_silent_for_too_long_holds_nothing_back_and_is_forgotten() {
    let world = World::open().await;
    let (phone, _) = world.person("ann").await;
    let laptop = world.other_device("ann").await;
    let (one, two) = (written("It rained."), written("It poured."));
    let deletion = deleted(&one);
    let changes = vec![one.clone(), deletion.clone(), two.clone(), deleted(&two)];
    phone.push(changes).await;
    phone.acknowledge(at(2, &deletion)).await;
    laptop.acknowledge(at(1, &one)).await;
    age(&world).await;
    assert_eq!(collect(&world).await.tombstones, 0);
    world
        .execute("UPDATE device_cursors SET heard_at_ms = 1 WHERE acknowledged = 1")
        .await;
    let collected = collect(&world).await;
    assert_eq!((collected.tombstones, collected.devices), (1, 1));
    // The other device still holds back what it has not passed.
    assert_eq!(count(&world, FLOOR).await, 2);
    assert_eq!(
        count(&world, "SELECT count(*) FROM device_cursors").await,
        1
    );
}

#[tokio::test]
async fn a_revision_that_has_served_its_time_becomes_a_tombstone_that_devices_hear_of() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    let entry = written("It rained.");
    ann.push_one(&entry).await;
    ann.push_one(&edited(&entry, "It poured.")).await;
    ann.push_one(&edited(&entry, "It snowed.")).await;
    let before = ann.pull(Markers::default()).await;
    let revision = rows_of("entry_revisions", &before).remove(0);
    assert_eq!(collect(&world).await, Collected::default());
    let mut events = ann.stream(markers_after(&before)).await;
    events.until_live().await;
    age(&world).await;
    assert_eq!(collect(&world).await.revisions, 1);
    assert_eq!(world.end_of(&account).await, 5);
    let more = written("More.");
    ann.push_one(&more).await;
    let last = |frame: &ServerFrame| matches!(frame, ServerFrame::Change(c) if c.to.lsn == 6);
    let news = rows_of("entry_revisions", &events.until(last).await);
    let [tombstone] = &news[..] else {
        panic!("{news:?}");
    };
    assert_eq!((tombstone.key, tombstone.lsn), (revision.key, 5));
    assert!(tombstone.deleted && tombstone.fields.is_empty());
    // In its time the tombstone goes too, and with it the history before it.
    age(&world).await;
    let collected = collect(&world).await;
    assert_eq!((collected.tombstones, collected.outcomes), (1, 4));
    assert_eq!(
        (count(&world, FLOOR).await, count(&world, HISTORY).await),
        (5, 2)
    );
    let frame = first_frame(&ann, at(6, &more)).await;
    assert_eq!(frame.kind(), "welcome");
}

#[tokio::test]
async fn words_of_long_ago_that_lose_today_are_kept_from_today_on() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let mut entry = written("It rained.");
    let mut offline = edited(&entry, "Written in a tent.");
    let year_ms = 365 * 24 * 60 * 60 * 1_000;
    entry.stamp.clock = sync::clock::Clock::at_ms(now_ms() - 2 * year_ms);
    offline.stamp.clock = sync::clock::Clock::at_ms(now_ms() - year_ms);
    offline.base.insert("body".into(), entry.stamp);
    ann.push(vec![entry.clone(), edited(&entry, "It poured.")])
        .await;
    world.other_device("ann").await.push_one(&offline).await;
    let kept = rows_of("entry_revisions", &ann.pull(Markers::default()).await);
    let lost = |row: &&sync::row::Row| row.fields["text"] == "Written in a tent.".into();
    assert_eq!(kept.iter().filter(lost).count(), 1);
    assert_eq!(collect(&world).await, Collected::default());
}

#[tokio::test]
async fn more_than_one_transaction_takes_is_cleared_out_all_the_same() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let rows = usize::try_from(BATCH_ROWS_MAX).expect("few") + PUSH_CHANGES_MAX / 2;
    let entries: Vec<_> = (0..rows).map(|n| written(&format!("{n}"))).collect();
    for some in entries.chunks(PUSH_CHANGES_MAX) {
        ann.push(some.to_vec()).await;
        ann.push(some.iter().map(deleted).collect()).await;
    }
    age(&world).await;
    let collected = collect(&world).await;
    let rows = u64::try_from(rows).expect("few");
    assert_eq!((collected.tombstones, collected.texts), (rows, rows));
    assert_eq!(collected.outcomes, 2 * rows - 1);
    assert_eq!(count(&world, TOMBSTONES).await, 0);
    assert_eq!(count(&world, HISTORY).await, 1, "where everybody may stand");
}

#[tokio::test]
async fn a_server_that_starts_clears_out_by_itself() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let entry = written("It rained.");
    ann.push(vec![entry.clone(), deleted(&entry)]).await;
    age(&world).await;
    let world = world.restarted().await;
    let cleared = timeout(SOON, async {
        while count(&world, TOMBSTONES).await > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    cleared.await.expect("a pass at the start");
    assert_eq!(count(&world, FLOOR).await, 2);
}
