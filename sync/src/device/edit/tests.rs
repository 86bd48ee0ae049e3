//! What edits become on disk.

use super::*;
use crate::device::effect::{Answer, Effect};
use crate::device::meta::Rebuild;
use crate::device::retry::FailureClass;
use crate::fixture::RULES;
use crate::fixture::desk::{
    NOW_MS, answer, applied, arrive, desk, on_top, row_of, send, settle, states, waiting,
};
use crate::fixture::pages::{page, trash, words};
use crate::fixture::store::{Store, edit};
use crate::frame::Outcome;
use crate::id::Id;
use crate::local::Tick;
use crate::scope::Markers;
use crate::stamp::stamp_of;
use ChangeState::{Done, Failed, InFlight, Pending, Superseded};
use alloc::string::ToString;
use alloc::vec;

mod apart;
mod put_back;

fn note(op: Op, text: &str) -> Edit {
    let pinned = ("pinned", Value::Null);
    match op {
        Op::Insert => edit("notes", op, 5, &[("text", text.into()), pinned]),
        _ => edit("notes", op, 5, &[("text", text.into())]),
    }
}

fn body(text: &str) -> Edit {
    edit("pages", Op::Update, 1, &[("body", text.into())])
}

fn write(store: &mut Store, edit: Edit) {
    store.write(NOW_MS, vec![edit]).expect("kept");
}

fn record(store: &Store, table: &str, key: u128) -> Record {
    store.records[&(table.into(), Id::from_u128(key))].clone()
}

fn refuse(store: &mut Store) {
    let refused = send(store).into_iter().map(|local| {
        let (code, message) = ("blank".to_string(), "no".to_string());
        (local.change.op_id, Outcome::Rejected { code, message })
    });
    let refused = refused.collect();
    answer(store, refused);
}

#[test]
fn an_edit_is_kept_with_its_row_its_change_and_the_clock_that_stamped_it() {
    let mut store = desk();
    store.meta.offset_ms = 40;
    write(&mut store, note(Op::Insert, "words"));
    let local = waiting(&store);
    assert_eq!(local.local_seq, 1);
    assert_eq!((local.recorded_at_ms, local.offset_ms), (NOW_MS, 40));
    assert_eq!(local.change.stamp.clock, Clock::at_ms(NOW_MS + 40));
    assert_eq!(local.change.stamp.node, store.meta.device_id);
    assert_eq!(store.meta.clock, local.change.stamp.clock);
    assert_eq!(local.change.group, None, "one row is no group");
    let record = record(&store, "notes", 5);
    assert_eq!((record.tick(), record.base), (Tick::Local, None));
    assert_eq!(record.seen.fields["text"], "words".into());
}

#[test]
fn a_character_that_no_database_is_sure_to_keep_is_replaced_and_the_words_are_kept() {
    let mut store = desk();
    write(&mut store, note(Op::Insert, "be\0fore and after"));
    let replaced = Value::from("be\u{fffd}fore and after");
    assert_eq!(record(&store, "notes", 5).seen.fields["text"], replaced);
    assert_eq!(waiting(&store).change.fields["text"], replaced);
}

#[test]
fn an_edit_names_the_fields_it_sets_and_the_trash_as_its_writer_saw_them() {
    let mut store = desk();
    let row = row_of(&[page(1, "first")], 1);
    arrive(&mut store, vec![row.clone()]);
    write(&mut store, body("second"));
    let local = waiting(&store);
    let names: Vec<_> = local.change.base.keys().map(String::as_str).collect();
    assert_eq!(names, ["body", "trashed_at"]);
    assert_eq!(local.change.base["body"], row.stamps["body"]);
    assert_eq!(local.old, [("body".into(), "first".into())].into());
    assert!(
        local.change.stamp > row.latest_stamp(),
        "the clock has seen it"
    );
}

#[test]
fn a_trash_a_deletion_and_a_full_put_name_the_whole_row() {
    let into_trash = edit("pages", Op::Update, 1, &[("trashed_at", Value::Integer(5))]);
    let put = Edit {
        fields: page(1, "put").fields,
        ..edit("pages", Op::Insert, 1, &[])
    };
    for edit in [into_trash, edit("pages", Op::Delete, 1, &[]), put] {
        let mut store = desk();
        let row = row_of(&[page(1, "first")], 1);
        arrive(&mut store, vec![row.clone()]);
        write(&mut store, edit);
        assert_eq!(waiting(&store).change.base, row.stamps);
    }
}

#[test]
fn pending_edits_of_a_row_travel_as_one_with_the_first_base_and_old_value() {
    let mut store = desk();
    let row = row_of(&[page(1, "first")], 1);
    arrive(&mut store, vec![row.clone()]);
    write(&mut store, body("second"));
    write(
        &mut store,
        edit("pages", Op::Update, 1, &[("title", "Else".into())]),
    );
    write(&mut store, body("third"));
    assert_eq!(states(&store), [Superseded, Superseded, Pending]);
    let local = waiting(&store);
    assert_eq!(local.change.fields["body"], "third".into());
    assert_eq!(local.change.fields["title"], "Else".into());
    for name in ["body", "title", "trashed_at"] {
        assert_eq!(stamp_of(&local.change.base, name), row.stamps[name]);
    }
    assert_eq!(local.old["body"], "first".into());
    assert_eq!(local.old["title"], "A day".into());
    assert_eq!(
        record(&store, "pages", 1).seen.fields["body"],
        "third".into()
    );
}

#[test]
fn edits_of_a_row_that_was_never_sent_are_one_new_row() {
    let mut store = desk();
    write(&mut store, note(Op::Insert, "one"));
    write(&mut store, note(Op::Update, "two"));
    let local = waiting(&store);
    assert_eq!(
        (local.change.op, &local.change.fields["text"]),
        (Op::Insert, &"two".into())
    );
    assert_eq!(
        local.change.check(RULES.schema).map(|table| table.name),
        Ok("notes")
    );
}

#[test]
fn what_is_on_its_way_is_left_alone_and_is_the_base_of_what_follows() {
    let mut store = desk();
    write(&mut store, note(Op::Insert, "sent"));
    let sent = send(&mut store).remove(0);
    write(&mut store, note(Op::Update, "two"));
    write(&mut store, note(Op::Update, "three"));
    assert_eq!(states(&store), [InFlight, Superseded, Pending]);
    let local = waiting(&store);
    assert_eq!(local.change.op, Op::Update);
    assert_eq!(local.change.base["text"], sent.change.stamp);
    assert_eq!(local.old["text"], "sent".into());
    answer(&mut store, vec![(sent.change.op_id, applied(1))]);
    assert_eq!(
        record(&store, "notes", 5).tick(),
        Tick::Local,
        "not this revision"
    );
}

#[test]
fn a_refused_change_is_tried_again_with_what_its_person_wrote_since() {
    let mut store = desk();
    let both = vec![
        note(Op::Insert, "refused"),
        edit(
            "notes",
            Op::Insert,
            6,
            &[("text", "other".into()), ("pinned", Value::Null)],
        ),
    ];
    store.write(NOW_MS, both).expect("kept");
    refuse(&mut store);
    assert_eq!(states(&store), [Failed, Failed]);
    assert!(matches!(
        record(&store, "notes", 5).tick(),
        Tick::Attention { .. }
    ));
    write(
        &mut store,
        edit("notes", Op::Update, 5, &[("pinned", Value::Boolean(true))]),
    );
    assert_eq!(states(&store), [Superseded, Failed, Pending]);
    let local = waiting(&store);
    assert_eq!(local.change.op, Op::Insert);
    assert_eq!(local.change.fields["text"], "refused".into());
    assert_eq!(local.change.group, None, "whatever it belonged to");
    assert_eq!(record(&store, "notes", 5).tick(), Tick::Local);
}

#[test]
fn edits_of_several_rows_are_a_group_and_two_edits_of_one_row_are_one() {
    let mut store = desk();
    let other = |text: &str| {
        edit(
            "notes",
            Op::Insert,
            6,
            &[("text", text.into()), ("pinned", Value::Null)],
        )
    };
    let edits = vec![note(Op::Insert, "a"), other("b"), note(Op::Update, "c")];
    store.write(NOW_MS, edits).expect("kept");
    let open = send(&mut store);
    let group = open[0].change.group.expect("a group");
    assert_eq!(group.size, 2);
    assert!(open.iter().all(|local| local.change.group == Some(group)));
    let texts: Vec<_> = open
        .iter()
        .map(|local| &local.change.fields["text"])
        .collect();
    assert_eq!(texts, [&Value::from("b"), &Value::from("c")]);
}

#[test]
fn a_group_and_a_single_edit_of_one_row_stay_apart() {
    let mut store = desk();
    write(&mut store, note(Op::Insert, "alone"));
    let other = edit(
        "notes",
        Op::Insert,
        6,
        &[("text", "b".into()), ("pinned", Value::Null)],
    );
    store
        .write(NOW_MS, vec![note(Op::Update, "together"), other])
        .expect("kept");
    write(&mut store, note(Op::Update, "alone again"));
    assert_eq!(states(&store), [Pending; 4]);
    let sizes = store
        .changes
        .values()
        .map(|local| local.change.group.map(|g| g.size));
    assert_eq!(sizes.collect::<Vec<_>>(), [None, Some(2), Some(2), None]);
}

#[test]
fn a_deletion_carries_no_values_and_takes_what_waited_with_it() {
    let mut store = desk();
    write(&mut store, note(Op::Insert, "never sent"));
    write(&mut store, edit("notes", Op::Delete, 5, &[]));
    assert_eq!(states(&store), [Superseded, Pending]);
    let local = waiting(&store);
    assert!(local.change.fields.is_empty());
    assert_eq!(
        local.change.check(RULES.schema).map(|table| table.name),
        Ok("notes")
    );
    assert!(!record(&store, "notes", 5).is_live());
}

#[test]
fn a_row_that_is_offered_back_is_not_its_persons_edit_and_stays_as_it_is() {
    let mut store = desk();
    let row = row_of(&[page(1, "first")], 1);
    arrive(&mut store, vec![row]);
    store.perform(
        NOW_MS,
        &Effect::BeginRebuild(Rebuild::Heal, Markers::default()),
    );
    store.perform(NOW_MS, &Effect::FinishRebuild);
    store.perform(NOW_MS, &Effect::Sweep);
    assert!(waiting(&store).change.stamps.is_some());
    write(&mut store, body("second"));
    assert_eq!(states(&store), [Pending, Pending]);
}

#[test]
fn what_does_not_fit_is_not_kept_and_says_why() {
    let mut store = desk();
    write(&mut store, note(Op::Insert, "there"));
    write(&mut store, edit("notes", Op::Delete, 5, &[]));
    let before = (store.meta.clone(), store.changes.clone());
    let cases = [
        (edit("nowhere", Op::Insert, 5, &[]), "unknown_table"),
        (
            edit("hints", Op::Insert, 5, &[("text", "x".into())]),
            "not_writable",
        ),
        (note(Op::Insert, " "), "blank"),
        (
            edit("notes", Op::Insert, 9, &[("text", "x".into())]),
            "missing_field",
        ),
        (
            edit("notes", Op::Update, 9, &[("text", "x".into())]),
            "no_such_row",
        ),
        (note(Op::Update, "deleted by now"), "no_such_row"),
        (edit("notes", Op::Delete, 5, &[]), "no_such_row"),
    ];
    for (edit, code) in cases {
        let error = store.write(NOW_MS, vec![edit]).expect_err("not kept");
        assert_eq!(error.code(), code);
        assert_eq!((store.meta.clone(), store.changes.clone()), before);
    }
}

#[test]
fn edits_that_could_not_travel_together_are_not_kept_together() {
    let notes = |count: u128| {
        let fields = [("text", "x".into()), ("pinned", Value::Null)];
        (1..=count)
            .map(|key| edit("notes", Op::Insert, key, &fields))
            .collect::<Vec<_>>()
    };
    let most = u128::try_from(GROUP_CHANGES_MAX).expect("small");
    assert_eq!(desk().write(NOW_MS, notes(most)), Ok(()));
    assert_eq!(
        desk().write(NOW_MS, notes(most + 1)),
        Err(EditError::GroupTooLarge)
    );

    let pages = |count: u128| {
        let long = "x".repeat(19_000);
        let page = |key| Edit {
            key: Id::from_u128(key),
            ..put(&long)
        };
        (1..=count).map(page).collect::<Vec<_>>()
    };
    let fits = u128::try_from(CHUNK_BYTES_MAX / 19_600).expect("small");
    assert_eq!(desk().write(NOW_MS, pages(fits)), Ok(()));
    assert_eq!(
        desk().write(NOW_MS, pages(fits + 1)),
        Err(EditError::GroupTooLarge)
    );
}

fn put(body: &str) -> Edit {
    Edit {
        fields: page(1, body).fields,
        ..edit("pages", Op::Insert, 1, &[])
    }
}

#[test]
fn a_row_that_the_server_no_longer_has_is_not_there_to_edit_but_may_be_made_anew() {
    let mut store = desk();
    arrive(&mut store, vec![row_of(&[page(1, "first")], 1)]);
    store.perform(
        NOW_MS,
        &Effect::BeginRebuild(Rebuild::Replace, Markers::default()),
    );
    store.perform(NOW_MS, &Effect::FinishRebuild);
    let floor = store.meta.floor;
    assert!(!record(&store, "pages", 1).is_visible(floor));
    assert_eq!(
        store.write(NOW_MS, vec![body("x")]),
        Err(EditError::NoSuchRow)
    );
    write(&mut store, put("anew"));
    let record = record(&store, "pages", 1);
    assert!(record.is_visible(floor) && record.base.is_none());
    assert!(waiting(&store).change.base.is_empty());
}
