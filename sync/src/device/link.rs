//! The link: asking for it, giving it up, waiting before the next attempt, and what the browser
//! says about the network.

use super::breaker::Asked;
use super::effect::{Effect, SyncEvent, Timer};
use super::meta::Rebuild;
use super::retry::{FailureClass, LinkFailure, backoff_ms};
use super::state::{Phase, Trouble, Verifying};
use super::step::Turn;
use crate::frame::Bye;
use crate::hooks::Hook;
use crate::limits::{
    BACKOFF_MS_MAX, COLLECT_MS, CONNECTS_FAILED_NOTICE, HEARTBEAT_MS, WATCHDOG_MS,
};
use crate::planted;
use crate::scope::{Marker, OWN, Scope};
use alloc::string::String;
use alloc::string::ToString;

impl Turn {
    pub(super) fn connect_anew(&mut self) {
        self.state.failures = 0;
        self.state.trouble = None;
        self.close_link();
        if core::mem::take(&mut self.state.updated) && self.state.outbox.failed > 0 {
            self.effects.push(Effect::RetryRefused);
        }
        self.set_timer(Timer::Collect, COLLECT_MS);
        self.connect();
    }

    fn connect(&mut self) {
        let now_ms = self.mint.now_ms();
        self.begin_once_more();
        let token = match self.state.breaker.ask(now_ms) {
            Ok(token) => token,
            Err(until_ms) => {
                self.state.phase = Phase::Backoff;
                return self.retry_in(until_ms.saturating_sub(now_ms));
            }
        };
        self.state.link_token = Some(token);
        self.state.link += 1;
        self.state.phase = Phase::Connecting;
        self.state.storing = false;
        self.disarm_retry();
        let hello = self.state.hello(now_ms);
        self.effects.push(Effect::OpenLink {
            link: self.state.link,
            hello,
        });
        self.watch();
    }

    /// A first synchronisation that broke off is begun anew: a row that was shown before its turn
    /// may have been deleted since, and be forgotten by the server before it is asked.
    fn begin_once_more(&mut self) {
        let own = Scope::named(OWN);
        let nowhere = self.state.positions().get(&own) == Some(&Marker::START);
        if self.state.headed && nowhere && !planted!(HeadsStay) {
            let rebuild = self.state.rebuild.unwrap_or(Rebuild::Replace);
            self.begin_at_the_start(rebuild, "first_sync_broke_off");
        }
    }

    pub(super) fn close_link(&mut self) {
        self.link_went(Asked::NotAtAll);
        if self.state.has_link() {
            self.effects.push(Effect::CloseLink {
                link: self.state.link,
            });
            for timer in [Timer::Watchdog, Timer::Reread] {
                self.effects.push(Effect::ClearTimer { timer });
            }
        }
        self.state.storing = false;
        self.state.finishing = false;
        if self.state.verifying == Verifying::Asked {
            self.state.verifying = Verifying::Wanted;
        }
    }

    /// Tells the breaker how the present link went, once.
    pub(super) fn link_went(&mut self, asked: Asked) {
        if let Some(token) = self.state.link_token.take() {
            let now_ms = self.mint.now_ms();
            self.state.breaker.report(token, asked, now_ms);
        }
    }

    pub(super) fn stop(&mut self, phase: Phase) {
        self.close_link();
        self.disarm_retry();
        for timer in [Timer::Outbox, Timer::Collect] {
            self.effects.push(Effect::ClearTimer { timer });
        }
        self.state.outbox.armed = false;
        self.state.trouble = None;
        self.state.phase = phase;
    }

    pub(super) fn say_bye(&mut self, reason: String) {
        if self.state.is_connected() {
            let device_id = self.state.device_id;
            self.effects.push(Effect::SayBye(Bye { device_id, reason }));
        }
        self.stop(Phase::Stopped);
    }

    pub(super) fn opened(&mut self) {
        if self.state.phase == Phase::Connecting {
            self.state.phase = Phase::Handshake;
            self.watch();
            self.read_on();
        }
    }

    pub(super) fn read_on(&mut self) {
        self.effects.push(Effect::ReadFrame {
            link: self.state.link,
        });
    }

    pub(super) fn watch(&mut self) {
        self.set_timer(Timer::Watchdog, WATCHDOG_MS);
    }

    /// The link failed, and why may be news to somebody. That a server is away or a session has
    /// ended is told otherwise.
    pub(super) fn failed(&mut self, failure: &LinkFailure) {
        let message = match failure {
            LinkFailure::Undecodable { message } => alloc::format!(
                "What the server said could not be used. Nothing is lost; the connection is made \
                 again by itself. ({message})"
            ),
            _ => "The server does not keep the connection. Nothing is lost; it is asked again by \
                  itself."
                .to_string(),
        };
        if !matches!(failure.class(), FailureClass::Away | FailureClass::Session) {
            self.report(failure.code(), &message, false);
        }
        self.give_up(failure);
    }

    /// The link failed, and why was told.
    pub(super) fn give_up(&mut self, failure: &LinkFailure) {
        let class = failure.class();
        if class == FailureClass::Session {
            self.session_ended();
            return;
        }
        let trouble = match class {
            FailureClass::Away => Trouble::Unreachable,
            _ => Trouble::Sync,
        };
        if class == FailureClass::Broken {
            self.link_went(Asked::Badly);
        }
        if self.state.bootstrap.take().is_some() {
            let code = failure.code().to_string();
            self.raise(Hook::BootstrapError { code });
        }
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

    pub(super) fn back_off(&mut self, at_least_ms: u64) {
        self.close_link();
        self.state.phase = if self.state.network_lost {
            Phase::Offline
        } else {
            Phase::Backoff
        };
        self.state.failures = self.state.failures.saturating_add(1);
        let attempt = self.state.failures;
        let delay_ms = backoff_ms(attempt, &mut self.mint).max(at_least_ms);
        planted!(
            GivesUp,
            if attempt > 3 {
                self.state.retry_armed = true;
                return;
            }
        );
        self.retry_in(delay_ms);
        self.tell(SyncEvent::Reconnecting { attempt, delay_ms });
        self.raise(Hook::Retry { attempt, delay_ms });
        if attempt == CONNECTS_FAILED_NOTICE {
            self.raise(Hook::MaxRetriesExceeded { attempts: attempt });
        }
    }

    pub(super) fn retry_in(&mut self, delay_ms: u64) {
        self.state.retry_armed = true;
        self.set_timer(Timer::Retry, delay_ms);
    }

    fn disarm_retry(&mut self) {
        self.state.retry_armed = false;
        self.effects.push(Effect::ClearTimer {
            timer: Timer::Retry,
        });
    }

    /// Late news of it does not wake a device that was stopped.
    pub(super) fn session_ended(&mut self) {
        if !self.is_asleep() {
            self.stop(Phase::AuthBlocked);
            self.effects.push(Effect::TellAuthExpired);
        }
    }

    /// Whether a link was asked for and has not come to the point where changes flow.
    pub(super) fn is_on_its_way(&self) -> bool {
        self.state.has_link() && self.state.phase != Phase::Live
    }

    pub(super) const fn is_asleep(&self) -> bool {
        matches!(self.state.phase, Phase::Stopped | Phase::AuthBlocked)
    }

    pub(super) fn network_found(&mut self) {
        self.state.network_lost = false;
        self.tell(SyncEvent::NetworkRestored {});
        if !self.is_asleep() {
            self.connect_anew();
        }
    }

    pub(super) fn network_lost(&mut self) {
        self.state.network_lost = true;
        self.tell(SyncEvent::NetworkLost {});
        if !self.is_asleep() {
            self.close_link();
            self.state.phase = Phase::Offline;
            self.state.trouble = Some(Trouble::Unreachable);
            // Browsers are wrong about networks: try all the same, seldom.
            self.retry_in(BACKOFF_MS_MAX);
        }
    }

    pub(super) fn woken(&mut self) {
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

    pub(super) fn retry_is_due(&mut self) {
        self.state.retry_armed = false;
        if matches!(self.state.phase, Phase::Offline | Phase::Backoff) {
            self.connect();
        }
    }

    pub(super) fn watchdog_is_due(&mut self) {
        // While a page is being stored, it is the disk that is slow.
        if self.state.has_link() && !self.state.storing && !planted!(WatchdogSleeps) {
            self.failed(&LinkFailure::Unreachable);
        }
    }
}
