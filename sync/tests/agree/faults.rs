//! Servers that refuse, fail, or send what does not fit.

use crate::{agree, settle, two, wait};
use sync::device::event::Event;
use sync::device::status::{HeaderState, Status, connectivity, status};
use sync::id::Id;
use sync::local::Tick;

#[test]
fn a_refused_change_is_kept_and_shown_and_holds_up_nobody_else() {
    let (mut server, mut a, mut b) = two();
    settle(&mut server, &mut [&mut a, &mut b]);
    server.refuse_text = Some("forbidden".into());
    a.note(1, "forbidden");
    a.note(2, "fine");
    settle(&mut server, &mut [&mut a, &mut b]);
    assert!(matches!(a.tick("notes", 1), Some(Tick::Attention { .. })));
    assert_eq!(
        a.text(1).as_deref(),
        Some("forbidden"),
        "the words are still there"
    );
    assert_eq!(a.tick("notes", 2), Some(Tick::Synced));
    assert_eq!(b.text(2).as_deref(), Some("fine"));
    assert_eq!(connectivity(a.state()).header, HeaderState::SyncError);
    a.renote(1, "now allowed");
    agree(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(b.text(1).as_deref(), Some("now allowed"));
}

#[test]
fn one_change_that_a_server_chokes_on_is_found_among_many_and_the_others_go_through() {
    let (mut server, mut a, mut b) = two();
    settle(&mut server, &mut [&mut a, &mut b]);
    server.away = true;
    settle(&mut server, &mut [&mut a]);
    for key in 1..=150 {
        let text = if key == 77 {
            "poison".into()
        } else {
            format!("note {key}")
        };
        a.note(key, &text);
    }
    server.away = false;
    server.choke_on = Some("poison".into());
    settle(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(b.notes(), 149);
    assert!(matches!(a.tick("notes", 77), Some(Tick::Attention { .. })));
    assert_eq!(connectivity(a.state()).waiting, 0);
    server.choke_on = None;
    a.dispatch(Event::RetryAsked);
    agree(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(b.notes(), 150);
}

#[test]
fn a_row_that_does_not_fit_is_set_aside_and_comes_when_it_does() {
    let (mut server, mut a, mut b) = two();
    for key in 1..=5 {
        a.note(key, "words");
    }
    a.page(9, "more words");
    settle(&mut server, &mut [&mut a]);
    server.spoil = Some(Id::from_u128(3));
    for _ in 0..10 {
        wait(&mut server, &mut [&mut a, &mut b], 40_000);
        settle(&mut server, &mut [&mut b]);
    }
    assert_eq!(b.notes(), 4, "the others came through");
    assert_eq!(b.body(9).as_deref(), Some("more words"));
    assert_eq!(status(b.state()), Status::SyncError);
    assert_eq!(connectivity(b.state()).failed, 1);
    server.spoil = None;
    a.renote(3, "better words");
    settle(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(b.text(3).as_deref(), Some("better words"));
    let mut aside = b
        .store
        .changes
        .values()
        .find(|l| l.refusal.is_some())
        .cloned()
        .expect("kept");
    aside.change.fields.insert("text".into(), "words".into());
    b.store.keep(vec![], vec![aside]);
    b.dispatch(Event::RetryAsked);
    agree(&mut server, &mut [&mut a, &mut b]);
}
