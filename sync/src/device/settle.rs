//! What the server's answer to a push becomes on disk.

use super::edit::{Meta, recover};
use super::outbox::{ChangeState, LocalChange, outlived};
use super::receive::HeldRows;
use super::record::{Held, Record};
use super::retry::{FailureClass, attempt_delay_ms};
use crate::change::Op;
use crate::frame::{Outcome, PushResult};
use crate::id::{Id, Mint};
use crate::limits::ATTEMPTS_MAX;
use crate::merge::merge;
use crate::row::Row;
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
    /// What became of each change: `done`, `failed` or `recovered`.
    pub outcomes: Vec<(Id, &'static str)>,
}

/// Decides what the outcomes write. `held` has every row with a change on its way.
#[must_use]
pub fn answered(meta: &mut Meta, mint: &mut Mint, held: HeldRows, result: &PushResult) -> Settled {
    let mut settled = Settled::default();
    for ((table, key), mut held) in held {
        let mut record = held
            .record
            .take()
            .unwrap_or_else(|| Record::empty(&table, key));
        let mut gone = false;
        for local in held
            .changes
            .iter_mut()
            .filter(|l| l.state == ChangeState::InFlight)
        {
            let op_id = local.change.op_id;
            match result.outcomes.get(&op_id).map(Outcome::first) {
                Some(Outcome::Applied { lsn, .. }) => {
                    local.state = ChangeState::Done;
                    local.lsn = Some(*lsn);
                    // Joined without raising the base's position: another device's edit may
                    // have been joined before ours, and the feed brings the whole row.
                    let base = record.base.get_or_insert_with(|| Row::empty(&table, key));
                    merge(base, &local.change);
                    settled.outcomes.push((op_id, "done"));
                }
                Some(Outcome::Gone { .. }) if local.change.op == Op::Delete => {
                    local.state = ChangeState::Done;
                    settled.outcomes.push((op_id, "done"));
                }
                Some(Outcome::Gone { .. }) => {
                    gone = true;
                    settled.outcomes.push((op_id, "recovered"));
                }
                Some(Outcome::Rejected { code, message }) => {
                    refuse(local, code.clone(), message.clone());
                    settled.outcomes.push((op_id, "failed"));
                }
                Some(Outcome::Duplicate { .. }) | None => spend_attempt(local, mint),
            }
        }
        finish(meta, mint, &mut settled, record, held, gone);
    }
    settled
}

/// Decides what a push without an answer writes: the changes are due again, now or later.
#[must_use]
pub fn unanswered(mint: &mut Mint, held: HeldRows, class: FailureClass) -> Settled {
    let mut settled = Settled::default();
    for ((table, key), mut held) in held {
        let mut record = held
            .record
            .take()
            .unwrap_or_else(|| Record::empty(&table, key));
        for local in held
            .changes
            .iter_mut()
            .filter(|l| l.state == ChangeState::InFlight)
        {
            match class {
                FailureClass::Broken => spend_attempt(local, mint),
                FailureClass::Away | FailureClass::Session => local.state = ChangeState::Pending,
                FailureClass::Busy { retry_after_ms } => {
                    local.state = ChangeState::Pending;
                    local.next_attempt_at_ms = mint.now_ms() + retry_after_ms;
                }
            }
        }
        record.rebuild(held.open().iter());
        settled.records.push(record);
        settled.changes.append(&mut held.changes);
    }
    settled
}

fn finish(
    meta: &mut Meta,
    mint: &mut Mint,
    settled: &mut Settled,
    mut record: Record,
    mut held: Held,
    gone: bool,
) {
    let open = held.open();
    if gone {
        // The row is deleted on the server and was edited here: send it whole.
        let seen = core::mem::take(&mut record.seen.fields);
        settled
            .changes
            .extend(recover(meta, mint, &mut record, seen, open));
    } else {
        record.rebuild(open.iter());
        let outlived = outlived(&held.changes);
        held.changes
            .retain(|local| !outlived.contains(&local.local_seq));
        settled.changes.append(&mut held.changes);
        settled.outlived.extend(outlived);
    }
    settled.records.push(record);
}

fn spend_attempt(local: &mut LocalChange, mint: &mut Mint) {
    local.attempts += 1;
    if local.attempts >= ATTEMPTS_MAX {
        let message = "The server failed at this several times. The words are kept on this \
                       device; they are sent again when you change them.";
        refuse(local, "no_outcome".to_string(), message.to_string());
    } else {
        local.state = ChangeState::Pending;
        local.next_attempt_at_ms = mint.now_ms() + attempt_delay_ms(local.attempts, mint);
    }
}

fn refuse(local: &mut LocalChange, code: String, message: String) {
    local.state = ChangeState::Failed;
    local.refusal = Some((code, message));
}
