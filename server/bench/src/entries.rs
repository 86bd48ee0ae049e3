//! Changes as a device makes them.

use anyhow::{Context, Result};
use domain::JournalEntry;
use domain::kinds::{Day, Moment};
use server::clock::{new_id, now_ms};
use sync::change::{Change, Op};
use sync::clock::Clock;
use sync::id::Id;
use sync::stamp::{Stamp, Stamps};
use sync::table::Synced as _;
use sync::value::Fields;

/// The words of an entry: as many as a short page of a journal has.
pub(crate) const WORDS: &str = "Rain on the tin roof all morning, and nobody in the lane. I read \
    the old letters again, the ones from the summer by the lake, and put them back in their order. \
    In the afternoon it cleared; we walked to the mill and came back by the river, with wet shoes \
    and three kinds of mushrooms that none of us dared to eat. Early to bed.";

/// A name of its own.
pub(crate) fn name() -> Result<Id> {
    new_id().context("the system has no randomness to give")
}

/// A new entry.
pub(crate) fn written(node: Id, body: &str) -> Result<Change> {
    let entry = JournalEntry {
        id: name()?,
        day: Day::parse("2026-11-24").context("a day")?,
        title: "A day like others".into(),
        body: body.into(),
        prompt_id: None,
        prompt_text: None,
        written_at: Moment(1_763_942_400_000),
        trashed_at: None,
    };
    change(node, Op::Insert, entry.id, entry.to_fields())
}

/// An edit of its words by who saw what `seen` wrote.
pub(crate) fn edited(node: Id, seen: &Change, body: &str) -> Result<Change> {
    let mut edit = change(
        node,
        Op::Update,
        seen.key,
        Fields::from([("body".into(), body.into())]),
    )?;
    for field in ["body", "trashed_at"] {
        let earlier = seen.base.get(field).copied();
        let stamp = if seen.fields.contains_key(field) {
            Some(seen.stamp)
        } else {
            earlier
        };
        edit.base.extend(stamp.map(|stamp| (field.into(), stamp)));
    }
    Ok(edit)
}

fn change(node: Id, op: Op, key: Id, fields: Fields) -> Result<Change> {
    let op_id = name()?;
    Ok(Change {
        op_id,
        table: JournalEntry::TABLE.name.to_owned(),
        key,
        op,
        fields,
        patches: [].into(),
        base: Stamps::new(),
        stamp: Stamp {
            clock: Clock::at_ms(now_ms()),
            node,
            op_id,
        },
        stamps: None,
        group: None,
    })
}
