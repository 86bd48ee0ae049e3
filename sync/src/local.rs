//! What a page asks its data worker, and what the worker tells its page.
//!
//! Requests and answers are matched by a number that the page gives. The messages are JSON, for
//! page and worker are two programs that share only this file and greet each other with their
//! build.

mod leaving;

pub use leaving::{Ended, Farewell, Unsent};

use crate::change::Op;
use crate::device::status::Connectivity;
use crate::id::Id;
use crate::value::{Fields, Value};
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// A page's request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The page's number for it; the answer carries the same.
    pub id: u64,
    /// What is asked.
    pub ask: Ask,
}

/// What a page may ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// Who is signed in on this device, as far as the device knows. Answered by
    /// [`Answer::Account`].
    Account,
    /// The server has just accepted this person's sign-in: open their journal. Answered by
    /// [`Answer::Account`].
    SignedIn {
        /// The person.
        account: Account,
    },
    /// The person has signed out: close their journal and remove it from this device. Answered
    /// by [`Answer::Done`], or refused as `unsent` while words in it are here alone.
    SignedOut {
        /// Words that are here alone may go too.
        discard: bool,
        /// The server has ended the session. If not, it is told at the next contact.
        heard: bool,
    },
    /// What of the open journal is on this device alone. Answered by [`Answer::Unsent`].
    Unsent,
    /// The open journal as this device has it, or what of it is here alone, as a document to keep
    /// elsewhere. Answered by [`Answer::Document`].
    Export {
        /// Only what the server does not have.
        unsent_only: bool,
    },
    /// What is left to say of a journal that was ended from elsewhere. Answered by
    /// [`Answer::Farewell`].
    Farewell,
    /// Its person has heard it, and saved what they want: let it go for ever. Answered by
    /// [`Answer::Done`].
    LetGo,
    /// Rows. Answered by [`Answer::Rows`].
    Query(Query),
    /// Edits, kept together or not at all. Answered by [`Answer::Done`] once they are on disk.
    Mutate {
        /// The mutation's own name: one that was kept before is not kept again, so a page that
        /// died before it heard the answer may ask once more.
        id: Id,
        /// The edits, at most [`crate::limits::MUTATION_EDITS_MAX`].
        edits: Vec<Edit>,
        /// A draft that these edits make superfluous; it goes in the same transaction.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        drop_draft: Option<String>,
    },
    /// Keeps unfinished writing on this device. Answered by [`Answer::Done`].
    SaveDraft {
        /// The draft's name.
        slot: String,
        /// What is written so far.
        fields: Fields,
    },
    /// Unfinished writing. Answered by [`Answer::Draft`].
    ReadDraft {
        /// The draft's name.
        slot: String,
    },
    /// Lets unfinished writing go. Answered by [`Answer::Done`].
    DropDraft {
        /// The draft's name.
        slot: String,
    },
    /// Try to reach the server now. Answered by [`Answer::Done`].
    SyncNow,
    /// Be in touch with this server, in the way that its address asks for; without an address,
    /// with the present one in the present way. Answered by [`Answer::Done`] once it is tried.
    Connect {
        /// The server's address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<String>,
    },
    /// Be out of touch until somebody asks otherwise. Answered by [`Answer::Done`].
    Disconnect {
        /// Why, in a word or two.
        reason: String,
    },
    /// This page is about to end its worker: leave the link to another tab. Answered by
    /// [`Answer::Done`].
    CleanUp,
    /// Take everything anew; unsent words stay on top. Answered by [`Answer::Done`] once it has
    /// begun.
    Reset,
    /// Try again what was refused. Answered by [`Answer::Done`] once it is asked for.
    RetryRefused,
    /// Compare this device with the server, as soon as both are at rest; what differs is taken
    /// anew. Answered by [`Answer::Done`] once it is asked for.
    Verify,
    /// Something the page heard from the browser. Answered by [`Answer::Done`].
    Signal(Signal),
}

/// What a page hears and its worker cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// The browser says that there is a network.
    Online,
    /// The browser says that there is none.
    Offline,
    /// The page has become visible.
    Visible,
}

/// The person whose journal is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Their name for programs.
    pub id: Id,
    /// Their e-mail address.
    pub email: String,
}

/// Which rows, in which order. Deleted rows are never among them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// The table.
    pub table: String,
    /// Only the row of this key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Id>,
    /// In the order of this indexed field, and only within its range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<Range>,
    /// Only rows that pass all of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<Keep>,
    /// How many rows to pass over.
    #[serde(default)]
    pub offset: usize,
    /// How many rows to return, at most [`crate::limits::QUERY_ROWS_MAX`].
    pub limit: usize,
}

/// An order by an indexed field, and bounds in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// The indexed field.
    pub field: String,
    /// Not below this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Value>,
    /// Not above this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Value>,
    /// Highest first.
    #[serde(default)]
    pub descending: bool,
}

/// A condition on one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keep {
    /// The field.
    pub field: String,
    /// Whether it must be null, or must not be.
    pub null: bool,
}

impl Query {
    /// All rows of a table, up to the limit.
    #[must_use]
    pub fn all(table: &str) -> Self {
        Self {
            table: table.into(),
            key: None,
            range: None,
            keep: Vec::new(),
            offset: 0,
            limit: crate::limits::QUERY_ROWS_MAX,
        }
    }

    /// One row.
    #[must_use]
    pub fn one(table: &str, key: Id) -> Self {
        Self {
            key: Some(key),
            limit: 1,
            ..Self::all(table)
        }
    }

    /// The same, highest of this indexed field first.
    #[must_use]
    pub fn newest_by(self, field: &str) -> Self {
        let range = Range {
            field: field.into(),
            from: None,
            to: None,
            descending: true,
        };
        Self {
            range: Some(range),
            ..self
        }
    }

    /// The same, and only rows whose field is null, or is not.
    #[must_use]
    pub fn keep_null(mut self, field: &str, null: bool) -> Self {
        self.keep.push(Keep {
            field: field.into(),
            null,
        });
        self
    }
}

/// One edit as a page words it. The worker adds who, when and on what it was based.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// The table.
    pub table: String,
    /// The row.
    pub key: Id,
    /// What to do.
    pub op: Op,
    /// The values to set: all of them to insert, some to update, none to delete.
    #[serde(default)]
    pub fields: Fields,
}

/// A row as a page sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Its key.
    pub key: Id,
    /// Its values, with this device's own unsent edits on top.
    pub fields: Fields,
    /// How far its latest words have come.
    pub tick: Tick,
}

/// How far a row's latest words have come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tick {
    /// `✓` On this device's disk.
    Local,
    /// `✓✓` The server has acknowledged this very revision.
    Synced,
    /// `!` The server refused it; the words are here and wait for their writer.
    Attention {
        /// The word that programs go by.
        code: String,
        /// What happened, in words.
        message: String,
    },
}

/// What the worker answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It is done and on disk.
    Done,
    /// The rows asked for.
    Rows(Vec<Found>),
    /// The draft, if there is one.
    Draft(Option<Fields>),
    /// Who is signed in on this device, if anybody.
    Account(Option<Account>),
    /// What is on this device alone.
    Unsent(Unsent),
    /// A document, as text.
    Document(String),
    /// What is left to say, if anything.
    Farewell(Option<Farewell>),
}

/// Why a request was not done. Nothing was changed by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message} ({code})")]
pub struct Failure {
    /// The word that programs go by.
    pub code: String,
    /// What happened, whether anything was lost, and what to do next.
    pub message: String,
}

/// What the worker posts to its page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FromWorker {
    /// The worker is ready for requests.
    Ready {
        /// Its build; a page of another build does not talk to it.
        build: String,
    },
    /// An answer.
    Answer {
        /// The request's number.
        id: u64,
        /// What came of it.
        result: Result<Answer, Failure>,
    },
    /// News that nobody asked for.
    Notice(Notice),
}

/// News from the worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// Rows of these tables changed, here or elsewhere; queries on them are asked again.
    TablesChanged {
        /// The tables.
        tables: Vec<String>,
    },
    /// How the connection stands.
    Connectivity(Connectivity),
    /// The session has ended on the server; writing goes on.
    AuthExpired,
    /// Another tab signed in or out.
    AccountChanged(Option<Account>),
    /// An event for `window.daybook.onSyncEvent`: a
    /// [`SyncEvent`](crate::device::effect::SyncEvent) as JSON. The page only passes it on to
    /// scripts, so it carries no code to read it.
    SyncEvent {
        /// `{"event": "<name>", "detail": {…}}`.
        json: String,
    },
    /// A [`Hook`](crate::hooks::Hook) was raised. The page only passes it on, too.
    Hook {
        /// `{"key": "<key>", "payload": {…}}`.
        json: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_of_one_row_asks_for_one() {
        let key = Id::from_u128(7);
        let query = Query::one("notes", key);
        assert_eq!((query.key, query.limit), (Some(key), 1));
    }

    #[test]
    fn the_newest_first_is_a_range_that_falls() {
        let query = Query::all("notes").newest_by("day");
        let range = query.range.expect("a range");
        assert_eq!((range.field.as_str(), range.descending), ("day", true));
    }
}
