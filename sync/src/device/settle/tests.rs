//! What the server's answer to a push becomes on disk.

use super::*;
use crate::device::effect::{Answer, Effect};
use crate::device::outbox::OutboxCount;
use crate::fixture::RULES;
use crate::fixture::desk::{
    NOW_MS, answer, applied, arrive, desk, on_top, row_of, send, settle, states, waiting,
};
use crate::fixture::pages::{page, words};
use crate::fixture::store::{Store, edit};
use crate::limits::{ATTEMPT_DELAYS_MS, BACKOFF_MS_MAX};
use crate::local::Tick;
use crate::scope::{ACKNOWLEDGED, Marker, OWN, Scope};
use crate::stamp::stamp_of;
use crate::value::Value;
use ChangeState::{Done, Failed, InFlight, Pending, Skipped, Superseded};
use alloc::boxed::Box;
use alloc::vec;
use core::slice;

mod refused;

fn write(store: &mut Store, op: Op, fields: &[(&str, Value)]) {
    store
        .write(NOW_MS, vec![edit("pages", op, 1, fields)])
        .expect("kept");
}

fn body(store: &mut Store, text: &str) {
    write(store, Op::Update, &[("body", text.into())]);
}

fn record(store: &Store) -> Record {
    store.records[&("pages".into(), Id::from_u128(1))].clone()
}

/// A desk that has a page, and an edit of it on its way.
fn edited() -> (Store, Row, LocalChange) {
    let mut store = desk();
    let row = row_of(&[page(1, "first")], 5);
    arrive(&mut store, vec![row.clone()]);
    body(&mut store, "second");
    let sent = send(&mut store).remove(0);
    (store, row, sent)
}

fn rejected(code: &str) -> Outcome {
    Outcome::Rejected {
        code: code.into(),
        message: "no".into(),
    }
}

fn gone() -> Outcome {
    Outcome::Gone {
        message: "deleted".into(),
        row: None,
    }
}

#[test]
fn an_acknowledged_row_is_there_and_synced_before_its_echo_comes() {
    let mut store = desk();
    let whole: Vec<_> = page(1, "words").fields.into_iter().collect();
    let whole: Vec<_> = whole.iter().map(|(n, v)| (n.as_str(), v.clone())).collect();
    write(&mut store, Op::Insert, &whole);
    let sent = send(&mut store).remove(0);
    let committed = answer(&mut store, vec![(sent.change.op_id, applied(9))]);
    assert_eq!(committed.settled, [(sent.change.op_id, "done")]);
    let record = record(&store);
    assert_eq!((record.tick(), record.seen.fields.len()), (Tick::Synced, 4));
    assert_eq!(
        record.base.map(|base| base.lsn),
        Some(0),
        "the echo at 9 still replaces it"
    );
    assert_eq!(store.changes[&1].lsn, Some(9));
    assert_eq!(store.count(), OutboxCount::default());
}

#[test]
fn an_edit_that_another_device_came_before_is_joined_and_waits_for_the_feed() {
    let (mut store, row, sent) = edited();
    answer(&mut store, vec![(sent.change.op_id, applied(9))]);
    let base = record(&store).base.expect("a base");
    assert_eq!(
        (base.lsn, &base.fields["body"]),
        (row.lsn, &"second".into())
    );
    assert_eq!(base.stamps["body"], sent.change.stamp);
}

#[test]
fn the_last_position_that_the_server_gave_to_an_own_change_is_kept_beside_the_markers() {
    let (mut store, row, sent) = edited();
    let committed = answer(&mut store, vec![(sent.change.op_id, applied(9))]);
    let op_id = sent.change.op_id;
    let given = (
        Scope::named(OWN),
        ACKNOWLEDGED.to_string(),
        Marker { lsn: 9, op_id },
    );
    assert_eq!(committed.moved, [given]);
    body(&mut store, "third");
    let sent = send(&mut store).remove(0);
    let committed = answer(&mut store, vec![(sent.change.op_id, rejected("blank"))]);
    assert_eq!(
        (committed.moved, row.lsn),
        (vec![], 5),
        "a refusal was given none"
    );
}

#[test]
fn a_row_that_the_server_tells_is_the_base_from_now_on() {
    let (mut store, row, sent) = edited();
    let ahead = Clock::at_ms(NOW_MS + 9_000);
    let told = on_top(&row, &[words(&row, ahead.0, "theirs")], 9);
    let outcome = Outcome::Applied {
        lsn: 9,
        stamp: None,
        row: Some(Box::new(told.clone())),
        lost_fields: vec!["body".into()],
    };
    let committed = answer(&mut store, vec![(sent.change.op_id, outcome)]);
    assert_eq!(
        committed.conflicts,
        [("pages".into(), row.key)],
        "its writer is shown it"
    );
    assert_eq!(record(&store).base, Some(told.clone()));
    assert_eq!(record(&store).seen.fields, told.fields);
    assert_eq!(store.meta.clock, ahead, "seen");
}

#[test]
fn an_answer_that_the_feed_was_quicker_than_changes_nothing_any_more() {
    let told = |row: &Row| Some(Box::new(row.clone()));
    for tells in [false, true] {
        let (mut store, row, sent) = edited();
        let echo = on_top(&row, slice::from_ref(&sent.change), 9);
        let next = on_top(&echo, &[words(&echo, 3, "theirs, after it")], 10);
        arrive(&mut store, vec![next.clone()]);
        let outcome = Outcome::Applied {
            lsn: 9,
            stamp: None,
            row: told(&echo).filter(|_| tells),
            lost_fields: vec![],
        };
        answer(&mut store, vec![(sent.change.op_id, outcome)]);
        assert_eq!(record(&store).base.as_ref(), Some(&next));
        assert_eq!(record(&store).seen.fields, next.fields);
    }
}

#[test]
fn a_change_that_the_feed_answered_is_told_as_done_when_its_answer_comes() {
    let (mut store, row, sent) = edited();
    let echo = on_top(&row, slice::from_ref(&sent.change), 9);
    arrive(&mut store, vec![echo]);
    assert_eq!(states(&store), [Done]);
    let op_id = sent.change.op_id;
    let committed = answer(&mut store, vec![(op_id, applied(9))]);
    assert_eq!(committed.settled, [(op_id, "done")]);
}

#[test]
fn what_was_answered_is_on_its_way_no_more() {
    for outcome in [rejected("blank"), Outcome::NeedFull {}] {
        let (mut store, _, sent) = edited();
        for local in store.changes.values_mut() {
            local.sent = true;
        }
        answer(&mut store, vec![(sent.change.op_id, outcome)]);
        let seq = sent.local_seq;
        assert!(!store.changes[&seq].is_on_its_way());
    }
}

#[test]
fn the_lowest_position_that_the_feed_has_not_brought_is_told() {
    let (mut store, _, sent) = edited();
    let committed = answer(&mut store, vec![(sent.change.op_id, applied(9))]);
    assert_eq!(committed.unfed, Some(9));
    // With its row, an answer is as good as the feed.
    let (mut store, row, sent) = edited();
    let told = Outcome::Applied {
        lsn: 9,
        stamp: None,
        row: Some(Box::new(on_top(&row, slice::from_ref(&sent.change), 9))),
        lost_fields: vec![],
    };
    let committed = answer(&mut store, vec![(sent.change.op_id, told)]);
    assert_eq!(committed.unfed, None);
}

#[test]
fn a_stamp_that_the_server_gave_is_taken_over_and_the_clock_comes_down_with_it() {
    let mut store = desk();
    arrive(&mut store, vec![row_of(&[page(1, "first")], 5)]);
    // Stamped by a clock that was an hour ahead; since then the offset has been learned.
    store.meta.clock = Clock::at_ms(NOW_MS + 3_600_000);
    body(&mut store, "from the future");
    let sent = send(&mut store).remove(0);
    let mut given = sent.change.stamp;
    given.clock = Clock::at_ms(NOW_MS - 5);
    let outcome = Outcome::Applied {
        lsn: 9,
        stamp: Some(given),
        row: None,
        lost_fields: vec![],
    };
    answer(&mut store, vec![(sent.change.op_id, outcome)]);
    let base = record(&store).base.expect("a base");
    assert_eq!(stamp_of(&base.stamps, "body"), given);
    assert_eq!(store.meta.clock, Clock::at_ms(NOW_MS));
    body(&mut store, "after it");
    assert!(waiting(&store).change.stamp > given);
}

#[test]
fn the_clock_never_comes_down_below_a_stamp_that_was_given() {
    let mut meta = Meta::new(Id::from_u128(1));
    meta.clock = Clock::at_ms(9_000);
    meta.adopt(Clock::at_ms(5_000), 4_000);
    assert_eq!(meta.clock, Clock::at_ms(5_000));
    meta.adopt(Clock::at_ms(1_000), 2_000);
    assert_eq!(meta.clock, Clock::at_ms(2_000));
    meta.adopt(Clock::at_ms(1_000), 8_000);
    assert_eq!(
        meta.clock,
        Clock::at_ms(2_000),
        "and it is never put forward"
    );
}

#[test]
fn the_tick_is_of_this_revision_and_not_of_an_older_one() {
    let (mut store, _, sent) = edited();
    body(&mut store, "third");
    answer(&mut store, vec![(sent.change.op_id, applied(9))]);
    assert_eq!(record(&store).tick(), Tick::Local);
    assert_eq!(record(&store).seen.fields["body"], "third".into());
}

#[test]
fn what_a_done_change_carried_along_is_not_kept_for_ever() {
    let mut store = desk();
    arrive(&mut store, vec![row_of(&[page(1, "first")], 5)]);
    for text in ["second", "third", "fourth"] {
        body(&mut store, text);
    }
    assert_eq!(states(&store), [Superseded, Superseded, Pending]);
    let sent = send(&mut store).remove(0);
    answer(&mut store, vec![(sent.change.op_id, applied(9))]);
    assert_eq!(states(&store), [Done]);
}

#[test]
fn an_edit_of_a_row_that_is_gone_is_sent_again_as_a_whole_row() {
    let (mut store, row, sent) = edited();
    let committed = answer(&mut store, vec![(sent.change.op_id, gone())]);
    assert_eq!(committed.settled, [(sent.change.op_id, "recovered")]);
    assert_eq!(states(&store), [Superseded, Pending]);
    let back = waiting(&store);
    assert_eq!(
        (back.change.op, &back.change.fields["body"]),
        (Op::Insert, &"second".into())
    );
    assert_eq!(
        back.change.check(RULES.schema).map(|table| table.name),
        Ok("pages")
    );
    assert_eq!(back.change.fields.len(), row.fields.len());
    assert_eq!(record(&store).seen.fields["body"], "second".into());
}

#[test]
fn columns_of_a_newer_version_stay_behind_when_a_row_is_sent_whole() {
    let mut store = desk();
    let mut row = row_of(&[page(1, "first")], 5);
    row.fields.insert("weather".into(), "rain".into());
    arrive(&mut store, vec![row]);
    body(&mut store, "second");
    let sent = send(&mut store).remove(0);
    answer(&mut store, vec![(sent.change.op_id, gone())]);
    let back = waiting(&store).change;
    assert_eq!(
        back.check(RULES.schema).map(|table| table.name),
        Ok("pages")
    );
}

#[test]
fn a_deletion_of_what_is_gone_is_done() {
    let mut store = desk();
    arrive(&mut store, vec![row_of(&[page(1, "first")], 5)]);
    write(&mut store, Op::Delete, &[]);
    let sent = send(&mut store).remove(0);
    let committed = answer(&mut store, vec![(sent.change.op_id, gone())]);
    assert_eq!(committed.settled, [(sent.change.op_id, "done")]);
    assert_eq!(states(&store), [Done]);
}

#[test]
fn what_follows_a_whole_row_that_was_refused_waits_with_it() {
    let (mut store, _, sent) = edited();
    answer(&mut store, vec![(sent.change.op_id, gone())]);
    let back = send(&mut store).remove(0);
    body(&mut store, "third");
    answer(&mut store, vec![(back.change.op_id, rejected("blank"))]);
    let mut on_top = store
        .changes
        .values()
        .next_back()
        .cloned()
        .expect("a change");
    on_top.state = InFlight;
    let op_id = on_top.change.op_id;
    store.keep(vec![], vec![on_top.clone()]);
    let held = store.held([("pages".into(), on_top.change.key)].into_iter());
    let result = PushResult {
        outcomes: [(op_id, gone())].into(),
        server_time_ms: NOW_MS,
    };
    let (mut meta, mut mint) = (store.meta.clone(), store.mint(NOW_MS));
    let settled = answered(&RULES, &mut meta, &mut mint, held, &result);
    store.keep(settled.records, settled.changes);
    assert_eq!(
        states(&store),
        [Superseded, Failed, Pending],
        "and is not sent whole again"
    );
}

#[test]
fn what_was_written_on_top_of_a_change_that_is_gone_comes_back_with_it() {
    let (mut store, _, sent) = edited();
    body(&mut store, "third");
    answer(&mut store, vec![(sent.change.op_id, gone())]);
    assert_eq!(record(&store).seen.fields["body"], "third".into());
    assert_eq!(waiting(&store).change.fields["body"], "third".into());
}

#[test]
fn a_patch_whose_base_the_server_lacks_is_sent_again_whole() {
    let mut store = desk();
    let long = "bread and milk. ".repeat(100);
    arrive(&mut store, vec![row_of(&[page(1, &long)], 5)]);
    body(&mut store, &long.replacen("milk", "wine", 1));
    let sent = send(&mut store).remove(0);
    assert_eq!(store.push(NOW_MS).changes[0].patches.len(), 1);
    let committed = answer(&mut store, vec![(sent.change.op_id, Outcome::NeedFull {})]);
    assert_eq!(committed.settled, [(sent.change.op_id, "again")]);
    assert_eq!(waiting(&store).attempts, 0);
    send(&mut store);
    let push = store.push(NOW_MS);
    assert!(push.changes[0].patches.is_empty());
    assert_eq!(push.changes[0].op_id, sent.change.op_id, "the same change");
}

#[test]
fn a_repeated_answer_counts_as_the_first_one_did() {
    let again = |outcome| Outcome::Duplicate {
        outcome: Box::new(outcome),
    };
    for (outcome, said) in [
        (again(again(applied(9))), "done"),
        (again(rejected("blank")), "failed"),
    ] {
        let (mut store, _, sent) = edited();
        let committed = answer(&mut store, vec![(sent.change.op_id, outcome)]);
        assert_eq!(committed.settled, [(sent.change.op_id, said)]);
    }
}

#[test]
fn only_what_was_on_its_way_is_settled() {
    let (mut store, _, sent) = edited();
    body(&mut store, "third");
    let later = waiting(&store).change.op_id;
    answer(
        &mut store,
        vec![(later, rejected("blank")), (sent.change.op_id, applied(9))],
    );
    assert_eq!(states(&store), [Done, Pending]);
}
