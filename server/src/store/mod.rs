//! The SQL store. All SQL of the program stands in this folder, and nothing outside of it knows
//! that there is SQL.
//!
//! One connection writes and several read. Every write is `BEGIN IMMEDIATE`: a transaction that
//! starts as a reader and then writes is refused by SQLite without waiting.
//!
//! - [`sqlite`]: the connections and their settings; [`migrate`]: the schema
//! - [`statements`]: the SQL of synced tables, made from their declarations
//! - [`writing`]: one push as one transaction; [`feed`]: what a session reads
//! - [`cursors`]: where devices stand; [`collect`]: clearing out what nobody needs any more
//! - [`users`], [`sessions`]: people and their sessions
//! - [`backup`], [`check`](mod@check), [`schema`]: what an operator asks of the database

pub mod backup;
pub mod check;
pub mod collect;
pub mod cursors;
pub mod feed;
pub mod migrate;
mod pools;
pub mod schema;
pub mod sessions;
pub mod sqlite;
pub mod statements;
pub mod users;
pub mod writing;

use crate::error::{Error, StartError};
use sqlx::SqlitePool;
use statements::Statements;
use std::sync::Arc;
use sync::id::Id;
use sync::scope::{LIBRARY, Lsn, OWN, Scope};

/// The database, open.
#[derive(Clone, Debug)]
pub struct Store {
    writer: SqlitePool,
    reader: SqlitePool,
    statements: Arc<Statements>,
}

/// A scope as the database names it. Only the server makes one, from the session's person, so
/// no request can name another person's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeKey(String);

impl ScopeKey {
    /// The journal of this person.
    #[must_use]
    pub fn own(user: Id) -> Self {
        Self(format!("{OWN}:{user}"))
    }

    /// What comes with the server.
    #[must_use]
    pub fn library() -> Self {
        Self(LIBRARY.to_owned())
    }

    /// What a session means by the name of a scope; nothing when it may not read it.
    #[must_use]
    pub fn resolve(scope: &Scope, user: Option<Id>) -> Option<Self> {
        match scope.as_str() {
            OWN => user.map(Self::own),
            LIBRARY => Some(Self::library()),
            _ => None,
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Store {
    /// Opens the database at `url`, makes it when there is none, and brings its schema up to
    /// this program's.
    ///
    /// # Errors
    /// Says which file could not be opened or which migration failed; nothing was lost.
    pub async fn open(url: &str) -> Result<Self, StartError> {
        let (writer, reader) = sqlite::open(url).await?;
        migrate::run(&writer).await?;
        let statements = Arc::new(Statements::of(&domain::SCHEMA));
        Ok(Self {
            writer,
            reader,
            statements,
        })
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn check(&self) -> Result<(), Error> {
        sqlx::query("SELECT lsn FROM scopes LIMIT 1")
            .fetch_optional(&self.reader)
            .await?;
        Ok(())
    }

    /// Finishes what is being written and closes all connections.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}

/// A position as SQLite holds it. No log is so long that this could cut anything off.
fn to_sql(lsn: Lsn) -> i64 {
    i64::try_from(lsn).unwrap_or(i64::MAX)
}

fn from_sql(lsn: i64) -> Result<Lsn, Error> {
    Lsn::try_from(lsn).map_err(|_| Error::corrupt("a position is negative"))
}

fn id_from_sql(text: &str) -> Result<Id, Error> {
    text.parse()
        .map_err(|_| Error::corrupt("an identifier has another form"))
}
