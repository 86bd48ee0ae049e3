//! The SQLite database that is moved: held for us alone, looked at, and only read.

use super::error::MoveError;
use crate::store::check::{faults_of_feed, faults_of_schema};
use crate::store::dialect::Dialect;
use crate::store::schema::{Migrated, known, seen_by};
use crate::store::trouble::Trouble;
use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, ConnectOptions as _, Connection as _};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

/// Takes the file, which SQLite grants only while nobody else has it open, not even to read; and
/// then lets nothing be written. In WAL mode it is the first line that does it, else the last but
/// one. Two seconds are waited for whoever is about to end.
const HOLD: &str = "PRAGMA locking_mode = EXCLUSIVE; PRAGMA busy_timeout = 2000; \
                    BEGIN EXCLUSIVE; PRAGMA query_only = ON";

/// How many faults are told; the first says enough to look further.
const FAULTS_MAX: usize = 5;

/// The database, held.
#[derive(Debug)]
pub(super) struct Source(AnyConnection);

impl Source {
    /// Holds the database and looks whether it is one that this program can move.
    pub(super) async fn take(url: &str, file: PathBuf) -> Result<Self, MoveError> {
        if !file.exists() {
            return Err(MoveError::NoDatabase(file));
        }
        let options = AnyConnectOptions::from_str(url).map_err(MoveError::Source)?;
        // Whole tables are read at once, and none of them is a slow statement to be warned of.
        let connection = options.disable_statement_logging().connect().await;
        let mut connection = connection.map_err(|error| refused(&file, error))?;
        let held = sqlx::raw_sql(HOLD).execute(&mut connection).await;
        held.map_err(|error| refused(&file, error))?;
        let mut source = Self(connection);
        source.check(file).await?;
        Ok(source)
    }

    async fn check(&mut self, file: PathBuf) -> Result<(), MoveError> {
        let seen = seen_by(&mut self.0, Dialect::Sqlite).await;
        let seen = seen.map_err(MoveError::Source)?;
        let known = known();
        let last = |list: &[Migrated]| list.iter().map(|one| one.version).max();
        let (Some(version), Some(ours)) = (last(&seen), last(&known)) else {
            return Err(MoveError::NotDaybook(file));
        };
        if seen.iter().any(|one| !known.contains(one)) {
            return Err(MoveError::SourceNewer { version, ours });
        }
        if known.iter().any(|one| !seen.contains(one)) {
            return Err(MoveError::SourceOlder { version, ours });
        }
        let mut faults = self.faults().await.map_err(MoveError::Source)?;
        faults.truncate(FAULTS_MAX);
        if faults.is_empty() {
            Ok(())
        } else {
            Err(MoveError::SourceFaults(faults))
        }
    }

    async fn faults(&mut self) -> sqlx::Result<Vec<String>> {
        let file = sqlx::query_scalar("PRAGMA integrity_check(20)");
        let file: Vec<String> = file.fetch_all(&mut self.0).await?;
        let mut faults: Vec<_> = file.into_iter().filter(|line| line != "ok").collect();
        faults.extend(faults_of_schema(&mut self.0, Dialect::Sqlite).await?);
        if faults.is_empty() {
            faults.extend(faults_of_feed(&mut self.0).await?);
        }
        Ok(faults)
    }

    pub(super) fn connection(&mut self) -> &mut AnyConnection {
        &mut self.0
    }

    /// Lets others have the file again.
    pub(super) async fn release(self) {
        // Nothing was written, so nothing can be lost.
        let _ = self.0.close().await;
    }
}

fn refused(file: &Path, error: sqlx::Error) -> MoveError {
    match Trouble::of(&error) {
        Trouble::Busy => MoveError::InUse(file.to_owned()),
        _ => MoveError::Source(error),
    }
}
