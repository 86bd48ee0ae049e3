//! What a device offers back to a server that lost it.

use crate::change::{Change, Op};
use crate::clock::Clock;
use crate::fixture::RULES;
use crate::fixture::pages::{burial, page, words};
use crate::merge::{Joined, Merged, merge};
use crate::row::{DELETED, Row};
use crate::value::Fields;
use alloc::vec::Vec;

fn join(row: &mut Row, change: &Change) -> Joined {
    let table = RULES.table(&change.table).expect("a table");
    match merge(table, RULES.texts, row, change, &Fields::new()) {
        Merged::Joined(joined) => joined,
        Merged::Gone => panic!("an offer is never gone"),
    }
}

fn after(changes: &[Change]) -> Row {
    let first = &changes[0];
    let mut row = Row::empty(&first.table, first.key);
    for change in changes {
        join(&mut row, change);
    }
    row
}

/// The row as a device offers it.
fn offer(row: &Row) -> Change {
    let mut change = page(row.latest_stamp().clock.0, "");
    change.op = if row.deleted { Op::Delete } else { Op::Insert };
    change.fields = row.fields.clone();
    change.stamps = Some(row.stamps.clone());
    change
}

fn nothing() -> Row {
    let first = page(1, "");
    Row::empty(&first.table, first.key)
}

#[test]
fn a_row_that_was_lost_comes_back_with_the_stamps_it_had() {
    let first = page(1, "first");
    let row = after(&[first.clone(), words(&after(&[first]), 7, "second")]);
    let mut found = nothing();
    let joined = join(&mut found, &offer(&row));
    assert!(!joined.is_conflict());
    assert_eq!((&found.fields, &found.stamps), (&row.fields, &row.stamps));
    let before = found.clone();
    assert!(!join(&mut found, &offer(&row)).is_conflict());
    assert_eq!(found, before, "a repeat changes nothing");
}

#[test]
fn each_value_is_joined_by_its_own_stamp_and_what_it_replaces_is_told() {
    let old = after(&[page(1, "old")]);
    let mut theirs = old.clone();
    join(&mut theirs, &words(&old, 5, "theirs"));
    let mut title = words(&old, 9, "");
    title.fields = [("title".into(), "ours".into())].into();
    let mut ours = old.clone();
    join(&mut ours, &title);
    join(&mut ours, &words(&old, 3, "ours"));

    let mut row = theirs.clone();
    let joined = join(&mut row, &offer(&ours));
    assert_eq!(row.fields["body"], "theirs".into());
    assert_eq!(row.fields["title"], "ours".into());
    assert_eq!(joined.lost, ["body"]);
    let beaten: Vec<_> = joined
        .beaten
        .iter()
        .map(|b| (b.field.as_str(), b.stamp.clock))
        .collect();
    assert_eq!(beaten, [("title", Clock(1))]);

    let mut other = ours.clone();
    join(&mut other, &offer(&theirs));
    assert_eq!(
        (&row.fields, &row.stamps),
        (&other.fields, &other.stamps),
        "either way round"
    );
}

#[test]
fn a_value_without_a_stamp_fills_a_gap_and_replaces_nothing() {
    let mut ours = after(&[page(1, "ours")]);
    ours.stamps.remove("body");
    let mut row = nothing();
    join(&mut row, &offer(&ours));
    assert_eq!(row.fields["body"], "ours".into());
    assert!(!row.stamps.contains_key("body"));

    let mut row = after(&[page(1, "theirs")]);
    for _ in 0..2 {
        join(&mut row, &offer(&ours));
        assert_eq!(row.fields["body"], "theirs".into());
        row.stamps.remove("body");
    }
}

#[test]
fn an_offered_tombstone_takes_what_is_earlier_and_leaves_what_is_later() {
    let row = after(&[page(5, "words")]);
    for (at, taken) in [(9, true), (3, false)] {
        let mut tombstone = nothing();
        tombstone.bury(burial(&row, at).stamp);
        let mut found = row.clone();
        let joined = join(&mut found, &offer(&tombstone));
        assert_eq!(found.deleted, taken, "{at}");
        assert_eq!(joined.lost.is_empty(), taken);
        let mut never_there = nothing();
        join(&mut never_there, &offer(&tombstone));
        assert!(never_there.deleted, "so it is kept from coming back");
    }
}

#[test]
fn an_offered_row_comes_back_over_an_earlier_tombstone_only() {
    let row = after(&[page(5, "words")]);
    for (at, back) in [(3, true), (9, false)] {
        let mut found = nothing();
        found.bury(burial(&row, at).stamp);
        let joined = join(&mut found, &offer(&row));
        assert_eq!(!found.deleted, back, "{at}");
        assert_eq!(joined.lost.iter().any(|name| name == DELETED), !back);
        assert_eq!(found.fields.is_empty(), !back);
    }
}
