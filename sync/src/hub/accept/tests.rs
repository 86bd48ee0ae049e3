//! What becomes of a pushed change, alone and in a group.

use super::*;
use crate::change::Group;
use crate::fixture::pages::{burial, edit, page, trash, words};
use crate::fixture::{RULES, change, delete, insert, update};
use crate::text::Patch;
use crate::value::Fields;
use alloc::vec;
use core::slice;

fn incoming(present: Option<&Row>, change: &Change) -> Incoming {
    Incoming {
        change: change.clone(),
        claimed: None,
        present: present.cloned(),
        texts: BTreeMap::new(),
    }
}

fn verdict(incoming: Incoming) -> Verdict {
    accept(&RULES, vec![incoming]).remove(0)
}

fn write_of(verdict: Verdict) -> Write {
    match verdict {
        Verdict::Write(write) => *write,
        Verdict::Answer(outcome) => panic!("not written: {outcome:?}"),
    }
}

fn written(present: Option<&Row>, change: &Change) -> Row {
    write_of(verdict(incoming(present, change))).row
}

fn code_of(verdict: &Verdict) -> &str {
    match verdict {
        Verdict::Answer(Outcome::Rejected { code, .. }) => code,
        Verdict::Answer(Outcome::Gone { .. }) => "gone",
        Verdict::Answer(Outcome::NeedFull {}) => "need_full",
        Verdict::Answer(other) => panic!("{other:?}"),
        Verdict::Write(_) => "written",
    }
}

/// The change with its long text as a patch on `old`.
fn patched(mut change: Change, old: &str) -> Change {
    let new = change.fields.remove("body").expect("a text");
    let new = text(&new).expect("a text");
    let patch = Patch {
        splices: RULES.texts.diff(old, new),
        hash: crate::text::hash(new),
    };
    change.patches = [("body".into(), patch)].into();
    change
}

fn grouped(changes: Vec<Change>, size: usize) -> Vec<Incoming> {
    let group = Some(Group {
        id: Id::from_u128(70),
        size,
    });
    changes
        .into_iter()
        .map(|change| incoming(None, &Change { group, ..change }))
        .collect()
}

#[test]
fn a_new_row_is_written_and_an_edit_of_it_changes_only_its_field() {
    let row = written(None, &insert(1, 1, "first"));
    let change = update(1, 2, "pinned", Value::Boolean(true));
    let row = written(Some(&row), &change);
    assert_eq!(row.fields["text"], "first".into());
    assert_eq!(row.fields["pinned"], Value::Boolean(true));
    assert_eq!(row.op_id, change.op_id);
}

#[test]
fn a_plain_change_is_answered_with_its_position_alone() {
    let outcome = write_of(verdict(incoming(None, &insert(1, 1, "first")))).outcome(9);
    let plain = Outcome::Applied {
        lsn: 9,
        stamp: None,
        row: None,
        lost_fields: vec![],
    };
    assert_eq!(outcome, plain);
}

#[test]
fn what_lost_is_answered_with_the_row_as_it_is_now() {
    let row = written(None, &insert(1, 5, "later"));
    let write = write_of(verdict(incoming(
        Some(&row),
        &update(1, 4, "text", "earlier".into()),
    )));
    let Outcome::Applied {
        row: Some(told),
        lost_fields,
        ..
    } = write.outcome(9)
    else {
        panic!("no row");
    };
    assert_eq!(lost_fields, ["text"]);
    assert_eq!((told.lsn, &told.fields["text"]), (9, &"later".into()));
}

#[test]
fn a_stamp_that_was_shifted_or_raised_is_told_to_the_device() {
    let change = insert(1, 7, "text");
    let mut claimed = change.stamp;
    claimed.clock = crate::clock::Clock(900);
    let mut shifted = incoming(None, &change);
    shifted.claimed = Some(claimed);
    let write = write_of(verdict(shifted));
    assert_eq!(
        write.claimed,
        Some(claimed),
        "kept, so that it can be looked into"
    );
    assert!(
        matches!(write.outcome(1), Outcome::Applied { stamp: Some(stamp), .. } if stamp == change.stamp)
    );

    let row = written(None, &page(50, "seen"));
    let change = words(&row, 9, "written after it");
    let write = write_of(verdict(incoming(Some(&row), &change)));
    assert_eq!(write.claimed, Some(change.stamp));
    let raised = write.row.stamps["body"];
    assert!(
        matches!(write.outcome(1), Outcome::Applied { stamp: Some(stamp), .. } if stamp == raised)
    );
}

#[test]
fn an_edit_of_a_row_that_is_not_in_this_scope_changes_nothing() {
    for foreign in [update(9, 1, "text", "mine now".into()), delete(9, 1)] {
        assert_eq!(code_of(&verdict(incoming(None, &foreign))), "gone");
    }
}

#[test]
fn an_edit_of_a_deleted_row_is_gone_and_a_whole_put_revives_it() {
    let row = written(None, &page(1, "first"));
    let tombstone = written(Some(&row), &burial(&row, 2));
    assert!(tombstone.deleted && tombstone.fields.is_empty());
    let edit = words(&row, 3, "still writing");
    assert_eq!(code_of(&verdict(incoming(Some(&tombstone), &edit))), "gone");
    let revived = written(Some(&tombstone), &page(4, "still writing"));
    assert!(!revived.deleted);
    assert_eq!(revived.fields["body"], "still writing".into());
}

#[test]
fn an_offered_tombstone_of_a_row_that_is_not_here_is_kept() {
    let mut offered = delete(9, 4);
    assert_eq!(code_of(&verdict(incoming(None, &offered))), "gone");
    offered.stamps = Some([(crate::row::DELETED.into(), offered.stamp)].into());
    assert!(written(None, &offered).deleted);
}

#[test]
fn what_does_not_fit_the_schema_is_refused_with_a_code() {
    let in_table = |table: &str| Change {
        table: table.into(),
        ..insert(1, 1, "x")
    };
    let mut foreign = insert(1, 1, "x");
    foreign.stamp.op_id = Id::from_u128(99);
    let mut strange_base = update(1, 1, "text", "x".into());
    strange_base.base = [("colour".into(), foreign.stamp)].into();
    let partial = Fields::from([("text".into(), "x".into())]);
    let mut loaded = delete(1, 1);
    loaded.fields = partial.clone();
    let seen = written(None, &page(1, "first"));
    let body = words(&seen, 2, "second");
    let as_insert = Change {
        op: Op::Insert,
        ..patched(body.clone(), "first")
    };
    let mut twice = patched(body.clone(), "first");
    twice.fields = body.fields;
    let cases = [
        (in_table("nowhere"), "unknown_table"),
        (in_table("hints"), "not_writable"),
        (in_table("revisions"), "not_writable"),
        (insert(1, 1, &"x".repeat(65)), "too_long"),
        (insert(1, 1, "  "), "blank"),
        (update(1, 1, "colour", Value::Null), "unknown_field"),
        (update(1, 1, "text", Value::Integer(1)), "wrong_type"),
        (change(Op::Update, 1, 1, Fields::new()), "bad_shape"),
        (loaded, "bad_shape"),
        (change(Op::Insert, 1, 1, partial), "missing_field"),
        (foreign, "foreign_stamp"),
        (strange_base, "unknown_field"),
        (as_insert, "not_patched"),
        (twice, "not_patched"),
    ];
    for (change, code) in cases {
        assert_eq!(
            code_of(&verdict(incoming(None, &change))),
            code,
            "{change:?}"
        );
    }
}

#[test]
fn a_patch_on_the_present_text_needs_no_kept_one() {
    let row = written(None, &page(1, "bread and milk"));
    let change = patched(words(&row, 2, "bread and wine"), "bread and milk");
    assert_eq!(
        written(Some(&row), &change).fields["body"],
        "bread and wine".into()
    );
}

#[test]
fn a_patch_on_a_text_that_is_not_kept_is_asked_for_whole() {
    let row = written(None, &page(1, "bread and milk"));
    let change = patched(words(&row, 3, "salt and milk"), "bread and milk");
    let name = (row.stamps["body"].op_id, "body".to_string());
    assert_eq!(wanted_texts(&RULES, &change), slice::from_ref(&name));
    let now = written(Some(&row), &words(&row, 2, "bread and wine"));

    let without = incoming(Some(&now), &change);
    assert_eq!(code_of(&verdict(without.clone())), "need_full");
    let mut wrong = without.clone();
    wrong.texts = [(name.clone(), "quite another text".into())].into();
    assert_eq!(code_of(&verdict(wrong)), "need_full", "the hash tells");
    let mut baseless = without.clone();
    baseless.change.base.remove("body");
    assert_eq!(code_of(&verdict(baseless)), "need_full");

    let mut kept = without;
    kept.texts = [(name, "bread and milk".into())].into();
    let write = write_of(verdict(kept));
    assert_eq!(write.row.fields["body"], "salt and wine".into());
    let Outcome::Applied { row: told, .. } = write.outcome(4) else {
        panic!("not applied");
    };
    assert!(told.is_some(), "a text made of two is told");
}

#[test]
fn every_pushed_text_is_kept_and_so_is_one_made_of_two() {
    let row = written(None, &page(1, "bread and milk"));
    let now = written(Some(&row), &words(&row, 2, "bread and wine"));
    let change = words(&row, 3, "salt and milk");
    let mut mixing = incoming(Some(&now), &change);
    let base = (row.stamps["body"].op_id, "body".to_string());
    mixing.texts = [(base, "bread and milk".into())].into();
    let write = write_of(verdict(mixing));
    let made = write.row.stamps["body"].op_id;
    let kept: Vec<_> = write
        .texts
        .iter()
        .map(|((id, _), text)| (*id, text.as_str()))
        .collect();
    assert_eq!(
        kept,
        [(change.op_id, "salt and milk"), (made, "salt and wine")]
    );
}

#[test]
fn what_a_patch_makes_is_held_to_the_limit_of_its_field() {
    let old = "x".repeat(20_000);
    let row = written(None, &page(1, &old));
    let change = patched(words(&row, 2, &(old.clone() + "y")), &old);
    assert_eq!(code_of(&verdict(incoming(Some(&row), &change))), "too_long");
}

#[test]
fn a_row_that_comes_back_from_the_trash_is_told() {
    let row = written(None, &page(1, "words"));
    let trashed = written(Some(&row), &trash(&row, 5));
    let change = edit(&row, 3, &[("title", "Another".into())]);
    let write = write_of(verdict(incoming(Some(&trashed), &change)));
    assert_eq!(write.row.fields["trashed_at"], Value::Null);
    assert!(matches!(
        write.outcome(1),
        Outcome::Applied { row: Some(_), .. }
    ));
}

#[test]
fn a_push_is_cut_into_single_changes_and_groups_in_its_order() {
    let group = |id| {
        Some(Group {
            id: Id::from_u128(id),
            size: 2,
        })
    };
    let of = |key, group| Change {
        group,
        ..insert(key, 1, "x")
    };
    let push = vec![
        of(1, None),
        of(2, group(70)),
        of(3, group(71)),
        of(4, None),
        of(5, group(70)),
    ];
    let keys: Vec<Vec<u128>> = units(push)
        .iter()
        .map(|unit| unit.iter().map(|change| change.key.number()).collect())
        .collect();
    assert_eq!(keys, [vec![1], vec![2, 5], vec![3], vec![4]]);
}

#[test]
fn a_group_is_written_whole_or_not_at_all() {
    let (good, other) = (insert(1, 1, "good"), insert(2, 2, "good too"));
    let (bad, gone) = (insert(3, 3, " "), update(4, 4, "text", "x".into()));
    let cases = [
        (
            vec![good.clone(), other.clone()],
            vec!["written", "written"],
        ),
        (
            vec![good.clone(), bad.clone()],
            vec!["group_refused", "blank"],
        ),
        (vec![good.clone(), gone.clone()], vec!["need_full", "gone"]),
        (
            vec![gone, bad, good.clone()],
            vec!["group_refused", "blank", "group_refused"],
        ),
    ];
    for (changes, codes) in cases {
        let size = changes.len();
        let verdicts = accept(&RULES, grouped(changes, size));
        assert_eq!(verdicts.iter().map(code_of).collect::<Vec<_>>(), codes);
    }
    let written = accept(&RULES, grouped(vec![good, other], 2));
    for verdict in written {
        assert_eq!(write_of(verdict).row.group, Some(Id::from_u128(70)));
    }
}

#[test]
fn a_group_that_is_torn_too_large_or_has_a_row_twice_is_refused() {
    let many = |count: u128| {
        (1..=count)
            .map(|key| insert(key, 1, "x"))
            .collect::<Vec<_>>()
    };
    let over = GROUP_CHANGES_MAX + 1;
    let cases = [
        (many(1), 2),
        (many(3), 2),
        (vec![insert(1, 1, "x"), update(1, 2, "text", "y".into())], 2),
        (many(u128::try_from(over).expect("small")), over),
    ];
    for (changes, size) in cases {
        for verdict in accept(&RULES, grouped(changes, size)) {
            assert_eq!(code_of(&verdict), "bad_group");
        }
    }
    let largest = many(u128::try_from(GROUP_CHANGES_MAX).expect("small"));
    let verdicts = accept(&RULES, grouped(largest, GROUP_CHANGES_MAX));
    assert!(verdicts.iter().all(|verdict| code_of(verdict) == "written"));
}

#[test]
fn who_edits_a_deleted_row_is_told_of_the_deletion() {
    let row = written(None, &page(1, "words"));
    let mut tombstone = written(Some(&row), &burial(&row, 5));
    tombstone.lsn = 7;
    let verdict = verdict(incoming(Some(&tombstone), &words(&row, 6, "more")));
    let Verdict::Answer(Outcome::Gone {
        row: Some(told), ..
    }) = verdict
    else {
        panic!("{verdict:?}");
    };
    assert_eq!(*told, tombstone);
}
