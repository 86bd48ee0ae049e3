//! What an entry said once: what lost against an edit made apart, and what was written over.

use crate::kinds::{FieldName, Moment, RevisionText};
use sync::id::Id;
use sync::table::Synced;

/// What one field of an entry said once. The server writes these as it takes edits; a device
/// shows them and puts one back by an edit of the entry.
#[derive(Clone, Debug, PartialEq, Eq, Synced)]
#[synced(table = "entry_revisions", index(row_key), scopes("own"), server_only)]
pub struct EntryRevision {
    /// Its key.
    #[synced(key)]
    pub id: Id,
    /// The entry.
    pub row_key: Id,
    /// The field of the entry.
    pub field: FieldName,
    /// What the field said.
    pub text: RevisionText,
    /// When that was written.
    pub written_at: Moment,
    /// The device that wrote it.
    pub device_id: Id,
    /// Whether it lost against an edit made apart; otherwise it was knowingly written over.
    pub lost: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use sync::hub::revision::field;

    #[test]
    fn the_fields_are_the_ones_that_the_engine_writes() {
        let written = [
            field::ROW,
            field::FIELD,
            field::TEXT,
            field::WRITTEN_AT,
            field::DEVICE,
            field::LOST,
        ];
        let declared = EntryRevision::TABLE.fields.iter().map(|field| field.name);
        assert_eq!(declared.collect::<BTreeSet<_>>(), written.into());
    }

    #[test]
    fn a_revision_comes_back_from_its_fields() {
        let revision = EntryRevision {
            id: Id::from_u128(1),
            row_key: Id::from_u128(2),
            field: "title".into(),
            text: "".into(),
            written_at: Moment(5),
            device_id: Id::from_u128(3),
            lost: true,
        };
        let fields = revision.to_fields();
        assert!(EntryRevision::TABLE.check(&fields).is_ok());
        assert_eq!(
            EntryRevision::from_fields(revision.id, &fields),
            Ok(revision)
        );
    }
}
