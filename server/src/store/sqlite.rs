//! How SQLite is opened. Each setting is argued in docs/decisions/server.md.

use super::pool_with;
use crate::error::StartError;
use sqlx::AnyPool;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::sqlite::SqliteConnectOptions;
use std::str::FromStr as _;

/// How many reads may go on side by side.
const READERS_MAX: u32 = 4;

/// Of each connection. An answered push is on the disk, also after a power cut; what is deleted is
/// overwritten, for who erases an account does not mean "hidden"; and five seconds are waited for
/// another program that has the file, such as a backup.
const SETTINGS: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; \
                        PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
                        PRAGMA secure_delete = ON";

/// Of the readers' connections, after the others.
const READER_SETTINGS: &str = "PRAGMA query_only = ON";

/// Opens the writer's one connection and the readers'.
pub(super) async fn open(url: &str) -> Result<(AnyPool, AnyPool), StartError> {
    let file = SqliteConnectOptions::from_str(url).map_err(|error| cannot_open(url, &error))?;
    make_folder(&file).map_err(|error| cannot_open(url, &error))?;
    let options = options(url).map_err(|error| cannot_open(url, &error))?;
    let writer = kept_open(1, &[SETTINGS])
        .connect_with(options.clone())
        .await
        .map_err(|error| cannot_open(url, &error))?;
    let reader = kept_open(READERS_MAX, &[SETTINGS, READER_SETTINGS])
        .connect_with(options)
        .await
        .map_err(|error| cannot_open(url, &error))?;
    Ok((writer, reader))
}

/// Writes everything into the database's file and empties the log beside it, where what was
/// deleted would stand until the log begins anew.
pub(super) async fn empty_log(writer: &AnyPool) -> Result<(), sqlx::Error> {
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
        .execute(writer)
        .await?;
    Ok(())
}

pub(super) fn cannot_open(url: &str, error: &dyn std::fmt::Display) -> StartError {
    StartError::Database {
        url: url.to_owned(),
        reason: error.to_string(),
    }
}

/// The file is made when it is not there.
fn options(url: &str) -> sqlx::Result<AnyConnectOptions> {
    let separator = if url.contains('?') { '&' } else { '?' };
    AnyConnectOptions::from_str(&format!("{url}{separator}mode=rwc"))
}

fn kept_open(connections: u32, settings: &'static [&'static str]) -> AnyPoolOptions {
    pool_with(connections, settings)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

fn make_folder(options: &SqliteConnectOptions) -> std::io::Result<()> {
    match options.get_filename().parent() {
        Some(folder) if !folder.as_os_str().is_empty() => std::fs::create_dir_all(folder),
        _ => Ok(()),
    }
}
