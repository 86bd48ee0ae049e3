//! What is kept of words that lost or were written over.

use super::*;
use crate::change::{Group, Op};
use crate::fixture::pages::{burial, edit, page, trash, words};
use crate::fixture::{RULES, insert, update};
use crate::hub::accept::{Incoming, Verdict, Write, accept};
use crate::table::text;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec;

/// So many milliseconds as a clock has them.
const MINUTE: u64 = 60_000 << 16;

fn take(present: Option<&Row>, change: &Change) -> Write {
    let incoming = Incoming {
        change: change.clone(),
        claimed: None,
        present: present.cloned(),
        texts: BTreeMap::new(),
    };
    match accept(&RULES, vec![incoming]).remove(0) {
        Verdict::Write(write) => *write,
        Verdict::Answer(outcome) => panic!("not written: {outcome:?}"),
    }
}

fn kept(write: &Write) -> Vec<(String, String, bool)> {
    let of = |row: &Row, name: &str| text(&row.fields[name]).expect("a text").clone();
    let revisions = write.revisions.iter().map(|row| {
        assert_eq!(row.table, "revisions");
        let table = RULES.table("revisions").expect("a table");
        assert_eq!(table.check(&row.fields), Ok(()), "it fits its table");
        let lost = row.fields[field::LOST] == Value::Boolean(true);
        (of(row, field::FIELD), of(row, field::TEXT), lost)
    });
    revisions.collect()
}

fn entry(field: &str, text: &str, lost: bool) -> (String, String, bool) {
    (field.into(), text.into(), lost)
}

#[test]
fn whatever_loses_is_kept_whichever_of_the_two_it_is() {
    let row = take(None, &page(1, "both saw this")).row;
    let now = take(Some(&row), &words(&row, 5, "theirs")).row;
    let later = words(&row, 6, "ours");
    let write = take(Some(&now), &later);
    assert_eq!(kept(&write), [entry("body", "theirs", true)]);
    let revision = &write.revisions[0];
    assert_eq!(
        revision.fields[field::ROW],
        Value::Text(row.key.to_string())
    );
    let writer = now.stamps["body"].node;
    assert_eq!(
        revision.fields[field::DEVICE],
        Value::Text(writer.to_string())
    );

    let earlier = edit(
        &row,
        3,
        &[("body", "ours".into()), ("title", "Ours".into())],
    );
    let write = take(Some(&now), &earlier);
    assert_eq!(
        kept(&write),
        [entry("body", "ours", true)],
        "the title did not lose"
    );
}

#[test]
fn the_same_loser_is_the_same_revision_however_often_it_loses() {
    let row = take(None, &page(1, "both saw this")).row;
    let now = take(Some(&row), &words(&row, 5, "theirs")).row;
    let [one, other] = [6, 7].map(|at| take(Some(&now), &words(&row, at, "ours")));
    assert_eq!(one.revisions[0].key, other.revisions[0].key);
    assert_ne!(
        one.revisions[0].op_id, other.revisions[0].op_id,
        "two writes of one row"
    );
    let title = take(Some(&now), &edit(&row, 8, &[("title", "x".into())]));
    assert!(title.revisions.is_empty());
}

#[test]
fn of_words_written_over_knowingly_one_in_ten_minutes_is_kept() {
    let row = take(None, &page(1, "first")).row;
    let soon = take(Some(&row), &words(&row, 9 * MINUTE, "second"));
    assert!(kept(&soon).is_empty(), "within the same ten minutes");
    let later = take(Some(&soon.row), &words(&soon.row, 11 * MINUTE, "third"));
    assert_eq!(kept(&later), [entry("body", "second", false)]);
    let written_at = &later.revisions[0].fields[field::WRITTEN_AT];
    assert_eq!(*written_at, Value::Integer(9 * 60_000));
    let same = take(Some(&later.row), &words(&later.row, 25 * MINUTE, "third"));
    assert!(kept(&same).is_empty(), "nothing was written over");
}

#[test]
fn a_table_without_revisions_a_trash_and_a_deletion_leave_none() {
    let note = take(None, &insert(1, 5, "later")).row;
    assert!(
        take(Some(&note), &update(1, 4, "text", "x".into()))
            .revisions
            .is_empty()
    );
    let row = take(None, &page(1, "words")).row;
    let now = take(Some(&row), &words(&row, 2, "more words")).row;
    let lost_trash = take(Some(&now), &trash(&row, 3));
    assert!(lost_trash.revisions.is_empty(), "no words were in it");
    let lost_deletion = take(Some(&now), &burial(&row, 3));
    assert!(!lost_deletion.row.deleted && lost_deletion.revisions.is_empty());
}

#[test]
fn what_an_offer_loses_or_replaces_is_kept_under_the_stamp_it_had() {
    let row = take(None, &page(1, "both saw this")).row;
    let [theirs, ours] =
        [(4, "theirs"), (6, "ours")].map(|(at, body)| take(Some(&row), &words(&row, at, body)).row);
    for (present, offered, loser) in [(&theirs, &ours, 4), (&ours, &theirs, 4)] {
        let mut offer = page(9, "");
        offer.op = Op::Insert;
        offer.fields.clone_from(&offered.fields);
        offer.stamps = Some(offered.stamps.clone());
        let write = take(Some(present), &offer);
        assert_eq!(kept(&write), [entry("body", "theirs", true)]);
        let key = theirs.stamps["body"]
            .op_id
            .derived(row.key)
            .derived(Id::from_u128(2));
        assert_eq!(write.revisions[0].key, key, "{loser}");
    }
}

#[test]
fn a_revision_arrives_with_the_group_whose_change_left_it() {
    let row = take(None, &page(1, "both saw this")).row;
    let now = take(Some(&row), &words(&row, 5, "theirs")).row;
    let mut change = words(&row, 6, "ours");
    let group = Group {
        id: Id::from_u128(70),
        size: 1,
    };
    change.group = Some(group);
    assert_eq!(take(Some(&now), &change).revisions[0].group, Some(group.id));
}

#[test]
fn a_revision_that_served_its_time_leaves_a_tombstone_of_its_own() {
    let row = take(None, &page(1, "both saw this")).row;
    let now = take(Some(&row), &words(&row, 5, "theirs")).row;
    let revision = &take(Some(&now), &words(&row, 6, "ours")).revisions[0];
    let tombstone = tombstone_of(revision, 7_000);
    assert!(tombstone.deleted && tombstone.fields.is_empty());
    assert_eq!(tombstone.key, revision.key);
    assert_ne!(tombstone.op_id, revision.op_id);
    assert_eq!(tombstone.latest_stamp().clock, Clock::at_ms(7_000));
}
