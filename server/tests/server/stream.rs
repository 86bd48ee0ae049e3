//! Streams: what was missed, then what happens, for as long as the session holds.

use crate::said::{deleted, entries, kinds, markers_after, own, standing_at, written};
use crate::ways::{Way, each_way};
use crate::world::{SOON, World};
use std::time::{Duration, Instant};
use sync::frame::ServerFrame;
use sync::limits::{CHUNK_ROWS_MAX, HEAD_ROWS_MAX, HEARTBEAT_JITTER_MS, HEARTBEAT_MS};
use sync::scope::{LIBRARY, Marker, Markers, Scope};
use tokio::time::timeout;

fn is_change(frame: &ServerFrame) -> bool {
    matches!(frame, ServerFrame::Change(_))
}

each_way! {
    a_stream_says_hello_sends_what_was_missed_and_then_what_happens_at_once,
    a_stream_hears_nothing_of_other_people,
    a_device_that_was_away_gets_only_what_it_missed_in_chunks,
    a_device_that_is_cut_off_goes_on_after_the_last_chunk_that_it_has,
    long_entries_travel_in_small_chunks_and_none_is_left_out,
    a_device_that_stands_where_this_server_never_was_is_told,
    a_new_device_is_shown_the_newest_entries_before_the_rest_comes,
    a_row_that_cannot_be_read_ends_the_stream_with_an_error_and_never_with_a_gap,
    a_live_stream_that_cannot_read_on_says_so_and_ends,
    a_quiet_stream_shows_that_it_is_alive,
    signing_out_ends_the_streams_of_that_session_and_no_others,
    ending_the_server_ends_its_streams,
    one_person_has_so_many_streams_and_no_more,
}

async fn a_stream_says_hello_sends_what_was_missed_and_then_what_happens_at_once(way: Way) {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let first = written("Before.");
    ann.push_one(&first).await;
    let mut events = way.open(&ann, Markers::default()).await;
    let missed = events.until_live().await;
    let expected = [
        "welcome",
        "heartbeat",
        "head",
        "delta",
        "delta",
        "delta",
        "delta_complete",
    ];
    assert_eq!(kinds(&missed), expected);
    assert_eq!(entries(&missed)[0].key, first.key);
    // Another device of the same person.
    let laptop = world.visitor();
    laptop
        .sign_in("ann@example.org", crate::world::PASSWORD)
        .await;
    let second = written("Just now.");
    let began = Instant::now();
    laptop.push_one(&second).await;
    let news = events.until(is_change).await;
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(entries(&news)[0].key, second.key);
    let ServerFrame::Change(change) = &news[0] else {
        unreachable!("{news:?}")
    };
    assert_eq!(
        change.from,
        Marker {
            lsn: 1,
            op_id: first.op_id
        }
    );
    assert_eq!(
        change.to,
        Marker {
            lsn: 2,
            op_id: second.op_id
        }
    );
}

async fn a_stream_hears_nothing_of_other_people(way: Way) {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let (bob, _) = world.person("bob").await;
    let mut events = way.open(&ann, Markers::default()).await;
    events.until_live().await;
    bob.push_one(&written("Bob's words.")).await;
    let mine = written("Ann's words.");
    ann.push_one(&mine).await;
    let news = events.until(is_change).await;
    assert_eq!(entries(&news).len(), 1);
    assert_eq!(entries(&news)[0].key, mine.key);
}

async fn a_device_that_was_away_gets_only_what_it_missed_in_chunks(way: Way) {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    ann.push_one(&written("Known.")).await;
    let known = markers_after(&ann.pull(Markers::default()).await);
    let count = 2 * CHUNK_ROWS_MAX + 1;
    for _ in 0..3 {
        let changes = (0..count.div_ceil(3))
            .map(|n| written(&format!("Missed {n}.")))
            .collect();
        ann.push(changes).await;
    }
    let mut events = way.open(&ann, known.clone()).await;
    let missed = events.until_live().await;
    let rows = entries(&missed);
    assert_eq!(rows.len(), count);
    assert!(
        rows.iter()
            .map(|row| row.lsn)
            .eq(2..=u64::try_from(count + 1).expect("few"))
    );
    let chunks: Vec<_> = missed
        .iter()
        .filter_map(|frame| match frame {
            ServerFrame::Delta(delta) if delta.table == "journal_entries" => Some(delta),
            _ => None,
        })
        .collect();
    assert_eq!(chunks.len(), 3);
    let mut stands = known.get(&own(), "journal_entries");
    for (place, chunk) in chunks.iter().enumerate() {
        assert_eq!(chunk.from, stands);
        assert_eq!(chunk.is_last_chunk, place == 2);
        stands = chunk.to;
    }
    let nothing = ann.pull(markers_after(&missed)).await;
    assert!(entries(&nothing).is_empty());
}

async fn a_device_that_is_cut_off_goes_on_after_the_last_chunk_that_it_has(way: Way) {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    for _ in 0..3 {
        let changes = (0..CHUNK_ROWS_MAX).map(|n| written(&format!("Missed {n}.")));
        ann.push(changes.collect()).await;
    }
    let mut had = Vec::new();
    let mut markers = Markers::default();
    for chunk in 1..=2 {
        let mut events = way.open(&ann, markers).await;
        let is_chunk =
            |frame: &ServerFrame| matches!(frame, ServerFrame::Delta(d) if !d.is_last_chunk);
        had.extend(events.until(is_chunk).await);
        drop(events);
        assert_eq!(entries(&had).len(), chunk * CHUNK_ROWS_MAX);
        markers = markers_after(&had);
    }
    let mut events = way.open(&ann, markers).await;
    had.extend(events.until_live().await);
    let lsns: Vec<_> = entries(&had).iter().map(|row| row.lsn).collect();
    let all = 1..=u64::try_from(3 * CHUNK_ROWS_MAX).expect("few");
    assert!(lsns.iter().copied().eq(all), "each came once: {lsns:?}");
}

async fn long_entries_travel_in_small_chunks_and_none_is_left_out(way: Way) {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    for size in [150, 150, 200, 1, 1, 150, 199] {
        ann.push_one(&written(&"x".repeat(size * 1024))).await;
    }
    let mut missed = way.open(&ann, Markers::default()).await;
    let frames = ann.pull(Markers::default()).await;
    for frames in [&frames, &missed.until_live().await] {
        assert!(entries(frames).iter().map(|row| row.lsn).eq(1..=7));
        for frame in frames {
            assert!(frame.encode().len() < 300 * 1024, "{}", frame.kind());
        }
    }
    let mut live = way.open(&ann, markers_after(&frames)).await;
    live.until_live().await;
    let texts = [180, 180, 10].map(|size| written(&"y".repeat(size * 1024)));
    ann.push(texts.to_vec()).await;
    let news = live
        .until(|frame| matches!(frame, ServerFrame::Change(c) if c.to.lsn == 10))
        .await;
    assert!(entries(&news).iter().map(|row| row.lsn).eq(8..=10));
}

async fn a_device_that_stands_where_this_server_never_was_is_told(way: Way) {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    ann.push_one(&written("One.")).await;
    let op_id = server::clock::new_id().expect("a name");
    for marker in [
        Marker { lsn: 1, op_id },
        Marker { lsn: 2, op_id },
        Marker {
            lsn: u64::MAX,
            op_id,
        },
    ] {
        let markers = standing_at(marker);
        let mut events = way.open(&ann, markers.clone()).await;
        for frame in [events.next().await, ann.pull(markers).await.pop()] {
            let Some(ServerFrame::Error(error)) = frame else {
                unreachable!("{frame:?}")
            };
            assert_eq!(error.code, "epoch_changed");
        }
        assert_eq!(events.next().await, None);
    }
}

async fn a_new_device_is_shown_the_newest_entries_before_the_rest_comes(way: Way) {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let trashed = written("Deleted.");
    let mut days = Vec::new();
    for number in 1..=HEAD_ROWS_MAX + 5 {
        // Not in the order of their days: what is newest goes by the calendar.
        let day = format!("2026-{:02}-{:02}", 1 + number * 7 % 12, 1 + number % 28);
        let mut entry = written(&day);
        entry.fields.insert("day".into(), day.as_str().into());
        days.push(day);
        ann.push(vec![entry]).await;
    }
    ann.push(vec![trashed.clone(), deleted(&trashed)]).await;
    let mut events = way.open(&ann, Markers::default()).await;
    let missed = events.until_live().await;
    let ServerFrame::Head(head) = &missed[2] else {
        unreachable!("{:?}", kinds(&missed));
    };
    assert_eq!(
        (head.scope.as_str(), head.table.as_str()),
        ("own", "journal_entries")
    );
    days.sort_by(|one, other| other.cmp(one));
    let shown = head.rows.iter().map(|row| row.fields["day"].clone());
    let newest = days[..HEAD_ROWS_MAX].iter().map(|day| day.as_str().into());
    assert!(shown.eq(newest));
    assert!(head.rows.iter().all(|row| !row.deleted));
    // They move no marker: all of them come again in their order.
    assert_eq!(entries(&missed).len(), days.len() + 1);
    // Of few entries all are shown, and of one that is deleted nothing.
    let (bob, _) = world.person("bob").await;
    let only = written("Bob's words.");
    bob.push(vec![only.clone(), trashed.clone(), deleted(&trashed)])
        .await;
    let pulled = bob.pull(Markers::default()).await;
    let ServerFrame::Head(head) = &pulled[1] else {
        unreachable!("{:?}", kinds(&pulled));
    };
    assert!(head.rows.iter().map(|row| row.key).eq([only.key]));
    // A device that knows something is shown nothing ahead.
    let mut events = way.open(&ann, markers_after(&missed)).await;
    assert!(!kinds(&events.until_live().await).contains(&"head"));
}

async fn a_row_that_cannot_be_read_ends_the_stream_with_an_error_and_never_with_a_gap(way: Way) {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let (known, broken, after) = (written("Known."), written("Broken."), written("After."));
    ann.push_one(&known).await;
    let markers = standing_at(Marker {
        lsn: 1,
        op_id: known.op_id,
    });
    ann.push(vec![broken, after]).await;
    world
        .execute("UPDATE journal_entries SET stamps = '\"nonsense\"' WHERE lsn = 2")
        .await;
    let mut events = way.open(&ann, markers).await;
    let failed = |frame: &ServerFrame| matches!(frame, ServerFrame::Delta(d) if d.error.is_some());
    let frames = events.until(failed).await;
    let Some(ServerFrame::Delta(delta)) = frames.last() else {
        unreachable!("{:?}", kinds(&frames));
    };
    assert_eq!(delta.table, "journal_entries");
    assert!(delta.rows.is_empty() && delta.from == delta.to && !delta.is_last_chunk);
    assert_eq!(
        delta.error.as_ref().map(|e| e.code.as_str()),
        Some("corrupt")
    );
    assert!(entries(&frames).is_empty());
    assert_eq!(events.next().await, None);
}

async fn a_live_stream_that_cannot_read_on_says_so_and_ends(way: Way) {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let mut events = way.open(&ann, Markers::default()).await;
    events.until_live().await;
    world.home.spoil_entries().await;
    ann.push_one(&written("Broken.")).await;
    let failed = |frame: &ServerFrame| matches!(frame, ServerFrame::Error(_));
    let frames = events.until(failed).await;
    let Some(ServerFrame::Error(error)) = frames.last() else {
        unreachable!("{:?}", kinds(&frames));
    };
    assert_eq!(error.code, "corrupt");
    assert!(entries(&frames).is_empty());
    assert_eq!(events.next().await, None);
}

async fn a_quiet_stream_shows_that_it_is_alive(way: Way) {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let mut events = way.open(&ann, Markers::default()).await;
    let missed = events.until_live().await;
    let ServerFrame::Heartbeat(first) = &missed[1] else {
        unreachable!("{:?}", kinds(&missed));
    };
    assert!(first.positions.is_empty(), "nothing has been told yet");
    let entry = written("Told live.");
    ann.push_one(&entry).await;
    events.until(is_change).await;
    let ends_at = Marker {
        lsn: 1,
        op_id: entry.op_id,
    };
    let began = Instant::now();
    let limit = Duration::from_millis(HEARTBEAT_MS + HEARTBEAT_JITTER_MS) + SOON;
    let beat = |frame: &ServerFrame| matches!(frame, ServerFrame::Heartbeat(_));
    let quiet = events.until_within(limit, beat).await;
    assert_eq!(kinds(&quiet), ["heartbeat"]);
    // It also says up to where the device has been told everything.
    let ServerFrame::Heartbeat(heartbeat) = &quiet[0] else {
        unreachable!("{quiet:?}");
    };
    assert_eq!(heartbeat.positions[&own()], ends_at);
    let library = Scope::named(LIBRARY);
    assert!(heartbeat.positions[&library].lsn >= 40);
    let least = Duration::from_millis(HEARTBEAT_MS - HEARTBEAT_JITTER_MS - 1_000);
    assert!(began.elapsed() > least, "{:?}", began.elapsed());
}

async fn signing_out_ends_the_streams_of_that_session_and_no_others(way: Way) {
    let world = World::open().await;
    let (phone, _) = world.person("ann").await;
    let laptop = world.visitor();
    laptop
        .sign_in("ann@example.org", crate::world::PASSWORD)
        .await;
    let mut ending = way.open(&phone, Markers::default()).await;
    let mut staying = way.open(&laptop, Markers::default()).await;
    ending.until_live().await;
    staying.until_live().await;
    let began = Instant::now();
    phone.call("sign_out", &[]).await;
    let last = ending
        .until(|frame| matches!(frame, ServerFrame::Error(_)))
        .await;
    assert!(began.elapsed() < SOON);
    let Some(ServerFrame::Error(error)) = last.last() else {
        unreachable!("{last:?}")
    };
    assert_eq!(error.code, "no_session");
    assert_eq!(ending.next().await, None);
    laptop.push_one(&written("Still here.")).await;
    staying.until(is_change).await;
}

async fn ending_the_server_ends_its_streams(way: Way) {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let mut events = way.open(&ann, Markers::default()).await;
    events.until_live().await;
    timeout(SOON, world.server.end()).await.expect("an end");
    assert_eq!(events.next().await, None);
}

async fn one_person_has_so_many_streams_and_no_more(way: Way) {
    let world = World::open_with(|config| config.streams_per_person_max = 3).await;
    let (ann, _) = world.person("ann").await;
    let (bob, _) = world.person("bob").await;
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(way.open(&ann, Markers::default()).await);
    }
    let refused = ann.stream_answer(Markers::default()).await;
    assert_eq!(refused.status().as_u16(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    assert!(
        refused
            .text()
            .await
            .expect("a body")
            .contains("too_many_streams")
    );
    // Both ways share the places.
    assert_eq!(way.status(&ann).await, 429);
    assert_eq!(way.status(&bob).await, 200);
    open.clear();
    let freed = timeout(SOON, async {
        while way.status(&ann).await != 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    freed.await.expect("a place that was given back");
}
