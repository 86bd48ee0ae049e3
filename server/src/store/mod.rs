//! The SQL store. All SQL of the program stands in this folder, and nothing outside of it knows
//! that there is SQL.
//!
//! The database is SQLite or PostgreSQL, as its address says, and every statement is written once
//! for both, on sqlx's `Any` driver:
//!
//! - Holes are `$1`, `$2`, …, every value is bound, and what is bound or read is `i64`, `bool`,
//!   `String`, `&str`, `&[u8]`, `Vec<u8>`, or an `Option` of these. Truth values are read with
//!   [`dialect::read_flag`]. Whole numbers are never summed up in SQL: PostgreSQL's sums have a
//!   type that the driver does not know.
//! - [`Store::begin`] begins to write, [`Store::write`] does so in one scope, which nobody else
//!   then writes into, and [`Store::snapshot`] reads. Single statements take a connection of
//!   `self.writer` or `self.reader`.
//! - In SQLite one connection writes and several read, and every write is `BEGIN IMMEDIATE`, since
//!   a transaction that starts as a reader and then writes is refused without waiting. In
//!   PostgreSQL all share one pool, and writers wait only for writers of the same scope.
//! - Where the two must differ, [`Dialect`] says how. A migration has a twin of the same number
//!   in the other's folder.
//!
//! # Layout
//! - [`dialect`]: where the two differ; [`sqlite`], [`postgres`]: the connections and their
//!   settings; [`migrate`]: the schema; [`trouble`]: what their errors mean
//! - [`statements`]: the SQL of synced tables, made from their declarations
//! - [`writing`]: one push as one transaction; [`feed`]: what a session reads
//! - [`cursors`]: where devices stand; [`collect`]: clearing out what nobody needs any more
//! - [`notices`]: what nodes tell each other
//! - [`users`], [`sessions`]: people and their sessions
//! - [`recovery`], [`passkeys`]: ways in besides a password
//! - [`export`], [`erase`]: everything of a person, read and taken away
//! - [`backup`], [`check`](mod@check), [`moving`], [`schema`]: what an operator asks of the database

pub mod backup;
pub mod check;
pub mod collect;
pub mod cursors;
pub mod dialect;
pub mod erase;
pub mod export;
pub mod feed;
mod migrate;
pub mod moving;
pub mod notices;
pub mod passkeys;
mod pools;
mod postgres;
pub mod recovery;
pub mod schema;
pub mod sessions;
mod sqlite;
mod statements;
pub(crate) mod trouble;
pub mod users;
pub mod writing;

use crate::error::{Error, StartError};
use dialect::Dialect;
use sqlx::any::{AnyPoolOptions, install_default_drivers};
use sqlx::{Any, AnyPool, Transaction};
use statements::Statements;
use std::sync::Arc;
use std::time::Duration;
use sync::id::Id;
use sync::scope::{LIBRARY, Lsn, OWN, Scope};
use tokio::sync::Mutex;

/// How long a request waits for its turn to write or read before it is told that the server is
/// busy.
const TURN_MAX: Duration = Duration::from_secs(10);

/// The database, open.
#[derive(Clone, Debug)]
pub struct Store {
    dialect: Dialect,
    writer: AnyPool,
    reader: AnyPool,
    statements: Arc<Statements>,
    /// Whose turn it is to empty SQLite's log.
    emptying: Arc<Mutex<()>>,
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
    /// Opens the database at `url`, and brings its schema up to this program's. A file of SQLite
    /// is made when there is none.
    ///
    /// # Errors
    /// Says which database could not be opened or which migration failed; nothing was lost.
    pub async fn open(url: &str) -> Result<Self, StartError> {
        install_default_drivers();
        let dialect = Dialect::of(url).ok_or(StartError::UnknownDatabase)?;
        let (writer, reader) = match dialect {
            Dialect::Sqlite => sqlite::open(url).await?,
            Dialect::Postgres => {
                let pool = postgres::open(url).await?;
                (pool.clone(), pool)
            }
        };
        match dialect {
            Dialect::Sqlite => migrate::sqlite(&writer).await?,
            Dialect::Postgres => migrate::postgres(url).await?,
        }
        let statements = Arc::new(Statements::of(&domain::SCHEMA, dialect));
        Ok(Self {
            dialect,
            writer,
            reader,
            statements,
            emptying: Arc::default(),
        })
    }

    /// Which database this is.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Begins a transaction that writes, for what belongs to no scope; [`Store::write`] is for
    /// what does.
    async fn begin(&self) -> Result<Transaction<'static, Any>, Error> {
        Ok(self.writer.begin_with(self.dialect.begin_write()).await?)
    }

    /// Begins a transaction that reads, from first to last, what was there at its first statement.
    async fn snapshot(&self) -> Result<Transaction<'static, Any>, Error> {
        Ok(self.reader.begin_with(self.dialect.begin_read()).await?)
    }

    /// Finishes what is being written and closes all connections.
    pub async fn close(&self) {
        self.reader.close().await;
        self.writer.close().await;
    }
}

/// A pool of so many connections, each with these settings.
fn pool_with(connections: u32, settings: &'static [&'static str]) -> AnyPoolOptions {
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(TURN_MAX)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                for setting in settings {
                    sqlx::raw_sql(*setting).execute(&mut *connection).await?;
                }
                Ok(())
            })
        })
}

/// A position as SQL holds it. No log is so long that this could cut anything off.
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
