//! Edits from typed rows.

use sync::change::Op;
use sync::id::Id;
use sync::local::Edit;
use sync::table::Synced;
use sync::value::{Fields, Value};

/// Makes the row, or sets all of it if it is there.
#[must_use]
pub fn insert<T: Synced>(row: &T) -> Edit {
    Edit {
        table: T::TABLE.name.into(),
        key: row.key(),
        op: Op::Insert,
        fields: row.to_fields(),
    }
}

/// Sets some fields of a row that is there.
#[must_use]
pub fn update<T: Synced>(key: Id, fields: &[(&str, Value)]) -> Edit {
    let fields: Fields = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    Edit {
        table: T::TABLE.name.into(),
        key,
        op: Op::Update,
        fields,
    }
}

/// Deletes the row for ever.
#[must_use]
pub fn delete<T: Synced>(key: Id) -> Edit {
    Edit {
        table: T::TABLE.name.into(),
        key,
        op: Op::Delete,
        fields: Fields::new(),
    }
}
