//! Pages that are stored or not, and what is reported of them.

use crate::engine::*;
use sync::device::effect::{Committed, Effect, Page};
use sync::device::event::{Event, Refused};
use sync::device::retry::LinkFailure;
use sync::device::state::{Phase, Stored};
use sync::device::status::{Status, status};
use sync::frame::{FeedPhase, Head, ServerFrame};
use sync::hooks::Hook;
use sync::id::Id;
use sync::limits::{BAD_ROW_TRIES_MAX, CONFLICT_NOTICE_MS};
use sync::scope::{Lsn, Markers};

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

fn head() -> ServerFrame {
    ServerFrame::Head(Head {
        scope: own(),
        table: "pages".into(),
        rows: Vec::new(),
    })
}

fn refuse(engine: &mut Engine, now_ms: u64, refused: Refused) -> Vec<Effect> {
    let link = engine.state().link;
    engine.tell(now_ms, Event::PageRefused { link, refused })
}

fn bad_row(lsn: Lsn) -> Refused {
    Refused::BadRow {
        lsn,
        message: "no day".into(),
    }
}

#[test]
fn a_page_that_does_not_fit_is_asked_for_again_from_where_the_store_stands() {
    let mut engine = Engine::new();
    engine.welcome(0);
    engine.hear(1, delta());
    let mut markers = Markers::default();
    markers.set(&own(), "notes", at(9));
    let effects = refuse(
        &mut engine,
        2,
        Refused::Gap {
            markers: markers.clone(),
        },
    );
    assert_eq!(engine.phase(), Phase::Backoff);
    assert!(raises(&effects, "sync.pull:action:error"));
    let effects = engine.tell(3, Event::Woken);
    let says = effects
        .iter()
        .any(|effect| matches!(effect, Effect::OpenLink { hello, .. } if hello.markers == markers));
    assert!(says, "another tab may have led meanwhile");
}

#[test]
fn a_page_that_could_not_be_stored_ends_the_link_and_moves_nothing() {
    let mut engine = Engine::new();
    engine.welcome(0);
    engine.hear(1, delta());
    let refused = Refused::Failed {
        message: "the disk is full".into(),
    };
    let effects = refuse(&mut engine, 2, refused);
    assert!(effects.contains(&Effect::CloseLink { link: 1 }));
    assert_eq!(engine.state().markers, Markers::default());
    assert_eq!(status(engine.state()), Status::SyncError);
}

#[test]
fn a_row_that_cannot_be_stored_is_passed_after_some_tries() {
    let mut engine = Engine::new();
    let mut now_ms = 0;
    for tries in 1..=BAD_ROW_TRIES_MAX {
        now_ms += 100_000;
        engine.welcome(now_ms);
        // On the way there, pages of other tables are stored each time.
        engine.hear(now_ms, head());
        engine.stored(now_ms, Committed::default());
        let effects = engine.hear(now_ms, delta());
        assert_eq!(
            stores(&effects).map(|(_, pass)| pass),
            Some(&[][..]),
            "try {tries}"
        );
        refuse(&mut engine, now_ms, bad_row(7));
    }
    engine.welcome(now_ms + 1);
    let effects = engine.hear(now_ms + 1, delta());
    assert_eq!(stores(&effects).map(|(_, pass)| pass), Some(&[7][..]));
    engine.stored(now_ms + 1, brought_to(at(9)));
    engine.hear(now_ms + 1, ServerFrame::DeltaComplete {});
    let effects = engine.hear(now_ms + 1, change());
    assert_eq!(
        stores(&effects).map(|(_, pass)| pass),
        Some(&[][..]),
        "and only this once"
    );
}

#[test]
fn tries_are_counted_anew_once_everything_has_come() {
    let passes = |engine: &mut Engine, now_ms| {
        engine.welcome(now_ms);
        let effects = engine.hear(now_ms, delta());
        refuse(engine, now_ms, bad_row(7));
        stores(&effects).is_some_and(|(_, pass)| !pass.is_empty())
    };
    let mut engine = Engine::new();
    let tries = u64::from(BAD_ROW_TRIES_MAX);
    assert!((1..tries).all(|place| !passes(&mut engine, place * 100_000)));
    engine.go_live(900_000);
    assert!((0..tries).all(|place| !passes(&mut engine, 1_000_000 + place * 100_000)));
}

#[test]
fn two_rows_that_cannot_be_stored_are_both_passed_in_the_end() {
    let mut engine = Engine::new();
    let mut now_ms = 0;
    for lsn in [7, 9] {
        for _ in 0..BAD_ROW_TRIES_MAX {
            now_ms += 100_000;
            engine.welcome(now_ms);
            engine.hear(now_ms, delta());
            refuse(&mut engine, now_ms, bad_row(lsn));
        }
    }
    engine.welcome(now_ms + 1);
    let effects = engine.hear(now_ms + 1, delta());
    assert_eq!(stores(&effects).map(|(_, pass)| pass), Some(&[7, 9][..]));
}

#[test]
fn news_about_a_page_of_a_link_that_was_given_up_moves_the_markers_and_nothing_else() {
    let mut engine = Engine::new();
    engine.welcome(0);
    engine.hear(1, delta());
    engine.tell(2, Event::ConnectAsked);
    let committed = brought_to(at(4));
    let effects = engine.tell(3, Event::PageStored { link: 1, committed });
    assert_eq!(reads(&effects), 0);
    assert_eq!(engine.state().markers.get(&own(), "notes"), at(4));
    let refused = Refused::Failed {
        message: "no".into(),
    };
    engine.tell(4, Event::PageRefused { link: 1, refused });
    assert_eq!(
        engine.phase(),
        Phase::Connecting,
        "the present link is not to blame"
    );
}

#[test]
fn a_conflict_is_reported_while_things_happen_and_once_in_a_while() {
    let conflict = || Committed {
        conflicts: vec![("pages".into(), Id::from_u128(1))],
        ..Committed::default()
    };
    let detected = |effects: &[Effect]| raises(effects, "sync.conflict:action:detected");
    let mut engine = Engine::new();
    engine.welcome(0);
    engine.hear(1, delta());
    assert!(
        !detected(&engine.stored(2, conflict())),
        "noise while everything comes at once"
    );
    engine.hear(3, ServerFrame::DeltaComplete {});
    let mut at_ms = |now_ms| {
        engine.hear(now_ms, change());
        detected(&engine.stored(now_ms, conflict()))
    };
    let again = 10 + CONFLICT_NOTICE_MS;
    assert_eq!(
        [10, 11, again - 1, again].map(&mut at_ms),
        [true, false, false, true]
    );
}

#[test]
fn a_device_with_nothing_reports_how_everything_comes() {
    let mut engine = Engine::new();
    engine.open(0);
    let effects = engine.hear(100, welcome(FeedPhase::Initial, 100));
    assert!(hooks(&effects).contains(&&Hook::BootstrapStart {}));
    for total_pulled in [2, 4] {
        let effects = engine.hear(150, delta());
        assert!(hooks(&effects).contains(&&Hook::PullReceived { change_count: 0 }));
        let changed = vec![("notes".into(), vec![Id::from_u128(1), Id::from_u128(2)])];
        let effects = engine.stored(
            200,
            Committed {
                changed,
                ..Committed::default()
            },
        );
        let applied = Hook::PullApplied {
            applied: 2,
            skipped: 0,
            conflicts: 0,
        };
        assert!(hooks(&effects).contains(&&applied));
        assert!(hooks(&effects).contains(&&Hook::BootstrapProgress { total_pulled }));
    }
    let effects = engine.hear(300, ServerFrame::DeltaComplete {});
    let complete = Hook::BootstrapComplete {
        total_pulled: 4,
        elapsed_ms: 200,
    };
    assert!(hooks(&effects).contains(&&complete));

    let mut engine = Engine::with(Stored { ..nothing_stored() });
    engine.open(0);
    engine.hear(1, welcome(FeedPhase::Initial, 1));
    let effects = engine.lose(2, LinkFailure::Ended);
    let broke_off = Hook::BootstrapError {
        code: "ended".into(),
    };
    assert!(hooks(&effects).contains(&&broke_off));
}
