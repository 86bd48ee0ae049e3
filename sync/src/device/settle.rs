//! What the server's answer to a push becomes on disk, and what is done with refused changes.

use super::edit::{adopted, is_needless, keep_in_order, recover, replaces, settle_on};
use super::meta::Meta;
use super::outbox::{ChangeState, LocalChange, outlived};
use super::receive::{HeldRows, Received, take_again};
use super::record::{Held, Record};
use super::retry::{FailureClass, attempt_delay_ms};
use crate::change::Op;
use crate::clock::Clock;
use crate::frame::{Outcome, PushResult};
use crate::id::{Id, Mint};
use crate::limits::{ATTEMPTS_MAX, DRIFT_MS_MAX};
use crate::planted;
use crate::row::Row;
use crate::rules::Rules;
use crate::scope::{ACKNOWLEDGED, Lsn, Marker, OWN, Scope};
use crate::stamp::Stamp;
use crate::value::Fields;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// What an answer writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Rows whose state changed.
    pub records: Vec<Record>,
    /// Changes that are new or whose state changed.
    pub changes: Vec<LocalChange>,
    /// Changes to remove, by their local numbers: a later one that the server has outlives them.
    pub outlived: Vec<u64>,
    /// What became of each change: `done`, `failed`, `recovered` or `again`.
    pub outcomes: Vec<(Id, &'static str)>,
    /// Rows where an edit made here met one that its writer had not seen.
    pub conflicts: Vec<(String, Id)>,
    /// The lowest position of an answer whose row the feed had not brought: below the purge floor
    /// the row may have been deleted since, and nobody would say so.
    pub unfed: Option<Lsn>,
    /// Markers to set: where the server has last acknowledged changes of this device.
    pub moved: Vec<(Scope, String, Marker)>,
}

/// One answer being worked in.
struct Turn<'a> {
    rules: &'a Rules,
    meta: &'a mut Meta,
    mint: &'a mut Mint,
    settled: Settled,
    /// The latest stamp that the server gave instead of a claimed one.
    given: Option<Clock>,
    /// The highest position that it gave, by this answer.
    acknowledged: Marker,
}

/// Decides what the outcomes write. `held` has every row with a change on its way.
#[must_use]
pub fn answered(
    rules: &Rules,
    meta: &mut Meta,
    mint: &mut Mint,
    held: HeldRows,
    result: &PushResult,
) -> Settled {
    let mut turn = Turn {
        rules,
        meta,
        mint,
        settled: Settled::default(),
        given: None,
        acknowledged: Marker::START,
    };
    for ((table, key), held) in held {
        turn.row(&table, key, held, result);
    }
    if let Some(given) = turn.given {
        turn.meta.adopt(given, turn.mint.now_ms());
    }
    if turn.acknowledged != Marker::START {
        let acknowledged = (
            Scope::named(OWN),
            ACKNOWLEDGED.to_string(),
            turn.acknowledged,
        );
        turn.settled.moved.push(acknowledged);
    }
    turn.settled
}

impl Turn<'_> {
    fn row(&mut self, table: &str, key: Id, mut held: Held, result: &PushResult) {
        let record = held.record.take();
        let mut record = record.unwrap_or_else(|| Record::empty(table, key));
        let mut gone = false;
        let mut done = Vec::new();
        // The feed was quicker than the answer; who waits for that hears it all the same.
        let known = held.changes.iter().filter(|local| {
            let answered = result.outcomes.contains_key(&local.change.op_id);
            local.state == ChangeState::Done && !local.from_server && answered
        });
        let known = known.map(|local| (local.change.op_id, "done"));
        self.settled.outcomes.extend(known);
        for local in held
            .changes
            .iter_mut()
            .filter(|l| l.state == ChangeState::InFlight)
        {
            let op_id = local.change.op_id;
            // Answered, it is on its way no more; without an outcome it is again.
            local.sent = false;
            local.in_time |= in_time(local, self.mint.now_ms(), result.server_time_ms);
            let said = match result.outcomes.get(&op_id).map(Outcome::first) {
                Some(Outcome::Applied {
                    lsn,
                    stamp,
                    row,
                    lost_fields,
                }) => {
                    if !lost_fields.is_empty() {
                        self.settled.conflicts.push((table.to_string(), key));
                    }
                    let claimed = local.change.stamp.clock;
                    self.applied(&mut record, local, *lsn, *stamp, row.as_deref());
                    done.push((local.clone(), claimed));
                    "done"
                }
                Some(Outcome::Gone { .. }) if local.change.op == Op::Delete => {
                    // What is left of the row here is from before the state was taken anew.
                    record.base.take_if(|base| base.lsn == 0);
                    local.state = ChangeState::Done;
                    "done"
                }
                Some(Outcome::Gone { row, .. }) => {
                    gone = true;
                    self.learn_of(&mut record, row.as_deref());
                    local.state = ChangeState::Pending;
                    "recovered"
                }
                // Sent whole and still not taken: that is for a person to see, not to try for ever.
                Some(Outcome::NeedFull {}) if local.full && local.change.group.is_none() => {
                    spend_attempt(local, self.mint)
                }
                Some(Outcome::NeedFull {}) => {
                    local.full = true;
                    local.state = ChangeState::Pending;
                    "again"
                }
                Some(Outcome::Rejected { code, message }) => {
                    refuse(local, code.clone(), message.clone());
                    "failed"
                }
                Some(Outcome::Duplicate { .. }) | None => spend_attempt(local, self.mint),
            };
            self.settled.outcomes.push((op_id, said));
        }
        for (local, claimed) in &done {
            keep_in_order(local, *claimed, &mut held.changes);
        }
        self.finish(record, held, gone);
    }

    /// Takes a row that an answer tells, unless the feed has brought it or a later one.
    fn learn_of(&mut self, record: &mut Record, row: Option<&Row>) {
        let same_time = record.generation == self.meta.generation;
        let base_lsn = record.base.as_ref().map_or(0, |base| base.lsn);
        if let Some(row) = row.filter(|row| row.lsn > base_lsn || !same_time) {
            record.base = Some(row.clone());
            record.generation = self.meta.generation;
            self.meta.clock = self.meta.clock.observe(row.latest_stamp().clock);
        }
    }

    /// Joined without raising the base's position, unless the server told the whole row: another
    /// device's edit may have been joined before ours, and the feed brings the whole row.
    fn applied(
        &mut self,
        record: &mut Record,
        local: &mut LocalChange,
        lsn: Lsn,
        stamp: Option<Stamp>,
        row: Option<&Row>,
    ) {
        *local = adopted(local, stamp);
        local.state = ChangeState::Done;
        local.lsn = Some(lsn);
        local.generation = self.meta.generation;
        if let Some(stamp) = stamp {
            self.given = self.given.max(Some(stamp.clock));
        }
        if lsn > self.acknowledged.lsn {
            // A row that was put back may be there already, by another change.
            let op_id = row.map_or(local.change.op_id, |row| row.op_id);
            self.acknowledged = Marker { lsn, op_id };
        }
        let base_lsn = record.base.as_ref().map_or(0, |base| base.lsn);
        let same_time = record.generation == self.meta.generation;
        if record.base.is_none() {
            record.generation = self.meta.generation;
        }
        match row {
            Some(_) => self.learn_of(record, row),
            // The feed was quicker, and has this change in it.
            None if lsn <= base_lsn && same_time => {}
            None => {
                let lowest = self.settled.unfed.map_or(lsn, |lowest| lowest.min(lsn));
                self.settled.unfed = Some(lowest);
                let fresh = || Row::empty(&local.change.table, local.change.key);
                let base = record.base.get_or_insert_with(fresh);
                settle_on(self.rules, base, local);
            }
        }
    }

    fn finish(&mut self, mut record: Record, mut held: Held, mut gone: bool) {
        if gone && deleted_here_too(&mut held) {
            gone = false;
        }
        // A put that was refused stands for the whole row: what follows it waits with it.
        let refused = |local: &LocalChange| {
            local.is_open() && local.state == ChangeState::Failed && local.change.op == Op::Insert
        };
        let waits = held.changes.iter().any(refused);
        if !gone
            && let Some(needless) = held
                .changes
                .iter()
                .position(|local| is_needless(local, &held.changes))
        {
            held.changes[needless].state = ChangeState::Superseded;
        }
        let open = held.open();
        if gone && !waits {
            planted!(GoneIsForgotten, return);
            // The row is deleted on the server and was edited here: send it whole.
            let seen = match record.is_live() {
                true => record.seen.clone(),
                false => Row {
                    fields: last_seen(&held.changes),
                    ..Row::empty(&record.seen.table, record.key)
                },
            };
            let changes = recover(
                self.rules,
                self.meta,
                self.mint,
                &mut record,
                seen,
                &held.changes,
            );
            self.settled.changes.extend(changes);
            let done = held
                .changes
                .into_iter()
                .filter(|l| l.state == ChangeState::Done);
            self.settled.changes.extend(done);
        } else {
            record.rebuild(self.rules, open.iter());
            let outlived = outlived(&held.changes);
            held.changes
                .retain(|local| !outlived.contains(&local.local_seq));
            self.settled.changes.append(&mut held.changes);
            self.settled.outlived.extend(outlived);
        }
        self.settled.records.push(record);
    }
}

/// Whether the last that was done to a row here is to delete it, by somebody who saw every edit
/// that met the other deletion. Then nothing of it is to come back.
fn deleted_here_too(held: &mut Held) -> bool {
    let counts = |local: &&LocalChange| local.is_open() || local.state == ChangeState::Done;
    let own = held.changes.iter().filter(|local| !local.from_server);
    let Some(last) = own.filter(counts).max_by_key(|local| local.local_seq) else {
        return false;
    };
    let by_hand = last.change.op == Op::Delete && last.change.stamps.is_none();
    let last_seq = last.local_seq;
    let is_earlier = |local: &LocalChange| local.is_open() && local.local_seq < last_seq;
    let seen = |local: &LocalChange| {
        let replaced = |name| {
            held.changes
                .iter()
                .any(|later| replaces(later, name, local))
        };
        local.change.fields.keys().all(|name| replaced(name))
    };
    if !by_hand
        || !held
            .changes
            .iter()
            .filter(|local| is_earlier(local))
            .all(seen)
    {
        return false;
    }
    for local in held.changes.iter_mut().filter(|local| is_earlier(local)) {
        local.state = ChangeState::Superseded;
    }
    true
}

/// The row as it was before it was last deleted, as far as this device remembers.
fn last_seen(changes: &[LocalChange]) -> Fields {
    let deletions = changes.iter().filter(|local| local.change.op == Op::Delete);
    let whole = deletions.filter(|local| !local.old.is_empty());
    whole
        .max_by_key(|local| local.local_seq)
        .map(|local| local.old.clone())
        .unwrap_or_default()
}

/// Decides what a push without an answer writes: the changes are due again, now or later.
#[must_use]
pub fn unanswered(rules: &Rules, mint: &mut Mint, held: HeldRows, class: FailureClass) -> Settled {
    let mut settled = Settled::default();
    for ((table, key), mut held) in held {
        let record = held.record.take();
        let mut record = record.unwrap_or_else(|| Record::empty(&table, key));
        for local in held
            .changes
            .iter_mut()
            .filter(|l| l.state == ChangeState::InFlight)
        {
            match class {
                FailureClass::Broken => {
                    let said = spend_attempt(local, mint);
                    settled.outcomes.push((local.change.op_id, said));
                }
                FailureClass::Away if planted!(OfflineSpendsAttempts) => {
                    spend_attempt(local, mint);
                }
                FailureClass::Refused { alone: true } => {
                    let message = "The server does not take this as it is. The words are kept \
                                   on this device; change them, or download them.";
                    refuse(local, "refused".to_string(), message.to_string());
                    settled.outcomes.push((local.change.op_id, "failed"));
                }
                FailureClass::Away => {
                    local.state = ChangeState::Pending;
                    local.sent = true;
                }
                FailureClass::Session | FailureClass::Refused { .. } => {
                    local.state = ChangeState::Pending;
                }
                FailureClass::Busy { retry_after_ms } => {
                    local.state = ChangeState::Pending;
                    local.next_attempt_at_ms = mint.now_ms() + retry_after_ms;
                }
            }
        }
        record.rebuild(rules, held.open().iter());
        settled.records.push(record);
        settled.changes.append(&mut held.changes);
    }
    settled
}

/// Everything that was refused is tried again, with fresh attempts: because its person asks, or
/// because the app was updated. `held` has every row with a refused change. Changes of a group
/// that was refused go on by themselves.
#[must_use]
pub fn retry(rules: &Rules, meta: &mut Meta, mint: &mut Mint, held: HeldRows) -> Settled {
    let mut settled = Settled::default();
    for mut held in held.into_values() {
        let mut received = Received::default();
        let mut changes = core::mem::take(&mut held.changes);
        for local in changes
            .iter_mut()
            .filter(|local| local.state == ChangeState::Failed)
        {
            if local.from_server {
                held.changes = Vec::new();
                take_again(rules, meta, mint, &mut held, local, &mut received);
            } else {
                local.state = ChangeState::Pending;
                local.attempts = 0;
                local.next_attempt_at_ms = 0;
                local.refusal = None;
                local.change.group = None;
            }
        }
        held.changes = changes;
        if let Some(mut record) = held.record.take() {
            record.rebuild(rules, held.open().iter());
            settled.records.push(record);
        }
        settled.changes.append(&mut held.changes);
        settled.changes.append(&mut received.changes);
    }
    settled
}

/// Lets some of a row's refused changes go, by their local numbers, because its person says so.
/// They stay in the history.
#[must_use]
pub fn discard(rules: &Rules, mut held: Held, which: &[u64]) -> Settled {
    let mut settled = Settled::default();
    for local in held
        .changes
        .iter_mut()
        .filter(|local| local.state == ChangeState::Failed && which.contains(&local.local_seq))
    {
        local.state = ChangeState::Skipped;
        local.skip_reason = Some("its writer let it go".to_string());
    }
    if let Some(mut record) = held.record.take() {
        record.rebuild(rules, held.open().iter());
        settled.records.push(record);
    }
    settled.changes.append(&mut held.changes);
    settled
}

/// Whether the clock that stamped a change was right, by the time of an answer.
fn in_time(local: &LocalChange, now_ms: u64, server_time_ms: u64) -> bool {
    let read_ms = now_ms.saturating_add_signed(local.offset_ms);
    read_ms.abs_diff(server_time_ms) <= DRIFT_MS_MAX
}

fn spend_attempt(local: &mut LocalChange, mint: &mut Mint) -> &'static str {
    local.attempts += 1;
    if local.attempts >= ATTEMPTS_MAX && !planted!(AttemptsHaveNoEnd) {
        let message = "The server failed at this several times. The words are kept on this \
                       device; they are sent again when you change them or ask for it.";
        refuse(local, "no_outcome".to_string(), message.to_string());
        "failed"
    } else {
        local.state = ChangeState::Pending;
        local.sent = true;
        local.next_attempt_at_ms = mint.now_ms() + attempt_delay_ms(local.attempts, mint);
        "again"
    }
}

fn refuse(local: &mut LocalChange, code: String, message: String) {
    planted!(RefusalIsSilent, {
        local.state = ChangeState::Done;
        return;
    });
    local.state = ChangeState::Failed;
    local.refusal = Some((code, message));
}

#[cfg(test)]
mod tests;
