//! Every synced table. To add one: declare it in a file below and name it here.

pub mod journal_entry;
pub mod prompt;

use sync::table::{Schema, Synced};

/// Lists the tables, parents first: the order of every delta.
macro_rules! tables {
    ($($table:ty),* $(,)?) => {
        /// All synced tables, parents first.
        pub static SCHEMA: Schema = Schema { tables: &[$(<$table as Synced>::TABLE),*] };
    };
}

tables! {
    prompt::Prompt,
    journal_entry::JournalEntry,
}
