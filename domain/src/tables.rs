//! Every synced table. To add one: declare it in a file below and name it here.

pub mod entry_revision;
pub mod journal_entry;
pub mod prompt;

use crate::prose::PROSE;
use sync::rules::Rules;
use sync::table::{Schema, Synced};

/// Lists the tables, parents first: the order of every delta.
macro_rules! tables {
    ($($table:ty),* $(,)?) => {
        /// All synced tables, parents first.
        pub static SCHEMA: Schema = Schema::of(&[$(<$table as Synced>::TABLE),*]);
    };
}

tables! {
    prompt::Prompt,
    journal_entry::JournalEntry,
    entry_revision::EntryRevision,
}

/// What the engine is told about a journal, the same on every device and on the server.
pub const RULES: Rules = Rules {
    schema: &SCHEMA,
    texts: &PROSE,
};

#[cfg(test)]
mod tests {
    use super::*;
    use sync::value::FieldKind;

    #[test]
    fn a_table_of_revisions_comes_after_its_entries_and_is_the_servers_to_write() {
        for (place, table) in SCHEMA.tables.iter().enumerate() {
            let Some(kept_in) = table.revisions else {
                continue;
            };
            let later = SCHEMA.tables[place..].iter();
            let revisions = later.copied().find(|other| other.name == kept_in);
            let revisions = revisions.expect("a table of revisions, after its parent");
            assert!(revisions.server_only);
            assert_eq!(revisions.scopes, table.scopes);
        }
    }

    #[test]
    fn a_revision_has_room_for_whatever_a_field_of_its_entry_may_hold() {
        let bytes = |table: &str, field: &str| {
            let field = SCHEMA.table(table).and_then(|table| table.field(field));
            match field.expect("a field").kind {
                FieldKind::Text { bytes_max, .. } => bytes_max,
                _ => 0,
            }
        };
        let room = bytes("entry_revisions", "text");
        let name = bytes("entry_revisions", "field");
        for field in journal_entry::JournalEntry::TABLE.fields {
            assert!(bytes("journal_entries", field.name) <= room);
            assert!(field.name.len() <= name);
        }
    }
}
