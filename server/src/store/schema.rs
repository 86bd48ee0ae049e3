//! Which migrations a database has seen, and which this program has.

use super::Store;
use super::migrate::MIGRATIONS;
use super::sqlite::cannot_open;
use crate::error::{Error, StartError};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Row as _, SqliteConnection};
use std::str::FromStr as _;

/// One migration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Migrated {
    /// Its number; they are applied in this order.
    pub version: i64,
    /// What it does, in a word or two.
    pub name: String,
}

/// Those of this program.
pub(super) fn known() -> Vec<Migrated> {
    let known = MIGRATIONS.iter().map(|migration| Migrated {
        version: migration.version,
        name: migration.description.to_string(),
    });
    known.collect()
}

/// Those that the database at this address has seen; none when there is no database yet.
///
/// # Errors
/// It cannot be opened or read.
pub async fn history(url: &str) -> Result<Vec<Migrated>, StartError> {
    let options = SqliteConnectOptions::from_str(url).map_err(|error| cannot_open(url, &error))?;
    if !options.get_filename().exists() {
        return Ok(Vec::new());
    }
    let seen = async {
        let mut connection = options.create_if_missing(false).connect().await?;
        seen_by(&mut connection).await
    };
    seen.await.map_err(|error| cannot_open(url, &error))
}

pub(super) async fn seen_by(connection: &mut SqliteConnection) -> sqlx::Result<Vec<Migrated>> {
    let has_any: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'")
            .fetch_one(&mut *connection)
            .await?;
    if has_any == 0 {
        return Ok(Vec::new());
    }
    let statement =
        "SELECT version, description FROM _sqlx_migrations WHERE success ORDER BY version";
    let rows = sqlx::query(statement).fetch_all(connection).await?;
    let migrated = rows.iter().map(|row| {
        Ok(Migrated {
            version: row.try_get(0)?,
            name: row.try_get(1)?,
        })
    });
    migrated.collect()
}

impl Store {
    /// Whether the database answers and has seen every migration of this program. One that has
    /// seen more belongs to a newer program beside this one, which is in order.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn is_migrated(&self) -> Result<bool, Error> {
        let mut connection = self.reader.acquire().await?;
        let seen = seen_by(&mut connection).await?;
        let mut known = known().into_iter();
        Ok(known.all(|one| seen.iter().any(|other| other.version == one.version)))
    }
}
