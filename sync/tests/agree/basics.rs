//! What is written comes to the other devices, whatever the network does.

use crate::device::Device;
use crate::store::edit;
use crate::{agree, part, settle, two, wait};
use sync::change::Op;
use sync::device::state::Phase;
use sync::device::status::{Status, connectivity, status};
use sync::local::Tick;
use sync::value::Value;

#[test]
fn a_note_written_on_one_device_comes_to_the_other() {
    let (mut server, mut a, mut b) = two();
    settle(&mut server, &mut [&mut a, &mut b]);
    a.note(1, "hello");
    assert_eq!(a.tick("notes", 1), Some(Tick::Local));
    agree(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(a.tick("notes", 1), Some(Tick::Synced));
    assert_eq!(b.text(1).as_deref(), Some("hello"));
    assert_eq!(b.tick("notes", 1), Some(Tick::Synced));
}

#[test]
fn what_is_written_offline_drains_by_itself_when_the_server_is_back() {
    let (mut server, mut a, mut b) = two();
    part(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(status(a.state()), Status::ConnectionError);
    for key in 1..=3 {
        a.note(key, "from the plane");
    }
    a.renote(2, "from the plane, edited");
    settle(&mut server, &mut [&mut a]);
    let waiting = connectivity(a.state()).waiting;
    assert_eq!(waiting, 3, "an edit of an unsent note travels with it");
    server.away = false;
    agree(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(b.text(2).as_deref(), Some("from the plane, edited"));
    assert_eq!(server.applied, 3);
}

#[test]
fn a_lost_answer_is_made_up_for_by_the_feed_and_nothing_is_changed_twice() {
    let (mut server, mut a, mut b) = two();
    settle(&mut server, &mut [&mut a, &mut b]);
    server.lose_answers = 1;
    a.note(1, "once");
    agree(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(server.lose_answers, 0, "the fault was met");
    assert_eq!(server.applied, 1);
    assert_eq!(a.tick("notes", 1), Some(Tick::Synced));
}

#[test]
fn what_was_written_on_top_of_a_change_whose_answer_got_lost_is_there_once() {
    let (mut server, mut a, mut b) = two();
    a.page(1, "first");
    settle(&mut server, &mut [&mut a, &mut b]);
    for text in ["second", "third", "fourth"] {
        server.lose_answers = 1;
        a.repage(1, text);
        a.run(&mut server);
    }
    agree(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(b.body(1).as_deref(), Some("fourth"));
    assert_eq!(
        b.lost(),
        [""; 0],
        "they were one person's, one after the other"
    );
}

#[test]
fn an_edit_made_after_seeing_a_value_wins_even_on_a_device_whose_clock_is_behind() {
    let (mut server, mut a, mut b) = two();
    a.later(3_600_000);
    a.note(1, "early");
    settle(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(b.text(1).as_deref(), Some("early"));
    b.renote(1, "later");
    let own = b.text(1);
    assert_eq!(
        own.as_deref(),
        Some("later"),
        "an edit never vanishes under its writer"
    );
    agree(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(a.text(1).as_deref(), Some("later"));
}

#[test]
fn a_clock_that_is_far_ahead_rules_nobody_once_it_was_put_right() {
    let (mut server, mut a, mut b) = two();
    a.note(1, "base");
    part(&mut server, &mut [&mut a, &mut b]);
    // Somebody put the clock a year ahead, wrote, and put it back.
    let year_ms = 365 * 24 * 3_600_000;
    a.now_ms += year_ms;
    a.renote(1, "from the future");
    a.now_ms -= year_ms;
    server.away = false;
    agree(&mut server, &mut [&mut a, &mut b]);
    part(&mut server, &mut [&mut a, &mut b]);
    a.renote(1, "a, a little earlier");
    wait(&mut server, &mut [&mut a, &mut b], 5_000);
    b.renote(1, "b, a little later");
    server.away = false;
    agree(&mut server, &mut [&mut b, &mut a]);
    let present = server.row("notes", 1).expect("there").latest_stamp();
    assert!(
        present.clock.ms() < server.now_ms + year_ms / 2,
        "no stamp stayed in the future"
    );
}

#[test]
fn a_deletion_comes_to_the_other_device_and_stays() {
    let (mut server, mut a, mut b) = two();
    a.note(1, "gone soon");
    settle(&mut server, &mut [&mut a, &mut b]);
    a.delete("notes", 1);
    let mut late = Device::new(3);
    agree(&mut server, &mut [&mut a, &mut b, &mut late]);
    assert_eq!((a.text(1), b.text(1), late.text(1)), (None, None, None));
}

#[test]
fn notes_that_are_kept_together_are_seen_together() {
    let (mut server, mut a, mut b) = two();
    settle(&mut server, &mut [&mut a, &mut b]);
    let fields = |text: &str| [("text", text.into()), ("pinned", Value::Null)];
    let together = |keys: std::ops::RangeInclusive<u128>| {
        keys.map(|key| edit("notes", Op::Insert, key, &fields("together")))
            .collect::<Vec<_>>()
    };
    for key in 1..=90 {
        a.note(key, "alone");
    }
    a.write_all(together(101..=130)).expect("kept");
    a.run(&mut server);
    for frames in 1..=8 {
        server.cut_after_frames = Some(frames);
        b.run(&mut server);
        let some = (101..=130).filter(|key| b.text(*key).is_some()).count();
        assert!(
            some == 0 || some == 30,
            "{some} of 30 after {frames} frames"
        );
        wait(&mut server, &mut [&mut a, &mut b], 40_000);
    }
    server.cut_after_frames = None;
    agree(&mut server, &mut [&mut a, &mut b]);
}

#[test]
fn an_ended_session_stops_the_link_and_keeps_the_writing() {
    let (mut server, mut a, mut b) = two();
    settle(&mut server, &mut [&mut a, &mut b]);
    server.signed_out = true;
    a.note(1, "kept");
    settle(&mut server, &mut [&mut a]);
    assert_eq!(status(a.state()), Status::AuthError);
    assert_eq!(a.state().phase, Phase::AuthBlocked);
    server.signed_out = false;
    a.dispatch(sync::device::event::Event::SignedIn);
    agree(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(b.text(1).as_deref(), Some("kept"));
}

#[test]
fn a_long_absence_is_made_up_in_chunks_that_each_count() {
    let (mut server, mut a, mut b) = two();
    for key in 1..=450 {
        a.note(key, &format!("note {key}"));
    }
    settle(&mut server, &mut [&mut a]);
    server.cut_after_frames = Some(4);
    b.run(&mut server);
    let half = b.notes();
    assert!(
        (100..450).contains(&half),
        "{half} rows came before the cut"
    );
    agree(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(b.notes(), 450);
}

#[test]
fn a_new_device_shows_the_newest_pages_before_it_has_everything() {
    let (mut server, mut a, mut b) = two();
    for key in 1..=120 {
        a.page(key, "words");
    }
    settle(&mut server, &mut [&mut a]);
    server.cut_after_frames = Some(1);
    b.run(&mut server);
    assert_eq!(b.everything().len(), sync::limits::HEAD_ROWS_MAX);
    agree(&mut server, &mut [&mut a, &mut b]);
}

#[test]
fn an_edit_that_does_not_fit_changes_nothing() {
    let mut a = Device::new(1);
    let long = "x".repeat(65);
    for (text, code) in [("  ", "blank"), (long.as_str(), "too_long")] {
        let fields = [("text", text.into()), ("pinned", Value::Null)];
        let refused = a.write_all(vec![edit("notes", Op::Insert, 1, &fields)]);
        assert_eq!(refused.expect_err("refused").code(), code);
    }
    let missing = a.write_all(vec![edit("notes", Op::Update, 9, &[("text", "x".into())])]);
    assert_eq!(missing.expect_err("refused").code(), "no_such_row");
    assert_eq!((a.notes(), connectivity(a.state()).waiting), (0, 0));
}
