//! The rows of the tables: everything that can happen, and the state in which it is shown.

use super::driven::{
    Driven, HERE, THERE, TOLD_MS, change, delta, digests, error, heartbeat, push_result, waiting,
    welcome,
};
use super::states::{
    all, all_settled, closed, comparing, digesting, finishing, page_stored, pushing, quiet,
    settling, silent, storing, storing_for_nobody, sweeping, taking, waiting_for_later,
};
use sync::device::effect::Timer;
use sync::device::event::{Event, Refused};
use sync::device::retry::LinkFailure;
use sync::device::state::Phase;
use sync::frame::{Head, ServerError, ServerFrame, Standing};
use sync::scope::{Markers, OWN, Scope};

/// One row: what it is called, the state of a phase it is shown in, and the event.
pub(crate) type Row = (&'static str, fn(Phase) -> Driven, fn(&Driven) -> Event);

/// An event of a table whose columns are no phases: what it is called, and the event.
pub(crate) type Happening = (&'static str, fn(&Driven) -> Event);

/// The heading of a group of rows, and the rows.
pub(crate) type Group = (&'static str, &'static [Row]);

/// All rows of the table of phases.
pub(crate) const GROUPS: [Group; 6] = [
    ("The person, the tab and the browser", PERSON),
    ("The link", LINK),
    ("Frames that arrive", FRAMES),
    ("What the store answers", STORE),
    ("Pushing", PUSHING),
    ("Comparing", COMPARING),
];

const PERSON: &[Row] = &[
    ("Led", quiet, |_| Event::Led),
    ("Stopped", quiet, |_| Event::Stopped),
    ("SignedIn", quiet, |_| Event::SignedIn),
    ("ConnectAsked", quiet, |_| Event::ConnectAsked),
    ("DisconnectAsked", quiet, |_| Event::DisconnectAsked {
        reason: "asked".into(),
    }),
    ("ResetAsked", quiet, |_| Event::ResetAsked),
    ("VerifyAsked", quiet, |_| Event::VerifyAsked),
    ("RetryAsked", quiet, |_| Event::RetryAsked),
    ("NetworkFound", quiet, |_| Event::NetworkFound),
    ("NetworkLost", quiet, |_| Event::NetworkLost),
    ("Woken", quiet, |_| Event::Woken),
    ("Woken: nothing heard for 20 s", silent, |_| Event::Woken),
];

const LINK: &[Row] = &[
    ("LinkOpened", quiet, |d| Event::LinkOpened {
        link: d.link(),
    }),
    ("LinkClosed: ended", quiet, |d| {
        closed(d, LinkFailure::Ended)
    }),
    ("LinkClosed: away", quiet, |d| {
        closed(d, LinkFailure::NotOurs)
    }),
    ("LinkClosed: busy", quiet, |d| closed(d, server(429))),
    ("LinkClosed: session", quiet, |d| {
        closed(d, LinkFailure::Unauthorized)
    }),
    ("LinkClosed: broken", quiet, |d| closed(d, server(500))),
    ("LinkClosed: refused", quiet, |d| closed(d, server(400))),
    ("LinkClosed: of a link given up", quiet, |d| {
        Event::LinkClosed {
            link: d.link() - 1,
            failure: LinkFailure::Ended,
        }
    }),
    ("TimerFired: Retry", quiet, |_| {
        Event::TimerFired(Timer::Retry)
    }),
    ("TimerFired: Watchdog", quiet, |_| {
        Event::TimerFired(Timer::Watchdog)
    }),
    (
        "TimerFired: Watchdog, while a page is stored",
        storing,
        |_| Event::TimerFired(Timer::Watchdog),
    ),
];

const FRAMES: &[Row] = &[
    ("FrameArrived: welcome", quiet, |d| frame(d, welcome())),
    ("FrameArrived: head", quiet, |d| frame(d, head())),
    ("FrameArrived: delta", quiet, |d| frame(d, delta(None))),
    ("FrameArrived: delta, with an error", quiet, |d| {
        frame(d, delta(Some(ServerError::new("database", "words"))))
    }),
    ("FrameArrived: delta_complete", quiet, |d| {
        frame(d, ServerFrame::DeltaComplete {})
    }),
    ("FrameArrived: change", quiet, |d| frame(d, change())),
    ("FrameArrived: push_result", quiet, |d| {
        frame(d, ServerFrame::PushResult(push_result()))
    }),
    ("FrameArrived: heartbeat", quiet, |d| {
        frame(d, heartbeat(HERE))
    }),
    (
        "FrameArrived: heartbeat, ahead of this device",
        quiet,
        |d| frame(d, heartbeat(THERE)),
    ),
    ("FrameArrived: verify_result", comparing, |d| {
        frame(d, ServerFrame::VerifyResult(all(Standing::Same)))
    }),
    ("FrameArrived: error `no_session`", quiet, |d| {
        frame(d, error("no_session"))
    }),
    ("FrameArrived: error `revoked_erase`", quiet, |d| {
        frame(d, error("revoked_erase"))
    }),
    ("FrameArrived: error `account_erased`", quiet, |d| {
        frame(d, error("account_erased"))
    }),
    ("FrameArrived: error `epoch_changed`", quiet, |d| {
        frame(d, error("epoch_changed"))
    }),
    ("FrameArrived: error `cursor_expired`", quiet, |d| {
        frame(d, error("cursor_expired"))
    }),
    ("FrameArrived: error `update_required`", quiet, |d| {
        frame(d, error("update_required"))
    }),
    ("FrameArrived: error with `retry_after_ms`", quiet, |d| {
        frame(d, busy())
    }),
    ("FrameArrived: error, any other", quiet, |d| {
        frame(d, error("database"))
    }),
    ("FrameArrived: of a link given up", quiet, |d| {
        Event::FrameArrived {
            link: d.link() - 1,
            frame: change(),
        }
    }),
];

const STORE: &[Row] = &[
    ("PageStored", storing, page_stored),
    (
        "PageStored: of a link given up",
        storing_for_nobody,
        page_stored,
    ),
    ("PageRefused: gap", storing, |d| {
        refused(
            d,
            Refused::Gap {
                markers: Markers::default(),
            },
        )
    }),
    ("PageRefused: bad row", storing, |d| {
        refused(
            d,
            Refused::BadRow {
                lsn: 8,
                message: "words".into(),
            },
        )
    }),
    ("PageRefused: failed", storing, |d| {
        refused(
            d,
            Refused::Failed {
                message: "words".into(),
            },
        )
    }),
    ("PageRefused: of a link given up", storing_for_nobody, |d| {
        refused(
            d,
            Refused::Failed {
                message: "words".into(),
            },
        )
    }),
    ("RebuildFinished", finishing, |_| {
        Event::RebuildFinished(waiting(1))
    }),
    ("RebuildUnfinished", finishing, |_| {
        Event::RebuildUnfinished {
            message: "words".into(),
        }
    }),
    ("Swept: some are left", sweeping, |_| swept(true)),
    ("Swept: all", sweeping, |_| swept(false)),
    ("UpkeepFailed", sweeping, |_| Event::UpkeepFailed {
        message: "words".into(),
    }),
    ("TimerFired: Collect", quiet, |_| {
        Event::TimerFired(Timer::Collect)
    }),
    ("TimerFired: Collect, while busy", settling, |_| {
        Event::TimerFired(Timer::Collect)
    }),
    (
        "TimerFired: Collect, after sweeping failed",
        sweeping,
        |_| Event::TimerFired(Timer::Collect),
    ),
    ("Collected: some is left", quiet, |_| Event::Collected {
        left: true,
    }),
    ("Collected: all", quiet, |_| Event::Collected {
        left: false,
    }),
];

const PUSHING: &[Row] = &[
    ("OutboxGrew", quiet, |_| Event::OutboxGrew(waiting(1))),
    ("OutboxTaken: some", taking, |_| taken(2)),
    ("OutboxTaken: none is due", taking, |_| taken(0)),
    ("PushAnswered", pushing, |_| {
        Event::PushAnswered(push_result())
    }),
    ("PushFailed: away", pushing, |_| {
        Event::PushFailed(LinkFailure::Unreachable)
    }),
    ("PushFailed: busy", pushing, |_| {
        Event::PushFailed(server(429))
    }),
    ("PushFailed: session", pushing, |_| {
        Event::PushFailed(LinkFailure::Unauthorized)
    }),
    ("PushFailed: broken", pushing, |_| {
        Event::PushFailed(server(500))
    }),
    ("PushFailed: refused", pushing, |_| {
        Event::PushFailed(server(400))
    }),
    ("Settled: nothing waits", settling, |_| all_settled(0)),
    ("Settled: more waits", settling, |_| all_settled(1)),
    ("SettleFailed: while taking", taking, |_| {
        Event::SettleFailed
    }),
    ("SettleFailed: while settling", settling, |_| {
        Event::SettleFailed
    }),
    ("TimerFired: Outbox", waiting_for_later, |_| {
        Event::TimerFired(Timer::Outbox)
    }),
    ("TimerFired: Reread", quiet, |_| {
        Event::TimerFired(Timer::Reread)
    }),
];

const COMPARING: &[Row] = &[
    ("Digested", digesting, |_| Event::Digested(digests())),
    ("Verified: same", comparing, |_| {
        Event::Verified(all(Standing::Same))
    }),
    ("Verified: behind", comparing, |_| {
        Event::Verified(all(Standing::Behind))
    }),
    ("Verified: differs", comparing, |_| {
        Event::Verified(all(Standing::Differs))
    }),
    ("NotVerified: session", comparing, |_| {
        Event::NotVerified(LinkFailure::Unauthorized)
    }),
    ("NotVerified: any other", comparing, |_| {
        Event::NotVerified(LinkFailure::Unreachable)
    }),
];

/// What can happen to the outbox, whatever it is doing.
pub(crate) const OUTBOX: [Happening; 15] = [
    ("OutboxGrew", |_| Event::OutboxGrew(waiting(3))),
    ("OutboxTaken: some", |_| taken(2)),
    ("OutboxTaken: none is due", |_| taken(0)),
    ("PushAnswered", |_| Event::PushAnswered(push_result())),
    ("PushFailed: away", |_| {
        Event::PushFailed(LinkFailure::Unreachable)
    }),
    ("PushFailed: busy", |_| Event::PushFailed(server(429))),
    ("PushFailed: session", |_| {
        Event::PushFailed(LinkFailure::Unauthorized)
    }),
    ("PushFailed: broken", |_| Event::PushFailed(server(500))),
    ("PushFailed: refused", |_| Event::PushFailed(server(400))),
    ("Settled: nothing waits", |_| all_settled(0)),
    ("Settled: more waits", |_| all_settled(1)),
    ("SettleFailed", |_| Event::SettleFailed),
    ("TimerFired: Outbox", |_| Event::TimerFired(Timer::Outbox)),
    ("LinkClosed: ended", |d| closed(d, LinkFailure::Ended)),
    ("Stopped", |_| Event::Stopped),
];

/// What can happen to a comparison, however far it has come.
pub(crate) const VERIFYING: [Happening; 9] = [
    ("VerifyAsked", |_| Event::VerifyAsked),
    ("Settled: nothing waits", |_| all_settled(0)),
    ("Digested", |_| Event::Digested(digests())),
    ("Verified: same", |_| Event::Verified(all(Standing::Same))),
    ("Verified: behind", |_| {
        Event::Verified(all(Standing::Behind))
    }),
    ("Verified: differs", |_| {
        Event::Verified(all(Standing::Differs))
    }),
    ("NotVerified: any other", |_| {
        Event::NotVerified(LinkFailure::Unreachable)
    }),
    ("FrameArrived: heartbeat", |d| frame(d, heartbeat(HERE))),
    ("LinkClosed: ended", |d| closed(d, LinkFailure::Ended)),
];

fn frame(driven: &Driven, frame: ServerFrame) -> Event {
    Event::FrameArrived {
        link: driven.link(),
        frame,
    }
}

fn head() -> ServerFrame {
    ServerFrame::Head(Head {
        scope: Scope::named(OWN),
        table: "entries".into(),
        rows: Vec::new(),
    })
}

fn busy() -> ServerFrame {
    ServerFrame::Error(ServerError {
        retry_after_ms: Some(TOLD_MS),
        ..ServerError::new("busy", "words")
    })
}

fn server(status: u16) -> LinkFailure {
    LinkFailure::Server {
        status,
        code: "code".into(),
        retry_after_ms: Some(TOLD_MS),
    }
}

fn refused(driven: &Driven, refused: Refused) -> Event {
    Event::PageRefused {
        link: driven.asked_by,
        refused,
    }
}

fn swept(left: bool) -> Event {
    Event::Swept {
        left,
        outbox: waiting(1),
    }
}

fn taken(taken: usize) -> Event {
    let mut outbox = waiting(2);
    if taken == 0 {
        outbox.next_due_ms = Some(2_000_000);
    }
    Event::OutboxTaken { taken, outbox }
}
