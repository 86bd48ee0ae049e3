//! Everything that touches IndexedDB.
//!
//! - [`schema`]: which stores there are, built by rexie from the declared tables
//! - [`connection`]: the open database, and the one way to write: [`connection::Connection::commit`]
//! - [`journal`], [`outbox`], [`upkeep`]: the engine's commits on one person's database
//! - [`read`], [`digests`]: what pages ask, and what is compared with the server
//! - [`leaving`]: what is on this device alone, and all of it as a document
//! - [`registry`]: which person's database is open on this device

pub(crate) mod connection;
pub(crate) mod digests;
pub(crate) mod drafts;
pub(crate) mod journal;
pub(crate) mod leaving;
pub(crate) mod outbox;
pub(crate) mod read;
pub(crate) mod registry;
pub(crate) mod rows;
pub(crate) mod schema;
#[cfg(test)]
mod tests;
pub(crate) mod upkeep;
mod values;

use sync::device::event::Refused;
use wasm_bindgen::JsValue;

/// IndexedDB did not do what was asked. Nothing of it is stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StorageError {
    /// The browser refused or failed.
    #[error("this browser's storage failed: {0}")]
    Browser(String),
    /// The transaction was aborted, with the browser's name for why.
    #[error("nothing was saved: {0}")]
    Aborted(String),
    /// The person has left, and their journal is closed.
    #[error("this journal was closed on this device; nothing of it is kept here any more")]
    Left,
    /// What is stored is not what this build stores.
    #[error("a stored value could not be read: {0}")]
    Unreadable(String),
    /// The edit does not fit.
    #[error(transparent)]
    Edit(#[from] sync::device::edit::EditError),
    /// The page does not fit.
    #[error(transparent)]
    Receive(#[from] sync::device::receive::ReceiveError),
}

impl StorageError {
    /// The word that programs go by.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Browser(_) => "storage_failed",
            Self::Aborted(_) => "storage_aborted",
            Self::Left => "no_account",
            Self::Unreadable(_) => "storage_unreadable",
            Self::Edit(error) => error.code(),
            Self::Receive(_) => "page_refused",
        }
    }

    fn browser(value: &JsValue) -> Self {
        Self::Browser(format!("{value:?}"))
    }
}

impl From<idb::Error> for StorageError {
    fn from(error: idb::Error) -> Self {
        Self::Browser(error.to_string())
    }
}

impl From<rexie::Error> for StorageError {
    fn from(error: rexie::Error) -> Self {
        // rexie's own text says only "idb error"; the cause is in its debug form.
        Self::Browser(format!("{error:?}"))
    }
}

impl From<serde_json::Error> for StorageError {
    fn from(error: serde_json::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl From<StorageError> for Refused {
    fn from(error: StorageError) -> Self {
        Self::Failed {
            message: error.to_string(),
        }
    }
}
