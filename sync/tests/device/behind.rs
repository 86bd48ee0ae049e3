//! A device that may have missed something that nobody will tell it: it begins anew.

use crate::engine::*;
use sync::device::effect::{Committed, Effect, Timer};
use sync::device::event::Event;
use sync::device::meta::Rebuild;
use sync::device::retry::LinkFailure;
use sync::device::state::{Phase, Stored};
use sync::frame::{FeedPhase, Head, ServerFrame, Welcome};
use sync::id::Id;
use sync::limits::HEARTBEATS_WITHOUT_PAGE_MAX;
use sync::row::Row;
use sync::scope::Lsn;

fn begins(effects: &[Effect]) -> Option<Rebuild> {
    effects.iter().find_map(|effect| match effect {
        Effect::BeginRebuild(rebuild, _) => Some(*rebuild),
        _ => None,
    })
}

fn head() -> ServerFrame {
    ServerFrame::Head(Head {
        scope: own(),
        table: "pages".into(),
        rows: vec![Row::empty("pages", Id::from_u128(9))],
    })
}

fn welcomed_above(floor: Lsn) -> ServerFrame {
    ServerFrame::Welcome(Welcome {
        ceilings: [(own(), at(9))].into(),
        phase: FeedPhase::Initial,
        purge_floors: [(own(), floor)].into(),
        server_time_ms: 1,
    })
}

/// A push whose change was given this position.
fn acknowledged(engine: &mut Engine, now_ms: u64, lsn: Lsn) -> Vec<Effect> {
    engine.push(now_ms, 1, 1);
    engine.tell(now_ms, Event::PushAnswered(no_outcomes()));
    settled_at(engine, now_ms, lsn)
}

fn settled_at(engine: &mut Engine, now_ms: u64, lsn: Lsn) -> Vec<Effect> {
    let committed = Committed {
        unfed: Some(lsn),
        ..Committed::default()
    };
    engine.tell(now_ms, Event::Settled(committed))
}

#[test]
fn a_first_synchronisation_that_broke_off_after_rows_were_shown_is_begun_anew() {
    let mut engine = Engine::new();
    engine.open(0);
    engine.hear(1, welcome(FeedPhase::Initial, 1));
    engine.hear(2, head());
    engine.stored(3, Committed::default());
    engine.lose(4, LinkFailure::Ended);
    let effects = engine.tell(5, Event::TimerFired(Timer::Retry));
    assert_eq!(begins(&effects), Some(Rebuild::Replace));
    // And no more than once, whatever made it begin.
    engine.lose(6, LinkFailure::Ended);
    let effects = engine.tell(7, Event::TimerFired(Timer::Retry));
    assert_eq!(begins(&effects), None);

    let mut engine = Engine::with(Stored {
        headed: true,
        ..nothing_stored()
    });
    let effects = engine.tell(0, Event::Led);
    assert_eq!(begins(&effects), Some(Rebuild::Replace), "after a crash");
}

#[test]
fn a_rebuild_that_the_server_asked_for_is_begun_once() {
    let mut engine = Engine::with(Stored {
        headed: true,
        ..standing_at_four()
    });
    engine.open(0);
    let effects = engine.hear(1, error("epoch_changed"));
    assert_eq!(begins(&effects), Some(Rebuild::Heal));
    let effects = engine.tell(2, Event::TimerFired(Timer::Retry));
    assert_eq!(begins(&effects), None);
}

fn standing_at_four() -> Stored {
    let mut stored = nothing_stored();
    for (scope, table, marker) in brought_to(at(4)).moved {
        stored.markers.set(&scope, &table, marker);
    }
    stored
}

#[test]
fn one_that_came_to_its_end_is_not() {
    let mut engine = Engine::new();
    engine.open(0);
    engine.hear(1, welcome(FeedPhase::Initial, 1));
    engine.hear(2, head());
    engine.stored(3, Committed::default());
    engine.hear(4, delta());
    engine.stored(5, brought_to(at(4)));
    engine.hear(6, ServerFrame::DeltaComplete {});
    engine.lose(7, LinkFailure::Ended);
    let effects = engine.tell(8, Event::TimerFired(Timer::Retry));
    assert_eq!(begins(&effects), None);
}

#[test]
fn an_answer_from_behind_what_was_cleared_out_is_not_trusted() {
    for (lsn, begun) in [(3, Some(Rebuild::Replace)), (4, None)] {
        let mut engine = Engine::new();
        engine.open(0);
        engine.hear(1, welcomed_above(4));
        engine.hear(2, delta());
        engine.stored(3, brought_to(at(9)));
        engine.hear(4, ServerFrame::DeltaComplete {});
        assert_eq!(begins(&acknowledged(&mut engine, 5, lsn)), begun, "{lsn}");
    }
}

#[test]
fn nor_one_that_comes_after_the_device_has_said_where_it_stands() {
    for (lsn, begun) in [(3, Some(Rebuild::Replace)), (4, None)] {
        let mut engine = Engine::live();
        engine.push(1, 1, 1);
        engine.tell(2, Event::PushAnswered(no_outcomes()));
        engine.lose(3, LinkFailure::Ended);
        engine.open(4);
        settled_at(&mut engine, 5, lsn);
        let effects = engine.hear(6, welcomed_above(4));
        assert_eq!(begins(&effects), begun, "{lsn}");
    }
}

#[test]
fn a_page_that_got_lost_is_missed_though_the_server_is_alive() {
    let mut engine = Engine::new();
    engine.open(0);
    engine.hear(1, welcome(FeedPhase::Initial, 1));
    for count in 0..HEARTBEATS_WITHOUT_PAGE_MAX {
        engine.hear(u64::from(count) + 2, heartbeat(2, &[]));
        assert_eq!(engine.phase(), Phase::Delta);
    }
    engine.hear(9, heartbeat(9, &[]));
    assert_eq!(engine.phase(), Phase::Backoff);
}
