//! Draining the outbox: one push at a time, oldest first, until nothing is left.

use super::breaker::Asked;
use super::effect::{Answer, Committed, Effect, SyncEvent, Timer};
use super::meta::Rebuild;
use super::outbox::OutboxCount;
use super::retry::{FailureClass, LinkFailure};
use super::state::{Drain, Phase};
use super::step::Turn;
use crate::frame::PushResult;
use crate::hooks::Hook;
use crate::limits::{
    BACKOFF_MS_MIN, OUTBOX_REREAD_MS, PUSH_CHANGES_MAX, QUEUE_NOTICE, RETRY_AFTER_MS_MAX,
};
use crate::planted;
use alloc::string::ToString;

impl Turn {
    pub(super) fn count(&mut self, outbox: OutboxCount) {
        if outbox.waiting >= QUEUE_NOTICE && self.state.outbox.waiting < QUEUE_NOTICE {
            self.raise(Hook::QueueFull {
                pending_count: outbox.waiting,
                max_size: QUEUE_NOTICE,
            });
        }
        self.state.outbox.waiting = outbox.waiting;
        self.state.outbox.failed = outbox.failed;
    }

    pub(super) fn outbox_grew(&mut self, outbox: OutboxCount) {
        self.count(outbox);
        self.drain();
    }

    /// Sends what is due. What arrives during a pass starts another.
    pub(super) fn drain(&mut self) {
        if self.state.phase != Phase::Live || self.state.outbox.waiting == 0 {
            return;
        }
        if self.state.outbox.drain != Drain::Idle {
            self.state.outbox.again = true;
            return;
        }
        let now_ms = self.mint.now_ms();
        match self.state.breaker.ask(now_ms) {
            Ok(token) => {
                self.state.outbox.drain = Drain::Taking(token);
                self.state.outbox.again = false;
                let limit = self.state.outbox.limit;
                self.effects.push(Effect::TakeOutbox { limit });
            }
            Err(until_ms) => self.drain_in(until_ms.saturating_sub(now_ms)),
        }
    }

    fn drain_in(&mut self, delay_ms: u64) {
        self.state.outbox.armed = true;
        self.set_timer(Timer::Outbox, delay_ms);
    }

    pub(super) fn taken(&mut self, taken: usize, outbox: OutboxCount) {
        self.count(outbox);
        let Drain::Taking(token) = core::mem::take(&mut self.state.outbox.drain) else {
            unreachable!("changes were taken that were not asked for");
        };
        if taken > 0 {
            self.state.outbox.drain = Drain::Pushing(token, taken);
            if self.is_asleep() {
                // Stopped meanwhile: nothing is sent in the name of who comes next.
                self.settle(Asked::NotAtAll, Answer::Failed(FailureClass::Away));
                return;
            }
            self.raise(Hook::PushBefore { count: taken });
            self.effects.push(Effect::Push);
            return;
        }
        let now_ms = self.mint.now_ms();
        self.state.breaker.report(token, Asked::NotAtAll, now_ms);
        if self.state.outbox.again {
            self.drain();
        } else if let Some(at_ms) = outbox.next_due_ms {
            // What is due and yet not taken waits for a refused change of its row. Never at
            // once: this would spin.
            let wait_ms = match at_ms.checked_sub(now_ms) {
                None | Some(0) => OUTBOX_REREAD_MS,
                Some(wait_ms) => wait_ms.clamp(BACKOFF_MS_MIN / 4, RETRY_AFTER_MS_MAX),
            };
            self.drain_in(wait_ms);
        }
    }

    pub(super) fn push_answered(&mut self, result: PushResult) {
        self.settle(Asked::Well, Answer::Outcomes(result));
        self.state.outbox.limit = PUSH_CHANGES_MAX;
    }

    pub(super) fn push_failed(&mut self, failure: &LinkFailure) {
        let class = self.narrow(failure.class());
        let asked = match class {
            FailureClass::Broken => Asked::Badly,
            FailureClass::Refused { .. } => Asked::Well,
            _ => Asked::NotAtAll,
        };
        self.settle(asked, Answer::Failed(class));
        match class {
            // A link under way will be told by itself; this may be of the session before.
            FailureClass::Session if self.is_on_its_way() => {}
            FailureClass::Session => self.session_ended(),
            // The stream may not have noticed yet that the server is away.
            FailureClass::Away if self.state.phase == Phase::Live => {
                self.failed(&LinkFailure::Unreachable);
            }
            FailureClass::Away => {}
            FailureClass::Busy { .. } | FailureClass::Broken | FailureClass::Refused { .. } => {
                let message = "The server did not take the last changes. They are kept on this \
                               device and sent again.";
                self.report(failure.code(), message, false);
            }
        }
    }

    /// A push that is refused as a whole has one change in it that is to blame: by sending half
    /// as many each time it is found, and the others go through.
    fn narrow(&mut self, class: FailureClass) -> FailureClass {
        let (FailureClass::Refused { .. }, Drain::Pushing(_, sent)) =
            (class, &self.state.outbox.drain)
        else {
            return class;
        };
        // A group goes out whole, however low the limit.
        let limit = self.state.outbox.limit;
        let alone = *sent == 1 || limit == 1;
        let half = ((*sent).min(limit) / 2).max(1);
        planted!(
            PoisonTakesItsPush,
            return FailureClass::Refused { alone: true }
        );
        self.state.outbox.limit = if alone { PUSH_CHANGES_MAX } else { half };
        FailureClass::Refused { alone }
    }

    fn settle(&mut self, asked: Asked, answer: Answer) {
        let Drain::Pushing(token, _) =
            core::mem::replace(&mut self.state.outbox.drain, Drain::Settling)
        else {
            unreachable!("a push was answered that was not sent");
        };
        let now_ms = self.mint.now_ms();
        self.state.breaker.report(token, asked, now_ms);
        self.effects.push(Effect::Settle(answer));
    }

    pub(super) fn settled(&mut self, committed: Committed) {
        assert!(
            self.state.outbox.drain == Drain::Settling,
            "an answer was stored that was not given"
        );
        let sent = committed.settled.len();
        let done = committed
            .settled
            .iter()
            .filter(|(_, said)| *said == "done")
            .count();
        self.raise(Hook::PushAfter {
            success_count: done,
            fail_count: sent - done,
        });
        let set_aside = committed.settled.iter().any(|(_, said)| *said == "failed");
        for (op_id, outcome) in committed.settled {
            let status = outcome.to_string();
            self.tell(SyncEvent::ChangeStatus { op_id, status });
        }
        if set_aside {
            let message = "Something that was written here was not taken by the server, and is \
                           set aside. Its words are kept on this device; change it, download it, \
                           or ask to try it again.";
            self.report("set_aside", message, true);
        }
        for (scope, table, marker) in committed.moved {
            self.state.markers.set(&scope, &table, marker);
        }
        self.report_conflicts(committed.conflicts);
        self.count(committed.outbox);
        self.state.outbox.drain = Drain::Idle;
        self.state.unfed = self.state.unfed.into_iter().chain(committed.unfed).min();
        if self.state.is_connected() && self.is_answered_too_late() {
            return self.begin_rebuild(Rebuild::Replace, "cursor_expired");
        }
        self.drain();
    }

    pub(super) fn settle_failed(&mut self) {
        match core::mem::take(&mut self.state.outbox.drain) {
            Drain::Taking(token) => {
                let now_ms = self.mint.now_ms();
                self.state.breaker.report(token, Asked::NotAtAll, now_ms);
            }
            Drain::Settling => {}
            Drain::Idle | Drain::Pushing(..) => unreachable!("nothing was to be stored"),
        }
        self.drain_in(BACKOFF_MS_MIN);
    }
}
