//! What a journal is: every synced table, declared once, with its rules.
//!
//! - [`kinds`]: the types a field may have, and their limits
//! - [`tables`]: the list of tables, and one file a table
//! - [`today`]: which prompt is today's
//! - [`prose`]: how two versions of an entry's words are compared and joined

pub mod kinds;
pub mod prose;
pub mod tables;
pub mod today;

pub use tables::entry_revision::EntryRevision;
pub use tables::journal_entry::JournalEntry;
pub use tables::prompt::Prompt;
pub use tables::{RULES, SCHEMA};
