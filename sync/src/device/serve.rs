//! What the server says, and what the store answers about it.

use super::breaker::Asked;
use super::effect::{Committed, Effect, Link, Page, SyncEvent, Timer};
use super::event::Refused;
use super::meta::Rebuild;
use super::retry::{LinkFailure, ends_the_session};
use super::state::{Phase, Trouble, Verifying};
use super::step::Turn;
use crate::frame::{Acknowledged, FeedPhase, Heartbeat, ServerError, ServerFrame, Welcome};
use crate::hooks::Hook;
use crate::id::Id;
use crate::limits::{
    BACKOFF_MS_MAX, BAD_ROW_TRIES_MAX, CONFLICT_NOTICE_MS, HEARTBEATS_WITHOUT_PAGE_MAX,
    OFFSET_NOISE_MS, OUTBOX_REREAD_MS,
};
use crate::planted;
use crate::scope::{ACKNOWLEDGED, Markers, OWN, Scope};
use alloc::collections::btree_map::Entry;
use alloc::string::{String, ToString};

impl Turn {
    pub(super) fn frame(&mut self, frame: ServerFrame) {
        self.state.heard_at_ms = self.mint.now_ms();
        self.watch();
        let catching_up = matches!(self.state.phase, Phase::Delta | Phase::Rebuild);
        if !matches!(frame, ServerFrame::Heartbeat(_)) {
            self.state.idle_heartbeats = 0;
        }
        match (frame, self.state.phase) {
            (ServerFrame::Welcome(welcome), Phase::Handshake) => self.welcomed(&welcome),
            (ServerFrame::Delta(mut delta), _) if catching_up => match delta.error.take() {
                Some(error) => self.server_error(error),
                _ => self.store(Page::Delta(delta)),
            },
            (ServerFrame::Head(head), _) if catching_up => {
                self.state.headed |= !head.rows.is_empty();
                self.store(Page::Head(head));
            }
            (ServerFrame::DeltaComplete {}, Phase::Delta) => self.go_live(),
            (ServerFrame::DeltaComplete {}, Phase::Rebuild) => {
                self.wait_for_the_disk();
                self.state.finishing = true;
                self.effects.push(Effect::FinishRebuild);
            }
            (ServerFrame::Change(change), Phase::Live) => self.store(Page::Change(change)),
            (ServerFrame::Heartbeat(heartbeat), _) => self.heartbeat(&heartbeat),
            (ServerFrame::VerifyResult(verified), Phase::Live) => {
                self.verified(&verified);
                if self.state.has_link() {
                    self.read_on();
                }
            }
            (ServerFrame::Error(error), _) => self.server_error(error),
            (frame, phase) => {
                let message = alloc::format!("unexpected in {phase:?}: {}", frame.kind());
                self.failed(&LinkFailure::Undecodable { message });
            }
        }
    }

    fn welcomed(&mut self, welcome: &Welcome) {
        let purged = welcome.purge_floors.get(&Scope::named(OWN));
        self.state.purged = purged.copied().unwrap_or_default();
        if self.is_answered_too_late() {
            return self.begin_rebuild(Rebuild::Replace, "cursor_expired");
        }
        let rebuilding = self.state.rebuild.is_some();
        self.state.phase = if rebuilding {
            Phase::Rebuild
        } else {
            Phase::Delta
        };
        self.tell(SyncEvent::SyncStarted {});
        if welcome.phase == FeedPhase::Initial && !rebuilding {
            self.state.bootstrap = Some((self.mint.now_ms(), 0));
            self.raise(Hook::BootstrapStart {});
        }
        self.learn_time(welcome.server_time_ms);
        self.read_on();
    }

    /// Whether an answer came from behind deletions that have been cleared out, and the feed has
    /// not brought its row: it may be deleted, and nobody would say so.
    pub(super) fn is_answered_too_late(&self) -> bool {
        let late = self.state.unfed.is_some_and(|lsn| lsn < self.state.purged);
        late && !planted!(LateAnswersAreTrusted)
    }

    pub(super) fn go_live(&mut self) {
        self.state.phase = Phase::Live;
        self.state.headed = false;
        self.state.unfed = None;
        self.state.failures = 0;
        self.state.trouble = None;
        self.state.storing = false;
        // Only now: pages of other tables are stored between two tries of one that is not.
        self.state.bad_row = None;
        self.state.pass.clear();
        self.link_went(Asked::Well);
        if let Some((since_ms, total_pulled)) = self.state.bootstrap.take() {
            let elapsed_ms = self.mint.now_ms().saturating_sub(since_ms);
            self.raise(Hook::BootstrapComplete {
                total_pulled,
                elapsed_ms,
            });
        }
        self.acknowledge();
        self.set_timer(Timer::Reread, OUTBOX_REREAD_MS);
        self.read_on();
        if self.state.unswept {
            self.effects.push(Effect::Sweep);
        }
        self.drain();
    }

    fn heartbeat(&mut self, heartbeat: &Heartbeat) {
        self.learn_time(heartbeat.server_time_ms);
        self.state.idle_heartbeats += 1;
        if matches!(self.state.phase, Phase::Delta | Phase::Rebuild)
            && self.state.idle_heartbeats > HEARTBEATS_WITHOUT_PAGE_MAX
        {
            let message = "a page got lost on the way".to_string();
            return self.failed(&LinkFailure::Undecodable { message });
        }
        if self.state.phase == Phase::Live {
            let standing = self.state.positions();
            let here = |(scope, position)| standing.get(scope).is_none_or(|own| own == position);
            if !heartbeat.positions.iter().all(here) {
                let message = "the server has sent what this device has not stored".to_string();
                self.failed(&LinkFailure::Undecodable { message });
                return;
            }
            if self.state.verifying == Verifying::Behind {
                self.state.verifying = Verifying::Wanted;
            }
            planted!(
                EveryHeartbeatCompares,
                self.state.verifying = Verifying::Wanted
            );
            self.acknowledge();
        }
        self.read_on();
    }

    /// Tells the server how far everything is stored, when that has changed.
    fn acknowledge(&mut self) {
        let positions = self.state.positions();
        if positions != self.state.acknowledged {
            self.state.acknowledged = positions.clone();
            let device_id = self.state.device_id;
            self.effects.push(Effect::Acknowledge(Acknowledged {
                device_id,
                positions,
            }));
        }
    }

    fn store(&mut self, page: Page) {
        if page.leads_nowhere() {
            let message = "a page leads back, or to more and no further".to_string();
            return self.failed(&LinkFailure::Undecodable { message });
        }
        self.wait_for_the_disk();
        self.raise(Hook::PullReceived {
            change_count: page.rows().len(),
        });
        self.effects.push(Effect::StorePage {
            link: self.state.link,
            page,
            pass: self.state.pass.clone(),
        });
    }

    fn wait_for_the_disk(&mut self) {
        self.state.storing = true;
        self.effects.push(Effect::ClearTimer {
            timer: Timer::Watchdog,
        });
    }

    fn server_error(&mut self, error: ServerError) {
        if ends_the_session(&error.code) {
            return self.session_ended();
        }
        self.report(&error.code, &error.message, false);
        match error.code.as_str() {
            "epoch_changed" => self.begin_rebuild(Rebuild::Heal, &error.code),
            "cursor_expired" => self.begin_rebuild(Rebuild::Replace, &error.code),
            "update_required" => {
                self.state.trouble = Some(Trouble::Sync);
                self.back_off(BACKOFF_MS_MAX);
            }
            _ => self.give_up(&LinkFailure::from(error)),
        }
    }

    pub(super) fn begin_rebuild(&mut self, rebuild: Rebuild, reason: &str) {
        self.forget_position(rebuild, reason, Markers::default());
        self.state.trouble = Some(Trouble::Sync);
        self.back_off(0);
    }

    /// Begins at the start again, and remembers how far the server had come: should it be put
    /// back from a backup meanwhile, what does not come again is offered to it and not dropped.
    pub(super) fn begin_at_the_start(&mut self, rebuild: Rebuild, reason: &str) {
        let own = Scope::named(OWN);
        let mut witness = Markers::default();
        let tables = self
            .state
            .rules
            .schema
            .tables
            .iter()
            .map(|table| table.name);
        for name in tables.chain([ACKNOWLEDGED]) {
            let marker = self.state.markers.get(&own, name);
            planted!(ResetKeepsNoWitness, break);
            witness.raise(&own, ACKNOWLEDGED, marker);
        }
        self.forget_position(rebuild, reason, witness);
    }

    fn forget_position(&mut self, rebuild: Rebuild, reason: &str, markers: Markers) {
        self.raise(Hook::RescanStarting {
            reason: reason.into(),
        });
        self.state.rebuild = Some(rebuild);
        self.state.headed = false;
        self.state.unfed = None;
        self.state.forgotten = self.state.link;
        self.state.markers = markers.clone();
        self.effects.push(Effect::BeginRebuild(rebuild, markers));
    }

    /// Tells listeners and plugins that something went wrong.
    pub(super) fn report(&mut self, code: &str, message: &str, permanent: bool) {
        let (code, message) = (String::from(code), String::from(message));
        self.tell(SyncEvent::Error {
            code: code.clone(),
            message: message.clone(),
        });
        self.raise(Hook::Error {
            code,
            message,
            permanent,
        });
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

    pub(super) fn page_stored(&mut self, link: Link, committed: Committed) {
        let counts = link > self.state.forgotten;
        for (scope, table, marker) in committed.moved.into_iter().filter(|_| counts) {
            self.state.markers.set(&scope, &table, marker);
            self.tell(SyncEvent::LsnUpdate {
                scope,
                lsn: marker.lsn,
            });
        }
        self.count(committed.outbox);
        let applied = committed.changed.iter().map(|(_, keys)| keys.len()).sum();
        self.raise(Hook::PullApplied {
            applied,
            skipped: committed.skipped,
            conflicts: committed.conflicts.len(),
        });
        if let Some((_, total_pulled)) = &mut self.state.bootstrap {
            *total_pulled += u64::try_from(applied).unwrap_or(u64::MAX);
            let total_pulled = *total_pulled;
            self.raise(Hook::BootstrapProgress { total_pulled });
        }
        self.report_conflicts(committed.conflicts);
        if self.is_present(link) && self.state.storing {
            self.state.storing = false;
            self.watch();
            self.read_on();
        }
        // A page may have brought words back that were deleted elsewhere.
        self.drain();
    }

    /// Conflicts are news while things happen, and noise while everything comes at once.
    pub(super) fn report_conflicts(&mut self, conflicts: alloc::vec::Vec<(String, Id)>) {
        let now_ms = self.mint.now_ms();
        self.state
            .conflicts
            .retain(|_, at_ms| *at_ms + CONFLICT_NOTICE_MS > now_ms);
        if self.state.phase != Phase::Live {
            return;
        }
        for (table, key) in conflicts {
            let reported = self.state.conflicts.entry((table.clone(), key));
            if let Entry::Vacant(first) = reported {
                first.insert(now_ms);
                self.raise(Hook::ConflictDetected { table, key });
            }
        }
    }

    pub(super) fn page_refused(&mut self, link: Link, refused: Refused) {
        let (code, message) = match refused {
            Refused::Gap { markers } => {
                // Another tab may have led meanwhile: the store knows better.
                planted!(StaleMarkersAreKept, return);
                if link > self.state.forgotten {
                    self.state.markers = markers;
                }
                let message = "the page does not begin where this device stands";
                (None, message.to_string())
            }
            Refused::BadRow { lsn, message } => {
                self.tried_in_vain(lsn);
                (Some("bad_row"), message)
            }
            Refused::Failed { message } => (Some("not_stored"), message),
        };
        self.raise(Hook::PullError {
            message: message.clone(),
        });
        if self.is_present(link) {
            // It is this device that failed: the breaker watches the server.
            self.link_went(Asked::NotAtAll);
            if let Some(code) = code {
                self.report_not_stored(code, &message);
            }
            self.give_up(&LinkFailure::Undecodable { message });
        }
    }

    pub(super) fn report_not_stored(&mut self, code: &str, message: &str) {
        let message = alloc::format!(
            "What the server sent could not be stored. Nothing is lost; it is asked for again. \
             ({message})"
        );
        self.report(code, &message, false);
    }

    /// One bad row must not hold up the others for ever: after some tries it is passed.
    fn tried_in_vain(&mut self, lsn: crate::scope::Lsn) {
        let tries = match self.state.bad_row {
            Some((same, tries)) if same == lsn => tries + 1,
            _ => 1,
        };
        self.state.bad_row = Some((lsn, tries));
        if tries >= BAD_ROW_TRIES_MAX && !self.state.pass.contains(&lsn) {
            planted!(BadRowBlocks, return);
            self.state.pass.push(lsn);
        }
    }
}
