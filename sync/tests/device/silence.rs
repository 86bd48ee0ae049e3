//! Servers that are away, busy, failing or silent, and networks that are not there.

use crate::engine::*;
use sync::device::effect::{Effect, Timer};
use sync::device::event::Event;
use sync::device::retry::LinkFailure;
use sync::device::state::Phase;
use sync::device::status::{Status, status};
use sync::frame::{FeedPhase, ServerFrame};
use sync::limits::{
    BACKOFF_MS_MAX, BREAKER_FAILURES_MAX, BREAKER_OPEN_MS, RETRY_AFTER_MS_MAX, WATCHDOG_MS,
};

const AWAY: LinkFailure = LinkFailure::Unreachable;

#[test]
fn a_server_that_says_when_to_come_back_is_not_asked_before_within_reason() {
    for (asks_ms, waits_ms) in [(90_000, 90_000), (u64::MAX, RETRY_AFTER_MS_MAX)] {
        let busy = LinkFailure::Server {
            status: 429,
            code: String::new(),
            retry_after_ms: Some(asks_ms),
        };
        let mut engine = Engine::new();
        engine.tell(0, Event::Led);
        assert_eq!(
            timer(&engine.lose(5, busy), Timer::Retry),
            Some(5 + waits_ms)
        );
    }
}

#[test]
fn a_silent_link_is_given_up_and_late_news_of_it_is_passed_over() {
    for mut engine in everywhere()
        .into_iter()
        .filter(|engine| engine.state().has_link())
    {
        let link = engine.state().link;
        let effects = engine.tell(WATCHDOG_MS, Event::TimerFired(Timer::Watchdog));
        assert!(effects.contains(&Effect::CloseLink { link }));
        assert_eq!(engine.phase(), Phase::Backoff);
        assert!(timer(&effects, Timer::Retry).is_some());
        let frame = heartbeat(9, &[]);
        let late = [
            Event::FrameArrived { link, frame },
            Event::LinkOpened { link },
            Event::LinkClosed {
                link,
                failure: LinkFailure::Unauthorized,
            },
        ];
        for event in late {
            assert_eq!(engine.tell(WATCHDOG_MS + 1, event), []);
        }
        engine.tell(WATCHDOG_MS + 2, Event::Woken);
        let failure = LinkFailure::Ended;
        engine.tell(WATCHDOG_MS + 3, Event::LinkClosed { link, failure });
        assert_eq!(engine.phase(), Phase::Connecting, "it is of another link");
    }
}

#[test]
fn any_frame_sets_the_watchdog_back_and_a_slow_disk_is_not_a_silent_link() {
    let mut engine = Engine::new();
    engine.welcome(0);
    let effects = engine.hear(700, heartbeat(700, &[]));
    assert_eq!(timer(&effects, Timer::Watchdog), Some(700 + WATCHDOG_MS));
    let effects = engine.hear(800, delta());
    assert_eq!(
        timer(&effects, Timer::Watchdog),
        None,
        "cleared while the page is stored"
    );
    engine.tell(99_000, Event::TimerFired(Timer::Watchdog));
    assert_eq!(engine.phase(), Phase::Delta);
    let effects = engine.stored(99_001, brought_to(at(4)));
    assert_eq!(timer(&effects, Timer::Watchdog), Some(99_001 + WATCHDOG_MS));
}

#[test]
fn without_a_network_it_waits_and_tries_all_the_same_seldom() {
    for mut engine in everywhere() {
        let asleep = matches!(engine.phase(), Phase::Stopped | Phase::AuthBlocked);
        let before = engine.phase();
        let effects = engine.tell(9, Event::NetworkLost);
        if asleep {
            assert_eq!(engine.phase(), before);
            assert_eq!(timer(&effects, Timer::Retry), None);
            continue;
        }
        assert_eq!(engine.phase(), Phase::Offline, "from {before:?}");
        assert_eq!(timer(&effects, Timer::Retry), Some(9 + BACKOFF_MS_MAX));
        let effects = engine.tell(9 + BACKOFF_MS_MAX, Event::TimerFired(Timer::Retry));
        assert!(
            opens(&effects).is_some(),
            "browsers are wrong about networks"
        );
        let effects = engine.lose(40_000, AWAY);
        assert_eq!(engine.phase(), Phase::Offline, "still none");
        assert!(timer(&effects, Timer::Retry).is_some());
        assert!(opens(&engine.tell(40_001, Event::NetworkFound)).is_some());
    }
}

#[test]
fn a_stream_that_stood_and_ended_is_no_trouble_until_the_next_attempt_fails_too() {
    let mut engine = Engine::live();
    engine.lose(9, LinkFailure::Ended);
    assert_eq!(
        (engine.phase(), status(engine.state())),
        (Phase::Backoff, Status::Connecting)
    );
    engine.tell(10, Event::TimerFired(Timer::Retry));
    engine.lose(11, LinkFailure::Ended);
    assert_eq!(status(engine.state()), Status::ConnectionError);
}

#[test]
fn a_server_that_keeps_failing_is_left_alone_and_then_asked_once() {
    let mut engine = Engine::new();
    engine.tell(0, Event::Led);
    for _ in 0..BREAKER_FAILURES_MAX {
        engine.lose(0, server(500));
        engine.tell(0, Event::TimerFired(Timer::Retry));
    }
    assert_eq!(engine.phase(), Phase::Backoff, "the breaker is open");
    for event in [Event::Woken, Event::ConnectAsked, Event::NetworkFound] {
        let effects = engine.tell(1, event);
        assert_eq!(opens(&effects), None);
        assert_eq!(timer(&effects, Timer::Retry), Some(BREAKER_OPEN_MS));
    }
    let effects = engine.tell(BREAKER_OPEN_MS, Event::TimerFired(Timer::Retry));
    assert!(opens(&effects).is_some(), "the probe");
    engine.lose(BREAKER_OPEN_MS, server(500));
    let effects = engine.tell(BREAKER_OPEN_MS, Event::TimerFired(Timer::Retry));
    assert_eq!(
        timer(&effects, Timer::Retry),
        Some(2 * BREAKER_OPEN_MS),
        "shut again"
    );
    engine.tell(2 * BREAKER_OPEN_MS, Event::TimerFired(Timer::Retry));
    let link = engine.state().link;
    engine.tell(2 * BREAKER_OPEN_MS, Event::LinkOpened { link });
    engine.hear(2 * BREAKER_OPEN_MS, welcome(FeedPhase::Live, 0));
    engine.hear(2 * BREAKER_OPEN_MS, ServerFrame::DeltaComplete {});
    assert!(
        !engine.state().breaker.is_open(),
        "the probe came back well"
    );
}

#[test]
fn a_server_that_cannot_be_reached_does_not_open_the_breaker() {
    let mut engine = Engine::new();
    engine.tell(0, Event::Led);
    for _ in 0..20 {
        engine.lose(0, AWAY);
        engine.tell(0, Event::TimerFired(Timer::Retry));
        assert_eq!(engine.phase(), Phase::Connecting);
    }
}

#[test]
fn a_probe_whose_link_was_given_up_can_be_taken_again() {
    let mut engine = Engine::new();
    engine.tell(0, Event::Led);
    for _ in 0..BREAKER_FAILURES_MAX {
        engine.lose(0, server(500));
        engine.tell(0, Event::TimerFired(Timer::Retry));
    }
    for _ in 0..3 {
        let effects = engine.tell(BREAKER_OPEN_MS, Event::ConnectAsked);
        assert!(opens(&effects).is_some());
    }
}
