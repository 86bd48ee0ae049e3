//! A whole server in maps: pushes, the feed, and collection together.

use super::*;
use crate::change::Group;
use crate::clock::Clock;
use crate::fixture::pages::{burial, page, words};
use crate::fixture::{NOTES, RULES, insert, update};
use crate::limits::{DRIFT_MS_MAX, REVISION_MS, TOMBSTONE_MS};
use crate::scope::{Markers, OWN};
use crate::table::Schema;
use crate::value::Value;
use crate::version::VersionStep;
use alloc::string::ToString;
use alloc::vec;

const NOW_MS: u64 = 1_800_000_000_000;
const DEVICE: Id = Id::from_u128(7);

fn names() -> Names {
    vec![(Scope::named(OWN), "anna".into())]
}

fn push(ledger: &mut Ledger, changes: Vec<Change>) -> Vec<Outcome> {
    push_at(ledger, changes, NOW_MS, NOW_MS)
}

fn push_at(
    ledger: &mut Ledger,
    changes: Vec<Change>,
    device_time_ms: u64,
    now_ms: u64,
) -> Vec<Outcome> {
    let ids: Vec<_> = changes.iter().map(|change| change.op_id).collect();
    let push = Push {
        device_id: DEVICE,
        changes,
        schema_version: 1,
        device_time_ms,
    };
    let mut result = ledger.push("anna", &push, now_ms);
    assert_eq!(result.server_time_ms, now_ms);
    ids.iter()
        .filter_map(|id| result.outcomes.remove(id))
        .collect()
}

fn lsn_of(outcome: &Outcome) -> Lsn {
    match outcome.first() {
        Outcome::Applied { lsn, .. } => *lsn,
        other => panic!("{other:?}"),
    }
}

fn log(ledger: &Ledger) -> &Log {
    ledger.log("anna").expect("a log")
}

fn row_of(ledger: &Ledger, table: &str, key: u128) -> Row {
    log(ledger).rows[&(table.into(), Id::from_u128(key))].clone()
}

fn hello(markers: Markers) -> Hello {
    Hello {
        device_id: DEVICE,
        markers,
        tables: ["notes", "pages", "revisions"]
            .map(ToString::to_string)
            .into(),
        schema_version: 1,
        device_time_ms: NOW_MS,
    }
}

fn standing_at(marker: Marker) -> Markers {
    let mut markers = Markers::default();
    for table in ["notes", "pages", "revisions"] {
        markers.set(&Scope::named(OWN), table, marker);
    }
    markers
}

fn read_all(ledger: &Ledger, session: &mut Session) -> Vec<ServerFrame> {
    let mut frames = Vec::new();
    while let Some(next) = ledger.advance(session, &names()) {
        frames.extend(next);
    }
    frames
}

fn rows_in(frames: &[ServerFrame]) -> Vec<&Row> {
    let rows = frames.iter().flat_map(|frame| match frame {
        ServerFrame::Delta(delta) => delta.rows.iter(),
        ServerFrame::Change(change) => change.rows.iter(),
        _ => [].iter(),
    });
    rows.collect()
}

#[test]
fn every_row_written_has_a_position_of_its_own_in_commit_order() {
    let mut ledger = Ledger::new(RULES);
    let outcomes = push(&mut ledger, vec![insert(1, 5, "one"), insert(2, 3, "two")]);
    assert_eq!(outcomes.iter().map(lsn_of).collect::<Vec<_>>(), [1, 2]);
    let first = page(1, "both saw this");
    push(&mut ledger, vec![first]);
    let seen = row_of(&ledger, "pages", 1);
    push(&mut ledger, vec![words(&seen, 8, "theirs")]);
    let losing = push(&mut ledger, vec![words(&seen, 9, "ours")]);
    assert_eq!(lsn_of(&losing[0]), 5);
    assert_eq!(log(&ledger).lsn, 6, "the revision of the loser has one too");
    assert_eq!(log(&ledger).end().lsn, 6);
}

#[test]
fn a_repeat_is_given_the_first_answer_and_writes_nothing() {
    let mut ledger = Ledger::new(RULES);
    let first = push(&mut ledger, vec![insert(1, 5, "one"), insert(1, 5, "one")]);
    assert!(
        matches!(first[..], [Outcome::Applied { lsn: 1, .. }]),
        "twice in one push"
    );
    let again = push(&mut ledger, vec![insert(1, 5, "one"), insert(2, 6, "new")]);
    assert!(matches!(again[0], Outcome::Duplicate { .. }));
    assert_eq!(again.iter().map(lsn_of).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(
        log(&ledger).outcome(insert(1, 5, "one").op_id),
        Some(again[0].first())
    );

    let group = Some(Group {
        id: Id::from_u128(70),
        size: 2,
    });
    let grouped = [insert(3, 7, "x"), insert(4, 8, "y")].map(|c| Change { group, ..c });
    push(&mut ledger, grouped.to_vec());
    let again = push(&mut ledger, grouped.to_vec());
    assert!(
        again
            .iter()
            .all(|outcome| matches!(outcome, Outcome::Duplicate { .. }))
    );
    assert_eq!(log(&ledger).lsn, 4);
}

#[test]
fn an_answer_that_wrote_nothing_may_turn_out_better_another_time() {
    let mut ledger = Ledger::new(RULES);
    let edit = update(1, 9, "text", "edited".into());
    assert!(matches!(
        push(&mut ledger, vec![edit.clone()])[..],
        [Outcome::Gone { .. }]
    ));
    push(&mut ledger, vec![insert(1, 5, "one")]);
    assert!(matches!(
        push(&mut ledger, vec![edit])[..],
        [Outcome::Applied { .. }]
    ));
}

#[test]
fn a_refused_change_holds_up_no_other_of_its_push() {
    let mut ledger = Ledger::new(RULES);
    let outcomes = push(&mut ledger, vec![insert(1, 5, " "), insert(2, 6, "fine")]);
    assert!(matches!(outcomes[0], Outcome::Rejected { .. }));
    assert_eq!(lsn_of(&outcomes[1]), 1);
}

#[test]
fn a_key_of_another_scope_is_unknown() {
    let mut ledger = Ledger::new(RULES);
    push(&mut ledger, vec![insert(1, 5, "anna's")]);
    let foreign = Push {
        device_id: DEVICE,
        changes: vec![update(1, 9, "text", "ben's now".into())],
        schema_version: 1,
        device_time_ms: NOW_MS,
    };
    let result = ledger.push("ben", &foreign, NOW_MS);
    assert!(
        result
            .outcomes
            .values()
            .all(|o| matches!(o, Outcome::Gone { .. }))
    );
    assert_eq!(row_of(&ledger, "notes", 1).fields["text"], "anna's".into());
    ledger.erase("anna");
    assert!(ledger.log("anna").is_none() && ledger.log("ben").is_some());
}

#[test]
fn the_stamps_of_a_wrong_clock_are_shifted_before_they_are_joined() {
    let mut ledger = Ledger::new(RULES);
    let mut change = insert(1, 5, "from tomorrow");
    let ahead_ms = NOW_MS + 2 * DRIFT_MS_MAX;
    change.stamp.clock = Clock::at_ms(ahead_ms);
    let outcomes = push_at(&mut ledger, vec![change], ahead_ms, NOW_MS);
    let Outcome::Applied {
        stamp: Some(stamp), ..
    } = outcomes[0]
    else {
        panic!("{outcomes:?}");
    };
    assert_eq!(stamp.clock, Clock::at_ms(NOW_MS));
    assert_eq!(row_of(&ledger, "notes", 1).stamps["text"], stamp);
}

#[test]
fn a_row_that_is_put_back_has_no_stamp_of_the_future_and_those_it_was_given_before() {
    let ahead_ms = NOW_MS + 2 * DRIFT_MS_MAX;
    let mut first = insert(1, 5, "from tomorrow");
    first.stamp.clock = Clock::at_ms(ahead_ms);
    let mut offered = insert(1, 6, "from tomorrow");
    offered.stamp.clock = Clock::at_ms(ahead_ms);
    let stamps = ["text", "pinned"].map(|name| (name.to_string(), first.stamp));
    offered.stamps = Some(stamps.into());

    let mut ledger = Ledger::new(RULES);
    push(&mut ledger, vec![offered.clone()]);
    assert_eq!(
        row_of(&ledger, "notes", 1).stamps["text"].clock,
        Clock::at_ms(NOW_MS)
    );

    let mut ledger = Ledger::new(RULES);
    push_at(&mut ledger, vec![first], ahead_ms, NOW_MS);
    let given = row_of(&ledger, "notes", 1).stamps["text"];
    push_at(&mut ledger, vec![offered], ahead_ms + 9, NOW_MS + 9);
    assert_eq!(row_of(&ledger, "notes", 1).stamps["text"], given);
}

#[test]
fn an_older_devices_change_is_raised_before_it_is_checked() {
    static STEPS: [VersionStep; 1] = [VersionStep {
        raise: |change| {
            change.fields.insert("pinned".into(), Value::Null);
        },
        lower: |_| (),
    }];
    static SECOND: Schema = Schema {
        tables: &[&NOTES],
        version: 2,
        steps: &STEPS,
    };
    let mut ledger = Ledger::new(Rules {
        schema: &SECOND,
        ..RULES
    });
    let mut change = insert(1, 5, "one");
    change.fields.remove("pinned");
    assert!(matches!(
        push(&mut ledger, vec![change])[..],
        [Outcome::Applied { .. }]
    ));
}

#[test]
fn a_text_that_was_written_over_is_still_a_base_to_join_on() {
    let mut ledger = Ledger::new(RULES);
    push(&mut ledger, vec![page(1, "bread and milk")]);
    let seen = row_of(&ledger, "pages", 1);
    push(&mut ledger, vec![words(&seen, 5, "bread and wine")]);
    push(&mut ledger, vec![words(&seen, 4, "salt and milk")]);
    assert_eq!(
        row_of(&ledger, "pages", 1).fields["body"],
        "salt and wine".into()
    );
    assert_eq!(log(&ledger).lsn, 3, "nothing lost, so no revision");
}

#[test]
fn the_feed_brings_every_row_once_page_by_page() {
    let mut ledger = Ledger::new(RULES);
    for key in 1..=250 {
        push(&mut ledger, vec![insert(key, 5, "words")]);
    }
    push(&mut ledger, vec![page(6, "words")]);
    let mut session = ledger
        .open(&hello(Markers::default()), &names())
        .expect("open");
    let frames = read_all(&ledger, &mut session);
    let keys: Vec<_> = rows_in(&frames).iter().map(|row| row.lsn).collect();
    assert_eq!(keys, (1..=251).collect::<Vec<_>>());
    let heads = frames
        .iter()
        .filter(|frame| matches!(frame, ServerFrame::Head(_)));
    assert_eq!(heads.count(), 1);
    assert_eq!(ledger.advance(&mut session, &names()), None);

    push(&mut ledger, vec![update(9, 9, "text", "edited".into())]);
    session.poke();
    let frames = read_all(&ledger, &mut session);
    assert_eq!(
        rows_in(&frames)
            .iter()
            .map(|row| row.lsn)
            .collect::<Vec<_>>(),
        [252]
    );
}

#[test]
fn a_group_is_not_torn_by_a_page_even_when_its_changes_leave_revisions() {
    let of = |mut change: Change, key: u128| {
        change.key = Id::from_u128(key);
        change.op_id = change.op_id.derived(change.key);
        change.stamp.op_id = change.op_id;
        change
    };
    let mut ledger = Ledger::new(RULES);
    push(
        &mut ledger,
        (1..=40).map(|key| of(page(1, "theirs"), key)).collect(),
    );
    let here = standing_at(log(&ledger).end());
    let mut session = ledger.open(&hello(here), &names()).expect("open");
    read_all(&ledger, &mut session);

    // A page ends after 100 rows: in the middle of 40 edits with a revision each.
    push(
        &mut ledger,
        (1..=60).map(|key| insert(key, 5, "words")).collect(),
    );
    let group = Some(Group {
        id: Id::from_u128(70),
        size: 40,
    });
    let edits = (1..=40).map(|key| {
        let unseen = Row::empty("pages", Id::from_u128(key));
        Change {
            group,
            ..of(words(&unseen, 9, "ours"), key)
        }
    });
    push(&mut ledger, edits.collect());
    session.poke();
    let frames = read_all(&ledger, &mut session);
    let sizes: Vec<_> = frames
        .iter()
        .map(|f| rows_in(core::slice::from_ref(f)).len())
        .collect();
    assert_eq!(sizes, [60, 80]);
}

#[test]
fn a_tombstone_goes_when_it_is_old_and_every_live_device_has_passed_it() {
    let mut ledger = Ledger::new(RULES);
    push(&mut ledger, vec![page(1, "words")]);
    let seen = row_of(&ledger, "pages", 1);
    push(&mut ledger, vec![burial(&seen, 2), insert(2, 3, "stays")]);
    let acknowledge = |ledger: &mut Ledger, lsn, now_ms| {
        let said = Acknowledged {
            device_id: DEVICE,
            positions: [(
                Scope::named(OWN),
                Marker {
                    lsn,
                    op_id: Id::NIL,
                },
            )]
            .into(),
        };
        ledger.acknowledge(&names(), &said, now_ms);
    };
    let later_ms = NOW_MS + TOMBSTONE_MS + 1;
    acknowledge(&mut ledger, 1, later_ms);
    ledger.collect("anna", later_ms, Retention::default());
    assert!(
        row_of(&ledger, "pages", 1).deleted,
        "a live device has not passed it"
    );
    let before = standing_at(Marker {
        lsn: 1,
        op_id: page(1, "").op_id,
    });
    assert!(ledger.open(&hello(before.clone()), &names()).is_ok());

    acknowledge(&mut ledger, 2, later_ms);
    ledger.collect("anna", later_ms, Retention::default());
    assert!(
        !log(&ledger)
            .rows
            .contains_key(&("pages".into(), Id::from_u128(1)))
    );
    let refused = ledger.open(&hello(before), &names()).expect_err("too old");
    assert_eq!(refused.code, "cursor_expired");
    let new = ledger.open(&hello(Markers::default()), &names());
    assert!(new.is_ok(), "a new device starts anyway");
    assert_eq!(
        ledger.collect("nobody", later_ms, Retention::default()),
        None
    );
}

#[test]
fn a_revision_that_served_its_time_becomes_a_tombstone_that_devices_hear_of() {
    let mut ledger = Ledger::new(RULES);
    let at = |ms: u64| Clock::at_ms(ms).0;
    push(&mut ledger, vec![page(at(NOW_MS), "both saw this")]);
    let seen = row_of(&ledger, "pages", 1);
    push(&mut ledger, vec![words(&seen, at(NOW_MS) + 1, "theirs")]);
    push(&mut ledger, vec![words(&seen, at(NOW_MS) + 2, "ours")]);
    let end = log(&ledger).end();
    ledger.collect("anna", NOW_MS + REVISION_MS, Retention::default());
    assert_eq!(log(&ledger).lsn, end.lsn, "not yet");
    ledger.collect("anna", NOW_MS + REVISION_MS + 1, Retention::default());
    let mut session = ledger
        .open(&hello(standing_at(end)), &names())
        .expect("open");
    let frames = read_all(&ledger, &mut session);
    let told: Vec<_> = rows_in(&frames)
        .iter()
        .map(|row| (row.table.as_str(), row.deleted))
        .collect();
    assert_eq!(told, [("revisions", true)]);
}

#[test]
fn an_outcome_is_kept_as_long_as_a_device_may_ask_again() {
    let mut ledger = Ledger::new(RULES);
    push(&mut ledger, vec![page(1, "words")]);
    let seen = row_of(&ledger, "pages", 1);
    push(&mut ledger, vec![burial(&seen, 2), insert(2, 3, "stays")]);
    ledger.collect("anna", NOW_MS + TOMBSTONE_MS, Retention::default());
    assert!(log(&ledger).outcome(page(1, "words").op_id).is_some());
    ledger.collect("anna", NOW_MS + TOMBSTONE_MS + 1, Retention::default());
    let kept = |change: &Change| log(&ledger).outcome(change.op_id).is_some();
    assert!(!kept(&page(1, "words")), "below the floor and old");
    assert!(kept(&insert(2, 3, "stays")), "above the floor");
}

#[test]
fn a_copy_is_compared_by_what_is_alive_in_each_table() {
    let mut ledger = Ledger::new(RULES);
    push(&mut ledger, vec![page(1, "words"), insert(2, 3, "note")]);
    let seen = row_of(&ledger, "pages", 1);
    push(&mut ledger, vec![burial(&seen, 4)]);
    let note = Digest::of([row_of(&ledger, "notes", 2)].iter());
    let digests = [
        ("notes", note),
        ("pages", Digest::default()),
        ("revisions", note),
    ];
    let verify = Verify {
        device_id: DEVICE,
        markers: standing_at(log(&ledger).end()),
        digests: [(
            Scope::named(OWN),
            digests
                .map(|(table, digest)| (table.to_string(), digest))
                .into(),
        )]
        .into(),
    };
    let verified = ledger.verify(&names(), &verify);
    let standings: Vec<_> = verified.tables[&Scope::named(OWN)]
        .values()
        .copied()
        .collect();
    use crate::frame::Standing::{Differs, Same};
    assert_eq!(standings, [Same, Same, Differs]);
}
