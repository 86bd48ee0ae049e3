//! Taking everything anew, sweeping after it, clearing out, and comparing both sides.

use crate::engine::*;
use sync::device::effect::{Effect, Timer};
use sync::device::event::{Event, Refused};
use sync::device::meta::Rebuild;
use sync::device::retry::LinkFailure;
use sync::device::state::{Phase, Stored};
use sync::device::status::{Status, status};
use sync::frame::{FeedPhase, ServerFrame};
use sync::hooks::Hook;
use sync::limits::{BACKOFF_MS_MIN, COLLECT_MS, OUTBOX_REREAD_MS};
use sync::scope::{ACKNOWLEDGED, Lsn, Markers};

fn begins(effects: &[Effect]) -> Option<Rebuild> {
    effects.iter().find_map(|effect| match effect {
        Effect::BeginRebuild(rebuild, _) => Some(*rebuild),
        _ => None,
    })
}

fn markers_said(effects: &[Effect]) -> Option<&Markers> {
    effects.iter().find_map(|effect| match effect {
        Effect::OpenLink { hello, .. } => Some(&hello.markers),
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

/// What a device says that begins at the start again, and stood at `lsn`.
fn witness(lsn: Lsn) -> Markers {
    let mut markers = Markers::default();
    markers.set(&own(), ACKNOWLEDGED, at(lsn));
    markers
}

/// A device whose rebuild waits for the disk.
fn finishing() -> Engine {
    let mut engine = standing();
    engine.tell(4, Event::ResetAsked);
    engine.welcome(5);
    let effects = engine.hear(6, ServerFrame::DeltaComplete {});
    assert!(effects.contains(&Effect::FinishRebuild));
    assert_eq!(
        timer(&effects, Timer::Watchdog),
        None,
        "it waits for the disk"
    );
    engine
}

fn finished(engine: &mut Engine, now_ms: u64) -> Vec<Effect> {
    engine.tell(now_ms, Event::RebuildFinished(count(0)))
}

#[test]
fn a_server_that_does_not_know_this_place_makes_the_device_take_everything_anew() {
    for (code, rebuild) in [
        ("cursor_expired", Rebuild::Replace),
        ("epoch_changed", Rebuild::Heal),
    ] {
        let mut engine = standing();
        engine.lose(4, LinkFailure::Ended);
        engine.open(5);
        let effects = engine.hear(6, error(code));
        assert_eq!(begins(&effects), Some(rebuild));
        let starting = Hook::RescanStarting {
            reason: code.into(),
        };
        assert!(hooks(&effects).contains(&&starting));
        assert_eq!(
            (engine.phase(), status(engine.state())),
            (Phase::Backoff, Status::SyncError)
        );

        let effects = engine.tell(7, Event::TimerFired(Timer::Retry));
        assert_eq!(markers_said(&effects), Some(&Markers::default()));
        let link = engine.state().link;
        engine.tell(8, Event::LinkOpened { link });
        let effects = engine.hear(9, welcome(FeedPhase::Initial, 9));
        assert_eq!(engine.phase(), Phase::Rebuild);
        assert!(
            !raises(&effects, "sync.bootstrap:action:start"),
            "it is no new device"
        );
        engine.hear(10, delta());
        engine.stored(11, brought_to(at(9)));
        let effects = engine.hear(12, ServerFrame::DeltaComplete {});
        assert!(effects.contains(&Effect::FinishRebuild));
        assert_eq!(engine.phase(), Phase::Rebuild, "not before that is stored");
        let effects = finished(&mut engine, 13);
        assert_eq!(
            (engine.phase(), engine.state().rebuild),
            (Phase::Live, None)
        );
        assert!(hooks(&effects).contains(&&Hook::RescanCompleted {}));
        assert!(effects.contains(&Effect::Sweep));
    }
}

#[test]
fn who_asks_for_it_gets_everything_anew_now_or_when_the_device_wakes() {
    let mut engine = standing();
    let effects = engine.tell(4, Event::ResetAsked);
    assert_eq!(begins(&effects), Some(Rebuild::Replace));
    assert_eq!(markers_said(&effects), Some(&witness(4)));
    assert!(effects.contains(&Effect::CloseLink { link: 1 }));

    let mut engine = standing();
    engine.tell(4, Event::Stopped);
    let effects = engine.tell(5, Event::ResetAsked);
    assert_eq!(
        (begins(&effects), markers_said(&effects)),
        (Some(Rebuild::Replace), None)
    );
    engine.welcome(6);
    assert_eq!(engine.phase(), Phase::Rebuild);
}

#[test]
fn where_a_page_led_that_was_stored_before_a_rebuild_began_is_forgotten() {
    let late = |link| {
        let mut markers = Markers::default();
        markers.set(&own(), "notes", at(9));
        let refused = Refused::Gap { markers };
        let committed = brought_to(at(9));
        [
            Event::PageStored { link, committed },
            Event::PageRefused { link, refused },
        ]
    };
    for event in late(1) {
        let mut engine = standing();
        engine.hear(4, change());
        engine.tell(5, Event::ResetAsked);
        engine.tell(6, event);
        assert_eq!(engine.state().markers, witness(4));
    }
    for event in late(2) {
        let mut engine = standing();
        engine.tell(5, Event::ResetAsked);
        engine.tell(6, event);
        assert_eq!(
            engine.state().markers.get(&own(), "notes"),
            at(9),
            "of a later page"
        );
    }
}

#[test]
fn a_rebuild_that_was_broken_off_goes_on_after_a_restart() {
    let stored = Stored {
        rebuild: Some(Rebuild::Heal),
        generation: 1,
        ..nothing_stored()
    };
    let mut engine = Engine::with(stored);
    engine.welcome(0);
    assert_eq!(engine.phase(), Phase::Rebuild);
    engine.lose(1, LinkFailure::Ended);
    engine.welcome(2);
    assert_eq!(engine.phase(), Phase::Rebuild);
}

#[test]
fn an_end_that_could_not_be_stored_is_tried_again() {
    let mut engine = finishing();
    let message = String::from("the disk is full");
    engine.tell(7, Event::RebuildUnfinished { message });
    assert_eq!(
        (engine.phase(), status(engine.state())),
        (Phase::Backoff, Status::SyncError)
    );
    engine.welcome(8);
    engine.hear(9, ServerFrame::DeltaComplete {});
    finished(&mut engine, 10);
    assert_eq!(engine.phase(), Phase::Live);
}

#[test]
fn the_end_of_a_rebuild_on_a_link_that_was_given_up_makes_no_later_one_live() {
    let mut engine = finishing();
    engine.lose(7, LinkFailure::Ended);
    engine.welcome(8);
    engine.hear(9, delta());
    finished(&mut engine, 10);
    assert_eq!(engine.phase(), Phase::Rebuild, "not everything is here yet");
    assert!(engine.state().storing);
    engine.stored(11, brought_to(at(9)));
    engine.hear(12, ServerFrame::DeltaComplete {});
    finished(&mut engine, 13);
    assert_eq!(engine.phase(), Phase::Live);
}

#[test]
fn the_end_of_one_rebuild_is_not_the_end_of_the_next() {
    let mut engine = finishing();
    engine.tell(7, Event::ResetAsked);
    finished(&mut engine, 8);
    assert_eq!(engine.state().rebuild, Some(Rebuild::Replace));
    engine.welcome(9);
    assert_eq!(engine.phase(), Phase::Rebuild);
}

#[test]
fn what_is_left_of_older_times_is_swept_pass_by_pass_while_live() {
    let stored = Stored {
        generation: 1,
        ..nothing_stored()
    };
    let mut engine = Engine::with(stored);
    assert!(
        engine.go_live(0).contains(&Effect::Sweep),
        "an earlier run may not have done it"
    );
    let swept = |left| Event::Swept {
        left,
        outbox: count(1),
    };
    let effects = engine.tell(1, swept(true));
    assert!(effects.contains(&Effect::Sweep));
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::TakeOutbox { .. })),
        "offers"
    );
    engine.lose(2, LinkFailure::Ended);
    assert!(!engine.tell(3, swept(true)).contains(&Effect::Sweep));
    assert!(engine.go_live(4).contains(&Effect::Sweep), "it goes on");
    assert!(!engine.tell(5, swept(false)).contains(&Effect::Sweep));
    assert!(
        !Engine::live().asked.contains(&Effect::Sweep),
        "nothing was ever begun anew"
    );
}

#[test]
fn what_has_served_its_time_is_cleared_out_when_there_is_nothing_better_to_do() {
    let due = Event::TimerFired(Timer::Collect);
    let mut engine = Engine::live();
    assert!(engine.tell(5, due.clone()).contains(&Effect::Collect));
    for (left, delay_ms) in [(true, BACKOFF_MS_MIN), (false, COLLECT_MS)] {
        let effects = engine.tell(6, Event::Collected { left });
        assert_eq!(timer(&effects, Timer::Collect), Some(6 + delay_ms));
    }
    let mut pushing = Engine::live();
    pushing.push(5, 1, 1);
    let mut storing = Engine::live();
    storing.hear(5, change());
    for mut busy in [pushing, storing] {
        let effects = busy.tell(6, due.clone());
        assert!(!effects.contains(&Effect::Collect));
        assert_eq!(timer(&effects, Timer::Collect), Some(6 + OUTBOX_REREAD_MS));
    }
}

#[test]
fn upkeep_that_failed_is_reported_and_done_in_its_time() {
    let stored = Stored {
        generation: 1,
        ..nothing_stored()
    };
    let mut engine = Engine::with(stored);
    engine.go_live(0);
    let message = String::from("the disk is full");
    let effects = engine.tell(
        5,
        Event::UpkeepFailed {
            message: message.clone(),
        },
    );
    assert!(hooks(&effects).contains(&&Hook::GcError {
        message: message.clone()
    }));
    assert_eq!(timer(&effects, Timer::Collect), Some(5 + COLLECT_MS));
    let effects = engine.tell(5 + COLLECT_MS, Event::TimerFired(Timer::Collect));
    assert!(
        effects.contains(&Effect::Sweep),
        "the pass that failed half-way"
    );

    engine.tell(6, Event::Stopped);
    for event in [
        Event::UpkeepFailed { message },
        Event::Collected { left: true },
    ] {
        assert_eq!(timer(&engine.tell(7, event), Timer::Collect), None);
    }
}

#[test]
fn the_outbox_is_looked_at_again_and_again_while_live_for_news_gets_lost_between_tabs() {
    let mut engine = Engine::live();
    for now_ms in [10_000, 20_000, 30_000] {
        let effects = engine.tell(now_ms, Event::TimerFired(Timer::Reread));
        assert!(effects.contains(&Effect::CountOutbox));
        assert_eq!(
            timer(&effects, Timer::Reread),
            Some(now_ms + OUTBOX_REREAD_MS)
        );
    }
    engine.lose(30_001, LinkFailure::Ended);
    assert_eq!(engine.tell(40_000, Event::TimerFired(Timer::Reread)), []);
}

#[test]
fn what_was_refused_is_tried_again_when_somebody_asks() {
    for mut engine in [Engine::new(), Engine::live()] {
        assert!(
            engine
                .tell(5, Event::RetryAsked)
                .contains(&Effect::RetryRefused)
        );
    }
}
