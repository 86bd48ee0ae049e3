//! Accepting pushed changes: what each one does to its row, and what it is answered. A change,
//! or a group of them, stands alone: a bad one fails without the others.

use super::revision;
use crate::change::{Change, Op, Refusal};
use crate::frame::Outcome;
use crate::id::Id;
use crate::limits::GROUP_CHANGES_MAX;
use crate::merge::{Joined, Merged, merge};
use crate::planted;
use crate::row::Row;
use crate::rules::Rules;
use crate::scope::Lsn;
use crate::stamp::{Stamp, stamp_of};
use crate::table::{TableSpec, text};
use crate::value::{Fields, Value};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The name of a text that the server keeps as a possible base: the change that made it, and
/// its field.
pub type TextName = (Id, String);

/// A change that was not here before, with everything that deciding about it needs.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The change, its stamp shifted if its clock was wrong.
    pub change: Change,
    /// The stamp it came with, if that was shifted.
    pub claimed: Option<Stamp>,
    /// The row of its key in the scope of the session; a key of another scope is unknown.
    pub present: Option<Row>,
    /// Those of the [`wanted_texts`] that are kept.
    pub texts: BTreeMap<TextName, String>,
}

/// What to do about a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Write this, and answer with [`Write::outcome`].
    Write(Box<Write>),
    /// Write nothing and answer this.
    Answer(Outcome),
}

/// What an accepted change writes, all of it in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// The row after the change, under the scope's next position.
    pub row: Row,
    /// Rows that keep what lost or was written over, each under a position of its own.
    pub revisions: Vec<Row>,
    /// Texts to keep as possible bases.
    pub texts: Vec<(TextName, String)>,
    /// The stamp that the change claimed, if it has another one now.
    pub claimed: Option<Stamp>,
    stamp: Option<Stamp>,
    tell_row: bool,
    lost_fields: Vec<String>,
}

impl Write {
    /// What the change is answered, once its row has its position.
    #[must_use]
    pub fn outcome(&self, lsn: Lsn) -> Outcome {
        let row = self.tell_row.then(|| {
            Box::new(Row {
                lsn,
                ..self.row.clone()
            })
        });
        Outcome::Applied {
            lsn,
            stamp: self.stamp,
            row,
            lost_fields: self.lost_fields.clone(),
        }
    }
}

/// Cuts a push into what stands alone: single changes, and groups, in the order of the push.
#[must_use]
pub fn units(changes: Vec<Change>) -> Vec<Vec<Change>> {
    let mut units: Vec<Vec<Change>> = Vec::new();
    let mut groups: BTreeMap<Id, usize> = BTreeMap::new();
    for change in changes {
        let place = change
            .group
            .map(|group| *groups.entry(group.id).or_insert(units.len()));
        match place.and_then(|place| units.get_mut(place)) {
            Some(unit) => unit.push(change),
            None => units.push(alloc::vec![change]),
        }
    }
    units
}

/// The texts that joining this change may need: what its writer began from.
#[must_use]
pub fn wanted_texts(rules: &Rules, change: &Change) -> Vec<TextName> {
    let Some(table) = rules.schema.table(&change.table) else {
        return Vec::new();
    };
    let merged = table.fields.iter().filter(|field| field.merged);
    let set = merged
        .filter(|f| change.fields.contains_key(f.name) || change.patches.contains_key(f.name));
    set.filter_map(|field| {
        let base = change.base.get(field.name)?;
        Some((base.op_id, field.name.to_string()))
    })
    .collect()
}

/// Decides about a change, or about all changes of a group: they are written together or not at
/// all. The verdicts are in the order of `unit`.
#[must_use]
pub fn accept(rules: &Rules, unit: Vec<Incoming>) -> Vec<Verdict> {
    let grouped = unit.iter().any(|incoming| incoming.change.group.is_some());
    if grouped && !is_whole(&unit) {
        return unit.iter().map(|_| refused(&Refusal::GroupShape)).collect();
    }
    let mut verdicts: Vec<_> = unit.into_iter().map(|one| decide(rules, one)).collect();
    let fails = |verdict: &Verdict| matches!(verdict, Verdict::Answer(_));
    if grouped && verdicts.iter().any(fails) && !planted!(GroupIsTornApart) {
        let refusing = |v: &Verdict| matches!(v, Verdict::Answer(Outcome::Rejected { .. }));
        let refuse = verdicts.iter().any(refusing);
        for verdict in verdicts.iter_mut().filter(|v| !refusing(v)) {
            if refuse {
                *verdict = refused(&Refusal::Group);
            } else if !fails(verdict) {
                *verdict = Verdict::Answer(Outcome::NeedFull {});
            }
        }
    }
    verdicts
}

fn is_whole(unit: &[Incoming]) -> bool {
    let rows: BTreeSet<_> = unit
        .iter()
        .map(|i| (&i.change.table, i.change.key))
        .collect();
    let size = unit.len();
    let sized = unit
        .iter()
        .all(|i| i.change.group.is_some_and(|group| group.size == size));
    sized && size <= GROUP_CHANGES_MAX && rows.len() == size
}

fn decide(rules: &Rules, incoming: Incoming) -> Verdict {
    let Incoming {
        mut change,
        claimed,
        present,
        mut texts,
    } = incoming;
    let table = match change.check(rules.schema) {
        Ok(table) => table,
        Err(refusal) => return refused(&refusal),
    };
    // A base that is still current is never missing, however old it is.
    for (id, field) in wanted_texts(rules, &change) {
        let current = present
            .as_ref()
            .filter(|row| stamp_of(&row.stamps, &field).op_id == id);
        if let Some(current) = current.and_then(|row| text(row.fields.get(&field)?)) {
            texts.entry((id, field)).or_insert_with(|| current.clone());
        }
    }
    if !unpatch(&mut change, &texts) {
        return Verdict::Answer(Outcome::NeedFull {});
    }
    // Once more: what a patch makes is held to the same limits.
    if let Err(refusal) = table.check(&change.fields) {
        return refused(&refusal);
    }
    let before = match (present, change.op) {
        (Some(row), _) => row,
        (None, Op::Insert) => Row::empty(&change.table, change.key),
        (None, Op::Delete) if change.stamps.is_some() => Row::empty(&change.table, change.key),
        (None, Op::Update | Op::Delete) => return Verdict::Answer(unknown_row()),
    };
    let mut row = before.clone();
    match merge(
        table,
        rules.texts,
        &mut row,
        &change,
        &bases(&change, texts),
    ) {
        Merged::Joined(joined) if is_nothing_new(&change, &before, &row, &joined) => {
            Verdict::Answer(nothing_new(before))
        }
        Merged::Joined(joined) => Verdict::Write(Box::new(write(
            table, &before, row, &change, joined, claimed,
        ))),
        Merged::Gone => Verdict::Answer(Outcome::Gone {
            message: "This row was deleted. Nothing was changed; send it whole to put it back."
                .to_string(),
            row: Some(Box::new(before)),
        }),
    }
}

/// Turns patches into the texts they make. Tells whether all of them could be.
fn unpatch(change: &mut Change, texts: &BTreeMap<TextName, String>) -> bool {
    for (name, patch) in core::mem::take(&mut change.patches) {
        let base = change
            .base
            .get(&name)
            .map(|base| (base.op_id, name.clone()));
        let made = base.and_then(|base| patch.apply(texts.get(&base)?));
        let Some(made) = made else { return false };
        change.fields.insert(name, Value::Text(made));
    }
    true
}

/// What the change's writer began from, by field.
fn bases(change: &Change, texts: BTreeMap<TextName, String>) -> Fields {
    let is_base = |id: Id, name: &str| change.base.get(name).is_some_and(|b| b.op_id == id);
    texts
        .into_iter()
        .filter(|((id, name), _)| is_base(*id, name))
        .map(|((_, name), text)| (name, Value::Text(text)))
        .collect()
}

fn write(
    table: &TableSpec,
    before: &Row,
    mut row: Row,
    change: &Change,
    joined: Joined,
    claimed: Option<Stamp>,
) -> Write {
    row.op_id = change.op_id;
    row.group = change.group.map(|group| group.id);
    let claimed = claimed.or_else(|| (joined.stamp != change.stamp).then_some(change.stamp));
    let lowered = change.stamps.is_some() && claimed.is_some();
    let tell_row =
        lowered || !joined.lost.is_empty() || !joined.mixed.is_empty() || joined.untrashed;
    Write {
        revisions: revision::left_by(table, before, change, &joined),
        texts: texts_to_keep(table, &row, change),
        stamp: claimed.map(|_| joined.stamp),
        claimed,
        tell_row,
        lost_fields: joined.lost,
        row,
    }
}

/// Every pushed text is kept, and so is every text that was made of two.
fn texts_to_keep(table: &TableSpec, row: &Row, change: &Change) -> Vec<(TextName, String)> {
    let mut kept = Vec::new();
    for field in table.fields.iter().filter(|field| field.merged) {
        let Some(pushed) = change.fields.get(field.name) else {
            continue;
        };
        let written = change
            .stamps
            .as_ref()
            .and_then(|stamps| stamps.get(field.name));
        let pushed_id = written.map_or(change.op_id, |stamp| stamp.op_id);
        if let Some(pushed) = text(pushed) {
            kept.push(((pushed_id, field.name.to_string()), pushed.clone()));
        }
        let present = row.stamps.get(field.name).map(|stamp| stamp.op_id);
        if let (Some(id), Some(made)) = (present, row.fields.get(field.name).and_then(text))
            && id != pushed_id
        {
            kept.push(((id, field.name.to_string()), made.clone()));
        }
    }
    kept
}

fn refused(refusal: &Refusal) -> Verdict {
    Verdict::Answer(Outcome::Rejected {
        code: refusal.code().to_string(),
        message: refusal.to_string(),
    })
}

/// Whether a row that a device puts back is here as it is.
fn is_nothing_new(change: &Change, before: &Row, row: &Row, joined: &Joined) -> bool {
    change.stamps.is_some() && joined.lost.is_empty() && before.lsn > 0 && before == row
}

/// The row says under which name it stands at its position: it is not this change's.
fn nothing_new(before: Row) -> Outcome {
    Outcome::Applied {
        lsn: before.lsn,
        stamp: None,
        row: Some(Box::new(before)),
        lost_fields: Vec::new(),
    }
}

fn unknown_row() -> Outcome {
    Outcome::Gone {
        message: "There is no such row in this journal. Nothing was changed; send it whole to \
                  put it here."
            .to_string(),
        row: None,
    }
}

#[cfg(test)]
mod tests;
