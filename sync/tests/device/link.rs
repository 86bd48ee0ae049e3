//! Connecting, waiting, giving up a link, and stopping.

use crate::engine::*;
use sync::device::effect::{Committed, Effect, Timer};
use sync::device::event::Event;
use sync::device::outbox::OutboxCount;
use sync::device::retry::LinkFailure;
use sync::device::state::{Phase, Stored};
use sync::device::status::{Status, status};
use sync::frame::{Bye, ServerFrame};
use sync::limits::{BACKOFF_MS_MAX, COLLECT_MS, CONNECTS_FAILED_NOTICE, HEARTBEAT_MS, WATCHDOG_MS};
use sync::scope::ACKNOWLEDGED;

const AWAY: LinkFailure = LinkFailure::Unreachable;

fn reading(effects: &[Effect]) -> bool {
    effects
        .iter()
        .any(|effect| matches!(effect, Effect::ReadFrame { .. }))
}

#[test]
fn a_tab_that_leads_opens_a_link_watches_it_and_says_where_it_stands() {
    let mut engine = Engine::with(Stored {
        offset_ms: 500,
        ..nothing_stored()
    });
    let effects = engine.tell(1_000, Event::Led);
    assert_eq!(engine.phase(), Phase::Connecting);
    let Some(Effect::OpenLink { link: 1, hello }) = effects
        .iter()
        .find(|effect| matches!(effect, Effect::OpenLink { .. }))
    else {
        panic!("{effects:?}");
    };
    assert_eq!(hello.tables, ["hints", "notes", "pages", "revisions"]);
    assert_eq!((hello.device_id, hello.device_time_ms), (DEVICE, 1_500));
    assert_eq!(timer(&effects, Timer::Watchdog), Some(1_000 + WATCHDOG_MS));
    assert_eq!(timer(&effects, Timer::Collect), Some(1_000 + COLLECT_MS));

    let effects = engine.tell(1_001, Event::LinkOpened { link: 1 });
    assert_eq!(engine.phase(), Phase::Handshake);
    assert!(reading(&effects));
    let again = engine.tell(1_002, Event::LinkOpened { link: 1 });
    assert!(!reading(&again), "one frame at a time");
}

#[test]
fn where_the_server_last_acknowledged_a_change_is_said_wherever_the_feed_stands() {
    for acknowledged in [3, 4, 5] {
        let mut engine = Engine::new();
        engine.welcome(0);
        engine.hear(1, delta());
        engine.stored(2, brought_to(at(4)));
        engine.hear(3, ServerFrame::DeltaComplete {});
        engine.push(4, 1, 1);
        engine.tell(5, Event::PushAnswered(no_outcomes()));
        engine.tell(
            6,
            Event::Settled(Committed {
                moved: vec![(own(), ACKNOWLEDGED.into(), at(acknowledged))],
                ..Committed::default()
            }),
        );
        let effects = engine.tell(7, Event::ConnectAsked);
        let hello = effects.iter().find_map(|effect| match effect {
            Effect::OpenLink { hello, .. } => Some(hello.markers.get(&own(), ACKNOWLEDGED)),
            _ => None,
        });
        assert_eq!(hello, Some(at(acknowledged)));
    }
}

#[test]
fn whatever_it_was_doing_a_lead_a_sign_in_or_a_wish_to_connect_begins_anew() {
    for event in [Event::Led, Event::SignedIn, Event::ConnectAsked] {
        for mut engine in everywhere() {
            let (phase, link) = (engine.phase(), engine.state().link);
            let stood = engine.state().has_link();
            let effects = engine.tell(9, event.clone());
            assert_eq!(opens(&effects), Some(link + 1), "{phase:?}");
            assert_eq!(
                effects.contains(&Effect::CloseLink { link }),
                stood,
                "{phase:?}"
            );
            assert_eq!(engine.phase(), Phase::Connecting);
        }
    }
}

#[test]
fn whatever_it_was_doing_it_can_be_stopped_and_every_timer_is_cleared() {
    for mut engine in everywhere() {
        let (phase, link) = (engine.phase(), engine.state().link);
        let stood = engine.state().has_link();
        let effects = engine.tell(9, Event::Stopped);
        assert_eq!(engine.phase(), Phase::Stopped);
        assert_eq!(
            effects.contains(&Effect::CloseLink { link }),
            stood,
            "{phase:?}"
        );
        let cleared = |timer| effects.contains(&Effect::ClearTimer { timer });
        assert!([Timer::Retry, Timer::Outbox, Timer::Collect].map(cleared) == [true; 3]);
        if stood {
            assert!(
                cleared(Timer::Watchdog) && cleared(Timer::Reread),
                "{phase:?}"
            );
        }
        assert_eq!(
            status(engine.state()),
            Status::Disconnected,
            "after {phase:?}"
        );
        for timer in [
            Timer::Retry,
            Timer::Watchdog,
            Timer::Outbox,
            Timer::Reread,
            Timer::Collect,
        ] {
            assert_eq!(
                engine.tell(10, Event::TimerFired(timer)),
                [],
                "late {timer:?}"
            );
        }
    }
}

#[test]
fn who_disconnects_says_bye_where_there_is_somebody_to_hear_it() {
    for mut engine in everywhere() {
        let phase = engine.phase();
        let heard = matches!(phase, Phase::Delta | Phase::Live | Phase::Rebuild);
        let reason = String::from("for today");
        let effects = engine.tell(
            9,
            Event::DisconnectAsked {
                reason: reason.clone(),
            },
        );
        let bye = Effect::SayBye(Bye {
            device_id: DEVICE,
            reason,
        });
        assert_eq!(effects.contains(&bye), heard, "{phase:?}");
        assert_eq!(engine.phase(), Phase::Stopped);
        assert_eq!(status(engine.state()), Status::Disconnected);
    }
}

#[test]
fn a_device_never_gives_up_and_never_waits_longer_than_the_bound() {
    let mut engine = Engine::new();
    engine.tell(0, Event::Led);
    let mut now_ms = 0;
    for attempt in 1..=200 {
        let effects = engine.lose(now_ms, AWAY);
        assert_eq!(engine.phase(), Phase::Backoff);
        let at_ms = timer(&effects, Timer::Retry).expect("another attempt");
        assert!(at_ms - now_ms <= BACKOFF_MS_MAX);
        let noticed = raises(&effects, "sync.subscription:action:maxRetriesExceeded");
        assert_eq!(
            noticed,
            attempt == CONNECTS_FAILED_NOTICE,
            "said once, at {attempt}"
        );
        assert_eq!(status(engine.state()), Status::ConnectionError);
        now_ms = at_ms;
        let effects = engine.tell(now_ms, Event::TimerFired(Timer::Retry));
        assert_eq!(opens(&effects), Some(u64::from(attempt) + 1));
    }
}

#[test]
fn a_tap_or_a_network_ends_the_wait_at_once_and_the_count_of_failures() {
    for event in [Event::Woken, Event::NetworkFound] {
        let mut engine = Engine::new();
        engine.tell(0, Event::Led);
        engine.lose(1, AWAY);
        let effects = engine.tell(2, event);
        assert_eq!(opens(&effects), Some(2));
        assert_eq!(
            timer(&effects, Timer::Retry),
            None,
            "no second attempt beside it"
        );
        assert_eq!(engine.state().failures, 0);
    }
}

#[test]
fn a_network_does_not_wake_who_was_stopped_or_has_no_session() {
    for mut engine in everywhere() {
        if matches!(engine.phase(), Phase::Stopped | Phase::AuthBlocked) {
            for event in [Event::NetworkFound, Event::Woken] {
                let effects = engine.tell(9, event);
                assert_eq!(opens(&effects), None);
            }
        }
    }
}

#[test]
fn after_a_sleep_a_link_that_stood_is_made_anew() {
    let mut engine = Engine::live();
    engine.hear(1_000, heartbeat(1_000, &[]));
    let awake = engine.tell(1_000 + 2 * HEARTBEAT_MS, Event::Woken);
    assert_eq!(opens(&awake), None, "it was not away for long");
    let slept = engine.tell(1_001 + 2 * HEARTBEAT_MS, Event::Woken);
    assert!(slept.contains(&Effect::CloseLink { link: 1 }));
    assert_eq!(opens(&slept), Some(2));
}

#[test]
fn an_ended_session_stops_the_link_and_waits_for_its_person() {
    let unauthorized = [
        LinkFailure::Unauthorized,
        server(401),
        server(403),
        server(410),
    ];
    for failure in unauthorized {
        for mut engine in everywhere()
            .into_iter()
            .filter(|engine| engine.state().has_link())
        {
            let effects = engine.lose(9, failure.clone());
            assert_eq!(engine.phase(), Phase::AuthBlocked);
            assert!(effects.contains(&Effect::TellAuthExpired));
            assert_eq!(timer(&effects, Timer::Retry), None);
            assert_eq!(status(engine.state()), Status::AuthError);
            assert!(opens(&engine.tell(10, Event::SignedIn)).is_some());
        }
    }
    for code in ["no_session", "revoked_erase", "account_erased"] {
        let mut engine = Engine::live();
        engine.hear(9, error(code));
        assert_eq!(engine.phase(), Phase::AuthBlocked, "{code}");
    }
}

#[test]
fn an_updated_app_tries_once_more_what_was_refused() {
    for (updated, failed, tries) in [(true, 1, true), (true, 0, false), (false, 1, false)] {
        let outbox = OutboxCount {
            failed,
            ..OutboxCount::default()
        };
        let mut engine = Engine::with(Stored {
            updated,
            outbox,
            ..nothing_stored()
        });
        let first = engine.tell(0, Event::Led);
        assert_eq!(first.contains(&Effect::RetryRefused), tries);
        let second = engine.tell(1, Event::ConnectAsked);
        assert!(!second.contains(&Effect::RetryRefused));
    }
}
