//! What the server says, and what the store answers about it.

use crate::engine::*;
use sync::device::effect::{Effect, Page, SyncEvent, Timer};
use sync::device::event::Event;
use sync::device::retry::LinkFailure;
use sync::device::state::Phase;
use sync::device::status::{Status, status};
use sync::frame::{Acknowledged, Delta, FeedPhase, Head, ServerError, ServerFrame, Verified};
use sync::id::Id;
use sync::limits::{BACKOFF_MS_MAX, OFFSET_NOISE_MS, OUTBOX_REREAD_MS};
use sync::scope::{Lsn, Marker, OWN, Scope};

fn reads(effects: &[Effect]) -> usize {
    let read = |effect: &&Effect| matches!(effect, Effect::ReadFrame { .. });
    effects.iter().filter(read).count()
}

fn stores(effects: &[Effect]) -> Option<(&Page, &[Lsn])> {
    effects.iter().find_map(|effect| match effect {
        Effect::StorePage { page, pass, .. } => Some((page, pass.as_slice())),
        _ => None,
    })
}

fn acknowledges(effects: &[Effect]) -> Option<&Acknowledged> {
    effects.iter().find_map(|effect| match effect {
        Effect::Acknowledge(said) => Some(said),
        _ => None,
    })
}

fn head() -> ServerFrame {
    ServerFrame::Head(Head {
        scope: own(),
        table: "pages".into(),
        rows: Vec::new(),
    })
}

#[test]
fn a_welcome_begins_what_was_missed() {
    let mut engine = Engine::new();
    engine.open(0);
    let effects = engine.hear(5, welcome(FeedPhase::Catchup, 5));
    assert_eq!(engine.phase(), Phase::Delta);
    assert_eq!(reads(&effects), 1);
    let told = events(&effects);
    assert!(told.contains(&&SyncEvent::SyncStarted {}));
    assert!(told.contains(&&SyncEvent::Connected {}));
    assert_eq!(status(engine.state()), Status::Connected);
}

#[test]
fn the_next_frame_is_asked_for_when_the_one_before_it_is_stored() {
    let mut engine = Engine::new();
    engine.welcome(0);
    for frame in [head(), delta()] {
        let effects = engine.hear(1, frame);
        assert!(stores(&effects).is_some());
        assert_eq!(reads(&effects), 0);
        let effects = engine.stored(2, brought_to(at(4)));
        assert_eq!(reads(&effects), 1);
        let update = SyncEvent::LsnUpdate {
            scope: own(),
            lsn: 4,
        };
        assert!(events(&effects).contains(&&update));
    }
    assert_eq!(engine.state().markers.get(&own(), "notes"), at(4));
    let effects = engine.hear(3, ServerFrame::DeltaComplete {});
    assert_eq!((engine.phase(), reads(&effects)), (Phase::Live, 1));
    let effects = engine.hear(4, change());
    assert!(matches!(stores(&effects), Some((Page::Change(_), []))));
    assert_eq!(reads(&effects), 0);
}

#[test]
fn when_everything_is_here_the_server_is_told_and_the_outbox_is_looked_at_again_in_time() {
    let mut engine = Engine::new();
    engine.welcome(0);
    engine.hear(1, delta());
    engine.stored(2, brought_to(at(4)));
    let effects = engine.hear(3, ServerFrame::DeltaComplete {});
    let said = acknowledges(&effects).expect("told");
    let library = Scope::named("library");
    assert_eq!(said.device_id, DEVICE);
    assert_eq!(
        said.positions,
        [(own(), at(4)), (library, Marker::START)].into()
    );
    assert_eq!(timer(&effects, Timer::Reread), Some(3 + OUTBOX_REREAD_MS));
    assert_eq!(status(engine.state()), Status::SyncComplete);
    assert_eq!(engine.state().synced_at_ms, 3);
}

#[test]
fn a_frame_in_the_wrong_place_ends_the_link() {
    let verified = ServerFrame::VerifyResult(Verified { tables: [].into() });
    let pushed = ServerFrame::PushResult(no_outcomes());
    let welcome = welcome(FeedPhase::Live, 0);
    let complete = ServerFrame::DeltaComplete {};
    let cases: [(Phase, Vec<ServerFrame>); 3] = [
        (
            Phase::Handshake,
            vec![
                delta(),
                head(),
                complete.clone(),
                change(),
                verified.clone(),
                pushed.clone(),
            ],
        ),
        (
            Phase::Delta,
            vec![welcome.clone(), change(), verified, pushed.clone()],
        ),
        (
            Phase::Live,
            vec![welcome, delta(), head(), complete, pushed],
        ),
    ];
    for (phase, frames) in cases {
        for frame in frames {
            let mut engine = Engine::new();
            match phase {
                Phase::Handshake => engine.open(0),
                Phase::Delta => engine.welcome(0),
                _ => drop(engine.go_live(0)),
            }
            let kind = frame.kind();
            let effects = engine.hear(1, frame);
            assert!(
                effects.contains(&Effect::CloseLink { link: 1 }),
                "{kind} in {phase:?}"
            );
            assert_eq!(engine.phase(), Phase::Backoff);
            assert_eq!(status(engine.state()), Status::SyncError);
            assert_eq!((stores(&effects), reads(&effects)), (None, 0));
        }
    }
}

#[test]
fn an_error_in_a_delta_ends_the_session_instead_of_going_live_with_a_gap() {
    let mut engine = Engine::new();
    engine.welcome(0);
    let broken = ServerFrame::Delta(Delta {
        scope: own(),
        table: "notes".into(),
        rows: Vec::new(),
        from: Marker::START,
        to: Marker::START,
        is_last_chunk: false,
        error: Some(ServerError::new(
            "store_failed",
            "The store did not answer.",
        )),
    });
    let effects = engine.hear(1, broken);
    assert_eq!(stores(&effects), None);
    assert!(effects.contains(&Effect::CloseLink { link: 1 }));
    let error = SyncEvent::Error {
        code: "store_failed".into(),
        message: "The store did not answer.".into(),
    };
    assert!(events(&effects).contains(&&error));
    assert!(raises(&effects, "sync.error:action"));
    assert_eq!(status(engine.state()), Status::SyncError);
}

#[test]
fn after_an_error_it_waits_as_long_as_the_server_asks() {
    let mut busy = ServerError::new("overloaded", "Come back later.");
    busy.retry_after_ms = Some(70_000);
    for (error, at_least_ms) in [
        (busy, 70_000),
        (
            ServerError::new("update_required", "Update the app."),
            BACKOFF_MS_MAX,
        ),
    ] {
        let mut engine = Engine::live();
        let effects = engine.hear(5, ServerFrame::Error(error));
        assert!(
            timer(&effects, Timer::Retry) >= Some(5 + at_least_ms),
            "{effects:?}"
        );
        assert_eq!(engine.phase(), Phase::Backoff);
        assert_eq!(status(engine.state()), Status::SyncError);
    }
}

#[test]
fn a_heartbeat_that_names_another_place_than_this_ends_the_link() {
    let live_at_4 = || {
        let mut engine = Engine::new();
        engine.welcome(0);
        engine.hear(1, delta());
        engine.stored(2, brought_to(at(4)));
        engine
    };
    let other_op = Marker {
        op_id: Id::from_u128(9),
        ..at(4)
    };
    let elsewhere = Scope::named("elsewhere");
    let cases = [
        (vec![(own(), at(4))], true),
        (vec![(own(), at(5))], false),
        (vec![(own(), at(3))], false),
        (vec![(own(), other_op)], false),
        (vec![(elsewhere, at(9)), (own(), at(4))], true),
        (vec![], true),
    ];
    for (positions, stands) in cases {
        let mut engine = live_at_4();
        engine.hear(3, heartbeat(3, &positions));
        assert_eq!(
            engine.phase(),
            Phase::Delta,
            "not before everything is here"
        );
        engine.hear(4, ServerFrame::DeltaComplete {});
        let effects = engine.hear(5, heartbeat(5, &positions));
        assert_eq!(engine.phase() == Phase::Live, stands, "{positions:?}");
        assert_eq!(reads(&effects), usize::from(stands));
    }
}

#[test]
fn the_server_is_told_how_far_everything_is_stored_only_when_that_changed() {
    let mut engine = Engine::live();
    assert_eq!(acknowledges(&engine.hear(1, heartbeat(1, &[]))), None);
    engine.hear(2, change());
    let effects = engine.stored(3, brought_to(at(5)));
    assert_eq!(
        acknowledges(&effects),
        None,
        "the next sign of life is early enough"
    );
    let effects = engine.hear(4, heartbeat(4, &[(own(), at(5))]));
    let said = acknowledges(&effects).map(|said| said.positions[&Scope::named(OWN)]);
    assert_eq!(said, Some(at(5)));
    assert_eq!(acknowledges(&engine.hear(5, heartbeat(5, &[]))), None);
}

#[test]
fn the_servers_time_is_learned_from_every_answer_unless_it_is_the_networks_noise() {
    let mut engine = Engine::new();
    engine.open(1_000_000);
    let noise = u64::try_from(OFFSET_NOISE_MS).expect("positive");
    let effects = engine.hear(1_000_000, welcome(FeedPhase::Live, 1_000_000 + noise));
    let learns = |effects: &[Effect]| {
        effects.iter().find_map(|effect| match effect {
            Effect::StoreOffset { offset_ms } => Some(*offset_ms),
            _ => None,
        })
    };
    assert_eq!(learns(&effects), None);
    let effects = engine.hear(1_000_000, heartbeat(1_000_000 - noise - 1, &[]));
    assert_eq!(learns(&effects), Some(-OFFSET_NOISE_MS - 1));
    let effects = engine.hear(1_000_000, heartbeat(1_000_000 - noise, &[]));
    assert_eq!(learns(&effects), None, "near enough to what is stored");
    engine.lose(1_000_000, LinkFailure::Ended);
    let effects = engine.tell(1_000_000, Event::Woken);
    let hello = effects.iter().find_map(|effect| match effect {
        Effect::OpenLink { hello, .. } => Some(hello.device_time_ms),
        _ => None,
    });
    assert_eq!(hello, Some(1_000_000 - noise - 1));
}
