//! Devices and a server in memory, with the real engine on both sides: do they come to agree?

mod device;
mod server;

use device::Device;
use server::Server;
use sync::change::Op;
use sync::device::state::Phase;
use sync::device::status::{HeaderState, Status, connectivity, status};
use sync::local::Tick;
use sync::value::Value;

fn two() -> (Server, Device, Device) {
    (Server::new(), Device::new(1), Device::new(2))
}

/// Lets everybody talk until nobody has anything left to say.
fn settle(server: &mut Server, devices: &mut [&mut Device]) {
    for _ in 0..40 {
        for device in devices.iter_mut() {
            device.run(server);
            device.later(1_500);
        }
    }
}

#[test]
fn an_entry_written_on_one_device_comes_to_the_other() {
    let (mut server, mut a, mut b) = two();
    settle(&mut server, &mut [&mut a, &mut b]);
    a.write(
        Op::Insert,
        1,
        &[("text", "hello".into()), ("pinned", Value::Null)],
    )
    .expect("kept");
    assert_eq!(a.tick(1), Some(Tick::Local));
    settle(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(a.tick(1), Some(Tick::Synced));
    assert_eq!(b.text(1).as_deref(), Some("hello"));
    assert_eq!(b.tick(1), Some(Tick::Synced));
}

#[test]
fn what_is_written_offline_drains_by_itself_when_the_server_is_back() {
    let (mut server, mut a, mut b) = two();
    settle(&mut server, &mut [&mut a, &mut b]);
    server.away = true;
    settle(&mut server, &mut [&mut a]);
    assert_eq!(status(a.state()), Status::ConnectionError);
    for key in 1..=3 {
        let fields = [("text", "from the plane".into()), ("pinned", Value::Null)];
        a.write(Op::Insert, key, &fields).expect("kept");
    }
    a.write(Op::Update, 2, &[("text", "from the plane, edited".into())])
        .expect("kept");
    settle(&mut server, &mut [&mut a]);
    assert_eq!(
        connectivity(a.state()).waiting,
        3,
        "an edit of an unsent entry travels with it"
    );
    server.away = false;
    settle(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(status(a.state()), Status::SyncComplete);
    assert_eq!(b.text(2).as_deref(), Some("from the plane, edited"));
    assert_eq!(server.applied, 3);
}

#[test]
fn a_lost_answer_is_asked_for_again_and_changes_nothing_twice() {
    let (mut server, mut a, mut b) = two();
    settle(&mut server, &mut [&mut a, &mut b]);
    server.lose_answers = 2;
    a.write(
        Op::Insert,
        1,
        &[("text", "once".into()), ("pinned", Value::Null)],
    )
    .expect("kept");
    settle(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(server.lose_answers, 0, "the fault was met");
    assert_eq!(server.applied, 1);
    assert_eq!(a.tick(1), Some(Tick::Synced));
    assert_eq!(b.text(1).as_deref(), Some("once"));
}

#[test]
fn edits_of_different_fields_made_apart_are_both_kept_on_both_devices() {
    let (mut server, mut a, mut b) = two();
    a.write(
        Op::Insert,
        1,
        &[("text", "base".into()), ("pinned", Value::Null)],
    )
    .expect("kept");
    settle(&mut server, &mut [&mut a, &mut b]);
    server.away = true;
    settle(&mut server, &mut [&mut a, &mut b]);
    a.write(Op::Update, 1, &[("text", "a's words".into())])
        .expect("kept");
    b.write(Op::Update, 1, &[("pinned", Value::Boolean(true))])
        .expect("kept");
    server.away = false;
    settle(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(a.seen(1), b.seen(1));
    assert_eq!(a.text(1).as_deref(), Some("a's words"));
    assert_eq!(a.seen(1).expect("there")["pinned"], Value::Boolean(true));
}

#[test]
fn an_edit_made_after_seeing_a_value_wins_even_on_a_device_whose_clock_is_behind() {
    let (mut server, mut a, mut b) = two();
    b.later(0);
    a.later(3_600_000);
    a.write(
        Op::Insert,
        1,
        &[("text", "early".into()), ("pinned", Value::Null)],
    )
    .expect("kept");
    settle(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(b.text(1).as_deref(), Some("early"));
    b.write(Op::Update, 1, &[("text", "later".into())])
        .expect("kept");
    assert_eq!(
        b.text(1).as_deref(),
        Some("later"),
        "an edit never vanishes under its writer"
    );
    settle(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(a.text(1).as_deref(), Some("later"));
    assert_eq!(a.seen(1), b.seen(1));
}

#[test]
fn a_deletion_comes_to_the_other_device_and_stays() {
    let (mut server, mut a, mut b) = two();
    a.write(
        Op::Insert,
        1,
        &[("text", "gone soon".into()), ("pinned", Value::Null)],
    )
    .expect("kept");
    settle(&mut server, &mut [&mut a, &mut b]);
    a.write(Op::Delete, 1, &[]).expect("kept");
    settle(&mut server, &mut [&mut a, &mut b]);
    assert_eq!((a.seen(1), b.seen(1)), (None, None));
    let late = Device::new(3);
    let mut late = late;
    settle(&mut server, &mut [&mut late]);
    assert_eq!(late.seen(1), None);
}

#[test]
fn words_typed_into_an_entry_that_was_deleted_elsewhere_come_back() {
    let (mut server, mut a, mut b) = two();
    a.write(
        Op::Insert,
        1,
        &[("text", "shared".into()), ("pinned", Value::Null)],
    )
    .expect("kept");
    settle(&mut server, &mut [&mut a, &mut b]);
    server.away = true;
    settle(&mut server, &mut [&mut a, &mut b]);
    a.write(Op::Delete, 1, &[]).expect("kept");
    server.away = false;
    settle(&mut server, &mut [&mut a]);
    server.away = true;
    b.write(Op::Update, 1, &[("text", "still writing here".into())])
        .expect("kept");
    server.away = false;
    settle(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(b.text(1).as_deref(), Some("still writing here"));
    assert_eq!(a.seen(1), b.seen(1));
    assert_eq!(status(b.state()), Status::SyncComplete);
}

#[test]
fn a_refused_change_is_kept_and_shown_and_holds_up_nobody_else() {
    let (mut server, mut a, mut b) = two();
    settle(&mut server, &mut [&mut a, &mut b]);
    server.refuse_text = Some("forbidden".to_owned());
    a.write(
        Op::Insert,
        1,
        &[("text", "forbidden".into()), ("pinned", Value::Null)],
    )
    .expect("kept");
    a.write(
        Op::Insert,
        2,
        &[("text", "fine".into()), ("pinned", Value::Null)],
    )
    .expect("kept");
    settle(&mut server, &mut [&mut a, &mut b]);
    assert!(matches!(a.tick(1), Some(Tick::Attention { .. })));
    assert_eq!(
        a.text(1).as_deref(),
        Some("forbidden"),
        "the words are still there"
    );
    assert_eq!(a.tick(2), Some(Tick::Synced));
    assert_eq!(b.text(2).as_deref(), Some("fine"));
    assert_eq!(connectivity(a.state()).header, HeaderState::SyncError);
    a.write(Op::Update, 1, &[("text", "now allowed".into())])
        .expect("kept");
    settle(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(b.text(1).as_deref(), Some("now allowed"));
    assert_eq!(status(a.state()), Status::SyncComplete);
}

#[test]
fn an_ended_session_stops_the_link_and_keeps_the_writing() {
    let (mut server, mut a, mut b) = two();
    settle(&mut server, &mut [&mut a, &mut b]);
    server.signed_out = true;
    a.write(
        Op::Insert,
        1,
        &[("text", "kept".into()), ("pinned", Value::Null)],
    )
    .expect("kept");
    settle(&mut server, &mut [&mut a]);
    assert_eq!(status(a.state()), Status::AuthError);
    assert_eq!(a.state().phase, Phase::AuthBlocked);
    server.signed_out = false;
    a.sign_in();
    settle(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(b.text(1).as_deref(), Some("kept"));
}

#[test]
fn a_long_absence_is_made_up_in_chunks_that_each_count() {
    let (mut server, mut a, mut b) = two();
    for key in 1..=450 {
        let text = format!("entry {key}");
        let fields = [("text", text.as_str().into()), ("pinned", Value::Null)];
        a.write(Op::Insert, key, &fields).expect("kept");
    }
    settle(&mut server, &mut [&mut a]);
    server.cut_after_frames = Some(4);
    b.run(&mut server);
    let half = b.rows();
    assert!(
        (100..450).contains(&half),
        "{half} rows came before the cut"
    );
    settle(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(b.rows(), 450);
    assert_eq!(b.seen(450), a.seen(450));
}

#[test]
fn an_edit_that_does_not_fit_changes_nothing() {
    let mut a = Device::new(1);
    let before = a.rows();
    let long = "x".repeat(65);
    for (fields, code) in [
        (
            vec![("text", "  ".into()), ("pinned", Value::Null)],
            "blank",
        ),
        (
            vec![("text", long.as_str().into()), ("pinned", Value::Null)],
            "too_long",
        ),
        (vec![("text", "only".into())], "missing_field"),
    ] {
        let error = a.write(Op::Insert, 1, &fields).expect_err("refused");
        assert_eq!(error.code(), code);
    }
    assert_eq!(
        a.write(Op::Update, 9, &[("text", "x".into())])
            .expect_err("refused")
            .code(),
        "no_such_row"
    );
    assert_eq!(a.rows(), before);
    assert_eq!(connectivity(a.state()).waiting, 0);
}
