//! Edits made apart: nothing typed disappears, and everybody ends at the same.

use crate::device::Device;
use crate::server::Server;
use crate::{agree, part, settle, two, wait};
use sync::change::Op;
use sync::value::Value;

/// Two devices that have a page with these words, and no server in reach.
fn both_have(body: &str) -> (Server, Device, Device) {
    let (mut server, mut a, mut b) = two();
    a.page(1, body);
    part(&mut server, &mut [&mut a, &mut b]);
    (server, a, b)
}

#[test]
fn edits_of_different_fields_are_both_kept() {
    let (mut server, mut a, mut b) = both_have("base");
    a.repage(1, "a's words");
    b.write("pages", Op::Update, 1, &[("title", "b's title".into())]);
    server.away = false;
    agree(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(a.body(1).as_deref(), Some("a's words"));
    assert_eq!(
        a.seen("pages", 1).expect("there")["title"],
        "b's title".into()
    );
    assert_eq!(a.lost(), [""; 0]);
}

#[test]
fn edits_of_different_places_of_a_text_are_joined() {
    let (mut server, mut a, mut b) = both_have("bread and milk");
    a.repage(1, "bread and wine");
    b.repage(1, "salt and milk");
    server.away = false;
    agree(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(a.body(1).as_deref(), Some("salt and wine"));
    assert_eq!(a.lost(), [""; 0]);
}

#[test]
fn of_edits_of_one_place_the_later_stands_and_the_other_is_kept_as_a_revision() {
    for first in [1, 2] {
        let (mut server, mut a, mut b) = both_have("bread and milk");
        a.repage(1, "bread and wine");
        wait(&mut server, &mut [&mut a, &mut b], 400_000);
        b.repage(1, "bread and beer");
        server.away = false;
        match first {
            1 => agree(&mut server, &mut [&mut a, &mut b]),
            _ => agree(&mut server, &mut [&mut b, &mut a]),
        }
        assert_eq!(a.body(1).as_deref(), Some("bread and beer"));
        assert_eq!(b.lost(), ["bread and wine"]);
    }
}

#[test]
fn who_writes_on_over_words_that_came_meanwhile_unread_leaves_them_as_a_revision() {
    let (mut server, mut a, mut b) = both_have("bread and milk");
    a.repage(1, "bread and wine");
    wait(&mut server, &mut [&mut a, &mut b], 400_000);
    b.repage(1, "bread and beer");
    server.away = false;
    settle(&mut server, &mut [&mut a]);
    // The other's words come before the own ones are sent, and they are written on.
    wait(&mut server, &mut [&mut a, &mut b], 40_000);
    server.cut_after_frames = Some(5);
    b.run(&mut server);
    b.repage(1, "bread and beer, cold");
    agree(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(a.body(1).as_deref(), Some("bread and beer, cold"));
    assert_eq!(a.lost(), ["bread and wine"]);
}

#[test]
fn words_typed_into_a_page_that_was_deleted_elsewhere_come_back() {
    for deletion_first in [true, false] {
        let (mut server, mut a, mut b) = both_have("shared");
        a.delete("pages", 1);
        b.repage(1, "still writing here");
        server.away = false;
        match deletion_first {
            true => agree(&mut server, &mut [&mut a, &mut b]),
            false => agree(&mut server, &mut [&mut b, &mut a]),
        }
        assert_eq!(
            a.body(1).as_deref(),
            Some("still writing here"),
            "{deletion_first}"
        );
    }
}

#[test]
fn a_page_that_was_deleted_on_both_devices_stays_deleted() {
    let (mut server, mut a, mut b) = both_have("shared");
    a.delete("pages", 1);
    b.repage(1, "on second thoughts");
    b.delete("pages", 1);
    server.away = false;
    agree(&mut server, &mut [&mut a, &mut b]);
    assert_eq!((a.body(1), b.body(1)), (None, None));
}

#[test]
fn a_page_put_into_the_trash_elsewhere_while_it_was_written_comes_out_of_it() {
    for trash_first in [true, false] {
        let (mut server, mut a, mut b) = both_have("shared");
        a.write("pages", Op::Update, 1, &[("trashed_at", Value::Integer(5))]);
        b.repage(1, "still writing here");
        server.away = false;
        match trash_first {
            true => agree(&mut server, &mut [&mut a, &mut b]),
            false => agree(&mut server, &mut [&mut b, &mut a]),
        }
        let page = a.seen("pages", 1).expect("there");
        assert_eq!(page["trashed_at"], Value::Null, "{trash_first}");
        assert_eq!(page["body"], "still writing here".into());
    }
}

#[test]
fn a_page_stays_out_of_the_trash_while_it_is_written_on() {
    let (mut server, mut a, mut b) = both_have("shared");
    a.write("pages", Op::Update, 1, &[("trashed_at", Value::Integer(5))]);
    b.repage(1, "still writing");
    server.away = false;
    settle(&mut server, &mut [&mut a]);
    wait(&mut server, &mut [&mut a, &mut b], 40_000);
    server.cut_after_frames = Some(5);
    b.run(&mut server);
    b.repage(1, "still writing on");
    assert_eq!(
        b.seen("pages", 1).expect("there")["trashed_at"],
        Value::Null
    );
    agree(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(
        a.seen("pages", 1).expect("there")["trashed_at"],
        Value::Null
    );
}

#[test]
fn a_conflict_is_reported_to_the_one_who_caused_it_while_live() {
    let (mut server, mut a, mut b) = both_have("bread and milk");
    a.repage(1, "bread and wine");
    b.repage(1, "bread and beer");
    server.away = false;
    agree(&mut server, &mut [&mut a, &mut b]);
    assert!(
        a.conflicts + b.conflicts <= 1,
        "reported {} {}",
        a.conflicts,
        b.conflicts
    );
    assert_eq!(a.lost().len(), 1);
}

#[test]
fn three_devices_that_all_wrote_apart_agree_and_lose_no_words() {
    let (mut server, mut a, mut b) = both_have("one two three");
    let mut c = Device::new(3);
    server.away = false;
    settle(&mut server, &mut [&mut c]);
    part(&mut server, &mut [&mut a, &mut b, &mut c]);
    a.repage(1, "ONE two three");
    b.repage(1, "one two THREE");
    c.repage(1, "one two four");
    c.delete("pages", 1);
    a.page(2, "another");
    server.away = false;
    agree(&mut server, &mut [&mut c, &mut a, &mut b]);
    let body = a.body(1).expect("a deletion takes nothing unseen");
    assert!(body.contains("ONE") && body.contains("THREE"), "{body}");
}
