//! What the parts of a server do together: pushes of several changes, of several people, and
//! devices that come after much was cleared out.

use super::collect::Retention;
use super::ledger::{Ledger, Names};
use crate::change::Change;
use crate::fixture::pages::{page, words};
use crate::fixture::{RULES, delete, insert, update};
use crate::frame::{Hello, Outcome, Push, ServerFrame};
use crate::id::Id;
use crate::limits::TOMBSTONE_MS;
use crate::row::Row;
use crate::scope::{Lsn, Markers, OWN, Scope};
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

const NOW_MS: u64 = 1_800_000_000_000;
const DEVICE: Id = Id::from_u128(7);

fn push(ledger: &mut Ledger, person: &str, changes: Vec<Change>) -> Vec<Outcome> {
    let ids: Vec<_> = changes.iter().map(|change| change.op_id).collect();
    let push = Push {
        device_id: DEVICE,
        changes,
        schema_version: 1,
        device_time_ms: NOW_MS,
    };
    let mut result = ledger.push(person, &push, NOW_MS);
    ids.iter()
        .filter_map(|id| result.outcomes.remove(id))
        .collect()
}

fn row(ledger: &Ledger, person: &str, table: &str, key: u128) -> Row {
    let named = |row: &&Row| row.table == table && row.key == Id::from_u128(key);
    let log = ledger.log(person).expect("a log");
    log.rows().find(named).expect("a row").clone()
}

fn position(outcome: &Outcome) -> Option<Lsn> {
    match outcome {
        Outcome::Applied { lsn, .. } => Some(*lsn),
        _ => None,
    }
}

#[test]
fn of_two_edits_of_a_row_in_one_push_the_later_stands_and_the_other_is_told() {
    let mut ledger = Ledger::new(RULES);
    push(&mut ledger, "anna", vec![page(1, "both saw this")]);
    let seen = row(&ledger, "anna", "pages", 1);
    let winner = words(&seen, 9, "later");
    let loser = words(&seen, 8, "earlier");
    for (pushed, lost) in [
        ([winner.clone(), loser.clone()], [0, 1]),
        ([loser, winner], [0, 0]),
    ] {
        let mut ledger = ledger.clone();
        let outcomes = push(&mut ledger, "anna", pushed.to_vec());
        let present = row(&ledger, "anna", "pages", 1);
        assert_eq!(present.fields["body"], "later".into());
        let lost_fields = outcomes.iter().map(|outcome| match outcome {
            Outcome::Applied { lost_fields, .. } => lost_fields.len(),
            other => panic!("{other:?}"),
        });
        assert_eq!(lost_fields.collect::<Vec<_>>(), lost);
        let rows = ledger.log("anna").expect("a log").rows();
        let kept = rows.filter(|row| row.table == "revisions").count();
        assert_eq!(kept, 1, "the words that lost");
    }
}

#[test]
fn a_name_that_another_person_used_for_a_change_is_as_good_as_new() {
    let mut ledger = Ledger::new(RULES);
    push(&mut ledger, "anna", vec![insert(1, 5, "anna's words")]);
    let outcomes = push(&mut ledger, "ben", vec![insert(1, 5, "ben's words")]);
    assert!(
        matches!(outcomes[..], [Outcome::Applied { lsn: 1, .. }]),
        "{outcomes:?}"
    );
    for (person, text) in [("anna", "anna's words"), ("ben", "ben's words")] {
        assert_eq!(row(&ledger, person, "notes", 1).fields["text"], text.into());
    }
}

#[test]
fn what_is_not_taken_leaves_no_hole_in_the_positions() {
    let mut ledger = Ledger::new(RULES);
    let outcomes = push(
        &mut ledger,
        "anna",
        vec![
            insert(1, 5, "one"),
            insert(2, 6, " "),
            update(9, 7, "text", "of a row that is not here".into()),
            insert(1, 5, "one"),
            insert(3, 8, "two"),
        ],
    );
    let given: Vec<_> = outcomes.iter().filter_map(position).collect();
    assert_eq!(given, [1, 2]);
    let log = ledger.log("anna").expect("a log");
    let history: Vec<_> = log.history().map(|(lsn, _)| lsn).collect();
    assert_eq!((history, log.lsn), (vec![1, 2], 2));
}

#[test]
fn a_new_device_gets_all_that_lives_after_much_was_cleared_out() {
    let mut ledger = Ledger::new(RULES);
    for first in [1, 101, 201] {
        let notes = (first..first + 100).map(|key| insert(u128::from(key), key, "words"));
        push(&mut ledger, "anna", notes.collect());
    }
    let deletions = (1..=90).map(|place: u64| {
        let key = u128::from(3 * place);
        let mut deletion = delete(key, 1_000 + place);
        deletion.base = row(&ledger, "anna", "notes", key).stamps;
        deletion
    });
    let deletions = deletions.collect();
    push(&mut ledger, "anna", deletions);
    let later_ms = NOW_MS + TOMBSTONE_MS + 1;
    ledger.collect("anna", later_ms, Retention::default());
    let log = ledger.log("anna").expect("a log");
    assert_eq!((log.lsn, log.rows().count()), (390, 210));

    let names: Names = vec![(Scope::named(OWN), "anna".into())];
    let mut hello = Hello {
        device_id: Id::from_u128(8),
        markers: Markers::default(),
        tables: vec!["notes".to_string()],
        schema_version: 1,
        device_time_ms: later_ms,
    };
    // Cut off after every chunk, it goes on where it was.
    let mut keys = Vec::new();
    let mut complete = false;
    while !complete {
        let mut session = ledger.open(&hello, &names).expect("a session");
        for frame in ledger.advance(&mut session, &names).expect("frames") {
            match frame {
                ServerFrame::Delta(delta) => {
                    assert!(delta.rows.iter().all(|row| !row.deleted));
                    keys.extend(delta.rows.iter().map(|row| row.key.number()));
                    hello.markers.set(&delta.scope, &delta.table, delta.to);
                }
                ServerFrame::DeltaComplete {} => complete = true,
                other => panic!("{other:?}"),
            }
        }
    }
    let living: Vec<_> = (1..=300).filter(|key| key % 3 > 0 || *key > 270).collect();
    assert_eq!(keys, living);
}

#[test]
fn of_two_edits_at_the_same_time_the_device_decides_and_not_which_came_first() {
    let stamped = |node: u128, op_id: u128, text: &str| {
        let mut change = update(1, 9, "text", text.into());
        change.op_id = Id::from_u128(op_id);
        change.stamp.node = Id::from_u128(node);
        change.stamp.op_id = change.op_id;
        change
    };
    for (less, more) in [
        (
            stamped(1, 99, "of the lesser device"),
            stamped(2, 98, "of the greater"),
        ),
        (
            stamped(1, 98, "of a device"),
            stamped(1, 99, "of a copy of it"),
        ),
    ] {
        for order in [
            [less.clone(), more.clone(), less.clone()],
            [more.clone(), less.clone(), more.clone()],
        ] {
            let mut ledger = Ledger::new(RULES);
            push(&mut ledger, "anna", vec![insert(1, 5, "both saw this")]);
            for change in order {
                push(&mut ledger, "anna", vec![change]);
            }
            let present = row(&ledger, "anna", "notes", 1);
            assert_eq!(present.fields["text"], more.fields["text"]);
            assert_eq!(present.stamps["text"], more.stamp);
        }
    }
}
