//! What the parts of a device do together: pages, pushes, retries and rebuilds that meet.

use super::effect::{Answer, Effect};
use super::event::Event;
use super::meta::Rebuild;
use super::outbox::{ChangeState, LocalChange};
use super::record::Record;
use super::retry::FailureClass;
use crate::change::Op;
use crate::fixture::desk::{
    NOW_MS, answer, applied, arrive, desk, on_top, page_of, row_of, send, settle, states, waiting,
};
use crate::fixture::pages::{burial, page, words};
use crate::fixture::store::{Store, edit};
use crate::id::Id;
use crate::local::Tick;
use crate::row::Row;
use crate::scope::Markers;
use ChangeState::{Done, InFlight, Pending, Skipped};
use alloc::vec;
use alloc::vec::Vec;

fn body(store: &mut Store, text: &str) {
    let edit = edit("pages", Op::Update, 1, &[("body", text.into())]);
    store.write(NOW_MS, vec![edit]).expect("kept");
}

fn record(store: &Store) -> Record {
    store.records[&("pages".into(), Id::from_u128(1))].clone()
}

fn seen(store: &Store) -> crate::value::Value {
    record(store).seen.fields["body"].clone()
}

/// A desk that has a page, and the page.
fn with_a_page() -> (Store, Row) {
    let mut store = desk();
    let row = row_of(&[page(1, "first")], 5);
    arrive(&mut store, vec![row.clone()]);
    (store, row)
}

fn history(store: &Store) -> Vec<LocalChange> {
    let from_server = store.changes.values().filter(|local| local.from_server);
    from_server.cloned().collect()
}

#[test]
fn of_two_versions_of_a_row_in_one_page_the_later_position_stands_in_any_order() {
    let (store, row) = with_a_page();
    let second = on_top(&row, &[words(&row, 900, "second, stamped late")], 6);
    let third = on_top(&row, &[words(&row, 2, "third, stamped early")], 7);
    for rows in [
        vec![second.clone(), third.clone()],
        vec![third.clone(), second],
    ] {
        let mut store = store.clone();
        let committed = arrive(&mut store, rows);
        assert_eq!(record(&store).base, Some(third.clone()));
        assert_eq!(seen(&store), "third, stamped early".into());
        assert!(committed.conflicts.is_empty(), "nothing was written here");
    }
}

#[test]
fn what_is_on_its_way_while_the_state_is_taken_anew_stays_on_top_and_is_done_when_answered() {
    for came_again in [true, false] {
        let (mut store, row) = with_a_page();
        body(&mut store, "on its way");
        let sent = send(&mut store).remove(0);
        store.perform(
            NOW_MS,
            &Effect::BeginRebuild(Rebuild::Replace, Markers::default()),
        );
        if came_again {
            arrive(&mut store, vec![row]);
        }
        assert_eq!(seen(&store), "on its way".into());
        store.perform(NOW_MS, &Effect::FinishRebuild);
        store.perform(NOW_MS, &Effect::Sweep);
        assert!(record(&store).is_visible(store.meta.floor));
        assert_eq!(
            (seen(&store), states(&store)),
            ("on its way".into(), vec![InFlight])
        );
        answer(&mut store, vec![(sent.change.op_id, applied(9))]);
        assert_eq!(
            (seen(&store), states(&store)),
            ("on its way".into(), vec![Done])
        );
        assert_eq!(record(&store).tick(), Tick::Synced);
    }
}

#[test]
fn a_device_that_takes_everything_anew_is_the_same_device_with_the_same_clock() {
    for rebuild in [Rebuild::Replace, Rebuild::Heal] {
        let (mut store, row) = with_a_page();
        body(&mut store, "ours");
        let sent = send(&mut store).remove(0);
        let before = store.meta.clone();
        store.perform(NOW_MS, &Effect::BeginRebuild(rebuild, Markers::default()));
        assert_eq!(
            store.meta.clock, before.clock,
            "what is stamped next is later"
        );
        let echo = on_top(&row, core::slice::from_ref(&sent.change), 6);
        let committed = arrive(&mut store, vec![echo]);
        store.perform(NOW_MS, &Effect::FinishRebuild);
        assert_eq!(store.meta.device_id, before.device_id);
        assert!(store.meta.clock >= before.clock);
        assert!(
            committed.conflicts.is_empty(),
            "its own words are not somebody else's"
        );
    }
}

#[test]
fn an_answer_to_one_change_says_nothing_of_the_place_of_the_feed() {
    let (mut store, row) = with_a_page();
    body(&mut store, "ours");
    let sent = send(&mut store).remove(0);
    let before = page_of(&store, vec![]);
    answer(&mut store, vec![(sent.change.op_id, applied(9))]);
    assert_eq!(page_of(&store, vec![]), before);
    let mut other = row_of(&[page(3, "written elsewhere before that")], 7);
    other.key = Id::from_u128(2);
    arrive(&mut store, vec![other]);
    let other = &store.records[&("pages".into(), Id::from_u128(2))];
    assert_eq!(
        other.seen.fields["body"],
        "written elsewhere before that".into()
    );
    assert_eq!((seen(&store), row.lsn), ("ours".into(), 5));
}

#[test]
fn trying_again_touches_nothing_but_what_was_refused_and_writes_no_second_history() {
    let (mut store, row) = with_a_page();
    let tombstone = on_top(&row, &[burial(&row, 2)], 6);
    arrive(&mut store, vec![tombstone.clone()]);
    arrive(&mut store, vec![tombstone]);
    let mut bad = row_of(&[page(3, "bad")], 8);
    bad.fields.remove("day");
    let effect = Effect::StorePage {
        link: 1,
        page: page_of(&store, vec![bad]),
        pass: vec![8],
    };
    let stored = store.perform(NOW_MS, &effect);
    assert!(matches!(stored, Some(Event::PageStored { .. })));
    let before = history(&store);
    let states: Vec<_> = before.iter().map(|local| local.state).collect();
    assert_eq!(states, [Done, Skipped, ChangeState::Failed]);
    for _ in 0..3 {
        store.perform(NOW_MS, &Effect::RetryRefused);
        assert_eq!(history(&store), before, "it still does not fit");
    }
}

#[test]
fn an_offline_day_of_attempts_leaves_every_change_as_it_was_written() {
    let (mut store, _) = with_a_page();
    body(&mut store, "second");
    let written = waiting(&store);
    for _ in 0..1_000 {
        assert_eq!(send(&mut store).len(), 1);
        let committed = settle(&mut store, Answer::Failed(FailureClass::Away));
        assert_eq!(committed.settled, []);
    }
    let kept = waiting(&store);
    assert_eq!((kept.state, kept.attempts), (Pending, 0));
    assert_eq!((kept.change, kept.old), (written.change, written.old));
    assert_eq!(
        store.perform(NOW_MS, &Effect::Collect),
        Some(Event::Collected { left: false })
    );
    assert_eq!(states(&store), [Pending]);
}

#[test]
fn what_a_later_edit_carries_along_counts_as_sent_only_with_it() {
    let (mut store, _) = with_a_page();
    body(&mut store, "second");
    body(&mut store, "third");
    let carried = |store: &Store| {
        let own = store.changes.values().filter(|local| !local.from_server);
        own.filter(|local| local.processed_sync()).count()
    };
    let sent = send(&mut store);
    assert_eq!((sent.len(), carried(&store)), (1, 0));
    settle(&mut store, Answer::Failed(FailureClass::Broken));
    assert_eq!(carried(&store), 0);
    let due = LocalChange {
        next_attempt_at_ms: 0,
        ..waiting(&store)
    };
    store.keep(vec![], vec![due]);
    send(&mut store);
    let committed = answer(&mut store, vec![(sent[0].change.op_id, applied(9))]);
    assert_eq!(committed.settled, [(sent[0].change.op_id, "done")]);
    assert_eq!((seen(&store), states(&store)), ("third".into(), vec![Done]));
}
