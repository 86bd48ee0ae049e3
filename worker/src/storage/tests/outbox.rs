//! The outbox in the store: taken in windows, settled, and tried again.

use super::*;
use crate::storage::outbox::WINDOW_CHANGES;
use sync::device::retry::FailureClass;

/// As many entries as two windows and a half, each by itself.
async fn long_outbox() -> (Connection, u64) {
    let connection = journal().await;
    let length = WINDOW_CHANGES * 5 / 2;
    for n in 0..length {
        let body = format!("entry {n}");
        write(&connection, vec![insert(&entry(&body))])
            .await
            .expect("kept");
    }
    (connection, u64::from(length))
}

fn numbers(changes: &[LocalChange]) -> Vec<u64> {
    changes.iter().map(|local| local.local_seq).collect()
}

#[wasm_bindgen_test]
async fn the_outbox_goes_out_oldest_first_up_to_the_limit_whatever_state_it_is_in() {
    let (connection, length) = long_outbox().await;
    let now_ms = browser::now_ms();
    let taken = connection.take_outbox(now_ms, 30).await.expect("taken");
    assert_eq!(numbers(&taken.changes), (1..=30).collect::<Vec<_>>());
    assert_eq!(taken.outbox.waiting, length);
    // A tab that dies leaves them on their way; the next one sends them again, and more.
    let again = connection.take_outbox(now_ms, 80).await.expect("taken");
    assert_eq!(numbers(&again.changes), (1..=80).collect::<Vec<_>>());
    let mut next = 1;
    loop {
        let pushed = take(&connection).await;
        if pushed.is_empty() {
            break;
        }
        assert_eq!(pushed[0].local_seq, next);
        next += u64::try_from(pushed.len()).expect("a small number");
        let answer = applied(&pushed);
        let settled = connection.settle(browser::mint(), &pushed, &answer).await;
        assert_eq!(settled.expect("settled").outbox.waiting, length + 1 - next);
    }
    assert_eq!(next, length + 1);
}

#[wasm_bindgen_test]
async fn when_nothing_is_due_the_earliest_time_of_all_is_told() {
    let connection = journal().await;
    for body in ["one", "two"] {
        write(&connection, vec![insert(&entry(body))])
            .await
            .expect("kept");
        let now_ms = browser::now_ms();
        let taken = connection
            .take_outbox(now_ms, 1)
            .await
            .expect("taken")
            .changes;
        let busy = FailureClass::Busy {
            retry_after_ms: 60_000,
        };
        let failed = Answer::Failed(busy);
        connection
            .settle(browser::mint(), &taken, &failed)
            .await
            .expect("settled");
    }
    let now_ms = browser::now_ms();
    let taken = connection.take_outbox(now_ms, 9).await.expect("a look");
    assert_eq!(taken.changes, []);
    let due_ms = taken.outbox.next_due_ms.expect("a time");
    assert!((now_ms + 50_000..=now_ms + 60_000).contains(&due_ms));
    let later = connection.take_outbox(due_ms, 9).await.expect("taken");
    assert_eq!(numbers(&later.changes)[0], 1);
}

#[wasm_bindgen_test]
async fn a_push_is_acknowledged_and_what_was_coalesced_leaves_no_history() {
    let connection = journal().await;
    let mut edited = entry("first");
    write(&connection, vec![insert(&edited)])
        .await
        .expect("kept");
    for push in 1..=3 {
        for n in 0..4 {
            edited.body = format!("push {push} version {n}").as_str().into();
            let fields = Fields::from([("body".to_owned(), edited.to_fields()["body"].clone())]);
            let update = Edit {
                op: Op::Update,
                fields,
                ..insert(&edited)
            };
            write(&connection, vec![update]).await.expect("kept");
        }
        let pushed = take(&connection).await;
        assert_eq!(pushed.len(), 1, "edits of one entry travel as one");
        let answer = applied(&pushed);
        let settled = connection.settle(browser::mint(), &pushed, &answer).await;
        let settled = settled.expect("settled");
        assert_eq!((settled.outbox.waiting, settled.settled.len()), (0, 1));
        assert_eq!(count(&connection, LOCAL_CHANGES).await, push);
    }
    assert_eq!(
        entries(&connection).await,
        [("push 3 version 3".to_owned(), Tick::Synced)]
    );
}

#[wasm_bindgen_test]
async fn what_was_refused_is_shown_and_kept_and_tried_again_on_demand() {
    let connection = journal().await;
    write(&connection, vec![insert(&entry("poison"))])
        .await
        .expect("kept");
    let pushed = take(&connection).await;
    let rejected = Outcome::Rejected {
        code: "too_long".to_owned(),
        message: "It is too long.".to_owned(),
    };
    let outcomes = BTreeMap::from([(pushed[0].change.op_id, rejected)]);
    let settled = connection
        .settle(browser::mint(), &pushed, &answer(outcomes))
        .await
        .expect("settled");
    assert_eq!((settled.outbox.waiting, settled.outbox.failed), (0, 1));
    assert!(matches!(
        entries(&connection).await[0].1,
        Tick::Attention { .. }
    ));
    assert_eq!(take(&connection).await, []);

    let retried = connection
        .retry_refused(browser::mint())
        .await
        .expect("tried");
    assert_eq!((retried.outbox.waiting, retried.outbox.failed), (1, 0));
    assert_eq!(retried.changed.len(), 1);
    assert_eq!(entries(&connection).await[0].1, Tick::Local);
    assert_eq!(take(&connection).await[0].change, pushed[0].change);
}
