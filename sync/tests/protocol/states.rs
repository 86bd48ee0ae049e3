//! The states that the tables are about, each reached by real events.

use super::driven::{
    Driven, change, delta, digests, page_committed, push_result, settled, waiting,
};
use sync::device::effect::Timer;
use sync::device::event::Event;
use sync::device::retry::LinkFailure;
use sync::device::state::Phase;
use sync::frame::{ServerFrame, Standing, Verified};
use sync::scope::{OWN, Scope};

/// Nothing is under way.
pub(crate) fn quiet(phase: Phase) -> Driven {
    reach(phase, |_| {})
}

/// The network is back, as far as the browser says, and nothing was heard for a while.
pub(crate) fn silent(phase: Phase) -> Driven {
    let mut driven = quiet(phase);
    driven.now_ms += 60_000;
    driven
}

/// A page is being stored; where the phase has none to store, it came by the link before.
pub(crate) fn storing(phase: Phase) -> Driven {
    let mut driven = Driven::live();
    let during = |driven: &mut Driven, frame| {
        driven.hear(frame);
        driven.asked_by = driven.link();
    };
    match phase {
        Phase::Delta | Phase::Rebuild => {
            driven.go(phase);
            during(&mut driven, delta(None));
        }
        _ => {
            during(&mut driven, change());
            driven.go(phase);
        }
    }
    driven
}

/// A page is being stored that came by a link which was given up since.
pub(crate) fn storing_for_nobody(phase: Phase) -> Driven {
    reach(phase, |driven| {
        driven.hear(change());
        driven.asked_by = driven.link();
        driven.happen(Event::ConnectAsked);
        driven.happen(Event::LinkOpened {
            link: driven.link(),
        });
        driven.hear(super::driven::welcome());
        driven.hear(ServerFrame::DeltaComplete {});
    })
}

/// Changes are being read from the outbox.
pub(crate) fn taking(phase: Phase) -> Driven {
    reach(phase, |driven| driven.happen(Event::OutboxGrew(waiting(2))))
}

/// A push is on its way.
pub(crate) fn pushing(phase: Phase) -> Driven {
    reach(phase, push)
}

/// Outcomes are being stored.
pub(crate) fn settling(phase: Phase) -> Driven {
    reach(phase, settle)
}

/// Changes wait that are not due yet.
pub(crate) fn waiting_for_later(phase: Phase) -> Driven {
    reach(phase, wait_for_later)
}

/// The state is here anew and that is being stored.
pub(crate) fn finishing(phase: Phase) -> Driven {
    let mut driven = Driven::live();
    driven.go(Phase::Rebuild);
    driven.hear(ServerFrame::DeltaComplete {});
    if matches!(phase, Phase::Delta | Phase::Live) {
        // Only a second answer finds a device there: the first one took it there.
        driven.go(Phase::Backoff);
        driven.happen(Event::TimerFired(Timer::Retry));
        driven.happen(Event::LinkOpened {
            link: driven.link(),
        });
        driven.hear(super::driven::welcome());
        driven.hear(ServerFrame::DeltaComplete {});
        driven.happen(Event::RebuildFinished(waiting(0)));
    }
    if phase != Phase::Rebuild {
        driven.go(phase);
    }
    driven
}

/// Rows of an older generation are being swept.
pub(crate) fn sweeping(phase: Phase) -> Driven {
    let mut driven = Driven::live();
    driven.go(Phase::Rebuild);
    driven.hear(ServerFrame::DeltaComplete {});
    driven.happen(Event::RebuildFinished(waiting(0)));
    driven.go(phase);
    driven
}

/// Digests are being taken.
pub(crate) fn digesting(phase: Phase) -> Driven {
    reach(phase, |driven| driven.happen(Event::VerifyAsked))
}

/// The server was asked whether both sides have the same.
pub(crate) fn comparing(phase: Phase) -> Driven {
    reach(phase, ask_to_compare)
}

/// What the outbox is doing, by name, on a link that stands.
pub(crate) fn outbox(doing: &str) -> Driven {
    match doing {
        "Idle" => reach(Phase::Live, wait_for_later),
        "Taking" => taking(Phase::Live),
        "Pushing" => pushing(Phase::Live),
        _ => settling(Phase::Live),
    }
}

/// How far comparing has come, by name, while outcomes are being stored on a link that stands.
pub(crate) fn verifying(stage: &str) -> Driven {
    reach(Phase::Live, |driven| {
        match stage {
            "Digesting" => driven.happen(Event::VerifyAsked),
            "Asked" => ask_to_compare(driven),
            "Behind" => {
                ask_to_compare(driven);
                driven.happen(Event::Verified(all(Standing::Behind)));
            }
            _ => {}
        }
        settle(driven);
        if stage == "Wanted" {
            driven.happen(Event::VerifyAsked);
        }
    })
}

/// How both sides compare.
pub(crate) fn all(standing: Standing) -> Verified {
    let tables = [("entries".into(), standing)].into();
    Verified {
        tables: [(Scope::named(OWN), tables)].into(),
    }
}

/// From a device that has everything, through `first`, to the phase.
fn reach(phase: Phase, first: impl FnOnce(&mut Driven)) -> Driven {
    let mut driven = Driven::live();
    first(&mut driven);
    driven.go(phase);
    driven
}

fn push(driven: &mut Driven) {
    driven.happen(Event::OutboxGrew(waiting(2)));
    driven.happen(Event::OutboxTaken {
        taken: 2,
        outbox: waiting(2),
    });
}

fn settle(driven: &mut Driven) {
    push(driven);
    driven.happen(Event::PushAnswered(push_result()));
}

fn wait_for_later(driven: &mut Driven) {
    driven.happen(Event::OutboxGrew(waiting(2)));
    let mut outbox = waiting(2);
    outbox.next_due_ms = Some(driven.now_ms + 5_000);
    driven.happen(Event::OutboxTaken { taken: 0, outbox });
}

fn ask_to_compare(driven: &mut Driven) {
    driven.happen(Event::VerifyAsked);
    driven.happen(Event::Digested(digests()));
}

/// The answer to a page that is being stored.
pub(crate) fn page_stored(driven: &Driven) -> Event {
    Event::PageStored {
        link: driven.asked_by,
        committed: page_committed(),
    }
}

/// The answer to outcomes that are being stored, after which so many changes wait.
pub(crate) fn all_settled(count: u64) -> Event {
    Event::Settled(settled(count))
}

/// A stream that failed like this.
pub(crate) fn closed(driven: &Driven, failure: LinkFailure) -> Event {
    Event::LinkClosed {
        link: driven.link(),
        failure,
    }
}
