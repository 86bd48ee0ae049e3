//! Trouble: how long it is shown, what is told of it, and what a server cannot talk a device into.

use crate::engine::*;
use sync::device::effect::{Committed, Effect, Page, SyncEvent, Timer};
use sync::device::event::{Event, Refused};
use sync::device::retry::LinkFailure;
use sync::device::state::Phase;
use sync::device::status::{Status, status};
use sync::frame::{Delta, FeedPhase, ScopeChange, ServerError, ServerFrame, Welcome};
use sync::hooks::Hook;
use sync::id::Id;
use sync::limits::BREAKER_WINDOW_MS;
use sync::scope::{Lsn, Markers};

/// The codes that listeners are told, each of which plugins hear as well.
fn codes(effects: &[Effect]) -> Vec<&str> {
    let told = events(effects).into_iter().filter_map(|event| match event {
        SyncEvent::Error { code, .. } => Some(code.as_str()),
        _ => None,
    });
    let told: Vec<_> = told.collect();
    let raised = hooks(effects).into_iter().filter_map(|hook| match hook {
        Hook::Error { code, .. } => Some(code.as_str()),
        _ => None,
    });
    assert_eq!(raised.collect::<Vec<_>>(), told);
    told
}

fn broken_delta() -> ServerFrame {
    ServerFrame::Delta(Delta {
        error: Some(ServerError::new("database", "The database failed.")),
        ..leading(4, 4, true)
    })
}

fn leading(from: Lsn, to: Lsn, is_last_chunk: bool) -> Delta {
    Delta {
        scope: own(),
        table: "notes".into(),
        rows: Vec::new(),
        from: at(from),
        to: at(to),
        is_last_chunk,
        error: None,
    }
}

#[test]
fn trouble_is_shown_until_an_attempt_has_brought_everything() {
    let refused = LinkFailure::Undecodable {
        message: "no frame".into(),
    };
    for (failure, shown) in [
        (LinkFailure::Unreachable, Status::ConnectionError),
        (refused, Status::SyncError),
    ] {
        let mut engine = Engine::new();
        engine.tell(0, Event::Led);
        engine.lose(1, failure);
        engine.tell(2, Event::TimerFired(Timer::Retry));
        assert_eq!(
            (engine.phase(), status(engine.state())),
            (Phase::Connecting, shown)
        );
        let link = engine.state().link;
        engine.tell(3, Event::LinkOpened { link });
        assert_eq!(status(engine.state()), shown);
        engine.hear(4, welcome(FeedPhase::Catchup, 4));
        assert_eq!(
            (engine.phase(), status(engine.state())),
            (Phase::Delta, shown)
        );
        engine.hear(5, ServerFrame::DeltaComplete {});
        assert_eq!(status(engine.state()), Status::SyncComplete);
    }
}

#[test]
fn a_server_that_welcomes_and_then_fails_is_no_success() {
    let mut engine = Engine::new();
    engine.tell(0, Event::Led);
    let mut now_ms = 0;
    for attempt in 1..=8 {
        // Too seldom for the breaker.
        now_ms += BREAKER_WINDOW_MS;
        let link = engine.state().link;
        engine.tell(now_ms, Event::LinkOpened { link });
        engine.hear(now_ms, welcome(FeedPhase::Catchup, now_ms));
        let effects = engine.hear(now_ms, broken_delta());
        let counted = events(&effects).into_iter().find_map(|event| match event {
            SyncEvent::Reconnecting { attempt, .. } => Some(*attempt),
            _ => None,
        });
        assert_eq!(counted, Some(attempt), "the wait grows");
        engine.tell(now_ms, Event::TimerFired(Timer::Retry));
        assert_eq!(engine.phase(), Phase::Connecting);
    }
    engine.go_live(now_ms + 1);
    assert_eq!(engine.state().failures, 0, "that is one");
}

#[test]
fn why_a_link_failed_is_told_once_and_a_server_that_is_away_is_not_news() {
    let with_code = |status, code: &str| LinkFailure::Server {
        status,
        code: code.into(),
        retry_after_ms: None,
    };
    let strange = LinkFailure::Undecodable {
        message: "expected value".into(),
    };
    let cases = [
        (with_code(426, "update_required"), vec!["update_required"]),
        (with_code(429, "too_many_streams"), vec!["too_many_streams"]),
        (with_code(400, "unknown_table"), vec!["unknown_table"]),
        (with_code(500, "database"), vec!["database"]),
        (strange, vec!["bad_frame"]),
        (LinkFailure::Unreachable, vec![]),
        (LinkFailure::Ended, vec![]),
        (LinkFailure::Unauthorized, vec![]),
        (server(503), vec![]),
    ];
    for (failure, told) in cases {
        let mut engine = Engine::new();
        engine.tell(0, Event::Led);
        assert_eq!(codes(&engine.lose(1, failure.clone())), told, "{failure:?}");
    }
    let mut engine = Engine::new();
    engine.welcome(0);
    assert_eq!(codes(&engine.hear(1, broken_delta())), ["database"]);
    let mut engine = Engine::live();
    let effects = engine.hear(1, ServerFrame::DeltaComplete {});
    assert_eq!(codes(&effects), ["bad_frame"]);
}

#[test]
fn a_page_that_could_not_be_stored_is_told_unless_it_only_came_to_another_place() {
    let bad_row = Refused::BadRow {
        lsn: 7,
        message: "no day".into(),
    };
    let failed = Refused::Failed {
        message: "the disk is full".into(),
    };
    let gap = Refused::Gap {
        markers: Markers::default(),
    };
    for (refused, told) in [
        (bad_row, vec!["bad_row"]),
        (failed, vec!["not_stored"]),
        (gap, vec![]),
    ] {
        let mut engine = Engine::live();
        engine.hear(1, change());
        let effects = engine.tell(2, Event::PageRefused { link: 1, refused });
        assert_eq!(codes(&effects), told);
        assert!(raises(&effects, "sync.pull:action:error"));
    }
    let mut engine = Engine::live();
    engine.tell(1, Event::ResetAsked);
    engine.welcome(2);
    engine.hear(3, ServerFrame::DeltaComplete {});
    let message = String::from("the disk is full");
    let effects = engine.tell(4, Event::RebuildUnfinished { message });
    assert_eq!(codes(&effects), ["not_stored"]);
}

#[test]
fn what_was_set_aside_for_good_is_told_as_permanent_and_what_is_tried_again_is_not() {
    for (said, permanent) in [
        ("failed", Some(true)),
        ("again", None),
        ("recovered", None),
        ("done", None),
    ] {
        let mut engine = Engine::live();
        engine.push(5, 3, 3);
        engine.tell(6, Event::PushAnswered(no_outcomes()));
        let both = [1, 2].map(|number| (Id::from_u128(number), said));
        let effects = engine.tell(
            7,
            Event::Settled(Committed {
                settled: both.into(),
                outbox: count(1),
                ..Committed::default()
            }),
        );
        let raised: Vec<_> = hooks(&effects)
            .into_iter()
            .filter_map(|hook| match hook {
                Hook::Error { permanent, .. } => Some(*permanent),
                _ => None,
            })
            .collect();
        assert_eq!(raised, Vec::from_iter(permanent), "{said}, once a push");
    }
    let mut engine = Engine::live();
    engine.push(5, 1, 1);
    let effects = engine.tell(6, Event::PushFailed(server(500)));
    let tried_again = |hook: &&Hook| {
        matches!(
            hook,
            Hook::Error {
                permanent: false,
                ..
            }
        )
    };
    assert!(hooks(&effects).iter().any(tried_again));
}

#[test]
fn a_page_that_leads_back_or_to_more_and_no_further_ends_the_link() {
    for (page, taken) in [
        (leading(4, 3, true), false),
        (leading(4, 3, false), false),
        (leading(4, 4, false), false),
        (leading(4, 4, true), true),
        (leading(4, 5, false), true),
    ] {
        let mut engine = Engine::new();
        engine.welcome(0);
        let effects = engine.hear(1, ServerFrame::Delta(page.clone()));
        let stored = effects.iter().any(|effect| {
            matches!(effect, Effect::StorePage { page: Page::Delta(stored), .. } if *stored == page)
        });
        assert_eq!(stored, taken, "{page:?}");
        assert_eq!(engine.phase() == Phase::Delta, taken);
    }
    for (to, taken) in [(3, false), (4, true), (5, true)] {
        let mut engine = Engine::live();
        let leads = ScopeChange {
            scope: own(),
            from: at(4),
            to: at(to),
            rows: Vec::new(),
        };
        engine.hear(1, ServerFrame::Change(leads));
        assert_eq!(engine.phase() == Phase::Live, taken, "{to}");
    }
}

#[test]
fn what_a_server_says_of_its_own_position_moves_no_marker() {
    let mut engine = Engine::new();
    engine.open(0);
    engine.hear(
        1,
        ServerFrame::Welcome(Welcome {
            ceilings: [(own(), at(9))].into(),
            phase: FeedPhase::Catchup,
            purge_floors: [(own(), 3)].into(),
            server_time_ms: 1,
        }),
    );
    engine.hear(2, heartbeat(2, &[(own(), at(9))]));
    assert_eq!(engine.state().markers, Markers::default());
    engine.hear(3, delta());
    engine.stored(4, brought_to(at(4)));
    engine.hear(5, ServerFrame::DeltaComplete {});
    engine.push(6, 1, 1);
    engine.tell(7, Event::PushAnswered(no_outcomes()));
    engine.hear(8, heartbeat(8, &[(own(), at(9))]));
    assert_eq!(
        engine.phase(),
        Phase::Backoff,
        "it asks again from where it stands"
    );
    for table in ["notes", "pages", "revisions"] {
        assert_eq!(engine.state().markers.get(&own(), table), at(4));
    }
    let told = engine.asked.iter().filter_map(|effect| match effect {
        Effect::Acknowledge(said) => Some(said.positions[&own()]),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [at(4)]);
}
