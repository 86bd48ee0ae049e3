//! What rows from the server become on disk.

use super::*;
use crate::device::effect::Effect;
use crate::device::event::{Event, Refused};
use crate::fixture::desk::{
    NOW_MS, answer, applied, arrive, desk, on_top, page_of, row_of, send, states, waiting,
};
use crate::fixture::pages::{burial, page, trash, words};
use crate::fixture::store::{Store, edit};
use crate::fixture::{RULES, insert};
use crate::scope::{LIBRARY, OWN};
use crate::value::Value;
use ChangeState::{Done, Failed, Pending, Skipped, Superseded};
use alloc::vec;
use core::slice;

mod rebuild;

fn own() -> Scope {
    Scope::named(OWN)
}

fn at(lsn: Lsn) -> Marker {
    let op_id = Id::from_u128(u128::from(lsn));
    Marker { lsn, op_id }
}

fn take_page(store: &mut Store, page: &Page, pass: &[Lsn]) -> Result<Received, ReceiveError> {
    let rows = page.rows().iter().map(|row| (row.table.clone(), row.key));
    let (held, mut mint) = (store.held(rows), store.mint(NOW_MS));
    super::page(
        &RULES,
        &store.markers,
        &mut store.meta,
        &mut mint,
        held,
        page,
        pass,
    )
}

fn record(store: &Store, table: &str, key: u128) -> Record {
    store.records[&(table.into(), Id::from_u128(key))].clone()
}

fn history(store: &Store) -> Vec<LocalChange> {
    let from_server = store.changes.values().filter(|local| local.from_server);
    from_server.cloned().collect()
}

fn write(store: &mut Store, fields: &[(&str, Value)]) {
    let edit = edit("pages", Op::Update, 1, fields);
    store.write(NOW_MS, vec![edit]).expect("kept");
}

fn delta(table: &str, from: Marker, to: Marker, rows: Vec<Row>) -> Page {
    Page::Delta(Delta {
        scope: own(),
        table: table.into(),
        rows,
        from,
        to,
        is_last_chunk: true,
        error: None,
    })
}

fn moved(received: &Received) -> Vec<(&str, Lsn)> {
    let moved = received.moved.iter();
    moved
        .map(|(_, table, marker)| (table.as_str(), marker.lsn))
        .collect()
}

#[test]
fn a_page_that_does_not_begin_where_the_device_stands_is_not_taken() {
    let mut store = desk();
    store.markers.set(&own(), "notes", at(4));
    let other_history = Marker {
        op_id: Id::from_u128(99),
        ..at(4)
    };
    for from in [other_history, at(3), at(5), Marker::START] {
        let page = delta("notes", from, at(6), vec![]);
        assert_eq!(take_page(&mut store, &page, &[]), Err(ReceiveError::Gap));
    }
    let fits = take_page(&mut store, &delta("notes", at(4), at(6), vec![]), &[]);
    assert_eq!(moved(&fits.expect("taken")), [("notes", 6)]);
}

#[test]
fn a_change_fits_where_the_whole_scope_stands_and_moves_all_of_it() {
    let mut store = desk();
    for table in ["notes", "pages", "revisions"] {
        store.markers.set(&own(), table, at(4));
    }
    let change = |from| {
        Page::Change(ScopeChange {
            scope: own(),
            from,
            to: at(6),
            rows: vec![],
        })
    };
    let received = take_page(&mut store, &change(at(4)), &[]).expect("taken");
    assert_eq!(
        moved(&received),
        [("notes", 6), ("pages", 6), ("revisions", 6)]
    );
    store.markers.set(&own(), "pages", at(3));
    assert_eq!(
        take_page(&mut store, &change(at(4)), &[]),
        Err(ReceiveError::Gap)
    );
}

#[test]
fn what_is_shown_first_is_stored_and_moves_no_marker() {
    let mut store = desk();
    let head = Page::Head(Head {
        scope: own(),
        table: "pages".into(),
        rows: vec![row_of(&[page(1, "first")], 9)],
    });
    let received = take_page(&mut store, &head, &[]).expect("taken");
    assert_eq!((received.records.len(), received.moved.len()), (1, 0));
}

#[test]
fn a_row_of_a_table_that_was_not_asked_for_is_not_taken() {
    let mut store = desk();
    let elsewhere = vec![row_of(&[insert(1, 1, "x")], 6)];
    let cases = [
        delta("pages", Marker::START, at(6), elsewhere.clone()),
        delta("nowhere", Marker::START, at(6), vec![]),
        Page::Head(Head {
            scope: own(),
            table: "pages".into(),
            rows: elsewhere.clone(),
        }),
        Page::Change(ScopeChange {
            scope: Scope::named(LIBRARY),
            from: Marker::START,
            to: at(6),
            rows: elsewhere,
        }),
    ];
    for page in cases {
        assert_eq!(
            take_page(&mut store, &page, &[]),
            Err(ReceiveError::UnknownTable)
        );
    }
}

#[test]
fn a_row_that_does_not_fit_its_table_stops_its_page_until_it_is_passed() {
    let mut missing = row_of(&[page(1, "words")], 5);
    missing.fields.remove("day");
    let mut strange = row_of(&[page(1, "words")], 5);
    strange.fields.insert("day".into(), "someday".into());
    for (bad, code) in [(missing, "missing_field"), (strange, "bad_row")] {
        let mut store = desk();
        let good = row_of(&[insert(2, 2, "fine")], 6);
        let page = page_of(&store, vec![bad.clone(), good]);
        let refused = take_page(&mut store, &page, &[4, 6]).expect_err("not taken");
        assert!(matches!(refused, ReceiveError::BadRow { lsn: 5, .. }));
        assert!(matches!(
            Refused::of(&refused, &store.markers),
            Refused::BadRow { lsn: 5, .. }
        ));

        let received = take_page(&mut store, &page, &[5]).expect("taken");
        assert_eq!(received.records.len(), 1, "the other came through");
        assert_eq!(moved(&received)[0].1, 6);
        let [aside] = &received.changes[..] else {
            panic!("{received:?}");
        };
        assert_eq!((aside.state, aside.lsn), (Failed, Some(5)));
        assert_eq!(
            aside.refusal.as_ref().map(|(code, _)| code.as_str()),
            Some(code)
        );
        assert_eq!(aside.change.fields, bad.fields, "as it came");
        assert_eq!(aside.change.stamps.as_ref(), Some(&bad.stamps));
        assert!(aside.from_server && !aside.is_open());
    }
}

#[test]
fn a_row_is_set_aside_once_however_often_it_comes() {
    let mut store = desk();
    let mut bad = row_of(&[page(1, "words")], 5);
    bad.fields.remove("day");
    let start = Marker::START;
    let delta = delta("pages", start, at(6), vec![bad]);
    for _ in 0..2 {
        store.markers.set(&own(), "pages", start);
        let effect = Effect::StorePage {
            link: 1,
            page: delta.clone(),
            pass: vec![5],
        };
        let stored = store.perform(NOW_MS, &effect);
        assert!(matches!(stored, Some(Event::PageStored { .. })));
        assert_eq!(store.count().failed, 1);
    }
}

#[test]
fn a_bad_row_among_those_shown_first_waits_for_its_turn() {
    let mut store = desk();
    let mut bad = row_of(&[page(1, "words")], 5);
    bad.fields.remove("day");
    let head = Page::Head(Head {
        scope: own(),
        table: "pages".into(),
        rows: vec![bad],
    });
    let received = take_page(&mut store, &head, &[]).expect("taken");
    assert_eq!(
        received,
        Received::default(),
        "what was missed brings it again"
    );
}

#[test]
fn a_tombstone_fits_and_columns_of_a_newer_version_are_kept_as_they_came() {
    let mut store = desk();
    let mut newer = row_of(&[page(1, "words")], 5);
    newer.fields.insert("weather".into(), "rain".into());
    let mut tombstone = on_top(&newer, &[burial(&newer, 2)], 6);
    tombstone.key = Id::from_u128(2);
    arrive(&mut store, vec![newer, tombstone]);
    assert_eq!(
        record(&store, "pages", 1).seen.fields["weather"],
        "rain".into()
    );
    assert!(!record(&store, "pages", 2).is_live());
}

#[test]
fn a_row_with_a_higher_position_takes_the_place_of_the_base_whatever_its_stamps_say() {
    let mut store = desk();
    let late = row_of(&[page(900, "late stamp")], 5);
    let early = row_of(&[page(3, "early stamp")], 6);
    arrive(&mut store, vec![late.clone()]);
    arrive(&mut store, vec![early]);
    assert_eq!(
        record(&store, "pages", 1).seen.fields["body"],
        "early stamp".into()
    );
    let committed = arrive(&mut store, vec![late]);
    assert_eq!(
        record(&store, "pages", 1).seen.fields["body"],
        "early stamp".into()
    );
    assert_eq!((committed.skipped, committed.changed.len()), (1, 0));
}

#[test]
fn the_history_keeps_what_changed_and_what_was_there_before() {
    let mut store = desk();
    let row = row_of(&[page(1, "first")], 5);
    arrive(&mut store, vec![row.clone()]);
    assert!(
        history(&store).is_empty(),
        "a row that is new here is its own history"
    );
    let next = on_top(&row, &[words(&row, 2, "second")], 6);
    arrive(&mut store, vec![next.clone()]);
    arrive(&mut store, vec![row]);
    let tombstone = on_top(&next, &[burial(&next, 3)], 7);
    arrive(&mut store, vec![tombstone]);
    let history = history(&store);
    let states: Vec<_> = history
        .iter()
        .map(|local| (local.state, local.lsn))
        .collect();
    assert_eq!(
        states,
        [(Done, Some(6)), (Skipped, Some(5)), (Done, Some(7))]
    );
    let fields = |text: &str| Fields::from([("body".into(), text.into())]);
    assert_eq!(
        (&history[0].change.fields, &history[0].old),
        (&fields("second"), &fields("first"))
    );
    assert!(history[1].skip_reason.is_some() && history[1].change.fields.is_empty());
    assert_eq!(
        (history[2].change.op, history[2].old.len()),
        (Op::Delete, 4)
    );
    assert!(
        history
            .iter()
            .all(|local| local.from_server && local.processed_local())
    );
}

#[test]
fn the_clock_has_seen_what_was_received() {
    let mut store = desk();
    let ahead = crate::clock::Clock::at_ms(NOW_MS + 9_000);
    arrive(&mut store, vec![row_of(&[page(ahead.0, "ahead")], 5)]);
    assert_eq!(store.meta.clock, ahead);
    write(&mut store, &[("title", "after it".into())]);
    assert!(waiting(&store).change.stamp.clock > ahead);
}

#[test]
fn this_devices_own_changes_stay_on_top_and_a_conflict_is_told() {
    let mut store = desk();
    let row = row_of(&[page(1, "bread and milk")], 5);
    arrive(&mut store, vec![row.clone()]);
    write(&mut store, &[("body", "salt and milk".into())]);
    let title = {
        let mut change = words(&row, 2, "");
        change.fields = [("title".into(), "Else".into())].into();
        change
    };
    let next = on_top(&row, &[title], 6);
    let committed = arrive(&mut store, vec![next.clone()]);
    let seen = record(&store, "pages", 1).seen.fields;
    assert_eq!(
        (&seen["body"], &seen["title"]),
        (&"salt and milk".into(), &"Else".into())
    );
    assert!(committed.conflicts.is_empty(), "they did not meet");

    let next = on_top(&next, &[words(&row, 3, "bread and wine")], 7);
    let committed = arrive(&mut store, vec![next]);
    assert_eq!(
        record(&store, "pages", 1).seen.fields["body"],
        "salt and wine".into()
    );
    assert_eq!(committed.conflicts, [("pages".into(), Id::from_u128(1))]);
    assert_eq!(record(&store, "pages", 1).waiting, 1);
}

#[test]
fn an_echo_of_an_own_change_ends_in_the_same_row_and_is_no_conflict() {
    let mut store = desk();
    let row = row_of(&[page(1, "first")], 5);
    arrive(&mut store, vec![row.clone()]);
    write(&mut store, &[("body", "second".into())]);
    let sent = send(&mut store).remove(0);
    let echo = on_top(&row, slice::from_ref(&sent.change), 6);
    let committed = arrive(&mut store, vec![echo.clone()]);
    assert!(committed.conflicts.is_empty());
    assert_eq!(record(&store, "pages", 1).seen.fields, echo.fields);
    answer(&mut store, vec![(sent.change.op_id, applied(6))]);
    let record = record(&store, "pages", 1);
    assert_eq!(
        (record.base.as_ref(), record.waiting),
        (Some(&echo), 0),
        "the feed was quicker"
    );
}

#[test]
fn words_that_were_being_written_when_their_row_was_deleted_come_back_whole() {
    let mut store = desk();
    let row = row_of(&[page(1, "first")], 5);
    arrive(&mut store, vec![row.clone()]);
    write(&mut store, &[("body", "still writing".into())]);
    let tombstone = on_top(&row, &[burial(&row, 2)], 6);
    arrive(&mut store, vec![tombstone.clone()]);
    assert_eq!(states(&store), [Superseded, Pending]);
    let back = waiting(&store);
    assert_eq!((back.change.op, back.change.fields.len()), (Op::Insert, 4));
    assert_eq!(
        back.change.base, tombstone.stamps,
        "knowing of the deletion"
    );
    let record = record(&store, "pages", 1);
    assert!(record.is_live());
    assert_eq!(record.seen.fields["body"], "still writing".into());
}

#[test]
fn a_row_deleted_on_both_sides_or_not_edited_here_stays_deleted() {
    for here in [None, Some(edit("pages", Op::Delete, 1, &[]))] {
        let mut store = desk();
        let row = row_of(&[page(1, "first")], 5);
        arrive(&mut store, vec![row.clone()]);
        if let Some(edit) = here {
            store.write(NOW_MS, vec![edit]).expect("kept");
        }
        let before = states(&store);
        arrive(&mut store, vec![on_top(&row, &[burial(&row, 2)], 6)]);
        assert_eq!(states(&store), before);
        assert!(!record(&store, "pages", 1).is_live());
    }
}

#[test]
fn a_page_put_into_the_trash_elsewhere_while_it_is_written_here_stays_in_sight() {
    let mut store = desk();
    let row = row_of(&[page(1, "first")], 5);
    arrive(&mut store, vec![row.clone()]);
    write(&mut store, &[("body", "still writing".into())]);
    let committed = arrive(&mut store, vec![on_top(&row, &[trash(&row, 2)], 6)]);
    assert_eq!(
        record(&store, "pages", 1).seen.fields["trashed_at"],
        Value::Null
    );
    assert_eq!(committed.conflicts.len(), 1);
}

#[test]
fn what_was_acknowledged_does_not_flicker_away_when_an_earlier_row_comes_after_it() {
    let mut store = desk();
    let row = row_of(&[page(1, "first")], 5);
    arrive(&mut store, vec![row.clone()]);
    write(&mut store, &[("body", "ours".into())]);
    let sent = send(&mut store).remove(0);
    answer(&mut store, vec![(sent.change.op_id, applied(9))]);
    let mut theirs = words(&row, 2, "");
    theirs.fields = [("title", "Theirs")]
        .map(|(n, v)| (n.into(), v.into()))
        .into();
    arrive(&mut store, vec![on_top(&row, &[theirs.clone()], 7)]);
    let seen = record(&store, "pages", 1).seen.fields;
    assert_eq!(
        (&seen["body"], &seen["title"]),
        (&"ours".into(), &"Theirs".into())
    );

    let last = on_top(&row, &[theirs, sent.change, words(&row, 3, "")], 10);
    arrive(&mut store, vec![last.clone()]);
    assert_eq!(
        record(&store, "pages", 1).base,
        Some(last),
        "the feed has come past it"
    );
}

#[test]
fn words_that_were_hidden_when_their_row_was_deleted_come_back_behind_it() {
    let mut store = desk();
    let row = row_of(&[page(1, "both saw this")], 5);
    arrive(&mut store, vec![row.clone()]);
    write(&mut store, &[("body", "ours".into())]);
    let later = crate::clock::Clock::at_ms(NOW_MS + 9).0;
    let theirs = on_top(&row, &[words(&row, later, "theirs, later")], 6);
    arrive(&mut store, vec![theirs.clone()]);
    assert_eq!(
        record(&store, "pages", 1).seen.fields["body"],
        "theirs, later".into()
    );
    arrive(
        &mut store,
        vec![on_top(&theirs, &[burial(&theirs, later + 1)], 7)],
    );
    let open = store.changes.values().filter(|local| local.is_open());
    let bodies: Vec<_> = open.map(|local| &local.change.fields["body"]).collect();
    assert_eq!(
        bodies,
        [&Value::from("theirs, later"), &Value::from("ours")]
    );
}
