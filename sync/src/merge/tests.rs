//! What becomes of an edit that meets others.

use super::*;
use crate::clock::Clock;
use crate::fixture::pages::{burial, edit, page, trash, words};
use crate::fixture::{RULES, insert, update};
use alloc::vec;

fn take_on(row: &mut Row, change: &Change, bases: &Fields) -> Merged {
    let table = RULES.table(&change.table).expect("a table");
    merge(table, RULES.texts, row, change, bases)
}

fn join(row: &mut Row, change: &Change) -> Joined {
    match take_on(row, change, &Fields::new()) {
        Merged::Joined(joined) => joined,
        Merged::Gone => panic!("gone"),
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

/// Every order of these, by Heap's algorithm.
fn orders(mut items: Vec<Change>) -> Vec<Vec<Change>> {
    fn permute(items: &mut Vec<Change>, count: usize, orders: &mut Vec<Vec<Change>>) {
        if count <= 1 {
            return orders.push(items.clone());
        }
        for place in 0..count {
            permute(items, count - 1, orders);
            items.swap(if count.is_multiple_of(2) { place } else { 0 }, count - 1);
        }
    }
    let mut orders = Vec::new();
    let count = items.len();
    permute(&mut items, count, &mut orders);
    orders
}

#[test]
fn any_order_and_any_repeat_of_edits_ends_in_the_same_row() {
    let edits = vec![
        insert(1, 1, "one"),
        update(1, 4, "text", "four".into()),
        update(1, 3, "text", "three".into()),
        update(1, 2, "pinned", Value::Boolean(true)),
        update(1, 5, "pinned", Value::Boolean(false)),
    ];
    let expected = after(&edits);
    assert_eq!(expected.fields["text"], "four".into());
    assert_eq!(expected.fields["pinned"], Value::Boolean(false));
    let orders = orders(edits);
    assert_eq!(orders.len(), 120);
    for order in orders {
        assert_eq!(after(&order), expected);
        let repeated: Vec<_> = order.iter().chain(order.iter().rev()).cloned().collect();
        assert_eq!(after(&repeated), expected);
    }
}

#[test]
fn an_edit_that_lost_says_which_fields_and_changes_none_of_them() {
    let mut row = after(&[insert(1, 5, "later")]);
    let before = row.clone();
    let joined = join(&mut row, &update(1, 4, "text", "earlier".into()));
    assert_eq!(joined.lost, ["text"]);
    assert!(joined.is_conflict());
    assert_eq!(row, before);
}

#[test]
fn what_an_edit_replaces_unseen_is_told_with_its_value_and_stamp() {
    let first = insert(1, 5, "earlier");
    let mut row = after(std::slice::from_ref(&first));
    let joined = join(&mut row, &update(1, 6, "text", "later".into()));
    let beaten = Beaten {
        field: "text".into(),
        value: "earlier".into(),
        stamp: first.stamp,
    };
    assert_eq!(joined.beaten, [beaten]);
    assert!(joined.is_conflict());
    assert_eq!(row.fields["text"], "later".into());
}

#[test]
fn an_edit_made_after_seeing_a_value_wins_whatever_its_clock_says() {
    let mut row = after(&[page(50, "seen")]);
    let change = words(&row, 9, "written after it");
    let joined = join(&mut row, &change);
    assert!(!joined.is_conflict());
    assert_eq!(row.fields["body"], "written after it".into());
    assert_eq!(
        joined.stamp.clock,
        Clock(51),
        "raised past what it replaces"
    );
    assert_eq!(joined.stamp.op_id, change.op_id);
    assert_eq!(row.stamps["body"], joined.stamp);
}

#[test]
fn a_value_is_known_by_the_change_that_wrote_it_and_not_by_its_clock() {
    let mut row = after(&[page(50, "seen")]);
    let mut change = words(&row, 60, "written after it");
    // A server has shifted the clock of what was seen since.
    let seen = row.stamps.get_mut("body").expect("a stamp");
    seen.clock = Clock(55);
    assert!(!join(&mut row, &change).is_conflict());

    let mut row = after(&[page(50, "another of the same time")]);
    change.base.get_mut("body").expect("a base").op_id = Id::from_u128(99);
    assert!(join(&mut row, &change).is_conflict());
}

#[test]
fn a_value_that_nobody_wrote_is_replaced_without_a_conflict() {
    let mut row = Row::empty("notes", Id::from_u128(1));
    row.fields.insert("text".into(), "from a migration".into());
    let joined = join(&mut row, &update(1, 1, "text", "mine".into()));
    assert!(!joined.is_conflict());
    assert_eq!(row.fields["text"], "mine".into());
}

#[test]
fn the_same_value_written_apart_is_no_conflict_and_has_the_later_stamp() {
    for (first, second) in [(5, 6), (6, 5)] {
        let mut row = after(&[insert(1, first, "alike")]);
        let joined = join(&mut row, &update(1, second, "text", "alike".into()));
        assert!(!joined.is_conflict());
        assert_eq!(row.stamps["text"].clock, Clock(6));
    }
}

#[test]
fn two_edits_of_a_long_text_that_do_not_touch_are_both_in_it() {
    let seen = after(&[page(1, "bread and milk")]);
    let bases = Fields::from([("body".into(), "bread and milk".into())]);
    let (theirs, ours) = (
        words(&seen, 5, "bread and wine"),
        words(&seen, 3, "salt and milk"),
    );
    let mut row = seen.clone();
    join(&mut row, &theirs);
    let Merged::Joined(joined) = take_on(&mut row, &ours, &bases) else {
        panic!("gone");
    };
    assert_eq!(row.fields["body"], "salt and wine".into());
    assert_eq!(joined.mixed, ["body"]);
    assert!(joined.is_conflict() && joined.lost.is_empty() && joined.beaten.is_empty());
    let stamp = row.stamps["body"];
    assert_eq!(stamp.clock, Clock(6), "later than both");
    assert_eq!(stamp.op_id, theirs.op_id.derived(ours.op_id));
    assert_eq!(stamp.node, Id::NIL, "of no device");
}

#[test]
fn of_edits_that_overlap_or_whose_base_is_unknown_the_later_stands() {
    let seen = after(&[page(1, "bread and milk")]);
    let bases = Fields::from([("body".into(), "bread and milk".into())]);
    let cases = [
        ("bread and wine", "bread and beer", &bases),
        ("bread and wine", "salt and milk", &Fields::new()),
    ];
    for (first, second, bases) in cases {
        for (at_first, at_second) in [(3, 5), (5, 3)] {
            let mut row = after(&[page(1, "bread and milk"), words(&seen, at_first, first)]);
            let change = words(&seen, at_second, second);
            let Merged::Joined(joined) = take_on(&mut row, &change, bases) else {
                panic!("gone");
            };
            let (stands, falls) = match at_second > at_first {
                true => (second, joined.beaten.iter().map(|b| &b.field).collect()),
                false => (first, joined.lost.iter().collect::<Vec<_>>()),
            };
            assert_eq!(row.fields["body"], stands.into());
            assert_eq!(falls, ["body"]);
        }
    }
}

#[test]
fn a_short_text_is_chosen_and_never_mixed() {
    let seen = after(&[page(1, "")]);
    let bases = Fields::from([("title".into(), "A day".into())]);
    let mut row = seen.clone();
    join(&mut row, &edit(&seen, 3, &[("title", "A day out".into())]));
    let change = edit(&seen, 4, &[("title", "One day".into())]);
    take_on(&mut row, &change, &bases);
    assert_eq!(row.fields["title"], "One day".into());
}

#[test]
fn an_edit_by_somebody_who_had_not_seen_the_trash_brings_the_row_back() {
    let seen = after(&[page(1, "words")]);
    let mut row = seen.clone();
    let into_trash = trash(&seen, 5);
    join(&mut row, &into_trash);
    assert_eq!(row.fields["trashed_at"], Value::Integer(5));
    let joined = join(&mut row, &words(&seen, 3, "still writing"));
    assert!(joined.untrashed && joined.is_conflict());
    assert_eq!(row.fields["trashed_at"], Value::Null);
    assert!(
        row.stamps["trashed_at"] > into_trash.stamp,
        "so it stays out of it"
    );
}

#[test]
fn a_trash_that_carries_an_edit_takes_nothing_that_it_writes_over_unseen() {
    let seen = after(&[page(1, "words")]);
    for at in [3, 9] {
        let mut row = seen.clone();
        join(&mut row, &edit(&seen, at, &[("title", "Theirs".into())]));
        let both = [("title", "Ours".into()), ("trashed_at", Value::Integer(5))];
        let mut change = edit(&seen, 5, &both);
        change.base = seen.stamps.clone();
        let joined = join(&mut row, &change);
        // What it replaced is kept as a revision; what it did not, nobody put into the trash.
        let replaced = at < 5;
        assert_eq!(joined.beaten.len(), usize::from(replaced));
        let in_trash = row.fields["trashed_at"] != Value::Null;
        assert_eq!(in_trash, replaced, "{at}");
    }
}

#[test]
fn an_edit_that_restores_its_row_too_does_not_stay_in_an_unseen_trash() {
    let seen = after(&[page(1, "words")]);
    let mut row = after(&[page(1, "words"), trash(&seen, 9)]);
    let both = [("title", "Kept".into()), ("trashed_at", Value::Null)];
    let joined = join(&mut row, &edit(&seen, 5, &both));
    assert!(joined.untrashed && joined.lost.is_empty());
    assert_eq!(row.fields["trashed_at"], Value::Null);
}

#[test]
fn who_sees_a_row_that_its_trash_did_not_take_has_not_seen_it_in_there() {
    let seen = after(&[page(1, "words")]);
    let mut row = after(&[page(1, "words"), words(&seen, 3, "more words")]);
    let change = trash(&seen, 5);
    join(&mut row, &change);
    assert_ne!(row.stamps["trashed_at"].op_id, change.op_id);
}

#[test]
fn a_deletion_by_an_older_version_takes_the_row_with_the_columns_it_does_not_know() {
    let seen = after(&[page(1, "words")]);
    let mut row = seen.clone();
    let mut change = burial(&seen, 5);
    change.base.remove("day");
    assert!(join(&mut row, &change).lost.is_empty());
    assert!(row.deleted);
    // But not with what another wrote there.
    let mut row = after(&[
        page(1, "words"),
        edit(&seen, 3, &[("title", "Theirs".into())]),
    ]);
    change.base.remove("title");
    assert_eq!(join(&mut row, &change).lost, ["$deleted"]);
}

#[test]
fn an_edit_in_the_trash_leaves_its_row_there() {
    let seen = after(&[page(1, "words")]);
    let mut row = after(&[page(1, "words"), trash(&seen, 5)]);
    let change = words(&row, 9, "tidied up");
    assert!(!join(&mut row, &change).untrashed);
    assert_eq!(row.fields["trashed_at"], Value::Integer(5));
}

#[test]
fn a_trash_by_somebody_who_had_not_seen_an_edit_does_not_take_the_row() {
    let seen = after(&[page(1, "words")]);
    let mut row = after(&[page(1, "words"), words(&seen, 3, "more words")]);
    let change = trash(&seen, 5);
    for place in 0..2 {
        let joined = join(&mut row, &change);
        assert_eq!(joined.lost.len(), 1 - place, "a repeat changes nothing");
        assert_eq!(row.fields["trashed_at"], Value::Null);
    }
    let seen = row.clone();
    assert!(join(&mut row, &trash(&seen, 7)).lost.is_empty());
    assert_eq!(row.fields["trashed_at"], Value::Integer(5));
}

#[test]
fn a_deletion_takes_what_it_has_seen_and_reads_later_than_that() {
    let mut row = after(&[page(50, "words")]);
    let deletion = burial(&row, 9);
    let joined = join(&mut row, &deletion);
    assert!(row.deleted && row.fields.is_empty() && joined.lost.is_empty());
    assert_eq!(joined.stamp.clock, Clock(51));
    assert_eq!(row.stamps, [(DELETED.into(), joined.stamp)].into());
}

#[test]
fn a_deletion_takes_nothing_that_it_has_not_seen_however_late_it_is() {
    let seen = after(&[page(1, "words")]);
    for at in [3, 900] {
        let mut row = after(&[page(1, "words"), words(&seen, 5, "more words")]);
        let before = row.clone();
        assert_eq!(join(&mut row, &burial(&seen, at)).lost, [DELETED]);
        assert_eq!(row, before);
    }
}

#[test]
fn of_two_deletions_the_later_stamp_stays() {
    let seen = after(&[page(1, "words")]);
    for (first, second) in [(5, 6), (6, 5)] {
        let mut row = seen.clone();
        join(&mut row, &burial(&seen, first));
        assert!(join(&mut row, &burial(&seen, second)).lost.is_empty());
        assert_eq!(row.stamps[DELETED].clock, Clock(6));
    }
}

#[test]
fn an_edit_of_a_deleted_row_is_answered_and_changes_nothing() {
    let seen = after(&[page(1, "words")]);
    let mut row = after(&[page(1, "words"), burial(&seen, 2)]);
    let before = row.clone();
    let gone = take_on(
        &mut row,
        &words(&seen, 900, "still writing"),
        &Fields::new(),
    );
    assert_eq!(gone, Merged::Gone);
    assert_eq!(row, before);
}

#[test]
fn only_a_later_or_a_knowing_put_brings_a_deleted_row_back() {
    let seen = after(&[page(1, "words")]);
    let tombstone = after(&[page(1, "words"), burial(&seen, 50)]);
    let put = |at, knowing: bool| {
        let mut put = page(at, "back");
        if knowing {
            put.base.clone_from(&tombstone.stamps);
        }
        put
    };
    for (at, knowing, clock) in [(60, false, 60), (40, true, 51), (60, true, 60)] {
        let mut row = tombstone.clone();
        let joined = join(&mut row, &put(at, knowing));
        assert!(!row.deleted && !row.stamps.contains_key(DELETED));
        assert_eq!(row.fields["body"], "back".into());
        assert_eq!(joined.stamp.clock, Clock(clock), "later than the deletion");
    }
    let mut row = tombstone.clone();
    assert_eq!(
        take_on(&mut row, &put(40, false), &Fields::new()),
        Merged::Gone
    );
    assert_eq!(row, tombstone);
}
