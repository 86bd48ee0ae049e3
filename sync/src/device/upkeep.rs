//! Upkeep: finishing a rebuild, sweeping after it, clearing out, and comparing both sides.

use super::effect::{Effect, Timer};
use super::meta::Rebuild;
use super::outbox::OutboxCount;
use super::retry::{FailureClass, LinkFailure};
use super::state::{Drain, Phase, Verifying};
use super::step::Turn;
use crate::frame::{Digests, Standing, Verified, Verify};
use crate::hooks::Hook;
use crate::limits::{BACKOFF_MS_MIN, COLLECT_MS, OUTBOX_REREAD_MS};
use crate::planted;
use alloc::string::String;

impl Turn {
    pub(super) fn reset(&mut self) {
        self.begin_at_the_start(Rebuild::Replace, "reset_asked");
        if !self.is_asleep() {
            self.connect_anew();
        }
    }

    pub(super) fn rebuild_finished(&mut self, outbox: OutboxCount) {
        self.count(outbox);
        if !core::mem::take(&mut self.state.finishing) {
            // Of a link that was given up; the next one finishes it once more. Another rebuild may
            // have begun since, and is not finished by this.
            return self.drain();
        }
        self.state.rebuild = None;
        self.state.unswept = true;
        self.raise(Hook::RescanCompleted {});
        self.watch();
        self.go_live();
    }

    pub(super) fn rebuild_unfinished(&mut self, message: String) {
        if self.state.finishing {
            self.report_not_stored("not_stored", &message);
            self.give_up(&LinkFailure::Undecodable { message });
        }
    }

    pub(super) fn swept(&mut self, left: bool, outbox: OutboxCount) {
        self.state.unswept = left;
        self.count(outbox);
        if left && self.state.phase == Phase::Live {
            self.effects.push(Effect::Sweep);
        }
        self.drain();
    }

    pub(super) fn reread_is_due(&mut self) {
        if self.state.phase == Phase::Live {
            planted!(NobodyRereads, return);
            self.effects.push(Effect::CountOutbox);
            self.set_timer(Timer::Reread, OUTBOX_REREAD_MS);
        }
    }

    pub(super) fn collect_is_due(&mut self) {
        if self.is_asleep() {
            return;
        }
        if self.state.storing || self.state.outbox.drain != Drain::Idle {
            self.set_timer(Timer::Collect, OUTBOX_REREAD_MS);
        } else {
            if self.state.unswept && self.state.phase == Phase::Live {
                // An earlier pass failed half-way.
                self.effects.push(Effect::Sweep);
            }
            self.effects.push(Effect::Collect);
        }
    }

    pub(super) fn collected(&mut self, left: bool) {
        if !self.is_asleep() {
            self.set_timer(
                Timer::Collect,
                if left { BACKOFF_MS_MIN } else { COLLECT_MS },
            );
        }
    }

    pub(super) fn upkeep_failed(&mut self, message: String) {
        self.raise(Hook::GcError { message });
        if self.state.verifying == Verifying::Digesting {
            self.state.verifying = Verifying::No;
        }
        if !self.is_asleep() {
            self.set_timer(Timer::Collect, COLLECT_MS);
        }
    }

    pub(super) fn verify_asked(&mut self) {
        if matches!(self.state.verifying, Verifying::No | Verifying::Behind) {
            self.state.verifying = Verifying::Wanted;
        }
    }

    /// Both sides have everything of each other: now they can be compared.
    pub(super) fn verify_if_wanted(&mut self) {
        if self.state.verifying == Verifying::Wanted {
            self.state.verifying = Verifying::Digesting;
            self.effects.push(Effect::TakeDigests);
        }
    }

    pub(super) fn digested(&mut self, digests: Digests) {
        if self.state.verifying != Verifying::Digesting {
            return;
        }
        if self.state.phase == Phase::Live {
            self.state.verifying = Verifying::Asked;
            self.effects.push(Effect::Verify(Verify {
                device_id: self.state.device_id,
                markers: self.state.markers.clone(),
                digests,
            }));
        } else {
            self.state.verifying = Verifying::Wanted;
        }
    }

    /// A table that differs is taken anew, all of them with it: how it came to differ is not
    /// known, so nothing less is safe.
    pub(super) fn verified(&mut self, verified: &Verified) {
        if self.state.verifying != Verifying::Asked {
            return;
        }
        let mut standings = verified.tables.values().flat_map(|tables| tables.values());
        if standings.any(|standing| *standing == Standing::Differs) {
            self.state.verifying = Verifying::No;
            let message = "This device and the server did not have the same. Everything is \
                           taken anew; unsent words are kept.";
            self.report("digest_differs", message, false);
            self.begin_at_the_start(Rebuild::Replace, "digest_differs");
            if !self.is_asleep() {
                self.back_off(0);
            }
            return;
        }
        let mut standings = verified.tables.values().flat_map(|tables| tables.values());
        // Something came in between: compared again when both are at rest. Not at once, for as
        // long as the stream is behind this would spin.
        self.state.verifying = match standings.any(|standing| *standing == Standing::Behind) {
            true => Verifying::Behind,
            false => Verifying::No,
        };
    }

    pub(super) fn not_verified(&mut self, failure: &LinkFailure) {
        // The digests could not be taken, or the server did not answer.
        if matches!(
            self.state.verifying,
            Verifying::Digesting | Verifying::Asked
        ) {
            self.state.verifying = Verifying::No;
        }
        match failure.class() {
            FailureClass::Session if self.is_on_its_way() => {}
            FailureClass::Session => self.session_ended(),
            _ => self.report(failure.code(), "Both sides could not be compared.", false),
        }
    }
}
