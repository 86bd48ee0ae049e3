//! Pushes that fail: whose fault it is, and how the culprit is found.

use crate::engine::*;
use sync::device::effect::{Answer, Committed, Effect, SyncEvent, Timer};
use sync::device::event::Event;
use sync::device::outbox::OutboxCount;
use sync::device::retry::{FailureClass, LinkFailure};
use sync::device::state::Phase;
use sync::device::status::{Status, status};
use sync::limits::{BACKOFF_MS_MIN, BREAKER_FAILURES_MAX, BREAKER_OPEN_MS, PUSH_CHANGES_MAX};

/// A whole push, which fails like this.
fn fail(engine: &mut Engine, now_ms: u64, taken: usize, failure: LinkFailure) -> Vec<Effect> {
    let outbox = count(200);
    engine.tell(now_ms, Event::OutboxTaken { taken, outbox });
    engine.tell(now_ms, Event::PushFailed(failure))
}

#[test]
fn a_push_that_got_no_answer_ends_the_link_whose_server_is_away() {
    for failure in [LinkFailure::Unreachable, LinkFailure::NotOurs, server(503)] {
        let mut engine = Engine::live();
        engine.push(5, 1, 1);
        let effects = engine.tell(6, Event::PushFailed(failure));
        assert_eq!(settles(&effects), Some(&Answer::Failed(FailureClass::Away)));
        assert!(effects.contains(&Effect::CloseLink { link: 1 }));
        assert_eq!(status(engine.state()), Status::ConnectionError);
        assert_eq!(
            takes(&settled(&mut engine, 7, 1)),
            None,
            "not without a link"
        );
        assert!(takes(&engine.go_live(8)).is_some());
    }
}

#[test]
fn a_server_that_fails_at_a_push_is_reported_and_the_link_stands() {
    let busy = LinkFailure::Server {
        status: 429,
        code: "busy".into(),
        retry_after_ms: Some(70_000),
    };
    let cases = [
        (
            busy,
            FailureClass::Busy {
                retry_after_ms: 70_000,
            },
            "busy",
        ),
        (server(500), FailureClass::Broken, "server_error"),
        (
            server(413),
            FailureClass::Refused { alone: true },
            "server_error",
        ),
    ];
    for (failure, class, code) in cases {
        let mut engine = Engine::live();
        engine.push(5, 1, 1);
        let effects = engine.tell(6, Event::PushFailed(failure));
        assert_eq!(settles(&effects), Some(&Answer::Failed(class)));
        assert_eq!(engine.phase(), Phase::Live);
        let told = events(&effects);
        assert!(
            told.iter()
                .any(|e| matches!(e, SyncEvent::Error { code: c, .. } if c == code))
        );
        let outbox = OutboxCount {
            next_due_ms: Some(70_006),
            ..count(1)
        };
        engine.tell(
            7,
            Event::Settled(Committed {
                outbox,
                ..Committed::default()
            }),
        );
    }
}

#[test]
fn a_push_without_a_session_stops_the_link_and_keeps_its_changes() {
    let mut engine = Engine::live();
    engine.push(5, 1, 1);
    let effects = engine.tell(6, Event::PushFailed(LinkFailure::Unauthorized));
    assert_eq!(
        settles(&effects),
        Some(&Answer::Failed(FailureClass::Session))
    );
    assert!(effects.contains(&Effect::TellAuthExpired));
    assert_eq!(engine.phase(), Phase::AuthBlocked);
    settled(&mut engine, 7, 1);
    engine.tell(8, Event::SignedIn);
    assert!(takes(&engine.go_live(9)).is_some());
}

#[test]
fn a_push_that_is_refused_as_a_whole_is_halved_until_its_culprit_is_alone() {
    let mut engine = Engine::live();
    engine.tell(5, Event::OutboxGrew(count(200)));
    let mut taken = PUSH_CHANGES_MAX;
    for half in [50, 25, 12, 6, 3, 1] {
        let effects = fail(&mut engine, 6, taken, server(400));
        let not_alone = Answer::Failed(FailureClass::Refused { alone: false });
        assert_eq!(settles(&effects), Some(&not_alone));
        assert_eq!(takes(&settled(&mut engine, 7, 200)), Some(half));
        taken = half;
    }
    let effects = fail(&mut engine, 8, 1, server(400));
    let alone = Answer::Failed(FailureClass::Refused { alone: true });
    assert_eq!(settles(&effects), Some(&alone));
    assert_eq!(takes(&settled(&mut engine, 9, 199)), Some(PUSH_CHANGES_MAX));
}

#[test]
fn a_group_that_is_refused_as_a_whole_is_found_though_it_cannot_be_halved() {
    let mut engine = Engine::live();
    engine.tell(5, Event::OutboxGrew(count(200)));
    let mut answers = Vec::new();
    for _ in 0..10 {
        // A group of five goes out together whatever the limit says.
        let effects = fail(&mut engine, 6, 5, server(413));
        answers.push(settles(&effects).cloned().expect("an answer"));
        settled(&mut engine, 7, 200);
    }
    let alone = Answer::Failed(FailureClass::Refused { alone: true });
    assert!(answers.contains(&alone), "{answers:?}");
}

#[test]
fn what_goes_through_while_a_culprit_is_looked_for_opens_the_limit_again() {
    let mut engine = Engine::live();
    engine.tell(5, Event::OutboxGrew(count(200)));
    fail(&mut engine, 6, 100, server(400));
    assert_eq!(takes(&settled(&mut engine, 7, 200)), Some(50));
    engine.tell(
        8,
        Event::OutboxTaken {
            taken: 50,
            outbox: count(200),
        },
    );
    engine.tell(9, Event::PushAnswered(no_outcomes()));
    assert_eq!(
        takes(&settled(&mut engine, 10, 150)),
        Some(PUSH_CHANGES_MAX)
    );
}

#[test]
fn a_store_that_fails_is_asked_again_a_little_later() {
    let mut taking = Engine::live();
    taking.tell(5, Event::OutboxGrew(count(1)));
    let mut storing = Engine::live();
    storing.push(5, 1, 1);
    storing.tell(6, Event::PushAnswered(no_outcomes()));
    for mut engine in [taking, storing] {
        let effects = engine.tell(7, Event::SettleFailed);
        assert_eq!(timer(&effects, Timer::Outbox), Some(7 + BACKOFF_MS_MIN));
        let effects = engine.tell(7 + BACKOFF_MS_MIN, Event::TimerFired(Timer::Outbox));
        assert!(effects.contains(&ALL));
    }
}

#[test]
fn a_server_that_keeps_failing_at_pushes_is_left_alone_and_then_asked_once() {
    let mut engine = Engine::live();
    engine.tell(0, Event::OutboxGrew(count(200)));
    for _ in 1..BREAKER_FAILURES_MAX {
        fail(&mut engine, 0, 1, server(500));
        assert!(takes(&settled(&mut engine, 0, 200)).is_some());
    }
    fail(&mut engine, 0, 1, server(500));
    let effects = settled(&mut engine, 0, 200);
    assert_eq!(takes(&effects), None);
    assert_eq!(timer(&effects, Timer::Outbox), Some(BREAKER_OPEN_MS));
    assert_eq!(engine.phase(), Phase::Live, "the feed goes on");
    let effects = engine.tell(BREAKER_OPEN_MS, Event::TimerFired(Timer::Outbox));
    assert!(takes(&effects).is_some(), "the probe");
    let outbox = count(200);
    engine.tell(BREAKER_OPEN_MS, Event::OutboxTaken { taken: 1, outbox });
    engine.tell(BREAKER_OPEN_MS, Event::PushAnswered(no_outcomes()));
    assert!(!engine.state().breaker.is_open());
}

#[test]
fn a_probe_for_which_nothing_was_due_can_be_taken_again() {
    let mut engine = Engine::live();
    engine.tell(0, Event::OutboxGrew(count(200)));
    for _ in 0..BREAKER_FAILURES_MAX {
        fail(&mut engine, 0, 1, server(500));
        settled(&mut engine, 0, 200);
    }
    for _ in 0..3 {
        let effects = engine.tell(BREAKER_OPEN_MS, Event::TimerFired(Timer::Outbox));
        assert!(takes(&effects).is_some());
        engine.tell(
            BREAKER_OPEN_MS,
            Event::OutboxTaken {
                taken: 0,
                outbox: count(200),
            },
        );
    }
}
