//! What becomes of one pushed change, given the row as it stands.

use crate::change::{Change, Op};
use crate::frame::Outcome;
use crate::merge::{Merged, merge};
use crate::row::Row;
use crate::scope::Lsn;
use crate::table::Schema;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// What to do about a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Write this row under the scope's next position, and answer with [`Outcome::Applied`].
    Write {
        /// The row after the change; its position is the writer's to fill in.
        row: Row,
        /// Fields whose present value is later than the change.
        lost_fields: Vec<String>,
    },
    /// Write nothing and answer this.
    Answer(Outcome),
}

/// Decides about a change that was not seen before. `present` is the row of this key in the
/// scope of the session; a key of another scope is simply unknown.
#[must_use]
pub fn accept(schema: &Schema, present: Option<Row>, change: &Change) -> Verdict {
    if let Err(refusal) = change.check(schema) {
        return Verdict::Answer(Outcome::Rejected {
            code: refusal.code().to_string(),
            message: refusal.to_string(),
        });
    }
    let mut row = match (present, change.op) {
        (Some(row), _) => row,
        (None, Op::Insert) => Row::empty(&change.table, change.key),
        (None, Op::Update | Op::Delete) => return Verdict::Answer(unknown_row()),
    };
    match merge(&mut row, change) {
        Merged::Joined { lost } => {
            row.op_id = change.op_id;
            Verdict::Write {
                row,
                lost_fields: lost,
            }
        }
        Merged::Gone => Verdict::Answer(Outcome::Gone {
            message: "This row was deleted. Nothing was changed; send it whole to put it back."
                .to_string(),
        }),
    }
}

/// The outcome of a change that was written at this position.
#[must_use]
pub const fn applied(lsn: Lsn, lost_fields: Vec<String>) -> Outcome {
    Outcome::Applied { lsn, lost_fields }
}

fn unknown_row() -> Outcome {
    Outcome::Gone {
        message: "There is no such row in this journal. Nothing was changed; send it whole to \
                  put it here."
            .to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{SCHEMA, change, delete, insert, update};
    use crate::value::{Fields, Value};

    fn written(present: Option<Row>, change: &Change) -> Row {
        match accept(&SCHEMA, present, change) {
            Verdict::Write { row, .. } => row,
            Verdict::Answer(outcome) => panic!("not written: {outcome:?}"),
        }
    }

    fn code(change: &Change) -> String {
        match accept(&SCHEMA, None, change) {
            Verdict::Answer(Outcome::Rejected { code, .. }) => code,
            other => panic!("not rejected: {other:?}"),
        }
    }

    #[test]
    fn a_new_row_is_written_and_an_edit_of_it_changes_only_its_field() {
        let row = written(None, &insert(1, 1, "first"));
        let row = written(Some(row), &update(1, 2, "pinned", Value::Boolean(true)));
        assert_eq!(row.fields["text"], "first".into());
        assert_eq!(row.fields["pinned"], Value::Boolean(true));
    }

    #[test]
    fn an_edit_of_a_row_that_is_not_in_this_scope_changes_nothing() {
        for foreign in [update(9, 1, "text", "mine now".into()), delete(9, 1)] {
            let verdict = accept(&SCHEMA, None, &foreign);
            assert!(
                matches!(verdict, Verdict::Answer(Outcome::Gone { .. })),
                "{verdict:?}"
            );
        }
    }

    #[test]
    fn an_edit_of_a_deleted_row_is_gone_and_a_whole_put_revives_it() {
        let row = written(None, &insert(1, 1, "first"));
        let tombstone = written(Some(row), &delete(1, 2));
        assert!(tombstone.deleted && tombstone.fields.is_empty());
        let edit = update(1, 3, "text", "still writing".into());
        let verdict = accept(&SCHEMA, Some(tombstone.clone()), &edit);
        assert!(matches!(verdict, Verdict::Answer(Outcome::Gone { .. })));
        let revived = written(Some(tombstone), &insert(1, 4, "still writing"));
        assert!(!revived.deleted);
        assert_eq!(revived.fields["text"], "still writing".into());
    }

    #[test]
    fn what_does_not_fit_the_schema_is_refused_with_a_code() {
        let mut unknown_table = insert(1, 1, "x");
        unknown_table.table = "nowhere".into();
        assert_eq!(code(&unknown_table), "unknown_table");
        let mut library = insert(1, 1, "x");
        library.table = "hints".into();
        assert_eq!(code(&library), "not_writable");
        assert_eq!(code(&insert(1, 1, &"x".repeat(65))), "too_long");
        assert_eq!(code(&insert(1, 1, "  ")), "blank");
        assert_eq!(code(&update(1, 1, "colour", Value::Null)), "unknown_field");
        assert_eq!(code(&update(1, 1, "text", Value::Integer(1))), "wrong_type");
        assert_eq!(code(&change(Op::Update, 1, 1, Fields::new())), "bad_shape");
        let partial = Fields::from([("text".into(), "x".into())]);
        assert_eq!(code(&change(Op::Insert, 1, 1, partial)), "missing_field");
        let mut foreign = insert(1, 1, "x");
        foreign.stamp.op_id = crate::id::Id::from_u128(99);
        assert_eq!(code(&foreign), "foreign_stamp");
    }
}
