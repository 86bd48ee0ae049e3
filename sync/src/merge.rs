//! The one function that joins an edit to a row, on the device and on the server.
//!
//! A value that its writer had seen is replaced, whatever the clocks say. Between values written
//! apart, per field the later stamp wins (a last-writer-wins register, Shapiro et al. 2011), but
//! for long texts, which are joined three-way on the text both began from. The result of any set
//! of scalar edits, in any order and with repeats, is the same: a join of a semilattice. A
//! deletion or a trash takes what it has seen and nothing else; an edit of a deleted row is not
//! applied but answered, so that its words can be put back whole.

mod offered;

use crate::change::{Change, Op};
use crate::id::Id;
use crate::planted;
use crate::row::{DELETED, Row};
use crate::stamp::{Stamp, Stamps, stamp_of};
use crate::table::{TableSpec, text};
use crate::text::Texts;
use crate::value::{Fields, Value};
use alloc::string::String;
use alloc::vec::Vec;

/// What became of an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merged {
    /// Joined.
    Joined(Joined),
    /// The row is deleted and the edit is no full put: nothing was changed.
    Gone,
}

/// How an edit was joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The stamp of the fields that took the edit's value: the edit's own, or a later one where
    /// the edit had seen a value that reads later than itself.
    pub stamp: Stamp,
    /// Fields whose present value is later than the edit; the edit's value was not taken.
    pub lost: Vec<String>,
    /// Values that the edit replaced without having seen them.
    pub beaten: Vec<Beaten>,
    /// Long texts that now hold both edits.
    pub mixed: Vec<String>,
    /// The edit brought the row back from the trash, for its writer had not seen that.
    pub untrashed: bool,
}

/// A value that lost its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beaten {
    /// Its field.
    pub field: String,
    /// The value.
    pub value: Value,
    /// Who wrote it, and when.
    pub stamp: Stamp,
}

/// Joins `change` to `row`. The row's position is not touched: that is the server's to give.
/// `bases` has the values that the change's writer began from, as far as they are known here.
pub fn merge(
    table: &TableSpec,
    texts: &dyn Texts,
    row: &mut Row,
    change: &Change,
    bases: &Fields,
) -> Merged {
    if let Some(stamps) = &change.stamps {
        return offered::join(row, change, stamps);
    }
    match change.op {
        Op::Delete => Merged::Joined(delete(table, row, change)),
        Op::Update if row.deleted => Merged::Gone,
        Op::Insert if row.deleted => revive(table, texts, row, change),
        Op::Insert | Op::Update => {
            let mut joined = set_fields(table, texts, row, change, bases);
            settle_trash(table, row, change, &mut joined);
            Merged::Joined(joined)
        }
    }
}

/// Whether the writer of `change` was looking at the value stamped `present`. By the name of the
/// change that wrote it: a server may have shifted its clock since.
pub(crate) fn saw(change: &Change, field: &str, present: Stamp) -> bool {
    planted!(BaseIsTrustedBlindly, return true);
    let base = change.base.get(field);
    base.is_some_and(|base| base.op_id == present.op_id)
}

/// Whether the writer of `change` was looking at the value stamped `present`, or would have been,
/// did its version of the tables not lack the field: then at something else of the same change.
fn met(change: &Change, field: &str, present: Stamp) -> bool {
    let mut others = change.base.values();
    let lacks = !change.base.contains_key(field);
    saw(change, field, present) || (lacks && others.any(|base| base.op_id == present.op_id))
}

/// The stamp of the change, raised past every value that it replaces knowingly.
fn raised<'a>(row: &Row, change: &Change, fields: impl Iterator<Item = &'a String>) -> Stamp {
    let mut stamp = change.stamp;
    for field in fields {
        let present = stamp_of(&row.stamps, field);
        if saw(change, field, present) && stamp <= present {
            stamp.clock = present.clock.after();
        }
    }
    stamp
}

fn set_fields(
    table: &TableSpec,
    texts: &dyn Texts,
    row: &mut Row,
    change: &Change,
    bases: &Fields,
) -> Joined {
    let stamp = raised(row, change, change.fields.keys());
    let mut joined = Joined::under(stamp);
    for (name, value) in &change.fields {
        let present = stamp_of(&row.stamps, name);
        let own = [change.op_id, mixed_stamp(stamp, stamp).op_id];
        if own.contains(&present.op_id) && present != Stamp::ZERO {
            continue;
        }
        let old = row.fields.get(name).unwrap_or(&Value::Null);
        if present == Stamp::ZERO || saw(change, name, present) {
            row.set(name, value.clone(), stamp);
        } else if old == value {
            row.set(name, value.clone(), stamp.max(present));
        } else if let Some(mixed) = mix(table, texts, name, bases, old, value) {
            let by_both = mixed_stamp(present, stamp);
            joined.mixed.push(name.clone());
            row.set(name, mixed, by_both);
        } else if stamp > present {
            joined.beaten.push(Beaten {
                field: name.clone(),
                value: old.clone(),
                stamp: present,
            });
            row.set(name, value.clone(), stamp);
        } else {
            joined.lost.push(name.clone());
        }
    }
    joined
}

/// Both edits of a long text in one, if they do not overlap and what both began from is known.
fn mix(
    table: &TableSpec,
    texts: &dyn Texts,
    field: &str,
    bases: &Fields,
    theirs: &Value,
    ours: &Value,
) -> Option<Value> {
    let spec = table.field(field).filter(|spec| spec.merged)?;
    let base = text(bases.get(field)?)?;
    let mixed = Value::Text(texts.merge(base, text(theirs)?, text(ours)?)?);
    // Two texts within the limit may be one beyond it.
    spec.kind
        .check(&mixed, spec.nullable)
        .is_ok()
        .then_some(mixed)
}

/// The stamp of a text that holds two edits: later than both, and the same wherever the two are
/// joined.
fn mixed_stamp(one: Stamp, other: Stamp) -> Stamp {
    Stamp {
        clock: one.clock.max(other.clock).after(),
        node: Id::NIL,
        op_id: one.op_id.derived(other.op_id),
    }
}

/// An edit by somebody who had not seen the trash brings its row back; a trash by somebody who
/// had not seen an edit does not take it.
fn settle_trash(table: &TableSpec, row: &mut Row, change: &Change, joined: &mut Joined) {
    let Some(trash) = table.trash else { return };
    let is_set = |value: Option<&Value>| !matches!(value, None | Some(Value::Null));
    if !is_set(row.fields.get(trash)) {
        return;
    }
    let present = stamp_of(&row.stamps, trash);
    if is_set(change.fields.get(trash)) {
        let unseen = |(name, stamp): (&String, &Stamp)| {
            stamp.op_id != change.op_id && !met(change, name, *stamp)
        };
        if present.op_id == change.op_id && row.stamps.iter().any(unseen) {
            // Under a name of its own: who sees the row out of the trash has not seen it in there.
            row.set(trash, Value::Null, mixed_stamp(present, present));
            joined.lost.push(trash.into());
        }
    } else if change.fields.keys().any(|name| name != trash) && !saw(change, trash, present) {
        planted!(TrashIgnoresEdits, return);
        let clock = joined.stamp.clock.max(present.clock.after());
        let stamp = Stamp {
            clock,
            ..joined.stamp
        };
        row.set(trash, Value::Null, stamp);
        joined.lost.retain(|name| name != trash);
        joined.untrashed = true;
    }
}

/// Only a full put brings a deleted row back, and only one made after the deletion or by
/// somebody who had seen it.
fn revive(table: &TableSpec, texts: &dyn Texts, row: &mut Row, change: &Change) -> Merged {
    let deleted = stamp_of(&row.stamps, DELETED);
    let earlier = change.stamp < deleted;
    if earlier && !saw(change, DELETED, deleted) {
        return Merged::Gone;
    }
    let mut change = change.clone();
    if earlier {
        change.stamp.clock = deleted.clock.after();
    }
    row.deleted = false;
    row.stamps = Stamps::new();
    Merged::Joined(set_fields(table, texts, row, &change, &Fields::new()))
}

fn delete(table: &TableSpec, row: &mut Row, change: &Change) -> Joined {
    let mut stamp = raised(row, change, row.stamps.keys());
    let mut joined = Joined::under(stamp);
    if row.deleted {
        stamp = stamp.max(stamp_of(&row.stamps, DELETED));
    } else {
        // Who puts a row into the trash does not mean to keep it from being deleted.
        let unseen = |(name, stamp): (&String, &Stamp)| {
            table.trash != Some(name.as_str()) && !met(change, name, *stamp)
        };
        if row.stamps.iter().any(unseen) && !planted!(DeletionTakesUnseen) {
            joined.lost.push(DELETED.into());
            return joined;
        }
    }
    joined.stamp = stamp;
    row.bury(stamp);
    joined
}

impl Row {
    fn set(&mut self, field: &str, value: Value, stamp: Stamp) {
        self.fields.insert(field.into(), value);
        self.stamps.insert(field.into(), stamp);
    }

    fn bury(&mut self, stamp: Stamp) {
        self.deleted = true;
        self.fields = Fields::new();
        self.stamps = Stamps::from([(DELETED.into(), stamp)]);
    }
}

impl Joined {
    const fn under(stamp: Stamp) -> Self {
        Self {
            stamp,
            lost: Vec::new(),
            beaten: Vec::new(),
            mixed: Vec::new(),
            untrashed: false,
        }
    }

    /// Whether somebody else's work was met that the edit's writer had not seen.
    #[must_use]
    pub const fn is_conflict(&self) -> bool {
        !self.lost.is_empty() || !self.beaten.is_empty() || !self.mixed.is_empty() || self.untrashed
    }
}

#[cfg(test)]
mod tests;
