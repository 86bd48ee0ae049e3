//! Where devices stand by their own word, and whether they have the same as the server.

use crate::said::{deleted, edited, markers_after, own, rows_of, written};
use crate::world::{Visitor, World};
use server::store::cursors::DEVICES_MAX;
use sync::digest::Digest;
use sync::frame::{Acknowledged, Bye, DeviceFrame, Digests, ServerFrame, Standing};
use sync::id::Id;
use sync::scope::{Marker, Markers, Scope};

/// The cursors that the server keeps, as scope, device and position.
async fn cursors(world: &World) -> Vec<(String, String, i64)> {
    let cursors = "SELECT scope, device_id, acknowledged FROM device_cursors ORDER BY 1, 2";
    sqlx::query_as(cursors)
        .fetch_all(&world.database().await)
        .await
        .expect("cursors")
}

#[tokio::test]
async fn a_device_says_how_far_it_has_stored_its_scopes_and_that_it_leaves() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    let entry = written("It rained.");
    ann.push_one(&entry).await;
    let here = |lsn, op_id| Marker { lsn, op_id };
    let own_scope = format!("own:{}", account.id);
    // A change that is not there holds everything back instead of nothing.
    for (marker, expected) in [
        (here(1, entry.op_id), 1),
        (here(1, Id::from_u128(9)), 0),
        (here(9, entry.op_id), 0),
        (Marker::START, 0),
        (here(1, entry.op_id), 1),
    ] {
        ann.acknowledge(marker).await;
        let expected = (own_scope.clone(), ann.device_id.to_string(), expected);
        assert_eq!(cursors(&world).await, [expected], "{marker:?}");
    }
    let bye = DeviceFrame::Bye(Bye {
        device_id: ann.device_id,
        reason: "closed".into(),
    });
    let answer = ann.post_frame("/api/sync/cursor", &bye).await;
    assert_eq!(answer.status().as_u16(), 204);
    assert_eq!(cursors(&world).await.len(), 1, "it may come back");
}

#[tokio::test]
async fn nobody_speaks_for_another_persons_device_or_scope() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    let (mut bob, bobs) = world.person("bob").await;
    let frames = ann.pull(Markers::default()).await;
    let library = Scope::named(sync::scope::LIBRARY);
    let end = markers_after(&frames).get(&library, "prompts");
    let said = |device_id, marker| {
        let positions = [
            (library.clone(), marker),
            (own(), Marker::START),
            (Scope::named(&format!("own:{}", account.id)), marker),
        ];
        DeviceFrame::Ack(Acknowledged {
            device_id,
            positions: positions.into(),
        })
    };
    ann.post_frame("/api/sync/cursor", &said(ann.device_id, end))
        .await;
    bob.device_id = ann.device_id;
    bob.post_frame("/api/sync/cursor", &said(ann.device_id, Marker::START))
        .await;
    let device = ann.device_id.to_string();
    let end = i64::try_from(end.lsn).expect("few");
    let mut expected = vec![
        ("library".to_owned(), device.clone(), 0),
        ("library".to_owned(), device.clone(), end),
        (format!("own:{}", account.id), device.clone(), 0),
        (format!("own:{}", bobs.id), device, 0),
    ];
    let mut found = cursors(&world).await;
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn so_many_devices_are_remembered_and_the_longest_silent_are_forgotten() {
    let world = World::open().await;
    let (mut ann, _) = world.person("ann").await;
    let first = ann.device_id;
    for _ in 0..=DEVICES_MAX {
        ann.acknowledge(Marker::START).await;
        // Told apart by time, whatever the clock's grain.
        world
            .execute("UPDATE device_cursors SET heard_at_ms = heard_at_ms - 1000")
            .await;
        ann.device_id = server::clock::new_id().expect("a name");
    }
    let kept = cursors(&world).await;
    assert_eq!(i64::try_from(kept.len()).expect("few"), DEVICES_MAX);
    let forgotten = first.to_string();
    assert!(kept.iter().all(|(_, device, _)| *device != forgotten));
}

/// The digests of what a device has that stored these frames.
fn digests_after(frames: &[ServerFrame]) -> Digests {
    let mut digests = Digests::new();
    for table in domain::SCHEMA.tables {
        let digest = Digest::of(rows_of(table.name, frames).iter());
        let scope = Scope::named(table.scopes[0]);
        let tables = digests.entry(scope).or_default();
        tables.insert(table.name.to_owned(), digest);
    }
    digests
}

async fn standings(ann: &Visitor, markers: Markers, digests: Digests) -> Vec<Standing> {
    let verified = ann.verify(markers, digests).await;
    let tables = verified.tables.values().flat_map(|tables| tables.values());
    tables.copied().collect()
}

#[tokio::test]
async fn a_device_is_told_whether_it_has_the_same() {
    use Standing::{Behind, Differs, Same};
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let entry = written("It rained.");
    let gone = written("Not for long.");
    ann.push(vec![entry.clone(), gone.clone(), deleted(&gone)])
        .await;
    ann.push_one(&edited(&entry, "It poured.")).await;
    ann.push_one(&edited(&entry, "It snowed.")).await;
    let frames = ann.pull(Markers::default()).await;
    assert_eq!(rows_of("entry_revisions", &frames).len(), 1);
    let (markers, digests) = (markers_after(&frames), digests_after(&frames));
    // By name: the prompts of the library, then revisions and entries.
    let same = standings(&ann, markers.clone(), digests.clone()).await;
    assert_eq!(same, [Same, Same, Same]);
    // A row that the device lost.
    let mut missing = digests.clone();
    let tables = missing.get_mut(&own()).expect("own");
    tables.insert("journal_entries".into(), Digest::default());
    let differs = standings(&ann, markers.clone(), missing).await;
    assert_eq!(differs, [Same, Same, Differs]);
    // A row that the server lost.
    world.execute("DELETE FROM entry_revisions").await;
    let differs = standings(&ann, markers.clone(), digests.clone()).await;
    assert_eq!(differs, [Same, Differs, Same]);
    // Only what was asked about is told, and only of scopes that are this person's.
    let some = Digests::from([(
        own(),
        [("journal_entries".to_owned(), Digest::default())].into(),
    )]);
    assert_eq!(standings(&ann, markers.clone(), some).await, [Differs]);
    let (bob, _) = world.person("bob").await;
    let his = standings(&bob, markers.clone(), digests.clone()).await;
    assert_eq!(his, [Same, Behind, Behind]);
    ann.push_one(&written("More.")).await;
    let behind = standings(&ann, markers, digests).await;
    assert_eq!(behind, [Same, Behind, Behind]);
}
