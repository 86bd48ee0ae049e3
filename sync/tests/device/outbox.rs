//! Draining the outbox: one push at a time, until nothing is left.

use crate::engine::*;
use sync::device::effect::{Answer, Committed, Effect, SyncEvent, Timer};
use sync::device::event::Event;
use sync::device::outbox::OutboxCount;
use sync::device::retry::FailureClass;
use sync::device::state::{Drain, Stored};
use sync::device::status::{HeaderState, Status, connectivity, status};
use sync::hooks::Hook;
use sync::id::Id;
use sync::limits::{
    BACKOFF_MS_MIN, OUTBOX_REREAD_MS, PUSH_CHANGES_MAX, QUEUE_NOTICE, RETRY_AFTER_MS_MAX,
};

#[test]
fn what_is_written_while_live_goes_out_at_once_and_one_push_at_a_time() {
    let mut engine = Engine::live();
    let grew = |waiting| Event::OutboxGrew(count(waiting));
    assert!(engine.tell(5, grew(1)).contains(&ALL));
    assert_eq!(takes(&engine.tell(6, grew(2))), None, "being taken");
    let effects = engine.tell(
        7,
        Event::OutboxTaken {
            taken: 2,
            outbox: count(2),
        },
    );
    assert!(effects.contains(&Effect::Push));
    assert_eq!(takes(&engine.tell(8, grew(3))), None, "on its way");
    let effects = engine.tell(9, Event::PushAnswered(no_outcomes()));
    assert_eq!(settles(&effects), Some(&Answer::Outcomes(no_outcomes())));
    assert_eq!(takes(&engine.tell(10, grew(4))), None, "being stored");
    assert!(
        settled(&mut engine, 11, 2).contains(&ALL),
        "what came meanwhile"
    );
}

#[test]
fn nothing_goes_out_before_everything_is_here_and_then_what_was_written_meanwhile_does() {
    let mut engine = Engine::new();
    assert_eq!(takes(&engine.tell(0, Event::OutboxGrew(count(1)))), None);
    engine.welcome(1);
    assert_eq!(takes(&engine.tell(2, Event::OutboxGrew(count(2)))), None);
    engine.hear(3, delta());
    assert_eq!(
        takes(&engine.stored(
            4,
            Committed {
                outbox: count(2),
                ..brought_to(at(4))
            }
        )),
        None
    );
    let effects = engine.hear(5, sync::frame::ServerFrame::DeltaComplete {});
    assert!(effects.contains(&ALL));
}

#[test]
fn words_that_a_page_brought_back_go_out_too() {
    let mut engine = Engine::live();
    engine.hear(1, change());
    let effects = engine.stored(
        2,
        Committed {
            outbox: count(1),
            ..brought_to(at(5))
        },
    );
    assert!(effects.contains(&ALL));
}

#[test]
fn an_outbox_larger_than_one_push_is_drained_push_after_push() {
    let mut engine = Engine::live();
    engine.push(5, 150, PUSH_CHANGES_MAX);
    engine.tell(7, Event::PushAnswered(no_outcomes()));
    assert!(settled(&mut engine, 8, 50).contains(&ALL));
    engine.tell(
        9,
        Event::OutboxTaken {
            taken: 50,
            outbox: count(50),
        },
    );
    engine.tell(10, Event::PushAnswered(no_outcomes()));
    assert_eq!(takes(&settled(&mut engine, 11, 0)), None);
    assert_eq!(status(engine.state()), Status::SyncComplete);
}

#[test]
fn work_that_arrives_while_nothing_was_due_starts_another_pass() {
    let mut engine = Engine::live();
    engine.tell(5, Event::OutboxGrew(count(1)));
    engine.tell(6, Event::OutboxGrew(count(2)));
    let effects = engine.tell(
        7,
        Event::OutboxTaken {
            taken: 0,
            outbox: count(2),
        },
    );
    assert!(effects.contains(&ALL));
    let effects = engine.tell(
        8,
        Event::OutboxTaken {
            taken: 0,
            outbox: count(2),
        },
    );
    assert_eq!(takes(&effects), None, "once is enough");
}

#[test]
fn a_timer_wakes_the_earliest_change_that_is_not_due_yet() {
    let cases = [
        (Some(90_000), 90_000),
        (Some(u64::MAX), 1_000 + RETRY_AFTER_MS_MAX),
        (Some(1_001), 1_000 + BACKOFF_MS_MIN / 4),
        (Some(1_000), 1_000 + OUTBOX_REREAD_MS),
        (Some(0), 1_000 + OUTBOX_REREAD_MS),
    ];
    for (next_due_ms, at_ms) in cases {
        let mut engine = Engine::live();
        engine.tell(999, Event::OutboxGrew(count(1)));
        let outbox = OutboxCount {
            next_due_ms,
            ..count(1)
        };
        let effects = engine.tell(1_000, Event::OutboxTaken { taken: 0, outbox });
        assert_eq!(
            timer(&effects, Timer::Outbox),
            Some(at_ms),
            "{next_due_ms:?}"
        );
        assert_eq!(engine.state().outbox.drain, Drain::Idle);
        let effects = engine.tell(at_ms, Event::TimerFired(Timer::Outbox));
        assert!(effects.contains(&ALL));
    }
    let mut engine = Engine::live();
    engine.tell(5, Event::OutboxGrew(count(1)));
    let effects = engine.tell(
        6,
        Event::OutboxTaken {
            taken: 0,
            outbox: count(0),
        },
    );
    assert_eq!(
        timer(&effects, Timer::Outbox),
        None,
        "another tab's push took it"
    );
}

#[test]
fn what_was_taken_when_it_was_stopped_is_not_sent_in_the_name_of_who_comes_next() {
    let mut engine = Engine::live();
    engine.tell(5, Event::OutboxGrew(count(1)));
    engine.tell(6, Event::Stopped);
    let effects = engine.tell(
        7,
        Event::OutboxTaken {
            taken: 1,
            outbox: count(1),
        },
    );
    assert!(!effects.contains(&Effect::Push));
    assert_eq!(settles(&effects), Some(&Answer::Failed(FailureClass::Away)));
    settled(&mut engine, 8, 1);
    assert!(takes(&engine.go_live(9)).is_some());
}

#[test]
fn an_answer_that_comes_after_its_link_is_stored_all_the_same() {
    for event in [Event::Stopped, Event::ConnectAsked, Event::NetworkLost] {
        let mut engine = Engine::live();
        engine.push(5, 1, 1);
        engine.tell(6, event);
        let effects = engine.tell(7, Event::PushAnswered(no_outcomes()));
        assert!(settles(&effects).is_some());
        assert_eq!(takes(&settled(&mut engine, 8, 1)), None);
        assert!(takes(&engine.go_live(9)).is_some());
    }
}

#[test]
fn plugins_and_listeners_hear_what_goes_out_and_what_became_of_it() {
    let mut engine = Engine::live();
    let effects = engine.push(5, 4, 4);
    assert!(hooks(&effects).contains(&&Hook::PushBefore { count: 4 }));
    engine.tell(6, Event::PushAnswered(no_outcomes()));
    let said = ["done", "failed", "recovered", "again"];
    let id = |place: usize| Id::from_u128(u128::try_from(place).expect("small"));
    let effects = engine.tell(
        7,
        Event::Settled(Committed {
            settled: said
                .iter()
                .enumerate()
                .map(|(place, said)| (id(place), *said))
                .collect(),
            conflicts: vec![("pages".into(), Id::from_u128(1))],
            outbox: OutboxCount {
                failed: 1,
                ..count(2)
            },
            ..Committed::default()
        }),
    );
    let after = Hook::PushAfter {
        success_count: 1,
        fail_count: 3,
    };
    assert!(hooks(&effects).contains(&&after));
    assert!(raises(&effects, "sync.conflict:action:detected"));
    let statuses: Vec<_> = events(&effects)
        .into_iter()
        .filter_map(|event| match event {
            SyncEvent::ChangeStatus { status, .. } => Some(status.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(statuses, said);
    assert_eq!(engine.state().outbox.failed, 1);
}

#[test]
fn a_queue_that_is_getting_long_is_reported_when_it_becomes_so() {
    let mut engine = Engine::new();
    let mut full = |waiting| {
        let effects = engine.tell(5, Event::OutboxGrew(count(waiting)));
        raises(&effects, "sync.queue:action:full")
    };
    let waiting = [
        QUEUE_NOTICE - 1,
        QUEUE_NOTICE,
        QUEUE_NOTICE + 1,
        3,
        QUEUE_NOTICE,
    ];
    assert_eq!(waiting.map(&mut full), [false, true, false, false, true]);
}

#[test]
fn sync_is_complete_only_when_the_outbox_is_empty_and_it_is_said_once() {
    let completed =
        |effects: &[Effect]| effects.contains(&Effect::Tell(SyncEvent::SyncCompleted {}));
    let mut engine = Engine::live();
    assert!(!completed(&engine.tell(5, Event::OutboxGrew(count(1)))));
    assert_ne!(connectivity(engine.state()).header, HeaderState::Synced);
    assert!(completed(&engine.tell(6, Event::OutboxGrew(count(0)))));
    assert!(!completed(&engine.tell(7, Event::OutboxGrew(count(0)))));
    let stored = Stored {
        outbox: count(1),
        ..nothing_stored()
    };
    let mut engine = Engine::with(stored);
    assert!(!completed(&engine.go_live(0)));
}
