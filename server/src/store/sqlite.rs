//! How SQLite is opened. Each setting is argued in docs/decisions/server.md.

use crate::error::StartError;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use std::str::FromStr;
use std::time::Duration;

/// How many reads may go on side by side.
const READERS_MAX: u32 = 4;

/// How long a request waits for its turn to write or read before it is told that the server is
/// busy.
const TURN_MAX: Duration = Duration::from_secs(10);

/// How long SQLite waits for another program that has the file, such as a backup.
const BUSY_MAX: Duration = Duration::from_secs(5);

/// Opens the writer's one connection and the readers'.
pub(super) async fn open(url: &str) -> Result<(SqlitePool, SqlitePool), StartError> {
    let options = SqliteConnectOptions::from_str(url)
        .map_err(|error| cannot_open(url, &error))?
        .create_if_missing(true)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        // An answered push is on the disk, also after a power cut.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_MAX);
    make_folder(&options).map_err(|error| cannot_open(url, &error))?;
    let writer = pool(1)
        .connect_with(options.clone())
        .await
        .map_err(|error| cannot_open(url, &error))?;
    let reader = pool(READERS_MAX)
        .connect_with(options.pragma("query_only", "ON"))
        .await
        .map_err(|error| cannot_open(url, &error))?;
    Ok((writer, reader))
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(TURN_MAX)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

pub(super) fn cannot_open(url: &str, error: &dyn std::fmt::Display) -> StartError {
    StartError::Database {
        url: url.to_owned(),
        reason: error.to_string(),
    }
}

fn make_folder(options: &SqliteConnectOptions) -> std::io::Result<()> {
    match options.get_filename().parent() {
        Some(folder) if !folder.as_os_str().is_empty() => std::fs::create_dir_all(folder),
        _ => Ok(()),
    }
}

/// What kind of trouble the database reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Another writes or reads, and it took too long.
    Busy,
    /// There is no room on the disk.
    Full,
    /// What was to be written breaks a rule of the schema.
    Constraint,
    /// Anything else.
    Other,
}

impl Trouble {
    pub(crate) fn of(error: &sqlx::Error) -> Self {
        const BUSY: i32 = 5;
        const LOCKED: i32 = 6;
        const FULL: i32 = 13;
        const CONSTRAINT: i32 = 19;
        match error {
            sqlx::Error::PoolTimedOut => Self::Busy,
            sqlx::Error::Database(error) => {
                let extended = error.code().and_then(|code| code.parse::<i32>().ok());
                // The low byte is the primary code; the rest says more of the same.
                match extended.map(|code| code & 0xff) {
                    Some(BUSY | LOCKED) => Self::Busy,
                    Some(FULL) => Self::Full,
                    Some(CONSTRAINT) => Self::Constraint,
                    _ => Self::Other,
                }
            }
            _ => Self::Other,
        }
    }
}
