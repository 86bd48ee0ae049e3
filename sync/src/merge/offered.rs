//! Joining a row that a device puts back, because a server lost it or because it was deleted
//! while its words were being written: value by value, each by the stamp it has already.

use super::{Beaten, Joined, Merged, saw};
use crate::change::{Change, Op};
use crate::row::{DELETED, Row};
use crate::stamp::{Stamp, Stamps, stamp_of};
use crate::value::Value;

/// Joins an offered row. The later value of each field stands; what it takes the place of is
/// told, so that no text is dropped unseen.
pub(super) fn join(row: &mut Row, change: &Change, stamps: &Stamps) -> Merged {
    let mut joined = Joined::under(change.stamp);
    let latest = stamps.values().copied().max().unwrap_or(Stamp::ZERO);
    if change.op == Op::Delete {
        if row.latest_stamp() > latest {
            joined.lost.push(DELETED.into());
        } else {
            row.bury(latest);
        }
        return Merged::Joined(joined);
    }
    if row.deleted {
        let deleted = stamp_of(&row.stamps, DELETED);
        let earlier = change.stamp < deleted && !saw(change, DELETED, deleted);
        // Some of its values do not make a row again.
        if earlier || change.op == Op::Update {
            // Whose words are still waiting must hear of the deletion, to bring them back.
            if !change.base.is_empty() {
                return Merged::Gone;
            }
            joined.lost.push(DELETED.into());
            return Merged::Joined(joined);
        }
        row.deleted = false;
        row.stamps = Stamps::new();
    }
    for (name, value) in &change.fields {
        let (present, offered) = (stamp_of(&row.stamps, name), stamp_of(stamps, name));
        let old = row.fields.get(name).cloned();
        match old {
            Some(old) if old != *value && offered > present => joined.beaten.push(Beaten {
                field: name.clone(),
                value: old,
                stamp: present,
            }),
            Some(old) if old != *value && offered < present => joined.lost.push(name.clone()),
            _ => {}
        }
        if offered > present || !row.fields.contains_key(name) {
            take(row, name, value, offered);
        }
    }
    Merged::Joined(joined)
}

fn take(row: &mut Row, name: &str, value: &Value, offered: Stamp) {
    row.fields.insert(name.into(), value.clone());
    if offered > Stamp::ZERO {
        row.stamps.insert(name.into(), offered);
    }
}

#[cfg(test)]
mod tests;
