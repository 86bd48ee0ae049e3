//! Writing on while another device's edit of the same row arrives.

use super::*;

/// What is to be sent, oldest first.
fn waiting_all(store: &Store) -> Vec<LocalChange> {
    let waiting = store
        .changes
        .values()
        .filter(|local| local.state == Pending);
    waiting.cloned().collect()
}

/// A page that both saw, this person's edit of it, and then another's.
fn met(mine: Edit, theirs: impl Fn(&Row) -> Change) -> (Store, Row, Row) {
    let mut store = desk();
    let seen = row_of(&[page(1, "bread and milk")], 1);
    arrive(&mut store, vec![seen.clone()]);
    write(&mut store, mine);
    let now = on_top(&seen, &[theirs(&seen)], 2);
    arrive(&mut store, vec![now.clone()]);
    (store, seen, now)
}

#[test]
fn what_stood_against_another_edit_is_left_alone_and_leaves_a_revision_by_itself() {
    let (mut store, seen, _) = met(body("bread and beer"), |row| {
        words(row, 5, "bread and wine")
    });
    assert_eq!(
        record(&store, "pages", 1).seen.fields["body"],
        "bread and beer".into()
    );
    write(&mut store, body("bread and beer, cold"));
    let [first, second] = &waiting_all(&store)[..] else {
        panic!("two changes");
    };
    assert_eq!(
        first.change.base["body"], seen.stamps["body"],
        "it has not read the other's"
    );
    assert_eq!(second.change.base["body"].op_id, first.change.op_id);
    assert_eq!(second.old["body"], "bread and beer".into());
}

#[test]
fn what_was_joined_with_another_edit_is_left_alone_and_written_on_knowingly() {
    let (mut store, seen, now) = met(body("salt and milk"), |row| words(row, 5, "bread and wine"));
    assert_eq!(
        record(&store, "pages", 1).seen.fields["body"],
        "salt and wine".into()
    );
    write(&mut store, body("salt and wine, cold"));
    let [first, second] = &waiting_all(&store)[..] else {
        panic!("two changes");
    };
    assert_eq!(first.change.base["body"], seen.stamps["body"]);
    let mixed = now.stamps["body"].op_id.derived(first.change.op_id);
    assert_eq!(
        second.change.base["body"].op_id, mixed,
        "as the server will call it"
    );
    assert_eq!(second.old["body"], "salt and wine".into());
}

#[test]
fn words_that_another_edit_hides_are_left_alone_whatever_is_written_next() {
    let later = Clock::at_ms(NOW_MS + 1).0;
    for next in [
        body("seen and changed"),
        edit("pages", Op::Update, 1, &[("title", "x".into())]),
    ] {
        let (mut store, _, now) = met(body("bread and beer"), |row| {
            words(row, later, "bread and wine")
        });
        assert_eq!(
            record(&store, "pages", 1).seen.fields["body"],
            now.fields["body"]
        );
        let expected = next
            .fields
            .get("body")
            .unwrap_or(&now.fields["body"])
            .clone();
        write(&mut store, next);
        assert_eq!(
            states(&store)[0],
            Pending,
            "it goes by itself and leaves a revision"
        );
        assert_eq!(record(&store, "pages", 1).seen.fields["body"], expected);
    }
}

#[test]
fn what_came_back_from_the_trash_stays_out_of_it_while_it_is_written_on() {
    let (mut store, seen, _) = met(body("still writing"), |row| trash(row, 5));
    let is_out = |store: &Store| record(store, "pages", 1).seen.fields["trashed_at"] == Value::Null;
    assert!(is_out(&store));
    for text in ["still writing on", "and on"] {
        write(&mut store, body(text));
        assert!(is_out(&store), "under its writer's eyes");
    }
    let [first, second] = &waiting_all(&store)[..] else {
        panic!("two changes");
    };
    assert_eq!(first.change.base["trashed_at"], seen.stamps["trashed_at"]);
    assert_eq!(
        second.change.base["trashed_at"].op_id, first.change.op_id,
        "as it brought it back"
    );
}

#[test]
fn a_deletion_after_that_takes_what_its_person_saw() {
    let (mut store, ..) = met(body("bread and beer"), |row| {
        words(row, 5, "bread and wine")
    });
    write(&mut store, edit("pages", Op::Delete, 1, &[]));
    assert_eq!(
        states(&store),
        [Pending, Pending],
        "the other's words leave a revision"
    );
    assert!(!record(&store, "pages", 1).is_live());
}

#[test]
fn an_edit_on_top_of_two_that_waited_takes_the_place_of_the_one_that_is_seen() {
    let mut store = desk();
    arrive(&mut store, vec![row_of(&[page(1, "bread and milk")], 1)]);
    write(&mut store, body("bread and beer"));
    let first = send(&mut store).remove(0);
    write(&mut store, body("bread and ale"));
    settle(&mut store, Answer::Failed(FailureClass::Away));
    assert_eq!(states(&store), [Pending, Pending]);
    write(&mut store, body("bread and stout"));
    assert_eq!(states(&store), [Pending, Superseded, Pending]);
    let last = waiting_all(&store).pop().expect("a change");
    assert_eq!(last.change.base["body"], first.change.stamp);
    assert_eq!(last.old["body"], "bread and beer".into());
}

#[test]
fn what_was_sent_and_not_answered_is_left_alone_for_the_server_may_have_it() {
    for (class, sent) in [
        (FailureClass::Away, true),
        (FailureClass::Broken, true),
        (FailureClass::Busy { retry_after_ms: 5 }, false),
        (FailureClass::Refused { alone: false }, false),
    ] {
        let mut store = desk();
        arrive(&mut store, vec![row_of(&[page(1, "bread and milk")], 1)]);
        write(&mut store, body("bread and beer"));
        let first = send(&mut store).remove(0);
        settle(&mut store, Answer::Failed(class));
        write(
            &mut store,
            edit("pages", Op::Update, 1, &[("title", "x".into())]),
        );
        let apart = if sent {
            [Pending, Pending]
        } else {
            [Superseded, Pending]
        };
        assert_eq!(states(&store), apart, "{class:?}");
        write(&mut store, body("bread and ale"));
        let last = store.changes.values().next_back().expect("a change");
        if sent {
            assert_eq!(
                last.change.base["body"], first.change.stamp,
                "its own, and no conflict"
            );
        }
    }
}
