//! Rows that did not come again when the state was taken anew.

use super::*;
use crate::device::effect::Effect;
use crate::device::event::Event;
use crate::device::meta::Rebuild;
use crate::fixture::desk::{
    NOW_MS, answer, applied, arrive, desk, on_top, row_of, send, states, waiting,
};
use crate::fixture::pages::{burial, page, words};
use crate::fixture::store::{Store, edit};
use crate::fixture::{RULES, insert};
use crate::frame::Head;
use crate::id::Id;
use crate::limits::SWEEP_ROWS_MAX;
use crate::scope::Markers;
use crate::scope::{LIBRARY, Scope};
use crate::value::Value;
use alloc::vec;

fn rebuilt(store: &mut Store, rebuild: Rebuild) {
    store.perform(NOW_MS, &Effect::BeginRebuild(rebuild, Markers::default()));
    store.perform(NOW_MS, &Effect::FinishRebuild);
}

fn sweep_all(store: &mut Store) {
    loop {
        match store.perform(NOW_MS, &Effect::Sweep) {
            Some(Event::Swept { left: true, .. }) => {}
            Some(Event::Swept { left: false, .. }) => return,
            other => panic!("{other:?}"),
        }
    }
}

fn record(store: &Store) -> Option<Record> {
    store
        .records
        .get(&("pages".into(), Id::from_u128(1)))
        .cloned()
}

fn body(store: &mut Store, text: &str) {
    let edit = edit("pages", Op::Update, 1, &[("body", text.into())]);
    store.write(NOW_MS, vec![edit]).expect("kept");
}

#[test]
fn rows_of_the_present_time_and_rows_the_server_never_had_are_left_alone() {
    let mut store = desk();
    arrive(&mut store, vec![row_of(&[page(1, "first")], 5)]);
    let note = [("text", "x".into()), ("pinned", Value::Null)];
    store
        .write(NOW_MS, vec![edit("notes", Op::Insert, 5, &note)])
        .expect("kept");
    let mut mint = store.mint(NOW_MS);
    let names: Vec<_> = store.records.keys().cloned().collect();
    let held = store.held(names.into_iter());
    assert_eq!(held.len(), 2);
    for held in held.values() {
        assert_eq!(sweep(&RULES, &mut store.meta, &mut mint, held), None);
    }
    store.meta.begin_rebuild(Rebuild::Replace);
    let never_had = &held[&("notes".into(), Id::from_u128(5))];
    assert_eq!(sweep(&RULES, &mut store.meta, &mut mint, never_had), None);
    assert_eq!(
        sweep(&RULES, &mut store.meta, &mut mint, &Held::default()),
        None
    );
}

#[test]
fn after_a_long_absence_what_did_not_come_again_is_out_of_sight_at_once_and_goes() {
    let mut store = desk();
    arrive(&mut store, vec![row_of(&[page(1, "first")], 5)]);
    rebuilt(&mut store, Rebuild::Replace);
    let hidden = record(&store).expect("still stored");
    assert!(!hidden.is_visible(store.meta.floor), "one pointer moved");
    sweep_all(&mut store);
    assert_eq!((record(&store), states(&store)), (None, vec![]));
}

#[test]
fn a_row_that_came_again_stays() {
    for rebuild in [Rebuild::Replace, Rebuild::Heal] {
        let mut store = desk();
        let row = row_of(&[page(1, "first")], 5);
        arrive(&mut store, vec![row.clone()]);
        store.perform(NOW_MS, &Effect::BeginRebuild(rebuild, Markers::default()));
        arrive(&mut store, vec![row.clone()]);
        store.perform(NOW_MS, &Effect::FinishRebuild);
        sweep_all(&mut store);
        let record = record(&store).expect("there");
        assert!(record.is_visible(store.meta.floor));
        assert_eq!((record.base, states(&store)), (Some(row), vec![]));
    }
}

#[test]
fn unsent_words_keep_their_row_whatever_became_of_it() {
    for rebuild in [Rebuild::Replace, Rebuild::Heal] {
        let mut store = desk();
        arrive(&mut store, vec![row_of(&[page(1, "first")], 5)]);
        body(&mut store, "unsent");
        rebuilt(&mut store, rebuild);
        assert!(record(&store).expect("there").is_visible(store.meta.floor));
        sweep_all(&mut store);
        let record = record(&store).expect("there");
        assert!(record.is_visible(store.meta.floor));
        assert_eq!(record.seen.fields["body"], "unsent".into(), "{rebuild:?}");
        assert_eq!(send(&mut store)[0].change.fields["body"], "unsent".into());
    }
}

#[test]
fn a_server_that_lost_a_row_is_offered_it_with_the_stamps_it_had() {
    let mut store = desk();
    let first = row_of(&[page(1, "first")], 5);
    let row = on_top(&first, &[words(&first, 9, "second")], 6);
    arrive(&mut store, vec![row.clone()]);
    rebuilt(&mut store, Rebuild::Heal);
    sweep_all(&mut store);
    let offer = waiting(&store).change;
    assert_eq!((offer.op, &offer.fields), (Op::Insert, &row.fields));
    assert_eq!(offer.stamps, Some(row.stamps.clone()));
    assert_eq!(offer.stamp.clock, row.latest_stamp().clock);
    assert_eq!(
        offer.check(RULES.schema).map(|table| table.name),
        Ok("pages")
    );
    let record = record(&store).expect("there");
    assert_eq!((record.seen.fields, record.waiting), (row.fields, 1));
    sweep_all(&mut store);
    assert_eq!(states(&store).len(), 1, "offered once");
}

#[test]
fn a_server_that_lost_what_this_device_wrote_is_offered_that_too_though_it_was_written_over() {
    let mut store = desk();
    let first = row_of(&[page(1, "first")], 5);
    arrive(&mut store, vec![first.clone()]);
    body(&mut store, "ours");
    let sent = send(&mut store).remove(0);
    answer(&mut store, vec![(sent.change.op_id, applied(6))]);
    let ours = on_top(&first, &[sent.change], 6);
    let later = Clock::at_ms(NOW_MS + 9).0;
    arrive(
        &mut store,
        vec![on_top(&ours, &[words(&ours, later, "theirs")], 7)],
    );
    rebuilt(&mut store, Rebuild::Heal);
    sweep_all(&mut store);
    let offers = store.changes.values().filter(|local| local.is_open());
    let bodies: Vec<_> = offers
        .map(|local| local.change.fields["body"].clone())
        .collect();
    assert!(
        bodies.contains(&"ours".into()) && bodies.contains(&"theirs".into()),
        "{bodies:?}"
    );
}

#[test]
fn whatever_the_server_sends_of_a_row_that_was_kept_is_newer_than_it() {
    for (rebuild, unsent) in [(Rebuild::Heal, false), (Rebuild::Replace, true)] {
        let mut store = desk();
        let row = row_of(&[page(1, "first")], 50);
        arrive(&mut store, vec![row.clone()]);
        if unsent {
            body(&mut store, "unsent");
        }
        rebuilt(&mut store, rebuild);
        sweep_all(&mut store);
        let anew = on_top(&row, &[words(&row, 9, "anew")], 3);
        arrive(&mut store, vec![anew.clone()]);
        assert_eq!(
            record(&store).and_then(|record| record.base),
            Some(anew),
            "{rebuild:?}"
        );
    }
}

#[test]
fn devices_that_offer_the_same_row_offer_it_with_the_same_stamps_under_names_of_their_own() {
    let first = row_of(&[page(1, "first")], 5);
    let second = on_top(&first, &[words(&first, 9, "second")], 6);
    let offered = |row: &Row, number: u128| {
        let mut store = Store::new(RULES, Id::from_u128(number));
        arrive(&mut store, vec![row.clone()]);
        rebuilt(&mut store, Rebuild::Heal);
        sweep_all(&mut store);
        waiting(&store).change
    };
    let (one, two) = (offered(&second, 1), offered(&second, 2));
    assert_eq!((&one.fields, &one.stamps), (&two.fields, &two.stamps));
    assert_ne!(one.op_id, two.op_id);
}

#[test]
fn a_tombstone_is_offered_like_any_row() {
    let row = row_of(&[page(1, "first")], 5);
    let mut store = desk();
    arrive(&mut store, vec![on_top(&row, &[burial(&row, 9)], 6)]);
    rebuilt(&mut store, Rebuild::Heal);
    sweep_all(&mut store);
    assert_eq!(waiting(&store).change.op, Op::Delete);
}

#[test]
fn what_lost_is_offered_back_too_and_the_library_is_not() {
    let row = |table: &str| {
        let mut row = row_of(&[insert(2, 2, "x")], 7);
        row.table = table.into();
        row.stamps.clear();
        row
    };
    for (table, offered) in [("revisions", 1), ("hints", 0)] {
        let mut store = desk();
        store.meta.begin_rebuild(Rebuild::Heal);
        let mut record = Record::empty(table, row(table).key);
        record.base = Some(row(table));
        let held = Held {
            record: Some(record),
            changes: vec![],
        };
        let mut mint = store.mint(NOW_MS);
        match sweep(&RULES, &mut store.meta, &mut mint, &held) {
            Some(Swept::Keep(_, offers)) => assert_eq!(offers.len(), offered, "{table}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn columns_of_a_newer_version_are_not_offered() {
    let mut store = desk();
    let mut row = row_of(&[page(1, "first")], 5);
    row.fields.insert("weather".into(), "rain".into());
    arrive(&mut store, vec![row]);
    rebuilt(&mut store, Rebuild::Heal);
    sweep_all(&mut store);
    let offer = waiting(&store).change;
    assert_eq!(
        offer.check(RULES.schema).map(|table| table.name),
        Ok("pages")
    );
}

#[test]
fn a_library_row_is_taken_anew_like_any_other() {
    let mut store = desk();
    let mut hint = row_of(&[insert(2, 2, "x")], 7);
    hint.table = "hints".into();
    let page = crate::device::effect::Page::Head(Head {
        scope: Scope::named(LIBRARY),
        table: "hints".into(),
        rows: vec![hint],
    });
    store.perform(
        NOW_MS,
        &Effect::StorePage {
            link: 1,
            page,
            pass: vec![],
        },
    );
    rebuilt(&mut store, Rebuild::Replace);
    sweep_all(&mut store);
    assert!(store.records.is_empty());
}

#[test]
fn many_rows_are_swept_in_bounded_passes() {
    let mut store = desk();
    let many = u64::try_from(SWEEP_ROWS_MAX).expect("small") + 50;
    let row = |lsn: u64| Row {
        lsn,
        ..row_of(&[insert(u128::from(lsn), lsn, "x")], lsn)
    };
    arrive(&mut store, (1..=many).map(row).collect());
    rebuilt(&mut store, Rebuild::Replace);
    let swept = store.perform(NOW_MS, &Effect::Sweep);
    assert!(matches!(swept, Some(Event::Swept { left: true, .. })));
    assert_eq!(store.records.len(), 50);
    sweep_all(&mut store);
    assert!(store.records.is_empty());
}
