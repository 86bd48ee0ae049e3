//! The one function that joins an edit to a row, on the device and on the server.
//!
//! Per field the later stamp wins (a last-writer-wins register, Shapiro et al. 2011). The
//! result of any set of field edits, in any order and with repeats, is the same: a join of a
//! semilattice. A deletion takes a row whose every value it has seen or outlived; an edit of a
//! deleted row is not applied but answered, so that its words can be put back whole.

use crate::change::{Change, Op};
use crate::row::{DELETED, Row};
use crate::stamp::{Stamps, stamp_of};
use crate::value::Fields;
use alloc::string::String;
use alloc::vec::Vec;

/// What became of an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merged {
    /// Joined. The fields named lost against later values and were left alone.
    Joined {
        /// Fields whose present value is later than the edit.
        lost: Vec<String>,
    },
    /// The row is deleted and the edit is no full put: nothing was changed.
    Gone,
}

/// Joins `change` to `row`. The row's position is not touched: that is the server's to give.
pub fn merge(row: &mut Row, change: &Change) -> Merged {
    match change.op {
        Op::Delete => delete(row, change),
        Op::Update if row.deleted => Merged::Gone,
        Op::Insert if row.deleted => {
            if change.stamp < stamp_of(&row.stamps, DELETED) {
                return Merged::Gone;
            }
            row.deleted = false;
            row.stamps = Stamps::new();
            set_fields(row, change)
        }
        Op::Insert | Op::Update => set_fields(row, change),
    }
}

fn set_fields(row: &mut Row, change: &Change) -> Merged {
    let mut lost = Vec::new();
    for (name, value) in &change.fields {
        let present = stamp_of(&row.stamps, name);
        if change.stamp > present {
            row.fields.insert(name.clone(), value.clone());
            row.stamps.insert(name.clone(), change.stamp);
        } else if change.stamp < present {
            lost.push(name.clone());
        }
    }
    Merged::Joined { lost }
}

fn delete(row: &mut Row, change: &Change) -> Merged {
    if row.latest_stamp() > change.stamp {
        return Merged::Joined {
            lost: alloc::vec![DELETED.into()],
        };
    }
    row.deleted = true;
    row.fields = Fields::new();
    row.stamps = Stamps::from([(DELETED.into(), change.stamp)]);
    Merged::Joined { lost: Vec::new() }
}
