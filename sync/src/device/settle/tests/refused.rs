//! Refusals, failures, and what its person does about them.

use super::*;

fn attempt(store: &mut Store, answer: Answer) -> LocalChange {
    for local in store.changes.values().cloned().collect::<Vec<_>>() {
        let next_attempt_at_ms = 0;
        store.keep(
            vec![],
            vec![LocalChange {
                next_attempt_at_ms,
                ..local
            }],
        );
    }
    send(store);
    settle(store, answer);
    let last = store
        .changes
        .values()
        .rev()
        .find(|local| !local.from_server);
    last.expect("a change").clone()
}

fn silence() -> Answer {
    Answer::Outcomes(PushResult {
        outcomes: [].into(),
        server_time_ms: NOW_MS,
    })
}

#[test]
fn a_refused_change_is_kept_and_shown_with_the_words_of_its_refusal() {
    let (mut store, _, sent) = edited();
    let committed = answer(&mut store, vec![(sent.change.op_id, rejected("too_long"))]);
    assert_eq!(committed.settled, [(sent.change.op_id, "failed")]);
    assert_eq!((states(&store), committed.outbox.failed), (vec![Failed], 1));
    let attention = Tick::Attention {
        code: "too_long".into(),
        message: "no".into(),
    };
    assert_eq!(record(&store).tick(), attention);
    assert_eq!(
        record(&store).seen.fields["body"],
        "second".into(),
        "the words are there"
    );
    assert!(
        send(&mut store).is_empty(),
        "and not sent again by themselves"
    );
}

#[test]
fn an_answer_tells_whether_the_clock_that_stamped_a_change_was_right() {
    for (off_ms, right) in [(0, true), (DRIFT_MS_MAX, true), (DRIFT_MS_MAX + 1, false)] {
        let (mut store, _, sent) = edited();
        let outcomes = [(sent.change.op_id, rejected("too_long"))].into();
        let server_time_ms = NOW_MS + off_ms;
        settle(
            &mut store,
            Answer::Outcomes(PushResult {
                outcomes,
                server_time_ms,
            }),
        );
        let refused = store.changes.values().next_back().expect("a change");
        assert_eq!(refused.in_time, right, "{off_ms}");
    }
}

#[test]
fn a_server_that_fails_spends_attempts_and_after_the_last_the_change_is_set_aside() {
    for answer in [silence(), Answer::Failed(FailureClass::Broken)] {
        let (mut store, ..) = edited();
        for attempts in 1..ATTEMPTS_MAX {
            let local = attempt(&mut store, answer.clone());
            assert_eq!((local.attempts, local.state), (attempts, Pending));
            let place = usize::try_from(attempts - 1).expect("small");
            assert_eq!(local.next_attempt_at_ms, NOW_MS + ATTEMPT_DELAYS_MS[place]);
            assert!(send(&mut store).is_empty(), "not before it is due");
        }
        let local = attempt(&mut store, answer);
        assert_eq!((local.attempts, local.state), (ATTEMPTS_MAX, Failed));
        assert_eq!(
            local.refusal.map(|(code, _)| code).as_deref(),
            Some("no_outcome")
        );
        assert_eq!(
            local.change.fields["body"],
            "second".into(),
            "nothing is lost"
        );
    }
}

#[test]
fn an_absent_or_busy_server_an_ended_session_and_a_mixed_push_spend_no_attempt() {
    let busy = FailureClass::Busy {
        retry_after_ms: BACKOFF_MS_MAX,
    };
    let cases = [
        (FailureClass::Away, 0),
        (FailureClass::Session, 0),
        (FailureClass::Refused { alone: false }, 0),
        (busy, NOW_MS + BACKOFF_MS_MAX),
    ];
    for (class, due_ms) in cases {
        let (mut store, ..) = edited();
        for _ in 0..2 * ATTEMPTS_MAX {
            let local = attempt(&mut store, Answer::Failed(class));
            assert_eq!((local.attempts, local.state), (0, Pending), "{class:?}");
            assert_eq!(local.next_attempt_at_ms, due_ms);
        }
    }
}

#[test]
fn a_change_that_is_refused_alone_is_set_aside_at_once() {
    let (mut store, _, sent) = edited();
    let committed = settle(
        &mut store,
        Answer::Failed(FailureClass::Refused { alone: true }),
    );
    assert_eq!(committed.settled, [(sent.change.op_id, "failed")]);
    assert_eq!(states(&store), [Failed]);
}

#[test]
fn what_was_refused_is_tried_again_with_fresh_attempts_and_by_itself() {
    let mut store = desk();
    arrive(&mut store, vec![row_of(&[page(1, "first")], 5)]);
    let note = [("text", "x".into()), ("pinned", Value::Null)];
    let both = vec![
        edit("pages", Op::Update, 1, &[("body", "second".into())]),
        edit("notes", Op::Insert, 5, &note),
    ];
    store.write(NOW_MS, both).expect("kept");
    for _ in 0..ATTEMPTS_MAX {
        attempt(&mut store, Answer::Failed(FailureClass::Broken));
    }
    assert_eq!(states(&store), [Failed, Failed]);
    store.perform(NOW_MS, &Effect::RetryRefused);
    assert_eq!(states(&store), [Pending, Pending]);
    let sent = send(&mut store);
    assert!(
        sent.iter()
            .all(|local| local.attempts == 0 && local.refusal.is_none())
    );
    assert!(sent.iter().all(|local| local.change.group.is_none()));
    assert_eq!(record(&store).tick(), Tick::Local);
}

#[test]
fn a_row_that_was_set_aside_is_taken_when_it_fits_and_stays_aside_while_it_does_not() {
    let mut store = desk();
    let mut row = row_of(&[page(1, "words")], 5);
    row.fields.insert("day".into(), "someday".into());
    let effect = Effect::StorePage {
        link: 1,
        page: crate::fixture::desk::page_of(&store, vec![row]),
        pass: vec![5],
    };
    store.perform(NOW_MS, &effect);
    store.perform(NOW_MS, &Effect::RetryRefused);
    assert_eq!(store.count().failed, 1);

    // The app was updated, and its days may be of another form.
    let mut aside = store.changes[&1].clone();
    aside
        .change
        .fields
        .insert("day".into(), "2026-11-21".into());
    store.keep(vec![], vec![aside]);
    store.perform(NOW_MS, &Effect::RetryRefused);
    assert_eq!(store.count(), OutboxCount::default());
    assert_eq!(store.changes[&1].state, Done);
    let record = record(&store);
    assert_eq!(record.seen.fields["body"], "words".into());
    assert_eq!(record.base.map(|base| base.lsn), Some(5));
}

#[test]
fn a_newer_version_of_a_row_that_was_set_aside_stays_when_that_is_tried_again() {
    let mut store = desk();
    let row = row_of(&[page(1, "old")], 5);
    let mut bad = row.clone();
    bad.fields.insert("day".into(), "someday".into());
    let page = crate::fixture::desk::page_of(&store, vec![bad]);
    store.perform(
        NOW_MS,
        &Effect::StorePage {
            link: 1,
            page,
            pass: vec![5],
        },
    );
    arrive(&mut store, vec![on_top(&row, &[words(&row, 2, "new")], 6)]);
    body(&mut store, "newer");
    let mut aside = store.changes[&1].clone();
    aside.change.fields = row.fields;
    store.keep(vec![], vec![aside]);
    store.perform(NOW_MS, &Effect::RetryRefused);
    assert_eq!(store.changes[&1].state, Done);
    let record = record(&store);
    assert_eq!(record.base.as_ref().map(|base| base.lsn), Some(6));
    assert_eq!(
        (record.waiting, &record.seen.fields["body"]),
        (1, &"newer".into())
    );
}

#[test]
fn what_its_writer_lets_go_stays_in_the_history_and_the_row_is_the_servers_again() {
    let (mut store, row, sent) = edited();
    answer(&mut store, vec![(sent.change.op_id, rejected("too_long"))]);
    let held = store.held([("pages".into(), row.key)].into_iter());
    let held = held.into_values().next().expect("held");
    let failed: Vec<_> = held
        .changes
        .iter()
        .filter(|l| !l.from_server)
        .map(|l| l.local_seq)
        .collect();
    let settled = discard(&RULES, held, &failed);
    let let_go = settled
        .changes
        .iter()
        .find(|local| !local.from_server)
        .expect("kept");
    assert_eq!(let_go.state, Skipped);
    assert!(let_go.skip_reason.is_some());
    assert_eq!(settled.records[0].seen.fields, row.fields);
    assert_eq!(settled.records[0].tick(), Tick::Synced);
    assert_ne!(let_go.state, InFlight);
}
