//! A person's whole life with Daybook, from signing up to signing out, on whichever database.

use crate::said::{
    change, deleted, edited, entries, lsn_of, markers_after, own, rows_of, standing_at, written,
};
use crate::world::{PASSWORD, Visitor, World};
use server::clock::now_ms;
use server::store::collect::Collected;
use server::sync::fanout::Fanout;
use server::sync::gc::pass;
use sync::change::{Change, Op};
use sync::frame::{Outcome, ServerFrame};
use sync::hub::collect::Retention;
use sync::row::Row;
use sync::scope::{Marker, Markers};
use sync::stamp::Stamps;
use sync::value::{Fields, Value};

/// The entry as a new device would have it.
async fn entry_of(visitor: &Visitor, entry: &Change) -> Row {
    let rows = entries(&visitor.pull(Markers::default()).await);
    let row = rows.into_iter().find(|row| row.key == entry.key);
    row.expect("the entry")
}

/// What a device looks at that has this entry, with the body of `edit`.
fn looking_at(entry: &Change, edit: &Change) -> Stamps {
    let mut seen = deleted(entry).base;
    seen.insert("body".into(), edit.stamp);
    seen
}

/// What a pass clears out when deletions are remembered for a minute.
async fn cleared(world: &World) -> Collected {
    let store = world.store().await;
    let retention = Retention {
        tombstone_ms: 60_000,
        revision_ms: 1 << 40,
    };
    let cleared = pass(&store, &Fanout::default(), now_ms(), retention).await;
    store.close().await;
    cleared.expect("a pass")
}

/// She puts the entry, which says what `edit` said, into the trash and then away for good. Tells
/// where her log ends.
async fn throws_away(phone: &Visitor, laptop: &Visitor, entry: &Change, edit: &Change) -> Marker {
    let fields = Fields::from([("trashed_at".into(), Value::Integer(5))]);
    let mut trash = change(Op::Update, entry.key, fields);
    trash.base = looking_at(entry, edit);
    phone.push_one(&trash).await;
    let row = entry_of(laptop, entry).await;
    assert_eq!(row.fields["trashed_at"], Value::Integer(5));
    let mut deletion = deleted(entry);
    deletion.base = looking_at(entry, edit);
    deletion.base.insert("trashed_at".into(), trash.stamp);
    let gone = phone.push_one(&deletion).await;
    assert!(entry_of(laptop, entry).await.deleted, "{gone:?}");
    Marker {
        lsn: lsn_of(&gone).expect("a position"),
        op_id: deletion.op_id,
    }
}

/// Her devices say how far they are, and what none of them needs is cleared out.
async fn is_cleared_out(world: &World, phone: &Visitor, laptop: &Visitor, end: Marker) {
    world.execute("UPDATE outcomes SET at_ms = 1").await;
    phone.acknowledge(end).await;
    laptop.acknowledge(Marker::START).await;
    assert_eq!(cleared(world).await.tombstones, 0, "the laptop is behind");
    laptop.acknowledge(end).await;
    assert_eq!(cleared(world).await.tombstones, 1);
    assert!(entries(&phone.pull(Markers::default()).await).is_empty());
}

#[tokio::test]
async fn a_whole_life_holds_together() {
    let world = World::open().await;

    // She signs up on her phone and in on her laptop.
    let (phone, account) = world.person("ann").await;
    assert_eq!(phone.sign_in("ANN@example.org", PASSWORD).await.0, 200);
    let laptop = world.other_device("ann").await;
    let mut events = laptop.stream(Markers::default()).await;
    events.until_live().await;

    // What she writes on the one arrives on the other, once, however often it is sent.
    let entry = written("It rained.");
    assert_eq!(lsn_of(&phone.push_one(&entry).await), Some(1));
    let again = phone.push_one(&entry).await;
    assert!(matches!(again, Outcome::Duplicate { .. }));
    let is_change = |frame: &ServerFrame| matches!(frame, ServerFrame::Change(_));
    let news = events.until(is_change).await;
    assert_eq!(entries(&news)[0].fields["body"], "It rained.".into());

    // Two edits of one place: the later stands, and the other is kept.
    phone.push_one(&edited(&entry, "It poured.")).await;
    let later = edited(&entry, "It snowed.");
    laptop.push_one(&later).await;
    let frames = phone.pull(markers_after(&news)).await;
    assert_eq!(entries(&frames)[0].fields["body"], "It snowed.".into());
    let lost = rows_of("entry_revisions", &frames);
    assert_eq!(lost[0].fields["text"], "It poured.".into());
    assert_eq!(lost[0].fields["lost"], Value::Boolean(true));

    // Into the trash, away, and out of the database.
    let end = throws_away(&phone, &laptop, &entry, &later).await;
    is_cleared_out(&world, &phone, &laptop, end).await;

    // A device that was away for too long is told so.
    let stale = standing_at(Marker {
        lsn: 1,
        op_id: entry.op_id,
    });
    let told = laptop.pull(stale).await;
    assert!(
        matches!(&told[..], [ServerFrame::Error(error)] if error.code == "cursor_expired"),
        "{told:?}"
    );

    // All of it is there after a restart, and she signs out.
    let world = world.restarted().await;
    let mut phone = phone;
    phone.base = world.url("");
    assert_eq!(phone.who_am_i().await, Some(account));
    let frames = phone.pull(Markers::default()).await;
    assert!(!rows_of("entry_revisions", &frames).is_empty());
    assert!(
        frames
            .iter()
            .any(|frame| matches!(frame, ServerFrame::Delta(d) if d.scope == own()))
    );
    assert_eq!(phone.call("sign_out", &[]).await.0, 200);
    assert_eq!(phone.who_am_i().await, None);
}
