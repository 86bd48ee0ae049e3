//! After the state was taken anew: rows that did not come again. A device that was away for too
//! long lets them go; a device whose server lost something offers them back, as they were.

use super::edit::new_change;
use super::meta::Meta;
use super::outbox::{ChangeState, LocalChange};
use super::record::{Held, Record};
use crate::change::{Change, Op};
use crate::clock::Clock;
use crate::id::Mint;
use crate::limits::DRIFT_MS_MAX;
use crate::planted;
use crate::row::{DELETED, Row};
use crate::rules::Rules;
use crate::scope::OWN;
use crate::stamp::{Stamp, Stamps, stamp_of};
use crate::value::{Fields, Value};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// What sweeping one row writes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "made for one row and taken apart at once"
)]
pub enum Swept {
    /// The row is written like this, with these changes.
    Keep(Record, Vec<LocalChange>),
    /// The row goes, with all its closed changes.
    Drop,
}

/// Decides about one row of an older generation, read inside the transaction that will write
/// the result. Rows of the present generation, and rows that the server never had, are none of
/// its business.
#[must_use]
pub fn sweep(rules: &Rules, meta: &mut Meta, mint: &mut Mint, held: &Held) -> Option<Swept> {
    let record = held.record.as_ref()?;
    let base = record.base.as_ref()?;
    if record.generation >= meta.generation {
        return None;
    }
    let mut record = record.clone();
    let open = held.open();
    if record.generation < meta.floor {
        // What could not be stored is kept until its person decides, and so is what it replaces.
        let aside = |local: &LocalChange| local.state == ChangeState::Failed;
        if open.is_empty() && !held.changes.iter().any(aside) {
            return Some(Swept::Drop);
        }
        planted!(RebuildDropsTheOutbox, return Some(Swept::Drop));
        // Unsent words lie on top: the server will say `gone`, and they are sent whole.
        record.belongs_to(meta.generation);
        return Some(Swept::Keep(record, Vec::new()));
    }
    let mut held = held.clone();
    let mut changes = send_again(&held.changes, meta, mint);
    changes.extend(offer(rules, meta, mint, base));
    record.belongs_to(meta.generation);
    held.take(record.clone(), &changes);
    record.rebuild(rules, held.open().iter());
    Some(Swept::Keep(record, changes))
}

/// This device's own changes of a row from earlier generations, which a server had or was about
/// to have and may have lost: they are offered again, each value with the stamp it has, so that
/// what the server still has is not changed by it. They have new names: an old one might come to
/// stand at the very position it had before, and a device that stood there would notice nothing.
pub(super) fn send_again(
    changes: &[LocalChange],
    meta: &mut Meta,
    mint: &mut Mint,
) -> Vec<LocalChange> {
    let mut again = Vec::new();
    for local in changes {
        // What was never sent is in no history, and goes out as it is.
        let open = local.is_on_its_way() && local.state != ChangeState::Failed;
        let had = open || local.state == ChangeState::Done;
        if local.from_server || local.generation >= meta.generation || !had {
            continue;
        }
        again.push(LocalChange {
            generation: meta.generation,
            state: if open {
                ChangeState::Superseded
            } else {
                local.state
            },
            // Its position was one of the generation before.
            lsn: None,
            ..local.clone()
        });
        let op_id = mint.id();
        let (offset_ms, now_ms) = (meta.offset_ms, mint.now_ms());
        let in_time = |stamp: Stamp| not_ahead(stamp, local, offset_ms, now_ms);
        let stamp = in_time(local.change.stamp);
        let own = |name: &String| (name.clone(), stamp);
        let stamps = local.change.stamps.clone();
        let stamps = stamps.unwrap_or_else(|| match local.change.op {
            Op::Delete => Stamps::from([(DELETED.into(), stamp)]),
            Op::Insert | Op::Update => local.change.fields.keys().map(own).collect(),
        });
        let stamps = stamps
            .into_iter()
            .map(|(name, stamp)| (name, in_time(stamp)));
        let stamps: Stamps = stamps.collect();
        let change = Change {
            op_id,
            stamp: Stamp { op_id, ..stamp },
            stamps: Some(stamps),
            // Who still waits for an answer must hear that the row is gone.
            base: if open {
                local.change.base.clone()
            } else {
                Stamps::new()
            },
            group: None,
            ..local.change.clone()
        };
        again.push(new_change(meta, mint, change, local.old.clone()));
    }
    again
}

/// The stamp of a change, put back to when it was made if it is still far in the future: its
/// answer may have been lost, and with it the stamp that the server gave instead.
fn not_ahead(mut stamp: Stamp, local: &LocalChange, offset_ms: i64, now_ms: u64) -> Stamp {
    let [made_at_ms, now_ms] =
        [local.recorded_at_ms, now_ms].map(|at_ms| at_ms.saturating_add_signed(offset_ms));
    if stamp.clock.ms() > now_ms + DRIFT_MS_MAX {
        stamp.clock = Clock::at_ms(made_at_ms.min(now_ms));
    }
    stamp
}

/// What is offered of a row that the server has older than this device, or other. Of a value that
/// is later there it is not known whether its writer had seen ours: it is offered too, and leaves
/// a revision.
pub(super) fn offer_over(
    rules: &Rules,
    meta: &mut Meta,
    mint: &mut Mint,
    ours: &Row,
    theirs: &Row,
) -> Option<LocalChange> {
    let is_later = |(name, stamp): (&String, &Stamp)| {
        *stamp > stamp_of(&theirs.stamps, name).max(stamp_of(&theirs.stamps, DELETED))
    };
    let differs = |(name, value): (&String, &Value)| {
        !theirs.deleted && theirs.fields.get(name).is_some_and(|other| other != value)
    };
    let wanted = ours.stamps.iter().any(is_later) || ours.fields.iter().any(differs);
    if wanted {
        offer(rules, meta, mint, ours)
    } else {
        None
    }
}

/// Offers a row with the stamps it has, under a new name: one that followed from the row could
/// come to stand at one position in two histories, and a device that stood there would take one
/// for the other. What another device has offered already is nothing new to the server.
fn offer(rules: &Rules, meta: &mut Meta, mint: &mut Mint, ours: &Row) -> Option<LocalChange> {
    planted!(LostRowsAreNotOffered, return None);
    let table = rules.schema.table(&ours.table)?;
    if !table.lives_in(OWN) {
        return None;
    }
    let latest = ours.latest_stamp();
    let op_id = mint.id();
    let stamps: Stamps = ours.stamps.clone();
    let known = |name: &String| table.field(name).is_some();
    let fields: Fields = ours
        .fields
        .clone()
        .into_iter()
        .filter(|(name, _)| known(name))
        .collect();
    let change = Change {
        op_id,
        table: ours.table.clone(),
        key: ours.key,
        op: if ours.deleted { Op::Delete } else { Op::Insert },
        fields,
        patches: BTreeMap::new(),
        base: Stamps::new(),
        stamp: Stamp { op_id, ..latest },
        stamps: Some(stamps),
        group: None,
    };
    Some(new_change(meta, mint, change, Fields::new()))
}

impl Record {
    /// From now on the row is of this generation. Its position was of another: whatever the
    /// server sends of it is newer.
    fn belongs_to(&mut self, generation: u32) {
        self.generation = generation;
        if let Some(base) = &mut self.base {
            base.lsn = 0;
        }
    }
}

#[cfg(test)]
mod tests;
