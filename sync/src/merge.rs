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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{delete, insert, update};
    use crate::id::Id;
    use crate::value::Value;
    use alloc::vec;

    /// Every order of these, by Heap's algorithm.
    fn orders(mut items: Vec<Change>) -> Vec<Vec<Change>> {
        fn permute(items: &mut Vec<Change>, count: usize, orders: &mut Vec<Vec<Change>>) {
            if count <= 1 {
                return orders.push(items.clone());
            }
            for place in 0..count {
                permute(items, count - 1, orders);
                items.swap(if count.is_multiple_of(2) { place } else { 0 }, count - 1);
            }
        }
        let mut orders = Vec::new();
        let count = items.len();
        permute(&mut items, count, &mut orders);
        orders
    }

    fn joined(changes: &[Change]) -> Row {
        let mut row = Row::empty("notes", Id::from_u128(1));
        for change in changes {
            merge(&mut row, change);
        }
        row
    }

    #[test]
    fn any_order_and_any_repeat_of_edits_ends_in_the_same_row() {
        let edits = vec![
            insert(1, 1, "one"),
            update(1, 4, "text", "four".into()),
            update(1, 3, "text", "three".into()),
            update(1, 2, "pinned", Value::Boolean(true)),
            update(1, 5, "pinned", Value::Boolean(false)),
        ];
        let expected = joined(&edits);
        assert_eq!(expected.fields["text"], "four".into());
        assert_eq!(expected.fields["pinned"], Value::Boolean(false));
        let orders = orders(edits);
        assert_eq!(orders.len(), 120);
        for order in orders {
            assert_eq!(joined(&order), expected);
            let repeated: Vec<_> = order.iter().chain(order.iter().rev()).cloned().collect();
            assert_eq!(joined(&repeated), expected);
        }
    }

    #[test]
    fn an_edit_that_lost_says_which_fields_and_changes_none_of_them() {
        let mut row = joined(&[insert(1, 5, "later")]);
        let before = row.clone();
        let lost = merge(&mut row, &update(1, 4, "text", "earlier".into()));
        assert_eq!(
            lost,
            Merged::Joined {
                lost: vec!["text".into()]
            }
        );
        assert_eq!(row, before);
    }

    #[test]
    fn a_deletion_takes_what_it_has_seen_and_not_what_is_later() {
        let seen = joined(&[insert(1, 1, "seen"), delete(1, 2)]);
        assert!(seen.deleted && seen.fields.is_empty());
        let later = joined(&[
            insert(1, 1, "seen"),
            update(1, 3, "text", "later".into()),
            delete(1, 2),
        ]);
        assert!(!later.deleted);
        assert_eq!(later.fields["text"], "later".into());
    }
}
