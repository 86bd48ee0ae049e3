//! Rules of the document that take more than one event to see.

use super::driven::{Driven, delta, error, waiting};
use super::states::{closed, page_stored, pushing, storing, taking};
use sync::device::effect::{Answer, Effect, Timer};
use sync::device::event::{Event, Refused};
use sync::device::retry::{FailureClass, LinkFailure};
use sync::device::state::Phase;
use sync::device::status::{Status, status};
use sync::frame::{ServerError, ServerFrame};
use sync::limits::BAD_ROW_TRIES_MAX;

/// The link is lost and made anew, and what was missed begins to come.
fn connect_again(driven: &mut Driven) {
    driven.happen(Event::TimerFired(Timer::Retry));
    driven.happen(Event::LinkOpened {
        link: driven.link(),
    });
    driven.hear(super::driven::welcome());
}

#[test]
fn a_row_that_cannot_be_stored_is_passed_though_other_pages_are_stored_in_between() {
    let mut driven = storing(Phase::Delta);
    let bad = |driven: &Driven| Event::PageRefused {
        link: driven.link(),
        refused: Refused::BadRow {
            lsn: 8,
            message: "it does not fit".into(),
        },
    };
    for _ in 0..BAD_ROW_TRIES_MAX {
        driven.happen(bad(&driven));
        assert_eq!(driven.state().phase, Phase::Backoff);
        connect_again(&mut driven);
        // The chunk of a table before it, which is stored each time.
        driven.hear(delta(None));
        driven.asked_by = driven.link();
        driven.happen(page_stored(&driven));
        driven.hear(delta(None));
    }
    let passes = driven.effects.iter().find_map(|effect| match effect {
        Effect::StorePage { pass, .. } => Some(pass.clone()),
        _ => None,
    });
    assert_eq!(passes, Some(vec![8]));
    driven.asked_by = driven.link();
    driven.happen(page_stored(&driven));
    driven.hear(ServerFrame::DeltaComplete {});
    assert!(
        driven.state().pass.is_empty(),
        "and forgotten once all is here"
    );
}

#[test]
fn a_device_that_was_stopped_sends_nothing_and_is_not_woken_by_late_news() {
    let mut driven = taking(Phase::Stopped);
    driven.happen(Event::OutboxTaken {
        taken: 2,
        outbox: waiting(2),
    });
    assert!(!driven.effects.contains(&Effect::Push));
    let put_back = Effect::Settle(Answer::Failed(FailureClass::Away));
    assert!(driven.effects.contains(&put_back), "they wait again");

    let mut driven = pushing(Phase::Stopped);
    driven.happen(Event::PushFailed(LinkFailure::Unauthorized));
    assert_eq!(driven.state().phase, Phase::Stopped);
    assert!(!driven.effects.contains(&Effect::TellAuthExpired));
}

#[test]
fn trouble_of_the_past_is_not_shown_by_a_device_that_was_stopped() {
    let mut driven = Driven::live();
    let failed = closed(&driven, LinkFailure::Unreachable);
    driven.happen(failed);
    assert_eq!(status(driven.state()), Status::ConnectionError);
    driven.happen(Event::Stopped);
    assert_eq!(status(driven.state()), Status::Disconnected);
}

#[test]
fn a_late_failure_of_a_push_does_not_end_a_link_that_is_being_made() {
    for (failure, then) in [
        (LinkFailure::Unreachable, Phase::Backoff),
        (LinkFailure::Unauthorized, Phase::AuthBlocked),
    ] {
        for phase in [Phase::Connecting, Phase::Handshake, Phase::Delta] {
            let mut driven = pushing(phase);
            driven.happen(Event::PushFailed(failure.clone()));
            assert_eq!(driven.state().phase, phase);
        }
        let mut driven = pushing(Phase::Live);
        driven.happen(Event::PushFailed(failure));
        assert_eq!(driven.state().phase, then);
    }
}

#[test]
fn a_server_that_says_when_to_come_back_is_busy_and_not_broken() {
    let mut driven = Driven::live();
    for _ in 0..20 {
        driven.hear(ServerFrame::Error(ServerError {
            retry_after_ms: Some(10),
            ..ServerError::new("server_ending", "It restarts.")
        }));
        connect_again(&mut driven);
    }
    assert!(!driven.state().breaker.is_open());
    for _ in 0..20 {
        driven.hear(error("database"));
        driven.happen(Event::TimerFired(Timer::Retry));
        if driven.state().phase == Phase::Backoff {
            break;
        }
        driven.happen(Event::LinkOpened {
            link: driven.link(),
        });
        driven.hear(super::driven::welcome());
    }
    assert!(driven.state().breaker.is_open());
}

#[test]
fn nothing_is_asked_of_a_link_that_was_given_up() {
    let mut driven = super::states::comparing(Phase::Live);
    let differs = super::states::all(sync::frame::Standing::Differs);
    driven.hear(ServerFrame::VerifyResult(differs));
    let reads = |effect: &Effect| matches!(effect, Effect::ReadFrame { .. });
    assert!(!driven.effects.iter().any(reads));
}
