//! The one function that decides what a device does next.
//!
//! What is done about an event stands in the file of its matter: [`super::link`] for the link and
//! what the browser says, [`super::serve`] for what the server says and the store answers,
//! [`super::drain`] for the outbox, [`super::upkeep`] for rebuilding, sweeping, clearing out and
//! comparing. PROTOCOL.md has the table of states and events; a test holds it to this code.

use super::effect::{Effect, Link, SyncEvent, Timer};
use super::event::{Event, Input};
use super::state::{Drain, Phase, State};
use super::status::{Connectivity, Status, connectivity};
use crate::hooks::Hook;
use crate::id::Mint;
use alloc::vec::Vec;

/// Takes what happened and says what to do. Pure: the same state and input give the same
/// state and effects, on every machine.
///
/// # Panics
/// The host answered what it was not asked, or the engine would wait for nothing: a mistake in
/// the program that no input can cause.
#[must_use]
pub fn step(state: State, input: Input) -> (State, Vec<Effect>) {
    let before = Before::of(&state);
    let mut turn = Turn {
        state,
        mint: input.mint,
        effects: Vec::new(),
    };
    turn.take(input.event);
    turn.tell_what_changed(&before);
    assert!(
        turn.keeps_going(),
        "nothing will wake {:?}",
        turn.state.phase
    );
    (turn.state, turn.effects)
}

/// One step under way.
pub(super) struct Turn {
    pub(super) state: State,
    pub(super) mint: Mint,
    pub(super) effects: Vec<Effect>,
}

impl Turn {
    fn take(&mut self, event: Event) {
        match event {
            Event::Led | Event::SignedIn | Event::ConnectAsked => self.connect_anew(),
            Event::Stopped => self.stop(Phase::Stopped),
            Event::DisconnectAsked { reason } => self.say_bye(reason),
            Event::NetworkFound => self.network_found(),
            Event::NetworkLost => self.network_lost(),
            Event::Woken => self.woken(),
            Event::LinkOpened { link } if self.is_present(link) => self.opened(),
            Event::FrameArrived { link, frame } if self.is_present(link) => self.frame(frame),
            Event::LinkClosed { link, failure } if self.is_present(link) => self.failed(&failure),
            // News of a link that was given up.
            Event::LinkOpened { .. } | Event::FrameArrived { .. } | Event::LinkClosed { .. } => {}
            Event::PageStored { link, committed } => self.page_stored(link, committed),
            Event::PageRefused { link, refused } => self.page_refused(link, refused),
            Event::OutboxGrew(outbox) => self.outbox_grew(outbox),
            Event::OutboxTaken { taken, outbox } => self.taken(taken, outbox),
            Event::PushAnswered(result) => self.push_answered(result),
            Event::PushFailed(failure) => self.push_failed(&failure),
            Event::Settled(committed) => self.settled(committed),
            Event::SettleFailed => self.settle_failed(),
            Event::ResetAsked => self.reset(),
            Event::RebuildFinished(outbox) => self.rebuild_finished(outbox),
            Event::RebuildUnfinished { message } => self.rebuild_unfinished(message),
            Event::Swept { left, outbox } => self.swept(left, outbox),
            Event::Collected { left } => self.collected(left),
            Event::UpkeepFailed { message } => self.upkeep_failed(message),
            Event::RetryAsked => self.effects.push(Effect::RetryRefused),
            Event::VerifyAsked => self.verify_asked(),
            Event::Digested(digests) => self.digested(digests),
            Event::Verified(verified) => self.verified(&verified),
            Event::NotVerified(failure) => self.not_verified(&failure),
            Event::TimerFired(timer) => self.timer(timer),
        }
    }

    pub(super) const fn is_present(&self, link: Link) -> bool {
        self.state.has_link() && self.state.link == link
    }

    fn timer(&mut self, timer: Timer) {
        match timer {
            Timer::Retry => self.retry_is_due(),
            Timer::Watchdog => self.watchdog_is_due(),
            Timer::Outbox => {
                self.state.outbox.armed = false;
                self.drain();
            }
            Timer::Reread => self.reread_is_due(),
            Timer::Collect => self.collect_is_due(),
        }
    }

    pub(super) fn set_timer(&mut self, timer: Timer, delay_ms: u64) {
        let at_ms = self.mint.now_ms() + delay_ms;
        self.effects.push(Effect::SetTimer { timer, at_ms });
    }

    pub(super) fn tell(&mut self, event: SyncEvent) {
        self.effects.push(Effect::Tell(event));
    }

    pub(super) fn raise(&mut self, hook: Hook) {
        self.effects.push(Effect::Raise(hook));
    }

    fn tell_what_changed(&mut self, before: &Before) {
        let now = Before::of(&self.state);
        if now.connected && !before.connected {
            self.tell(SyncEvent::Connected {});
        }
        if before.connected && !now.connected {
            let reason = alloc::format!("{:?}", self.state.phase).to_ascii_lowercase();
            self.tell(SyncEvent::Disconnected { reason });
        }
        let complete = now.connectivity.status == Status::SyncComplete;
        if complete && before.connectivity.status != Status::SyncComplete {
            self.state.synced_at_ms = self.mint.now_ms();
            self.tell(SyncEvent::SyncCompleted {});
        }
        if complete {
            self.verify_if_wanted();
        }
        let connectivity = connectivity(&self.state);
        if connectivity.status != before.connectivity.status {
            self.raise(Hook::StatusChange {
                status: connectivity.status,
            });
        }
        if connectivity != before.connectivity {
            self.tell(SyncEvent::StatusChanged {
                is_connected: now.connected,
                status: connectivity.status,
                waiting: connectivity.waiting,
            });
            self.effects.push(Effect::TellConnectivity(connectivity));
        }
    }

    /// A device that should be in touch has a link, or a timer that will make one; and while
    /// something waits to be sent on a link that stands, it is being sent or a timer is set.
    fn keeps_going(&self) -> bool {
        let outbox = &self.state.outbox;
        match self.state.phase {
            Phase::Stopped | Phase::AuthBlocked => true,
            Phase::Offline | Phase::Backoff => self.state.retry_armed,
            Phase::Live => outbox.waiting == 0 || outbox.armed || outbox.drain != Drain::Idle,
            _ => true,
        }
    }
}

/// What others are told about, as it was before a step.
struct Before {
    connectivity: Connectivity,
    connected: bool,
}

impl Before {
    fn of(state: &State) -> Self {
        Self {
            connectivity: connectivity(state),
            connected: state.is_connected(),
        }
    }
}
