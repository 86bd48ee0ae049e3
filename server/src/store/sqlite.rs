//! How SQLite is opened. Each setting is argued in docs/decisions/server.md.

use super::pool_with;
use crate::error::StartError;
use sqlx::AnyPool;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::sqlite::SqliteConnectOptions;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, oneshot};
use tokio::time::sleep;

/// How many reads may go on side by side.
const READERS_MAX: u32 = 4;

/// Of each connection: five seconds are waited for another program that has the file, such as a
/// backup.
const PATIENT: &str = "PRAGMA busy_timeout = 5000";

/// Of each connection. An answered push is on the disk, also after a power cut; and what is deleted
/// is overwritten, for who erases an account does not mean "hidden".
const SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                        PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON";

/// Of the writer's connection while it empties the log.
const IMPATIENT: &str = "PRAGMA busy_timeout = 100";

/// How long to wait between the tries to empty the log.
const EMPTYING_PAUSE: Duration = Duration::from_secs(2);

/// How often it is tried: for a day.
const EMPTYING_TRIES_MAX: u32 = 43_200;

/// Of the readers' connections, after the others.
const READER_SETTINGS: &str = "PRAGMA query_only = ON";

/// Opens the writer's one connection and the readers'.
pub(super) async fn open(url: &str) -> Result<(AnyPool, AnyPool), StartError> {
    let file = SqliteConnectOptions::from_str(url).map_err(|error| cannot_open(url, &error))?;
    make_folder(&file).map_err(|error| cannot_open(url, &error))?;
    let options = options(url).map_err(|error| cannot_open(url, &error))?;
    let writer = kept_open(1, &[PATIENT, SETTINGS])
        .connect_with(options.clone())
        .await
        .map_err(|error| cannot_open(url, &error))?;
    let reader = kept_open(READERS_MAX, &[PATIENT, SETTINGS, READER_SETTINGS])
        .connect_with(options)
        .await
        .map_err(|error| cannot_open(url, &error))?;
    Ok((writer, reader))
}

/// Writes everything into the database's file and empties the log beside it, where what was
/// deleted would stand until the log begins anew. Nobody may be reading for that, so this goes on
/// trying until it is done, the database is closed, or a day has passed. One is at it at a time.
///
/// `tried` is dropped after the first try, for who waits no longer than for that.
pub(super) async fn empty_log(
    writer: AnyPool,
    one_at_a_time: Arc<Mutex<()>>,
    tried: oneshot::Sender<()>,
) {
    let mut tried = Some(tried);
    if one_at_a_time.try_lock().is_err() {
        // Somebody reads, as another has found.
        tried = None;
    }
    let _turn = one_at_a_time.lock().await;
    for _ in 0..EMPTYING_TRIES_MAX {
        match try_to_empty_log(&writer).await {
            Ok(true) => return,
            Ok(false) => tracing::debug!("the database's log is being read and was not emptied"),
            // The last connection that is closed leaves no log behind.
            Err(sqlx::Error::PoolClosed) => return,
            Err(error) => tracing::warn!(%error, "the database's log was not emptied"),
        }
        tried = None;
        sleep(EMPTYING_PAUSE).await;
    }
    drop(tried);
    tracing::warn!("what was erased stays in the database's log until the server is restarted");
}

/// Whether the log is empty now; not, while somebody reads from it.
async fn try_to_empty_log(writer: &AnyPool) -> Result<bool, sqlx::Error> {
    let mut connection = writer.acquire().await?;
    // With the usual patience everybody who writes would wait for the reader's end.
    sqlx::raw_sql(IMPATIENT).execute(&mut *connection).await?;
    let busy = sqlx::query_scalar("PRAGMA wal_checkpoint(TRUNCATE)")
        .fetch_one(&mut *connection)
        .await;
    sqlx::raw_sql(PATIENT).execute(&mut *connection).await?;
    let busy: i64 = busy?;
    Ok(busy == 0)
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
