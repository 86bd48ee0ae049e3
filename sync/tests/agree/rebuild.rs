//! Taking everything anew, and healing a server that lost something.

use crate::device::Device;
use crate::{agree, part, settle, two, wait};
use sync::device::event::Event;
use sync::limits::TOMBSTONE_MS;

#[test]
fn devices_heal_a_server_that_was_put_back_from_a_backup() {
    let (mut server, mut a, mut b) = two();
    a.page(1, "in the backup");
    a.note(2, "in the backup");
    a.note(3, "deleted after the backup");
    agree(&mut server, &mut [&mut a, &mut b]);
    let backup = server.backup();
    a.page(4, "after the backup");
    b.repage(1, "edited after the backup");
    a.delete("notes", 3);
    agree(&mut server, &mut [&mut a, &mut b]);
    let before = a.written();

    part(&mut server, &mut [&mut a, &mut b]);
    server.restore(backup);
    server.away = false;
    // Both may offer the same; it is one change to the server.
    agree(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(
        a.written(),
        before,
        "nothing is lost, and nothing deleted comes back"
    );
    let mut new = Device::new(3);
    agree(&mut server, &mut [&mut new, &mut a]);
}

#[test]
fn a_server_that_went_on_after_it_was_put_back_keeps_what_was_written_since() {
    let (mut server, mut a, mut b) = two();
    a.page(1, "in the backup");
    agree(&mut server, &mut [&mut a, &mut b]);
    let backup = server.backup();
    part(&mut server, &mut [&mut b]);
    server.away = false;
    a.repage(1, "after the backup");
    a.page(2, "after the backup");
    agree(&mut server, &mut [&mut a]);
    part(&mut server, &mut [&mut a]);
    server.restore(backup);
    server.away = false;
    b.page(5, "since");
    wait(&mut server, &mut [&mut a, &mut b], 40_000);
    agree(&mut server, &mut [&mut b]);
    wait(&mut server, &mut [&mut a, &mut b], 40_000);
    a.page(6, "unsent until now");
    agree(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(b.body(1).as_deref(), Some("after the backup"));
    for key in [2, 5, 6] {
        assert!(b.body(key).is_some(), "{key}");
    }
}

#[test]
fn a_device_that_was_away_for_too_long_takes_the_state_anew_and_keeps_its_unsent_words() {
    let (mut server, mut a, mut b) = two();
    a.note(1, "stays");
    a.note(2, "deleted while b was away");
    a.note(3, "deleted while b wrote in it");
    agree(&mut server, &mut [&mut a, &mut b]);
    part(&mut server, &mut [&mut b]);
    server.away = false;
    a.delete("notes", 2);
    a.delete("notes", 3);
    wait(&mut server, &mut [&mut a, &mut b], 40_000);
    agree(&mut server, &mut [&mut a]);
    b.renote(3, "unsent words");
    b.note(4, "an unsent note");

    let years_ms = 2 * TOMBSTONE_MS;
    wait(&mut server, &mut [&mut a, &mut b], years_ms);
    a.note(5, "a sign of life");
    agree(&mut server, &mut [&mut a]);
    server.collect();
    assert!(
        server.row("notes", 2).is_none(),
        "its tombstone has served its time"
    );
    wait(&mut server, &mut [&mut a, &mut b], 40_000);
    agree(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(b.store.meta.floor, 1, "the state was taken anew");
    assert_eq!(b.text(2), None, "it did not come again");
    for (key, text) in [(1, "stays"), (3, "unsent words"), (4, "an unsent note")] {
        assert_eq!(a.text(key).as_deref(), Some(text));
    }
}

#[test]
fn who_resets_keeps_what_was_not_sent() {
    let (mut server, mut a, mut b) = two();
    for key in 1..=120 {
        a.note(key, "words");
    }
    agree(&mut server, &mut [&mut a, &mut b]);
    part(&mut server, &mut [&mut b]);
    b.renote(7, "unsent");
    b.dispatch(Event::ResetAsked);
    server.away = false;
    server.cut_after_frames = Some(2);
    wait(&mut server, &mut [&mut a, &mut b], 40_000);
    agree(&mut server, &mut [&mut b, &mut a]);
    assert_eq!(a.text(7).as_deref(), Some("unsent"));
    assert_eq!(b.notes(), 120);
}

#[test]
fn a_copy_that_was_damaged_is_noticed_and_taken_anew() {
    let (mut server, mut a, mut b) = two();
    for key in 1..=5 {
        a.note(key, "words");
    }
    agree(&mut server, &mut [&mut a, &mut b]);
    b.dispatch(Event::VerifyAsked);
    agree(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(b.store.meta.generation, 0, "they were the same");

    b.store
        .records
        .remove(&("notes".into(), sync::id::Id::from_u128(3)));
    b.dispatch(Event::VerifyAsked);
    settle(&mut server, &mut [&mut b]);
    agree(&mut server, &mut [&mut a, &mut b]);
    assert_eq!((b.store.meta.generation, b.notes()), (1, 5));
}
