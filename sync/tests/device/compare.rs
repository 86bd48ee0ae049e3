//! Comparing both sides, and what follows from it.

use crate::engine::*;
use sync::device::effect::{Effect, SyncEvent};
use sync::device::event::Event;
use sync::device::meta::Rebuild;
use sync::device::outbox::OutboxCount;
use sync::device::retry::LinkFailure;
use sync::device::state::{Phase, Stored, Verifying};
use sync::frame::{Digests, ServerFrame, Standing, Verified};

fn begins(effects: &[Effect]) -> Option<Rebuild> {
    effects.iter().find_map(|effect| match effect {
        Effect::BeginRebuild(rebuild, _) => Some(*rebuild),
        _ => None,
    })
}

/// A device that stands somewhere.
fn standing() -> Engine {
    let mut engine = Engine::new();
    engine.welcome(0);
    engine.hear(1, delta());
    engine.stored(2, brought_to(at(4)));
    engine.hear(3, ServerFrame::DeltaComplete {});
    engine
}

fn verified(standing: Standing) -> Verified {
    let tables = [("notes".into(), Standing::Same), ("pages".into(), standing)];
    Verified {
        tables: [(own(), tables.into())].into(),
    }
}

/// A device that has asked the server to compare.
fn comparing() -> Engine {
    let mut engine = standing();
    assert!(
        engine
            .tell(5, Event::VerifyAsked)
            .contains(&Effect::TakeDigests)
    );
    let effects = engine.tell(6, Event::Digested(Digests::new()));
    let asks = effects.iter().any(|effect| {
        matches!(effect, Effect::Verify(verify) if verify.markers.get(&own(), "notes") == at(4))
    });
    assert!(asks, "{effects:?}");
    engine
}

#[test]
fn a_wish_to_compare_waits_until_sync_is_complete() {
    let mut engine = Engine::with(Stored {
        outbox: count(1),
        ..nothing_stored()
    });
    engine.tell(0, Event::VerifyAsked);
    assert!(!engine.go_live(1).contains(&Effect::TakeDigests));
    let effects = engine.tell(
        2,
        Event::OutboxTaken {
            taken: 0,
            outbox: count(0),
        },
    );
    assert!(effects.contains(&Effect::TakeDigests));
    engine.lose(3, LinkFailure::Ended);
    let effects = engine.tell(4, Event::Digested(Digests::new()));
    assert!(
        !effects
            .iter()
            .any(|effect| matches!(effect, Effect::Verify(_)))
    );
    assert!(
        engine.go_live(5).contains(&Effect::TakeDigests),
        "asked for again"
    );
}

#[test]
fn two_copies_that_are_the_same_are_left_alone() {
    let mut engine = comparing();
    let effects = engine.tell(7, Event::Verified(verified(Standing::Same)));
    assert_eq!((effects, engine.state().verifying), (vec![], Verifying::No));
    assert_eq!(
        engine.tell(8, Event::Verified(verified(Standing::Differs))),
        [],
        "not asked"
    );
    assert_eq!(
        engine.tell(9, Event::Digested(Digests::new())),
        [],
        "not asked"
    );
}

#[test]
fn a_copy_that_differs_is_taken_anew_and_unsent_words_are_kept() {
    let by_stream = |engine: &mut Engine| {
        let frame = ServerFrame::VerifyResult(verified(Standing::Differs));
        engine.hear(7, frame)
    };
    let by_request =
        |engine: &mut Engine| engine.tell(7, Event::Verified(verified(Standing::Differs)));
    for answer in [by_stream, by_request] {
        let mut engine = comparing();
        let effects = answer(&mut engine);
        assert_eq!(begins(&effects), Some(Rebuild::Replace));
        let reported = events(&effects)
            .into_iter()
            .any(|e| matches!(e, SyncEvent::Error { code, .. } if code == "digest_differs"));
        assert!(reported);
        assert!(
            !effects
                .iter()
                .any(|effect| matches!(effect, Effect::ReadFrame { .. }))
        );
        assert_eq!(engine.phase(), Phase::Backoff);
        engine.welcome(8);
        assert_eq!(engine.phase(), Phase::Rebuild);
    }
}

#[test]
fn a_copy_that_is_behind_is_compared_again_after_the_next_sign_of_life() {
    let mut engine = comparing();
    let effects = engine.tell(7, Event::Verified(verified(Standing::Behind)));
    assert!(
        !effects.contains(&Effect::TakeDigests),
        "at once it would spin"
    );
    let effects = engine.hear(8, heartbeat(8, &[]));
    assert!(effects.contains(&Effect::TakeDigests));
}

#[test]
fn nothing_is_compared_that_nobody_asked_for() {
    let mut engine = standing();
    for now_ms in 5..9 {
        let effects = engine.hear(now_ms, heartbeat(now_ms, &[]));
        assert!(!effects.contains(&Effect::TakeDigests));
    }
}

#[test]
fn a_comparison_that_failed_is_reported_and_one_without_a_session_stops_the_link() {
    let mut engine = comparing();
    let effects = engine.tell(7, Event::NotVerified(server(500)));
    assert!(raises(&effects, "sync.error:action"));
    assert_eq!(
        (engine.phase(), engine.state().verifying),
        (Phase::Live, Verifying::No)
    );

    let mut engine = comparing();
    engine.tell(7, Event::NotVerified(LinkFailure::Unauthorized));
    assert_eq!(engine.phase(), Phase::AuthBlocked);
}

#[test]
fn a_comparison_whose_link_was_lost_is_asked_for_again() {
    let mut engine = comparing();
    engine.lose(7, LinkFailure::Ended);
    assert_eq!(
        engine.tell(8, Event::Verified(verified(Standing::Differs))),
        [],
        "out of date"
    );
    assert!(engine.go_live(9).contains(&Effect::TakeDigests));
    let outbox = OutboxCount::default();
    assert_eq!(engine.tell(10, Event::OutboxGrew(outbox)), [], "once");
}
