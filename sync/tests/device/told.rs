//! What listeners, plugins and pages are told, and how the connection stands.

use crate::engine::*;
use std::collections::BTreeSet;
use sync::device::effect::{Committed, Effect, SyncEvent, Timer};
use sync::device::event::{Event, Refused};
use sync::device::outbox::OutboxCount;
use sync::device::retry::LinkFailure;
use sync::device::status::{HeaderState, Status, connectivity};
use sync::frame::{FeedPhase, ServerFrame};
use sync::id::Id;
use sync::limits::{CONNECTS_FAILED_NOTICE, QUEUE_NOTICE};

/// The keys on which plugins join, but for the one that a host raises when it keeps an edit.
const KEYS: [&str; 18] = [
    "sync.push:action:before",
    "sync.push:action:after",
    "sync.pull:action:received",
    "sync.pull:action:applied",
    "sync.pull:action:error",
    "sync.conflict:action:detected",
    "sync.error:action",
    "sync.retry:action",
    "sync.queue:action:full",
    "sync.subscription:action:statusChange",
    "sync.subscription:action:maxRetriesExceeded",
    "sync.bootstrap:action:start",
    "sync.bootstrap:action:progress",
    "sync.bootstrap:action:complete",
    "sync.bootstrap:action:error",
    "sync.rescan:action:starting",
    "sync.rescan:action:completed",
    "sync.gc:action:error",
];

/// A long day of a device: everything that can be told happens in it.
fn long_day() -> Vec<Effect> {
    let mut engine = Engine::new();
    for _ in 0..2 {
        engine.open(0);
        engine.hear(1, welcome(FeedPhase::Initial, 1));
        engine.hear(2, delta());
        engine.stored(3, brought_to(at(4)));
        engine.lose(4, LinkFailure::Ended);
    }
    engine.open(5);
    engine.hear(6, welcome(FeedPhase::Initial, 6));
    engine.hear(7, ServerFrame::DeltaComplete {});
    engine.push(8, QUEUE_NOTICE, 1);
    engine.tell(9, Event::PushAnswered(no_outcomes()));
    let settled = Committed {
        settled: vec![(Id::from_u128(1), "done")],
        conflicts: vec![("pages".into(), Id::from_u128(1))],
        ..Committed::default()
    };
    engine.tell(10, Event::Settled(settled));
    engine.tell(
        11,
        Event::UpkeepFailed {
            message: "no".into(),
        },
    );
    engine.hear(12, change());
    let link = engine.state().link;
    let refused = Refused::Failed {
        message: "no".into(),
    };
    engine.tell(13, Event::PageRefused { link, refused });
    engine.open(14);
    engine.hear(15, error("cursor_expired"));
    engine.welcome(16);
    engine.hear(17, ServerFrame::DeltaComplete {});
    engine.tell(18, Event::RebuildFinished(count(0)));
    engine.tell(19, Event::NetworkLost);
    engine.tell(20, Event::NetworkFound);
    for now_ms in 21..=20 + u64::from(CONNECTS_FAILED_NOTICE) {
        engine.lose(now_ms, LinkFailure::Unreachable);
        engine.tell(now_ms, Event::TimerFired(Timer::Retry));
    }
    engine.asked
}

#[test]
fn plugins_hear_of_everything_that_there_is_a_key_for() {
    let day = long_day();
    let raised: BTreeSet<_> = hooks(&day).iter().map(|hook| hook.key()).collect();
    assert_eq!(raised, BTreeSet::from(KEYS));
}

#[test]
fn listeners_hear_every_event_that_has_a_name() {
    let day = long_day();
    let mut told: BTreeSet<_> = events(&day).iter().map(|event| event.name()).collect();
    // A host tells of rows as it commits them, its own edits included.
    assert!(told.insert("changes"));
    assert_eq!(told, BTreeSet::from(SyncEvent::NAMES));
}

#[test]
fn events_and_hooks_travel_under_their_names_with_their_payloads() {
    let json = |event: &SyncEvent| serde_json::to_string(event).expect("json");
    for event in events(&long_day()) {
        assert!(json(event).starts_with(&format!(r#"{{"event":"{}""#, event.name())));
    }
    let event = SyncEvent::StatusChanged {
        is_connected: true,
        status: Status::SyncComplete,
        waiting: 3,
    };
    let said = r#"{"event":"status_changed","detail":{"isConnected":true,"status":"sync-complete","waiting":3}}"#;
    assert_eq!(json(&event), said);
    let hook = sync::hooks::Hook::PushAfter {
        success_count: 2,
        fail_count: 1,
    };
    let said = r#"{"successCount":2,"failCount":1}"#;
    assert_eq!(serde_json::to_string(&hook).expect("json"), said);
}

/// A live device after one more thing.
fn after(event: Event) -> Engine {
    let mut engine = Engine::live();
    engine.tell(1, event);
    engine
}

fn with_outbox(waiting: u64, failed: u64) -> Engine {
    let next_due_ms = (waiting > 0).then_some(0);
    after(Event::OutboxGrew(OutboxCount {
        waiting,
        failed,
        next_due_ms,
    }))
}

/// A device whose first attempt failed.
fn lost(failure: LinkFailure) -> Engine {
    let mut engine = Engine::new();
    engine.tell(0, Event::Led);
    engine.lose(1, failure);
    engine
}

#[test]
fn how_the_connection_stands_follows_from_what_the_engine_does() {
    use HeaderState as Header;
    let mut opened = Engine::new();
    opened.open(0);
    let mut welcomed = Engine::new();
    welcomed.welcome(0);
    let mut rebuilding = Engine::new();
    rebuilding.tell(0, Event::ResetAsked);
    rebuilding.welcome(0);
    let no_network = after(Event::NetworkLost);
    let cases = [
        (Engine::new(), Status::Disconnected, Header::Pending),
        (after(Event::Stopped), Status::Disconnected, Header::Pending),
        (
            after(Event::ConnectAsked),
            Status::Connecting,
            Header::Syncing,
        ),
        (opened, Status::Connecting, Header::Syncing),
        (welcomed, Status::Connected, Header::Syncing),
        (rebuilding, Status::Connected, Header::Syncing),
        (with_outbox(0, 0), Status::SyncComplete, Header::Synced),
        (with_outbox(1, 0), Status::Connected, Header::Syncing),
        (with_outbox(1, 1), Status::SyncError, Header::SyncError),
        (lost(server(500)), Status::SyncError, Header::SyncError),
        (
            lost(LinkFailure::Unauthorized),
            Status::AuthError,
            Header::AuthError,
        ),
        (
            lost(server(503)),
            Status::ConnectionError,
            Header::ConnectionError,
        ),
        (no_network, Status::ConnectionError, Header::ConnectionError),
    ];
    for (engine, status, header) in cases {
        let stands = connectivity(engine.state());
        assert_eq!(
            (stands.status, stands.header),
            (status, header),
            "{:?}",
            engine.phase()
        );
    }
}

#[test]
fn a_server_that_does_not_answer_is_told_from_a_network_that_is_not_there() {
    let silent = |engine: Engine| connectivity(engine.state()).server_silent;
    assert!(silent(lost(LinkFailure::Unreachable)) && silent(lost(LinkFailure::NotOurs)));
    assert!(!silent(after(Event::NetworkLost)));
    assert!(!silent(lost(server(500))), "it did answer");
    assert!(!silent(Engine::live()));
}

#[test]
fn pages_are_told_how_the_connection_stands_when_that_changes_and_only_then() {
    let mut engine = Engine::live();
    let tells = |effects: &[Effect]| {
        let told = effects
            .iter()
            .filter(|e| matches!(e, Effect::TellConnectivity(_)));
        let statuses = events(effects)
            .into_iter()
            .filter(|e| e.name() == "status_changed");
        (told.count(), statuses.count())
    };
    let key = "sync.subscription:action:statusChange";
    let effects = engine.tell(5, Event::OutboxGrew(count(1)));
    assert_eq!((tells(&effects), raises(&effects, key)), ((1, 1), true));
    let effects = engine.tell(6, Event::OutboxGrew(count(2)));
    assert_eq!(
        (tells(&effects), raises(&effects, key)),
        ((1, 1), false),
        "only the number"
    );
    let effects = engine.tell(7, Event::OutboxGrew(count(2)));
    assert_eq!(tells(&effects), (0, 0));
    let last = engine.asked.iter().rev().find_map(|effect| match effect {
        Effect::TellConnectivity(connectivity) => Some(connectivity.clone()),
        _ => None,
    });
    assert_eq!(last, Some(connectivity(engine.state())));
}

#[test]
fn who_was_connected_hears_once_that_it_is_over() {
    let mut engine = Engine::live();
    let over = |effects: &[Effect]| {
        events(effects)
            .into_iter()
            .any(|event| event.name() == "disconnected")
    };
    assert!(over(&engine.tell(5, Event::NetworkLost)));
    assert!(!over(&engine.tell(6, Event::Stopped)));
}
