//! The one function that decides what a device does next.

use super::effect::{Answer, Committed, Effect, Link, Page, SyncEvent, Timer};
use super::event::{Event, Input};
use super::retry::{FailureClass, LinkFailure, backoff_ms};
use super::state::{Phase, State, Trouble};
use super::status::{Connectivity, Status, connectivity};
use crate::frame::{ServerError, ServerFrame};
use crate::id::Mint;
use crate::limits::{BACKOFF_MS_MAX, HEARTBEAT_MS, OFFSET_NOISE_MS, WATCHDOG_MS};
use crate::scope::Markers;
use alloc::string::String;
use alloc::vec::Vec;

/// Takes what happened and says what to do. Pure: the same state and input give the same
/// state and effects, on every machine.
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
    debug_assert!(turn.keeps_going(), "nothing will wake {:?}", turn.state);
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
            Event::Led | Event::SignedIn => self.connect_anew(),
            Event::Stopped => self.stop(Phase::Stopped),
            Event::NetworkFound => self.network_found(),
            Event::NetworkLost => self.network_lost(),
            Event::Woken => self.woken(),
            Event::OutboxGrew(outbox) => self.outbox_grew(outbox),
            Event::LinkOpened { link } if self.is_present(link) => self.opened(),
            Event::FrameArrived { link, frame } if self.is_present(link) => self.frame(frame),
            Event::LinkClosed { link, failure } if self.is_present(link) => self.failed(&failure),
            // News of a link that was given up.
            Event::LinkOpened { .. } | Event::FrameArrived { .. } | Event::LinkClosed { .. } => {}
            Event::PageStored { link, committed } => self.page_stored(link, committed),
            Event::PageRefused { link, reason } => self.page_refused(link, reason),
            Event::OutboxTaken { taken, outbox } => self.taken(taken, outbox),
            Event::PushAnswered(result) => self.settle(Answer::Outcomes(result)),
            Event::PushFailed(failure) => self.push_failed(&failure),
            Event::Settled(committed) => self.settled(committed),
            Event::SettleFailed => self.settle_failed(),
            Event::TimerFired(timer) => self.timer(timer),
        }
    }

    const fn is_present(&self, link: Link) -> bool {
        self.state.has_link() && self.state.link == link
    }

    // ── The link ────────────────────────────────────────────────────────────────────────────

    fn connect_anew(&mut self) {
        self.state.failures = 0;
        self.state.trouble = None;
        self.close_link();
        self.connect();
    }

    fn connect(&mut self) {
        self.state.link += 1;
        self.state.phase = Phase::Connecting;
        self.state.storing = false;
        self.disarm_retry();
        let hello = self.state.hello(self.mint.now_ms());
        self.effects.push(Effect::OpenLink {
            link: self.state.link,
            hello,
        });
        self.watch();
    }

    fn close_link(&mut self) {
        if self.state.has_link() {
            self.effects.push(Effect::CloseLink {
                link: self.state.link,
            });
            self.effects.push(Effect::ClearTimer {
                timer: Timer::Watchdog,
            });
        }
        self.state.storing = false;
    }

    fn stop(&mut self, phase: Phase) {
        self.close_link();
        self.disarm_retry();
        self.effects.push(Effect::ClearTimer {
            timer: Timer::Outbox,
        });
        self.state.phase = phase;
    }

    fn opened(&mut self) {
        self.state.phase = Phase::Handshake;
        self.watch();
        self.read_on();
    }

    fn read_on(&mut self) {
        self.effects.push(Effect::ReadFrame {
            link: self.state.link,
        });
    }

    fn watch(&mut self) {
        let at_ms = self.mint.now_ms() + WATCHDOG_MS;
        self.effects.push(Effect::SetTimer {
            timer: Timer::Watchdog,
            at_ms,
        });
    }

    pub(super) fn failed(&mut self, failure: &LinkFailure) {
        let class = failure.class();
        if class == FailureClass::Session {
            self.session_ended();
            return;
        }
        let trouble = match class {
            FailureClass::Away => Trouble::Unreachable,
            _ => Trouble::Sync,
        };
        // A stream that stood and ended is no trouble until the next attempt fails as well.
        let stood = self.state.phase == Phase::Live && *failure == LinkFailure::Ended;
        self.state.trouble = if stood {
            self.state.trouble
        } else {
            Some(trouble)
        };
        let at_least_ms = match class {
            FailureClass::Busy { retry_after_ms } => retry_after_ms,
            _ => 0,
        };
        self.back_off(at_least_ms);
    }

    fn back_off(&mut self, at_least_ms: u64) {
        self.close_link();
        self.state.phase = if self.state.network_lost {
            Phase::Offline
        } else {
            Phase::Backoff
        };
        self.state.failures = self.state.failures.saturating_add(1);
        let delay_ms = backoff_ms(self.state.failures, &mut self.mint).max(at_least_ms);
        self.retry_in(delay_ms);
        let attempt = self.state.failures;
        self.tell(SyncEvent::Reconnecting { attempt, delay_ms });
    }

    fn retry_in(&mut self, delay_ms: u64) {
        let at_ms = self.mint.now_ms() + delay_ms;
        self.state.retry_armed = true;
        self.effects.push(Effect::SetTimer {
            timer: Timer::Retry,
            at_ms,
        });
    }

    fn disarm_retry(&mut self) {
        self.state.retry_armed = false;
        self.effects.push(Effect::ClearTimer {
            timer: Timer::Retry,
        });
    }

    pub(super) fn session_ended(&mut self) {
        self.stop(Phase::AuthBlocked);
        self.effects.push(Effect::TellAuthExpired);
    }

    // ── What the browser says ───────────────────────────────────────────────────────────────

    fn network_found(&mut self) {
        self.state.network_lost = false;
        self.tell(SyncEvent::NetworkRestored {});
        if !matches!(self.state.phase, Phase::Stopped | Phase::AuthBlocked) {
            self.connect_anew();
        }
    }

    fn network_lost(&mut self) {
        self.state.network_lost = true;
        self.tell(SyncEvent::NetworkLost {});
        if !matches!(self.state.phase, Phase::Stopped | Phase::AuthBlocked) {
            self.close_link();
            self.state.phase = Phase::Offline;
            self.state.trouble = Some(Trouble::Unreachable);
            // Browsers are wrong about networks: try all the same, seldom.
            self.retry_in(BACKOFF_MS_MAX);
        }
    }

    fn woken(&mut self) {
        let silent_ms = self.mint.now_ms().saturating_sub(self.state.heard_at_ms);
        match self.state.phase {
            Phase::Offline | Phase::Backoff => {
                self.state.failures = 0;
                self.connect();
            }
            Phase::Live if silent_ms > 2 * HEARTBEAT_MS => {
                self.close_link();
                self.connect();
            }
            _ => self.drain(),
        }
    }

    fn timer(&mut self, timer: Timer) {
        match (timer, self.state.phase) {
            (Timer::Retry, Phase::Offline | Phase::Backoff) => self.connect(),
            (Timer::Retry, _) => self.state.retry_armed = false,
            (Timer::Watchdog, _) if self.state.has_link() && !self.state.storing => {
                self.failed(&LinkFailure::Unreachable);
            }
            (Timer::Outbox, _) => self.drain(),
            _ => {}
        }
    }

    // ── What the server says ────────────────────────────────────────────────────────────────

    fn frame(&mut self, frame: ServerFrame) {
        self.state.heard_at_ms = self.mint.now_ms();
        self.watch();
        match (frame, self.state.phase) {
            (ServerFrame::Welcome { server_time_ms, .. }, Phase::Handshake) => {
                self.state.phase = Phase::Delta;
                self.tell(SyncEvent::SyncStarted {});
                self.learn_time(server_time_ms);
                self.read_on();
            }
            (ServerFrame::Delta(delta), Phase::Delta) => self.store(Page::Delta(delta)),
            (ServerFrame::DeltaComplete {}, Phase::Delta) => {
                self.state.phase = Phase::Live;
                self.state.failures = 0;
                self.state.trouble = None;
                self.read_on();
                self.drain();
            }
            (ServerFrame::Change(change), Phase::Live) => self.store(Page::Change(change)),
            (ServerFrame::Heartbeat { server_time_ms }, _) => {
                self.learn_time(server_time_ms);
                self.read_on();
            }
            (ServerFrame::Error(error), _) => self.server_error(error),
            (frame, phase) => {
                let message = alloc::format!("unexpected in {phase:?}: {}", frame.kind());
                self.failed(&LinkFailure::Undecodable { message });
            }
        }
    }

    fn store(&mut self, page: Page) {
        self.state.storing = true;
        self.effects.push(Effect::ClearTimer {
            timer: Timer::Watchdog,
        });
        self.effects.push(Effect::StorePage {
            link: self.state.link,
            page,
        });
    }

    fn server_error(&mut self, error: ServerError) {
        let ServerError {
            code,
            message,
            retry_after_ms,
        } = error;
        match code.as_str() {
            "no_session" => self.session_ended(),
            "epoch_changed" | "cursor_expired" => {
                self.tell(SyncEvent::Error { code, message });
                self.effects.push(Effect::ForgetMarkers);
                self.state.markers = Markers::default();
                self.state.trouble = Some(Trouble::Sync);
                self.back_off(0);
            }
            _ => {
                self.tell(SyncEvent::Error {
                    code: code.clone(),
                    message,
                });
                self.failed(&LinkFailure::Server {
                    status: 500,
                    code,
                    retry_after_ms,
                });
            }
        }
    }

    /// Stores the offset to the server's clock when it has changed by more than the network
    /// alone explains.
    fn learn_time(&mut self, server_time_ms: u64) {
        let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
        let offset_ms = signed(server_time_ms) - signed(self.mint.now_ms());
        if (offset_ms - self.state.offset_ms).abs() > OFFSET_NOISE_MS {
            self.state.offset_ms = offset_ms;
            self.effects.push(Effect::StoreOffset { offset_ms });
        }
    }

    // ── The store ───────────────────────────────────────────────────────────────────────────

    fn page_stored(&mut self, link: Link, committed: Committed) {
        for (scope, table, marker) in committed.moved {
            self.state.markers.set(&scope, &table, marker);
            self.tell(SyncEvent::LsnUpdate {
                scope,
                lsn: marker.lsn,
            });
        }
        self.count(committed.outbox);
        if self.is_present(link) && self.state.storing {
            self.state.storing = false;
            self.watch();
            self.read_on();
        }
        // A page may have brought words back that were deleted elsewhere.
        self.drain();
    }

    fn page_refused(&mut self, link: Link, message: String) {
        if self.is_present(link) {
            self.failed(&LinkFailure::Undecodable { message });
        }
    }

    // ── Telling ─────────────────────────────────────────────────────────────────────────────

    pub(super) fn tell(&mut self, event: SyncEvent) {
        self.effects.push(Effect::Tell(event));
    }

    fn tell_what_changed(&mut self, before: &Before) {
        let now = Before::of(&self.state);
        if now.connected && !before.connected {
            self.tell(SyncEvent::Connected {});
        }
        if before.connected && !now.connected {
            let reason = alloc::format!("{:?}", self.state.phase).to_lowercase();
            self.tell(SyncEvent::Disconnected { reason });
        }
        let complete = now.connectivity.status == Status::SyncComplete;
        if complete && before.connectivity.status != Status::SyncComplete {
            self.state.synced_at_ms = self.mint.now_ms();
            self.tell(SyncEvent::SyncCompleted {});
        }
        let connectivity = connectivity(&self.state);
        if connectivity != before.connectivity {
            self.tell(SyncEvent::StatusChanged {
                is_connected: now.connected,
                status: connectivity.status,
                waiting: connectivity.waiting,
            });
            self.effects.push(Effect::TellConnectivity(connectivity));
        }
    }

    /// A device that should be in touch has a link, or a timer that will make one.
    const fn keeps_going(&self) -> bool {
        match self.state.phase {
            Phase::Stopped | Phase::AuthBlocked => true,
            Phase::Offline | Phase::Backoff => self.state.retry_armed,
            _ => self.state.has_link(),
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
