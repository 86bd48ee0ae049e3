//! Rows that come while the state is taken anew.

use super::*;
use crate::device::meta::Rebuild;

fn begin(store: &mut Store, rebuild: Rebuild) {
    store.perform(NOW_MS, &Effect::BeginRebuild(rebuild, Markers::default()));
}

#[test]
fn a_row_of_the_new_time_takes_the_place_of_an_old_one_whatever_its_position() {
    for rebuild in [Rebuild::Replace, Rebuild::Heal] {
        let mut store = desk();
        arrive(&mut store, vec![row_of(&[page(1, "of the old time")], 50)]);
        begin(&mut store, rebuild);
        let anew = row_of(&[page(9, "of the new time")], 3);
        arrive(&mut store, vec![anew.clone()]);
        let record = record(&store, "pages", 1);
        assert_eq!((record.base.as_ref(), record.generation), (Some(&anew), 1));
    }
}

#[test]
fn what_the_server_has_otherwise_is_offered_to_it_only_when_it_lost_something() {
    let old = row_of(&[page(1, "first")], 5);
    let new = on_top(&old, &[words(&old, 2, "second")], 6);
    let cases = [
        (Rebuild::Heal, &new, &old, 1),
        (Rebuild::Heal, &old, &new, 1),
        (Rebuild::Heal, &new, &new, 0),
        (Rebuild::Replace, &new, &old, 0),
    ];
    for (rebuild, ours, theirs, offers) in cases {
        let mut store = desk();
        arrive(&mut store, vec![ours.clone()]);
        begin(&mut store, rebuild);
        arrive(&mut store, vec![theirs.clone()]);
        assert_eq!(states(&store).len(), offers, "{rebuild:?}");
        if offers == 1 {
            let offer = waiting(&store).change;
            assert_eq!(
                (&offer.fields, offer.stamps),
                (&ours.fields, Some(ours.stamps.clone()))
            );
        }
    }
}

#[test]
fn a_deletion_that_the_server_forgot_is_offered_to_it() {
    let row = row_of(&[page(1, "first")], 5);
    let mut store = desk();
    arrive(&mut store, vec![on_top(&row, &[burial(&row, 2)], 6)]);
    begin(&mut store, Rebuild::Heal);
    arrive(&mut store, vec![row]);
    assert_eq!(waiting(&store).change.op, Op::Delete);
}

#[test]
fn the_numbers_of_changes_go_on_after_a_rebuild() {
    let mut store = desk();
    arrive(&mut store, vec![row_of(&[page(1, "first")], 5)]);
    write(&mut store, &[("body", "second".into())]);
    let before = store.meta.local_seq;
    begin(&mut store, Rebuild::Replace);
    store.perform(NOW_MS, &Effect::FinishRebuild);
    write(&mut store, &[("body", "third".into())]);
    assert!(waiting(&store).local_seq > before);
    assert!(
        states(&store).contains(&Superseded),
        "and no number is given twice"
    );
}
