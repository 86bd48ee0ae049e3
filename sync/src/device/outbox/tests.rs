//! How the outbox stands, and what its history keeps.

use super::*;
use crate::fixture::insert;
use ChangeState::{Done, Failed, InFlight, Pending, Skipped, Superseded};

const ALL: [ChangeState; 6] = [Pending, InFlight, Done, Failed, Skipped, Superseded];

fn local(local_seq: u64, state: ChangeState) -> LocalChange {
    let change = insert(1, local_seq, "words");
    LocalChange {
        state,
        ..LocalChange::new(local_seq, change, Fields::new())
    }
}

fn from_server(local: LocalChange) -> LocalChange {
    LocalChange {
        from_server: true,
        ..local
    }
}

#[test]
fn what_is_open_lies_on_top_of_its_row_and_what_is_closed_does_not() {
    let open: Vec<_> = ALL.map(|state| local(1, state).is_open()).into();
    assert_eq!(open, [true, true, false, true, false, false]);
    assert!(
        ALL.iter()
            .all(|state| !from_server(local(1, *state)).is_open())
    );
    let done: Vec<_> = ALL.map(|state| local(1, state).processed_sync()).into();
    assert_eq!(done, [false, false, true, false, false, false]);
    assert!(from_server(local(1, Skipped)).processed_sync());
    assert!(
        !from_server(local(1, Failed)).processed_local(),
        "a row that was set aside"
    );
}

#[test]
fn the_count_tells_what_waits_what_was_refused_and_when_the_earliest_is_due() {
    let due_at = |next_attempt_at_ms, local| LocalChange {
        next_attempt_at_ms,
        ..local
    };
    let changes = [
        due_at(900, local(1, Pending)),
        due_at(300, local(2, InFlight)),
        due_at(500, local(3, Pending)),
        due_at(7, local(4, Failed)),
        due_at(7, local(5, Done)),
        due_at(7, local(6, Superseded)),
        from_server(local(7, Failed)),
        from_server(local(8, Skipped)),
    ];
    let count = OutboxCount::of(changes.iter());
    assert_eq!((count.waiting, count.failed), (3, 2));
    assert_eq!(count.next_due_ms, Some(300));
    assert_eq!(OutboxCount::of([].iter()), OutboxCount::default());
}

#[test]
fn what_a_later_change_carried_along_goes_once_the_server_has_that() {
    let changes = [
        local(1, Superseded),
        local(2, Failed),
        local(3, Skipped),
        from_server(local(4, Done)),
        local(5, Superseded),
        local(6, Done),
        local(7, Superseded),
        local(8, Pending),
    ];
    assert_eq!(outlived(&changes), [1, 5]);
    assert_eq!(
        outlived(&changes[..5]),
        [0; 0],
        "the server has nothing later yet"
    );
}
