//! Draining the outbox: one push at a time, oldest first, until nothing is left.

use super::effect::{Answer, Committed, Effect, SyncEvent, Timer};
use super::outbox::OutboxCount;
use super::retry::{FailureClass, LinkFailure};
use super::state::{Drain, Phase};
use super::step::Turn;
use crate::limits::BACKOFF_MS_MIN;
use alloc::string::ToString;

impl Turn {
    pub(super) const fn count(&mut self, outbox: OutboxCount) {
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
        if self.state.outbox.drain == Drain::Idle {
            self.state.outbox.drain = Drain::Taking;
            self.state.outbox.again = false;
            self.effects.push(Effect::TakeOutbox);
        } else {
            self.state.outbox.again = true;
        }
    }

    pub(super) fn taken(&mut self, taken: usize, outbox: OutboxCount) {
        self.count(outbox);
        if taken > 0 {
            self.state.outbox.drain = Drain::Pushing;
            self.effects.push(Effect::Push);
            return;
        }
        self.state.outbox.drain = Drain::Idle;
        if self.state.outbox.again {
            self.drain();
        } else if let Some(at_ms) = outbox.next_due_ms {
            // Never at once: were a change due and yet not taken, this would not spin.
            let at_ms = at_ms.max(self.mint.now_ms() + BACKOFF_MS_MIN);
            self.effects.push(Effect::SetTimer {
                timer: Timer::Outbox,
                at_ms,
            });
        }
    }

    pub(super) fn push_failed(&mut self, failure: &LinkFailure) {
        let class = failure.class();
        self.settle(Answer::Failed(class));
        match class {
            FailureClass::Session => self.session_ended(),
            // The stream may not have noticed yet that the server is away.
            FailureClass::Away if self.state.has_link() => self.failed(&LinkFailure::Unreachable),
            FailureClass::Away | FailureClass::Busy { .. } => {}
            FailureClass::Broken => {
                let code = failure.code().to_string();
                let message = "The server did not take the last changes. They are kept on this \
                               device and sent again."
                    .to_string();
                self.tell(SyncEvent::Error { code, message });
            }
        }
    }

    pub(super) fn settle(&mut self, answer: Answer) {
        self.state.outbox.drain = Drain::Settling;
        self.effects.push(Effect::Settle(answer));
    }

    pub(super) fn settled(&mut self, committed: Committed) {
        for (op_id, outcome) in committed.settled {
            self.tell(SyncEvent::ChangeStatus {
                op_id,
                status: outcome.to_string(),
            });
        }
        self.count(committed.outbox);
        self.state.outbox.drain = Drain::Idle;
        self.drain();
    }

    pub(super) fn settle_failed(&mut self) {
        self.state.outbox.drain = Drain::Idle;
        let at_ms = self.mint.now_ms() + BACKOFF_MS_MIN;
        self.effects.push(Effect::SetTimer {
            timer: Timer::Outbox,
            at_ms,
        });
    }
}
