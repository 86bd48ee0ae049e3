//! Which changes go out, and in what form.

use super::*;
use crate::change::{Change, Group};
use crate::fixture::desk::{NOW_MS, arrive, desk, row_of, send};
use crate::fixture::pages::{burial, page};
use crate::fixture::store::edit;
use crate::fixture::{RULES, insert, update};
use crate::frame::DeviceFrame;
use crate::value::{Fields, Value};
use alloc::string::String;
use alloc::vec;

const NOTHING: [u64; 0] = [];

fn local(seq: u64, change: Change) -> LocalChange {
    LocalChange::new(seq, change, Fields::new())
}

fn note(seq: u64) -> LocalChange {
    local(seq, insert(u128::from(seq), seq, "words"))
}

fn edit_of(key: u128, seq: u64) -> LocalChange {
    local(seq, update(key, seq, "text", "more words".into()))
}

fn in_state(state: ChangeState, local: LocalChange) -> LocalChange {
    LocalChange { state, ..local }
}

fn due_at(next_attempt_at_ms: u64, local: LocalChange) -> LocalChange {
    LocalChange {
        next_attempt_at_ms,
        ..local
    }
}

fn of_group(size: usize, mut local: LocalChange) -> LocalChange {
    let id = Id::from_u128(70);
    local.change.group = Some(Group { id, size });
    local
}

/// The numbers of what goes out, of these changes, at 1000.
fn picked(limit: usize, changes: &[LocalChange]) -> Vec<u64> {
    let mut picker = Picker::at(1_000, 0, limit);
    let all_seen = changes.iter().all(|local| picker.offer(local));
    let taken = picker.finish(all_seen);
    taken.iter().map(|local| local.local_seq).collect()
}

#[test]
fn the_oldest_go_out_up_to_a_limit_and_no_more_are_asked_for() {
    let many: Vec<_> = (1..=150).map(note).collect();
    for (limit, count) in [(1, 1), (30, 30), (PUSH_CHANGES_MAX, 100), (900, 100)] {
        assert_eq!(picked(limit, &many), (1..=count).collect::<Vec<_>>());
    }
    let mut picker = Picker::at(0, 0, 2);
    assert!(picker.offer(&many[0]));
    assert!(!picker.offer(&many[1]), "it is full");
    assert_eq!(picked(100, &[]), NOTHING);
}

#[test]
fn a_push_has_so_many_bytes_and_a_larger_change_goes_alone() {
    let heavy =
        |seq: u64, bytes: usize| local(seq, insert(u128::from(seq), seq, &"x".repeat(bytes)));
    let third = PUSH_BYTES_MAX / 3 - 1_000;
    let four: Vec<_> = (1..=4).map(|seq| heavy(seq, third)).collect();
    assert_eq!(picked(100, &four), [1, 2, 3]);
    let alone = [heavy(1, 2 * PUSH_BYTES_MAX), note(2)];
    assert_eq!(picked(100, &alone), [1]);
    let behind = [note(1), heavy(2, 2 * PUSH_BYTES_MAX), note(3)];
    assert_eq!(picked(100, &behind), [1], "nothing overtakes it");
}

#[test]
fn only_what_is_open_and_due_goes_out() {
    let cases = [
        (ChangeState::Pending, 1),
        (ChangeState::InFlight, 1),
        (ChangeState::Done, 0),
        (ChangeState::Failed, 0),
        (ChangeState::Skipped, 0),
        (ChangeState::Superseded, 0),
    ];
    for (state, count) in cases {
        assert_eq!(
            picked(100, &[in_state(state, note(1))]).len(),
            count,
            "{state:?}"
        );
    }
    let aside = LocalChange {
        from_server: true,
        ..note(1)
    };
    assert_eq!(picked(100, &[aside]), NOTHING);
    assert_eq!(
        picked(100, &[due_at(1_001, note(1)), due_at(1_000, note(2))]),
        [2]
    );
}

#[test]
fn an_edit_waits_for_an_earlier_one_of_its_row_and_all_other_rows_flow() {
    let failed = |local| in_state(ChangeState::Failed, local);
    assert_eq!(picked(100, &[failed(note(1)), edit_of(1, 2), note(3)]), [3]);
    assert_eq!(
        picked(100, &[due_at(2_000, note(1)), edit_of(1, 2), edit_of(1, 3)]),
        NOTHING
    );
    let one_row = [note(1), edit_of(1, 2), edit_of(1, 3), note(4)];
    assert_eq!(picked(100, &one_row), [1, 4], "one of a row at a time");
}

#[test]
fn a_whole_row_need_not_wait_for_what_was_refused_before_it() {
    let whole = local(2, insert(1, 2, "all of it"));
    let refused = in_state(ChangeState::Failed, note(1));
    assert_eq!(picked(100, &[refused.clone(), whole.clone()]), [2]);
    assert_eq!(
        picked(100, &[refused, whole, edit_of(1, 3)]),
        [2],
        "what follows it waits for it"
    );
}

#[test]
fn what_waits_for_longer_than_any_wait_was_stamped_by_a_clock_that_was_put_back() {
    let latest = 1_000 + RETRY_AFTER_MS_MAX;
    assert_eq!(picked(100, &[due_at(latest, note(1))]), NOTHING);
    assert_eq!(picked(100, &[due_at(latest + 1, note(1))]), [1]);
}

#[test]
fn a_row_that_is_put_back_stands_on_nothing_and_holds_up_nothing() {
    let mut offered = local(1, insert(1, 1, "all of it"));
    offered.change.stamps = Some([].into());
    assert_eq!(picked(100, &[offered, edit_of(1, 2)]), [1, 2]);
}

#[test]
fn a_group_goes_out_whole_or_not_at_all() {
    let group = |seq| of_group(3, note(seq));
    let whole = [group(1), note(2), group(3), group(4)];
    assert_eq!(picked(100, &whole), [1, 2, 3, 4]);
    assert_eq!(
        picked(3, &whole),
        [2],
        "there is no room for it beside the other"
    );
    assert_eq!(picked(2, &whole[2..3]), [3], "its others are gone");
    let failed = in_state(ChangeState::Failed, group(3));
    assert_eq!(
        picked(100, &[group(1), note(2), failed.clone(), group(4)]),
        [2]
    );
    assert_eq!(picked(100, &[failed, group(4), group(5)]), NOTHING);
    let waits = [group(1), due_at(2_000, group(3)), group(4), edit_of(1, 5)];
    assert_eq!(
        picked(100, &waits),
        NOTHING,
        "and so does what was written on top of it"
    );
}

#[test]
fn a_group_larger_than_the_limit_goes_alone() {
    let group: Vec<_> = (1..=5).map(|seq| of_group(5, note(seq))).collect();
    assert_eq!(picked(2, &group), [1, 2, 3, 4, 5]);
    let behind: Vec<_> = [note(9)].into_iter().chain(group).collect();
    assert_eq!(picked(2, &behind), [9]);
}

#[test]
fn a_group_that_lost_a_member_goes_on_without_it_once_all_is_seen() {
    let rest = [of_group(3, note(1)), of_group(3, note(2))];
    let mut picker = Picker::at(1_000, 0, 100);
    assert!(rest.iter().all(|local| picker.offer(local)));
    let taken = picker.finish(true);
    assert_eq!(taken.len(), 2);
    assert!(taken.iter().all(|local| local.change.group.is_none()));
    let mut picker = Picker::at(1_000, 0, 100);
    assert!(rest.iter().all(|local| picker.offer(local)));
    assert_eq!(picker.finish(false), [], "the rest may still come");
}

#[test]
fn changes_stamped_under_different_offsets_go_in_pushes_of_their_own() {
    let offset = |offset_ms, local| LocalChange { offset_ms, ..local };
    let changes = [
        offset(5, note(1)),
        offset(5, note(2)),
        offset(9, note(3)),
        offset(5, note(4)),
    ];
    assert_eq!(picked(100, &changes), [1, 2]);
    let push = push_of(&RULES, Id::from_u128(1), &changes[2..3], NOW_MS);
    assert_eq!(
        push.device_time_ms,
        NOW_MS + 9,
        "what the clock that stamped them reads now"
    );
    assert_eq!(push.schema_version, RULES.schema.version);
}

#[test]
fn a_stamp_that_an_answer_found_in_time_is_not_shifted_for_a_clock_that_was_set_since() {
    const DAY_MS: i64 = 86_400_000;
    let time_of = |in_time| {
        let mut picker = Picker::at(1_000, DAY_MS, 100);
        assert!(picker.offer(&LocalChange { in_time, ..note(1) }));
        let taken = picker.finish(true);
        push_of(&RULES, Id::from_u128(1), &taken, NOW_MS).device_time_ms
    };
    assert_eq!(time_of(false), NOW_MS, "what its clock says now");
    assert_eq!(
        time_of(true),
        NOW_MS + DAY_MS as u64,
        "what the server's says"
    );
}

fn long() -> String {
    "bread and milk. ".repeat(100)
}

fn pushed(old: &str, new: Fields, op: Op) -> Change {
    let mut store = desk();
    arrive(&mut store, vec![row_of(&[page(1, old)], 5)]);
    let new: Vec<_> = new.into_iter().collect();
    let new: Vec<_> = new
        .iter()
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    store
        .write(NOW_MS, vec![edit("pages", op, 1, &new)])
        .expect("kept");
    send(&mut store);
    store.push(NOW_MS).changes.remove(0)
}

fn body(text: &str) -> Fields {
    Fields::from([("body".into(), text.into())])
}

#[test]
fn a_long_text_travels_as_a_patch_on_what_its_writer_saw() {
    let new = long().replacen("milk", "wine", 1);
    let change = pushed(&long(), body(&new), Op::Update);
    assert!(!change.fields.contains_key("body"));
    assert_eq!(
        change.patches["body"].apply(&long()).as_deref(),
        Some(new.as_str())
    );
}

#[test]
fn a_short_text_a_new_one_and_a_whole_row_travel_whole() {
    let cases = [
        pushed("short", body("shorter"), Op::Update),
        pushed("", body(&long()), Op::Update),
        pushed(
            &long(),
            page(1, &long().replacen("milk", "wine", 1)).fields,
            Op::Insert,
        ),
    ];
    for change in cases {
        assert!(change.patches.is_empty() && change.fields.contains_key("body"));
    }
}

#[test]
fn a_text_whose_base_the_server_does_not_know_travels_whole() {
    let new = long().replacen("milk", "wine", 1);
    let mut change = local(1, update(1, 1, "body", new.as_str().into()));
    change.change.table = "pages".into();
    change.old = body(&long());
    let patches = |local: &LocalChange| {
        let push = push_of(&RULES, Id::from_u128(1), core::slice::from_ref(local), 0);
        push.changes[0].patches.len()
    };
    assert_eq!(patches(&change), 0);
    change.change.base = [("body".into(), change.change.stamp)].into();
    assert_eq!(patches(&change), 1);
    change.full = true;
    assert_eq!(patches(&change), 0, "it was asked for whole");
}

#[test]
fn a_change_is_never_heavier_on_the_wire_than_it_was_taken_to_be() {
    let row = row_of(&[page(1, "words")], 5);
    let mut grouped = insert(1, 1, "a \"quoted\" \\ text\nof\tlines");
    grouped.group = Some(Group {
        id: Id::from_u128(70),
        size: 50,
    });
    let mut offered = page(1, &"Käse ".repeat(500));
    offered.stamps = Some(row.stamps.clone());
    let mut based = page(9, &"\u{1}\u{2}".repeat(500));
    based.base = row.stamps.clone();
    let pinned = update(1, 1, "pinned", Value::Boolean(false));
    for change in [grouped, offered, based, pinned, burial(&row, 3)] {
        let taken_to_be = weight(&local(1, change.clone()));
        let push = |changes: Vec<Change>| {
            DeviceFrame::Push(Push {
                device_id: Id::from_u128(1),
                changes,
                schema_version: 1,
                device_time_ms: NOW_MS,
            })
            .encode()
            .len()
        };
        let really = push(vec![change]) - push(vec![]);
        assert!(really <= taken_to_be, "{really} > {taken_to_be}");
    }
}

#[test]
fn a_row_that_is_put_back_waits_for_the_answer_to_what_may_be_there() {
    let put_back = |seq| {
        let mut back = local(seq, insert(1, seq, "words"));
        back.change.stamps = Some(crate::stamp::Stamps::new());
        back
    };
    let lost = |local: LocalChange| LocalChange {
        sent: true,
        ..local
    };
    assert_eq!(picked(9, &[lost(put_back(1)), put_back(2)]), [1]);
    assert_eq!(picked(9, &[lost(edit_of(1, 1)), put_back(2)]), [1]);
    assert_eq!(picked(9, &[put_back(1), put_back(2)]), [1, 2]);
    let refused = in_state(ChangeState::Failed, edit_of(1, 1));
    assert_eq!(picked(9, &[refused, put_back(2), edit_of(1, 3)]), [2]);
}
