//! The order of edits does not matter, and who has seen a value may replace it.

use crate::cases;
use crate::changes::{change, delete, insert, update};
use crate::tables::{NOTES, RULES};
use proptest::prelude::*;
use sync::change::{Change, Op};
use sync::id::Id;
use sync::merge::{Joined, Merged, merge};
use sync::row::{DELETED, Row};
use sync::value::{Fields, Value};

const KEY: u128 = 1;

fn join(row: &mut Row, change: &Change) -> Option<Joined> {
    match merge(&NOTES, RULES.texts, row, change, &Fields::new()) {
        Merged::Joined(joined) => Some(joined),
        Merged::Gone => None,
    }
}

fn after<'a>(changes: impl Iterator<Item = &'a Change>) -> Row {
    let mut row = Row::empty("notes", Id::from_u128(KEY));
    changes.for_each(|change| drop(join(&mut row, change)));
    row
}

fn field() -> impl Strategy<Value = (String, Value)> {
    let text = "[a-c]{1,2}".prop_map(|text| ("text".to_owned(), Value::Text(text)));
    let pinned = prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::Boolean)];
    prop_oneof![
        text,
        pinned.prop_map(|pinned| ("pinned".to_owned(), pinned))
    ]
}

/// Scalar edits of one row, each stamped at its place, whose writers had seen some of the
/// edits before them.
fn edits() -> impl Strategy<Value = Vec<Change>> {
    let one = (
        prop::collection::vec(field(), 1..3),
        any::<u64>(),
        any::<bool>(),
    );
    prop::collection::vec(one, 1..8).prop_map(|edits| {
        let mut made = vec![insert(KEY, 1, "first")];
        for (place, (fields, chance, seen)) in edits.into_iter().enumerate() {
            let at = u64::try_from(place).expect("few") + 2;
            let fields: Fields = fields.into_iter().collect();
            let mut edit = change(Op::Update, KEY, at, fields);
            if seen {
                // Its writer stood on a part of what had been written by then.
                let known = usize::try_from(chance).unwrap_or(usize::MAX) % made.len();
                edit.base = after(made[..=known].iter()).stamps;
                edit.base.retain(|name, _| edit.fields.contains_key(name));
            }
            made.push(edit);
        }
        made
    })
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn any_order_and_any_repeats_of_scalar_edits_end_the_same(
        (edits, order) in edits().prop_flat_map(|edits| {
            let places: Vec<_> = (0..edits.len()).collect();
            let twice = [places.clone(), places].concat();
            (Just(edits), Just(twice).prop_shuffle())
        }),
    ) {
        let expected = after(edits.iter());
        let shuffled = after(order.iter().map(|place| &edits[*place]));
        prop_assert_eq!(shuffled.fields, expected.fields);
        prop_assert_eq!(shuffled.stamps, expected.stamps);
    }

    #[test]
    fn an_edit_whose_base_is_the_present_value_always_wins(
        edits in edits(),
        (name, value) in field(),
        at in 0_u64..1_000,
    ) {
        let mut row = after(edits.iter());
        let before = row.stamps[&name];
        let mut edit = update(KEY, at + 100_000, &name, value.clone());
        // Whatever its clock says.
        edit.stamp.clock.0 = at;
        edit.base = [(name.clone(), before)].into();
        let joined = join(&mut row, &edit).expect("alive");
        prop_assert!(!joined.is_conflict());
        prop_assert_eq!(&row.fields[&name], &value);
        prop_assert!(row.stamps[&name] > before, "and reads later than what it replaced");
        prop_assert_eq!(row.stamps[&name].op_id, edit.op_id);
    }

    #[test]
    fn nothing_disappears_untold(edits in edits(), edit in edits()) {
        let mut row = after(edits.iter());
        let edit = edit.last().expect("one at least").clone();
        let edit = Change { op_id: Id::from_u128(77), ..edit };
        let edit = Change { stamp: sync::stamp::Stamp { op_id: edit.op_id, ..edit.stamp }, ..edit };
        let before = row.clone();
        let joined = join(&mut row, &edit).expect("alive");
        for (name, value) in &edit.fields {
            let seen = edit.base.get(name).is_some_and(|b| *b == before.stamps[name]);
            let told = |value: &Value| joined.beaten.iter().any(|b| b.field == *name && b.value == *value);
            prop_assert!(row.fields[name] == *value || joined.lost.contains(name));
            let old = &before.fields[name];
            prop_assert!(row.fields[name] == *old || seen || told(old));
        }
    }

    #[test]
    fn a_deletion_takes_a_row_only_if_it_has_seen_all_of_it(edits in edits(), known in any::<u64>()) {
        let known = usize::try_from(known).unwrap_or(usize::MAX) % edits.len();
        let seen = after(edits[..=known].iter());
        let mut row = after(edits.iter());
        let before = row.clone();
        let mut deletion = delete(KEY, 500);
        deletion.base.clone_from(&seen.stamps);
        let joined = join(&mut row, &deletion).expect("alive");
        let has_seen = before.stamps.iter().all(|(name, stamp)| seen.stamps.get(name) == Some(stamp));
        prop_assert_eq!(row.deleted, has_seen);
        prop_assert_eq!(joined.lost == [DELETED], !has_seen);
        prop_assert!(has_seen || row == before);
    }

    #[test]
    fn copies_that_are_offered_back_end_the_same_in_any_order(
        edits in edits(),
        parts in prop::collection::vec(any::<u64>(), 2..4),
    ) {
        // Devices that each have a part of what was written offer what they have.
        let offers: Vec<_> = parts.iter().enumerate().map(|(place, part)| {
            let known = usize::try_from(*part).unwrap_or(usize::MAX) % edits.len();
            let row = after(edits[..=known].iter());
            let at = row.latest_stamp().clock.0;
            let mut offer = insert(KEY, at + 1_000 * u64::try_from(place + 1).expect("few"), "");
            offer.fields = row.fields;
            offer.stamps = Some(row.stamps);
            offer
        }).collect();
        let one = after(offers.iter());
        let other = after(offers.iter().rev().chain(&offers));
        prop_assert_eq!(one.fields, other.fields);
        prop_assert_eq!(one.stamps, other.stamps);
    }
}
