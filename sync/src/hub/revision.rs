//! What is kept of values that lost or were written over: rows of the table that a table names
//! as its revisions. Nothing typed disappears; it moves there.

use crate::change::Change;
use crate::clock::Clock;
use crate::id::Id;
use crate::limits::REVISION_WINDOW_MS;
use crate::merge::{Beaten, Joined};
use crate::planted;
use crate::row::{DELETED, Row};
use crate::stamp::{Stamp, stamp_of};
use crate::table::TableSpec;
use crate::value::{Fields, Value};
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

/// The fields that a table of revisions has, in any order.
pub mod field {
    /// The key of the row that was edited.
    pub const ROW: &str = "row_key";
    /// The field that was edited.
    pub const FIELD: &str = "field";
    /// The value that is kept, as text.
    pub const TEXT: &str = "text";
    /// When it was written, in milliseconds since 1970.
    pub const WRITTEN_AT: &str = "written_at";
    /// The device that wrote it.
    pub const DEVICE: &str = "device_id";
    /// Whether it lost against an edit made apart; otherwise it was knowingly written over.
    pub const LOST: &str = "lost";
}

/// The revisions that joining `change` to `before` leaves, given how it was joined.
pub(super) fn left_by(
    table: &TableSpec,
    before: &Row,
    change: &Change,
    joined: &Joined,
) -> Vec<Row> {
    let Some(kept_in) = table.revisions else {
        return Vec::new();
    };
    let mut revisions = Vec::new();
    for beaten in &joined.beaten {
        revisions.push(revision(table, kept_in, change, beaten, true));
    }
    for name in joined.lost.iter().filter(|name| *name != DELETED) {
        planted!(LoserIsDropped, break);
        // A trash that was not taken has no words to keep.
        if Some(name.as_str()) == table.trash {
            continue;
        }
        let written = change
            .stamps
            .as_ref()
            .map_or(change.stamp, |s| stamp_of(s, name));
        revisions.extend(change.fields.get(name).map(|value| {
            let loser = Beaten {
                field: name.clone(),
                value: value.clone(),
                stamp: written,
            };
            revision(table, kept_in, change, &loser, true)
        }));
    }
    for over in written_over(table, before, change, joined) {
        revisions.push(revision(table, kept_in, change, &over, false));
    }
    revisions
}

/// Long texts that the change replaced knowingly: the last of each window of writing is kept.
fn written_over(table: &TableSpec, before: &Row, change: &Change, joined: &Joined) -> Vec<Beaten> {
    let window = |stamp: Stamp| stamp.clock.ms() / REVISION_WINDOW_MS;
    let merged = table.fields.iter().filter(|field| field.merged);
    let replaced = merged.filter_map(|field| {
        let stamp = stamp_of(&before.stamps, field.name);
        let value = before.fields.get(field.name)?;
        let is_new = change
            .fields
            .get(field.name)
            .is_some_and(|new| new != value);
        let beaten = joined
            .beaten
            .iter()
            .any(|beaten| beaten.field == field.name);
        let lost = joined.lost.iter().any(|name| name == field.name);
        let kept = is_new && !beaten && !lost && window(stamp) != window(joined.stamp);
        kept.then(|| Beaten {
            field: field.name.into(),
            value: value.clone(),
            stamp,
        })
    });
    replaced.collect()
}

fn revision(table: &TableSpec, kept_in: &str, change: &Change, kept: &Beaten, lost: bool) -> Row {
    let place = table
        .fields
        .iter()
        .position(|field| field.name == kept.field);
    let place = u128::try_from(place.unwrap_or_default()).unwrap_or_default();
    // The same loser is the same revision, however often it loses.
    let key = kept
        .stamp
        .op_id
        .derived(change.key)
        .derived(Id::from_u128(place));
    let written_at = i64::try_from(kept.stamp.clock.ms()).unwrap_or(i64::MAX);
    let text = match &kept.value {
        Value::Null => "".to_string(),
        Value::Boolean(value) => format!("{value}"),
        Value::Integer(value) => format!("{value}"),
        Value::Text(text) => text.clone(),
    };
    let mut row = Row::empty(kept_in, key);
    row.op_id = key.derived(change.op_id);
    // It arrives with what it is a revision of, or it would part the rows of a group.
    row.group = change.group.map(|group| group.id);
    row.fields = Fields::from([
        (field::ROW.into(), Value::Text(change.key.to_string())),
        (field::FIELD.into(), kept.field.as_str().into()),
        (field::TEXT.into(), Value::Text(text)),
        (field::WRITTEN_AT.into(), Value::Integer(written_at)),
        (
            field::DEVICE.into(),
            Value::Text(kept.stamp.node.to_string()),
        ),
        (field::LOST.into(), Value::Boolean(lost)),
    ]);
    row
}

/// What is left of a revision that has served its time. Devices let it go when this reaches
/// them, as with any deletion.
#[must_use]
pub fn tombstone_of(revision: &Row, now_ms: u64) -> Row {
    let op_id = revision.op_id.derived(revision.key);
    let stamp = Stamp {
        clock: Clock::at_ms(now_ms),
        node: Id::NIL,
        op_id,
    };
    Row {
        op_id,
        deleted: true,
        stamps: [(DELETED.into(), stamp)].into(),
        ..Row::empty(&revision.table, revision.key)
    }
}

#[cfg(test)]
mod tests;
