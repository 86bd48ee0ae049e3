//! Which changes go out now: oldest first, up to a push's limits, groups whole, one of a row at a
//! time, and never one that must wait for an earlier change of its row.

use super::outbox::{ChangeState, LocalChange, RowName, row_name};
use crate::change::Op;
use crate::frame::Push;
use crate::id::Id;
use crate::limits::{PUSH_BYTES_MAX, PUSH_CHANGES_MAX, RETRY_AFTER_MS_MAX};
use crate::planted;
use crate::rules::Rules;
use crate::table::text;
use crate::text::patch;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// Picks from the outbox as it is read, so that a long one is not read whole.
#[derive(Debug, Default)]
pub struct Picker {
    now_ms: u64,
    offset_ms: i64,
    limit: usize,
    taken: Vec<LocalChange>,
    bytes: usize,
    full: bool,
    /// Rows with a change that does not go out, so that later ones of them wait.
    held: BTreeSet<RowName>,
    /// Rows with a change that the server may have, so that nobody knows yet whether they need
    /// to be put back.
    unanswered: BTreeSet<RowName>,
    /// Groups of which some changes have been read.
    groups: BTreeMap<Id, Vec<LocalChange>>,
    /// Groups of which some change must wait.
    waiting: BTreeSet<Id>,
}

impl Picker {
    /// Picks what is due now, at most `limit` changes; a larger group goes alone. `offset_ms` is
    /// what the server's time is taken to be ahead.
    #[must_use]
    pub fn at(now_ms: u64, offset_ms: i64, limit: usize) -> Self {
        Self {
            now_ms,
            offset_ms,
            limit: match planted!(PushHasNoLimit) {
                true => usize::MAX,
                false => limit.min(PUSH_CHANGES_MAX),
            },
            ..Self::default()
        }
    }

    /// Takes a look at the next open change; they come oldest first. Tells whether it wants to
    /// see more.
    pub fn offer(&mut self, local: &LocalChange) -> bool {
        if !local.is_open() {
            return !self.full;
        }
        let row = row_name(local);
        // An insert sets every field, so it does not need what was held before it.
        let whole = local.change.op == Op::Insert;
        let recovers = whole && local.change.stamps.is_some();
        let waits = recovers && self.unanswered.contains(&row);
        let free = !waits && (whole || !self.held.contains(&row));
        let due = local.state != ChangeState::Failed && self.is_due(local.next_attempt_at_ms);
        let lost = local.state == ChangeState::InFlight && planted!(InFlightIsForgotten);
        if local.is_on_its_way() {
            self.unanswered.insert(row.clone());
        }
        if !free || !due || self.full || lost {
            self.held.insert(row);
            self.waiting
                .extend(local.change.group.map(|group| group.id));
            return !self.full;
        }
        let timed = in_time(local, self.offset_ms);
        match local.change.group {
            Some(group) if !planted!(GroupIsSplit) => {
                self.held.insert(row);
                let members = self.groups.entry(group.id).or_default();
                members.push(timed);
                if members.len() == group.size && !self.waiting.contains(&group.id) {
                    let members = self.groups.remove(&group.id).unwrap_or_default();
                    self.take_all(members);
                }
            }
            _ => self.take_all(alloc::vec![timed]),
        }
        !self.full
    }

    /// What was picked. `all_seen` tells that there were no more to offer: a group of which
    /// some are missing then has lost them, to a deletion elsewhere, and goes on without them.
    #[must_use]
    pub fn finish(mut self, all_seen: bool) -> Vec<LocalChange> {
        if all_seen {
            for (id, mut members) in core::mem::take(&mut self.groups) {
                if !self.waiting.contains(&id) {
                    members
                        .iter_mut()
                        .for_each(|local| local.change.group = None);
                    self.take_all(members);
                }
            }
        }
        self.taken.sort_by_key(|local| local.local_seq);
        self.taken
    }

    /// A time further away than any wait is one of a clock that was put back since.
    const fn is_due(&self, at_ms: u64) -> bool {
        at_ms <= self.now_ms || at_ms > self.now_ms + RETRY_AFTER_MS_MAX
    }

    fn take_all(&mut self, unit: Vec<LocalChange>) {
        let bytes: usize = unit.iter().map(weight).sum();
        let count = self.taken.len() + unit.len();
        let over = count > self.limit || self.bytes + bytes > PUSH_BYTES_MAX;
        let offset = |locals: &[LocalChange]| locals.first().map(|local| local.offset_ms);
        // One push states one clock.
        let other_clock = !self.taken.is_empty() && offset(&self.taken) != offset(&unit);
        if (over && !self.taken.is_empty()) || other_clock {
            self.full = true;
            self.held.extend(unit.iter().map(row_name));
            return;
        }
        for local in &unit {
            // Should this one be refused, what was written on top of it must not go without it.
            // A row that is put back stands on nothing.
            if local.change.stamps.is_none() && !planted!(RowGoesTwiceInAPush) {
                self.held.insert(row_name(local));
            }
        }
        self.bytes += bytes;
        self.taken.extend(unit);
        self.full = self.taken.len() >= self.limit;
    }
}

/// A change whose stamp is known to be in the server's time is sent by that, though the clock here
/// may have been set since: the stamp is not to be shifted for it.
fn in_time(local: &LocalChange, offset_ms: i64) -> LocalChange {
    let mut local = local.clone();
    if local.in_time && !planted!(ClockIsJudgedAgain) {
        local.offset_ms = offset_ms;
    }
    local
}

/// The push that sends these changes: long texts as patches where the server has what they were
/// made from.
#[must_use]
pub fn push_of(rules: &Rules, device_id: Id, taken: &[LocalChange], now_ms: u64) -> Push {
    let offset_ms = taken.first().map_or(0, |local| local.offset_ms);
    let mut changes = Vec::new();
    for local in taken {
        let mut change = local.change.clone();
        let merged = rules
            .schema
            .table(&change.table)
            .into_iter()
            .flat_map(|t| t.fields);
        let patched = merged.filter(|f| f.merged && !local.full && change.op == Op::Update);
        for field in patched.map(|field| field.name) {
            let known = change.base.contains_key(field);
            let old = local.old.get(field).and_then(text).filter(|_| known);
            let new = change.fields.get(field).and_then(text);
            if let (Some(old), Some(new)) = (old, new)
                && let Some(made) = patch(rules.texts, old, new)
            {
                change.fields.remove(field);
                change.patches.insert(field.into(), made);
            }
        }
        changes.push(change);
    }
    Push {
        device_id,
        changes,
        schema_version: rules.schema.version,
        device_time_ms: now_ms.saturating_add_signed(offset_ms),
    }
}

/// About how many bytes a change has on the wire; never less than it really has, for texts
/// without many control characters.
pub(super) fn weight(local: &LocalChange) -> usize {
    let change = &local.change;
    let fields: usize = change
        .fields
        .iter()
        .map(|(name, value)| name.len() + text(value).map_or(20, |t| escaped_len(t)) + 6)
        .sum();
    let stamps = change.base.len() + change.stamps.as_ref().map_or(0, BTreeMap::len);
    fields + stamps * 90 + 320
}

fn escaped_len(text: &str) -> usize {
    text.bytes()
        .map(|byte| match byte {
            b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
            0..0x20 => 6,
            _ => 1,
        })
        .sum()
}

#[cfg(test)]
mod tests;
