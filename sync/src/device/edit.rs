//! What a person's edits become on disk: the rows, the changes, and the clock that stamped them.

use super::meta::Meta;
use super::outbox::{ChangeState, LocalChange};
use super::pick::weight;
use super::receive::HeldRows;
use super::record::{Held, Record, lay_on};
use crate::change::{Change, Group, Op, Refusal};
use crate::clock::Clock;
use crate::id::Mint;
use crate::limits::{CHUNK_BYTES_MAX, GROUP_CHANGES_MAX};
use crate::local::Edit;
use crate::merge::saw;
use crate::planted;
use crate::row::{DELETED, Row};
use crate::rules::Rules;
use crate::stamp::{Stamp, Stamps, stamp_of};
use crate::table::TableSpec;
use crate::value::{Fields, Value};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

/// What edits write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The rows.
    pub records: Vec<Record>,
    /// Their changes that are new or whose state changed.
    pub changes: Vec<LocalChange>,
}

/// An edit that is not kept. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// It does not fit the table.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The row is not on this device.
    #[error("this row is not on this device, or was deleted")]
    NoSuchRow,
    /// Edits that are to be kept together are more than can travel together.
    #[error(
        "at most {GROUP_CHANGES_MAX} rows and 256 KiB are kept together; nothing was saved, \
         save them in parts"
    )]
    GroupTooLarge,
}

impl EditError {
    /// The word that programs go by.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::NoSuchRow => "no_such_row",
            Self::GroupTooLarge => "group_too_large",
        }
    }
}

/// Decides what edits write, given what is stored of their rows. Called inside the transaction
/// that read them and will write the result. Edits of several rows are a group: kept together
/// here, accepted together by the server, and seen together elsewhere.
///
/// # Errors
/// Says why the edits are not kept; then nothing is to be written, and `meta` is to be thrown
/// away.
pub fn write(
    rules: &Rules,
    meta: &mut Meta,
    mint: &mut Mint,
    mut held: HeldRows,
    edits: Vec<Edit>,
) -> Result<Written, EditError> {
    let rows: BTreeSet<_> = edits
        .iter()
        .map(|edit| (edit.table.clone(), edit.key))
        .collect();
    let size = rows.len();
    if size > GROUP_CHANGES_MAX {
        return Err(EditError::GroupTooLarge);
    }
    let group = (size > 1).then(|| Group {
        id: mint.id(),
        size,
    });
    let mut changes: BTreeMap<u64, LocalChange> = BTreeMap::new();
    for edit in edits {
        let row = held.entry((edit.table.clone(), edit.key)).or_default();
        let (record, written) = decide(rules, meta, mint, row, edit, group)?;
        row.take(record, &written);
        changes.extend(written.into_iter().map(|local| (local.local_seq, local)));
    }
    let together = changes.values().filter(|local| local.is_open());
    if group.is_some() && together.map(weight).sum::<usize>() > CHUNK_BYTES_MAX {
        return Err(EditError::GroupTooLarge);
    }
    let records = rows.iter().filter_map(|row| held.remove(row)?.record);
    Ok(Written {
        records: records.collect(),
        changes: changes.into_values().collect(),
    })
}

/// A character that no database is sure to keep is replaced, as CommonMark 0.31 (2.3) does, rather
/// than have the text around it refused.
fn without_nul(mut fields: Fields) -> Fields {
    for value in fields.values_mut() {
        if let Value::Text(text) = value
            && text.contains('\0')
        {
            *text = text.replace('\0', "\u{fffd}");
        }
    }
    fields
}

fn decide(
    rules: &Rules,
    meta: &mut Meta,
    mint: &mut Mint,
    held: &Held,
    edit: Edit,
    group: Option<Group>,
) -> Result<(Record, Vec<LocalChange>), EditError> {
    let table = rules.table(&edit.table)?;
    let mut record = held.record.clone();
    if record
        .as_ref()
        .is_some_and(|record| record.is_left_behind(meta.floor))
    {
        record = None;
    }
    let mut record = record.unwrap_or_else(|| Record::empty(&edit.table, edit.key));
    if edit.op != Op::Insert && !record.is_live() {
        return Err(EditError::NoSuchRow);
    }
    let mut open = held.open();
    let (superseded, beneath) = split_off_waiting(rules, &record, &mut open, group);
    let latest = record.seen.latest_stamp().max(beneath.seen.latest_stamp());
    meta.clock = meta.clock.observe(latest.clock);
    let op_id = mint.id();
    let mut change = Change {
        op_id,
        table: edit.table,
        key: edit.key,
        op: edit.op,
        fields: without_nul(edit.fields),
        patches: BTreeMap::new(),
        base: Stamps::new(),
        stamp: meta.stamp(op_id, mint.now_ms()),
        stamps: None,
        group,
    };
    change.check(rules.schema)?;
    change.base = base_of(table, &beneath.seen, &change);
    let old = old_of(&beneath.seen, &change);
    let mut local = new_change(meta, mint, change, old);
    let superseded = take_over(&mut local, superseded);
    // What was taken over may ask for more of the row, as a trash does.
    for (name, stamp) in base_of(table, &beneath.seen, &local.change) {
        local.change.base.entry(name).or_insert(stamp);
    }
    open.push(local.clone());
    record.rebuild(rules, open.iter());
    Ok((record, superseded.into_iter().chain([local]).collect()))
}

/// Puts a row back whole after its deletion elsewhere met an edit made here: nothing typed
/// disappears. The open changes are superseded by one that sets every field as `seen` has it,
/// each value with the stamp it has, so that what others put back of the same row is joined to
/// it and not fought over. Those changes of which `seen` does not show everything follow it. What
/// is on its way stays before it: should the server turn out to have had it before the deletion,
/// there was nothing to put back ([`is_needless`]).
#[must_use]
pub fn recover(
    rules: &Rules,
    meta: &mut Meta,
    mint: &mut Mint,
    record: &mut Record,
    seen: Row,
    history: &[LocalChange],
) -> Vec<LocalChange> {
    let open: Vec<_> = history.iter().filter(|l| l.is_open()).cloned().collect();
    let Some((whole, stamps)) = whole_row(rules, seen, &open) else {
        return open.into_iter().map(cannot_come_back).collect();
    };
    meta.clock = meta.clock.observe(record.seen.latest_stamp().clock);
    let op_id = mint.id();
    let mut change = Change {
        op_id,
        table: record.seen.table.clone(),
        key: record.key,
        op: Op::Insert,
        fields: whole,
        patches: BTreeMap::new(),
        base: Stamps::new(),
        stamp: meta.stamp(op_id, mint.now_ms()),
        stamps: Some(stamps),
        group: None,
    };
    if let Some(table) = rules.schema.table(&record.seen.table) {
        let beneath = record.base.clone();
        let beneath = beneath.unwrap_or_else(|| Row::empty(&record.seen.table, record.key));
        change.base = base_of(table, &beneath, &change);
    }
    let local = new_change(meta, mint, change, Fields::new());
    let mut changes = alloc::vec![local];
    let mut earlier_ones = Vec::new();
    for mut earlier in open {
        if earlier.is_on_its_way() && !planted!(RecoversTooSoon) {
            earlier_ones.push(earlier);
            continue;
        }
        let whole = &changes[0].change.fields;
        let hidden = |(name, value): (&String, &Value)| {
            let replaced = |later| replaces(later, name, &earlier);
            whole.get(name) != Some(value) && !history.iter().any(replaced)
        };
        // What somebody else's words hide is sent after the row, and leaves a revision there.
        if earlier.change.fields.iter().any(hidden) && !planted!(HiddenWordsAreDropped) {
            changes.push(LocalChange {
                local_seq: meta.next_seq(),
                state: ChangeState::Pending,
                attempts: 0,
                next_attempt_at_ms: 0,
                refusal: None,
                ..earlier.clone()
            });
        }
        earlier.state = ChangeState::Superseded;
        earlier_ones.push(earlier);
    }
    for again in &mut changes[1..] {
        again.change.group = None;
        // The row is there by then; a second put would not wait for a first that is refused.
        if again.change.op == Op::Insert {
            again.change.op = Op::Update;
        }
    }
    earlier_ones.extend(changes);
    let still_open = earlier_ones.iter().filter(|local| local.is_open());
    record.rebuild(rules, still_open);
    earlier_ones
}

/// Whether a later change takes the place of what an earlier one set, and its writer saw that.
pub(super) fn replaces(later: &LocalChange, field: &str, earlier: &LocalChange) -> bool {
    let (change, given) = (&later.change, earlier.change.stamps.as_ref());
    let stamp = given.map_or(earlier.change.stamp, |stamps| stamp_of(stamps, field));
    let sets = change.op == Op::Delete || change.fields.contains_key(field);
    let seen = stamp == Stamp::ZERO || saw(change, field, stamp);
    later.state != ChangeState::Skipped && sets && seen
}

/// Whether a row waits to be put back for words that the server has had all along: whoever
/// deleted it took them, seeing them.
pub(super) fn is_needless(recovered: &LocalChange, changes: &[LocalChange]) -> bool {
    let Some(stamps) = &recovered.change.stamps else {
        return false;
    };
    let change = &recovered.change;
    let recovers = change.op == Op::Insert && change.base.contains_key(DELETED);
    let unsent = |local: &LocalChange| {
        let op_id = local.change.op_id;
        let in_it = stamps.values().any(|stamp| stamp.op_id == op_id);
        local.is_open() || (in_it && local.state != ChangeState::Done)
    };
    let mut others = changes
        .iter()
        .filter(|local| !local.from_server && local.local_seq != recovered.local_seq);
    recovers && !recovered.is_on_its_way() && recovered.is_open() && !others.any(unsent)
}

/// Every field of the row with the stamp it has, and none that this device does not know:
/// columns of a newer version stay behind. What `seen` lacks, the open changes may have.
fn whole_row(rules: &Rules, seen: Row, open: &[LocalChange]) -> Option<(Fields, Stamps)> {
    let table = rules.schema.table(&seen.table)?;
    let (mut fields, mut stamps) = (seen.fields, seen.stamps);
    for change in open.iter().map(|local| &local.change) {
        for (name, value) in &change.fields {
            if !fields.contains_key(name) {
                fields.insert(name.clone(), value.clone());
                stamps.insert(name.clone(), change.stamp);
            }
        }
    }
    fields.retain(|name, _| table.field(name).is_some());
    stamps.retain(|name, _| fields.contains_key(name));
    (fields.len() == table.fields.len()).then_some((fields, stamps))
}

/// Of its row not enough is known here to put it back. The words are kept and shown.
fn cannot_come_back(mut local: LocalChange) -> LocalChange {
    let message = "The row was deleted elsewhere, and this device does not have all of it. The \
                   words are kept here.";
    local.state = ChangeState::Failed;
    local.refusal = Some(("gone".into(), message.into()));
    local
}

pub(super) fn new_change(meta: &mut Meta, mint: &Mint, change: Change, old: Fields) -> LocalChange {
    LocalChange {
        recorded_at_ms: mint.now_ms(),
        offset_ms: meta.offset_ms,
        generation: meta.generation,
        ..LocalChange::new(meta.next_seq(), change, old)
    }
}

/// Takes those of the open changes away that a new one carries along: the last ones, as long as
/// they wait. What is on its way or may have arrived is left alone, or it would meet itself on the
/// server as somebody else's; and so is what belongs to a group. But a refused change is tried
/// again with what its person wrote since, whatever it belonged to. A change that
/// meets an edit its writer had not seen is left alone too: by itself it leaves a revision of
/// what loses. Gives also the row that the new change will lie on.
fn split_off_waiting(
    rules: &Rules,
    record: &Record,
    open: &mut Vec<LocalChange>,
    group: Option<Group>,
) -> (Vec<LocalChange>, Record) {
    let mut waiting = Vec::new();
    let waits = |earlier: &LocalChange| match earlier.state {
        // A row that is put back is not this person's edit.
        _ if earlier.change.stamps.is_some() => false,
        ChangeState::Pending if earlier.sent => planted!(CoalescesInFlight),
        ChangeState::Pending => {
            let by_itself = earlier.change.group.is_none() && group.is_none();
            by_itself || (group.is_some() && earlier.change.group == group)
        }
        ChangeState::InFlight => planted!(CoalescesInFlight),
        _ => true,
    };
    let beneath = |open: &[LocalChange]| {
        let mut beneath = record.clone();
        beneath.rebuild(rules, open.iter());
        beneath
    };
    while let Some(earlier) = open.pop_if(|earlier| waits(earlier)) {
        let mut row = beneath(open).seen;
        let conflict = lay_on(rules, &mut row, &earlier);
        if conflict && !planted!(HiddenWordsAreReplaced) {
            open.push(earlier);
            break;
        }
        waiting.push(earlier);
    }
    let beneath = beneath(open);
    (waiting, beneath)
}

/// Pending edits of one row travel as one: the later carries the earlier one's values. For a
/// field that only the earlier one set, base and old value are the earlier one's too.
fn take_over(local: &mut LocalChange, earlier: Vec<LocalChange>) -> Vec<LocalChange> {
    let mut superseded = Vec::new();
    for mut earlier in earlier {
        let change = &mut local.change;
        if change.op != Op::Delete {
            if earlier.change.op == Op::Insert {
                change.op = Op::Insert;
            }
            for (name, value) in &earlier.change.fields {
                if change.fields.contains_key(name) {
                    continue;
                }
                change.fields.insert(name.clone(), value.clone());
                match earlier.change.base.get(name) {
                    Some(base) => drop(change.base.insert(name.clone(), *base)),
                    None => drop(change.base.remove(name)),
                }
                let old = earlier.old.get(name).cloned().unwrap_or(Value::Null);
                local.old.insert(name.clone(), old);
            }
        }
        planted!(CoalescingForgets, continue);
        earlier.state = ChangeState::Superseded;
        superseded.push(earlier);
    }
    superseded.reverse();
    superseded
}

/// What the writer of a change was looking at: the stamps of the fields it sets and of the
/// trash; and for a trash, a deletion or a full put, of the whole row.
fn base_of(table: &TableSpec, seen: &Row, change: &Change) -> Stamps {
    let sets = |name: &str| change.fields.contains_key(name);
    let whole = change.op != Op::Update || table.trash.is_some_and(sets);
    let named = |name: &String| {
        whole || sets(name) || table.trash == Some(name.as_str()) || name == DELETED
    };
    let stamps = seen.stamps.iter().filter(|(name, _)| named(name));
    stamps
        .map(|(name, stamp)| (name.clone(), *stamp))
        .filter(|s| s.1 != Stamp::ZERO)
        .collect()
}

fn old_of(seen: &Row, change: &Change) -> Fields {
    if change.op == Op::Delete {
        return seen.fields.clone();
    }
    let old = |name: &String| seen.fields.get(name).cloned().unwrap_or(Value::Null);
    change
        .fields
        .keys()
        .map(|name| (name.clone(), old(name)))
        .collect()
}

/// Keeps this device's changes of a row in the order of their writing, now that the server has
/// `done` and may have given it another stamp than it `claimed`: what comes after it and is not
/// sent yet stays after it, and a row that is being put back does not cover what was written over
/// it.
pub(super) fn keep_in_order(done: &LocalChange, claimed: Clock, changes: &mut [LocalChange]) {
    let given = done.change.stamp.clock;
    let mut last = given;
    for local in changes.iter_mut().filter(|local| local.is_open()) {
        let on_its_way = local.is_on_its_way();
        if local.local_seq > done.local_seq {
            let clock = &mut local.change.stamp.clock;
            if claimed < *clock && *clock <= given && !on_its_way {
                last = last.after();
                *clock = last;
            }
            continue;
        }
        let covered = |name: &String| replaces(done, name, local);
        let covered: Vec<_> = done.change.fields.keys().filter(|n| covered(n)).collect();
        if let Some(stamps) = &mut local.change.stamps {
            stamps.retain(|name, _| !covered.contains(&name));
        }
    }
}

/// The change that this one is joined to its row as, under the stamp the server gave it.
pub(super) fn adopted(local: &LocalChange, stamp: Option<Stamp>) -> LocalChange {
    let mut adopted = local.clone();
    if let Some(given) = stamp {
        adopted.change.stamp = given;
        // Of a row that is put back the server lowers what was ahead of its time.
        let stamps = adopted.change.stamps.iter_mut();
        for stamp in stamps.flat_map(BTreeMap::values_mut) {
            stamp.clock = stamp.clock.min(given.clock);
        }
    }
    adopted
}

/// Joins an acknowledged change to the server's version of its row.
pub(super) fn settle_on(rules: &Rules, base: &mut Row, local: &LocalChange) {
    lay_on(rules, base, local);
}

#[cfg(test)]
mod tests;
