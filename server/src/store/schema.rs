//! Which migrations a database has seen and which this program has, and what columns there are.

use super::Store;
use super::dialect::Dialect;
use super::migrate::SQLITE;
use super::{postgres, sqlite};
use crate::error::{Error, StartError};
use sqlx::any::install_default_drivers;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AnyConnection, Connection as _, Row as _};
use std::collections::BTreeMap;
use std::str::FromStr as _;

/// One migration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Migrated {
    /// Its number; they are applied in this order.
    pub version: i64,
    /// What it does, in a word or two.
    pub name: String,
}

/// The columns around the fields of every synced table.
pub const AROUND: [&str; 7] = [
    "scope", "key", "lsn", "op_id", "deleted", "stamps", "group_id",
];

/// A column as the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its type, in capitals.
    pub kind: String,
    /// Whether it refuses to be empty.
    pub is_required: bool,
}

/// Those of this program, which are the same for either database.
pub(super) fn known() -> Vec<Migrated> {
    let known = SQLITE.iter().map(|migration| Migrated {
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
    let dialect = Dialect::of(url).ok_or(StartError::UnknownDatabase)?;
    let cannot_open = match dialect {
        Dialect::Sqlite => sqlite::cannot_open,
        Dialect::Postgres => postgres::cannot_open,
    };
    if dialect == Dialect::Sqlite {
        let file = SqliteConnectOptions::from_str(url).map_err(|error| cannot_open(url, &error))?;
        if !file.get_filename().exists() {
            return Ok(Vec::new());
        }
    }
    install_default_drivers();
    let seen = async {
        let mut connection = AnyConnection::connect(url).await?;
        let seen = seen_by(&mut connection, dialect).await?;
        connection.close().await?;
        Ok::<_, sqlx::Error>(seen)
    };
    seen.await.map_err(|error| cannot_open(url, &error))
}

pub(super) async fn seen_by(
    connection: &mut AnyConnection,
    dialect: Dialect,
) -> sqlx::Result<Vec<Migrated>> {
    let has_any: i64 = sqlx::query_scalar(dialect.counts_migration_tables())
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

/// The columns of a table by name; none when there is no such table.
///
/// # Errors
/// The database failed.
pub async fn columns(
    connection: &mut AnyConnection,
    dialect: Dialect,
    table: &str,
) -> sqlx::Result<BTreeMap<String, Column>> {
    let rows = sqlx::query(dialect.columns()).bind(table);
    let rows = rows.fetch_all(connection).await?;
    let columns = rows.iter().map(|row| {
        let column = Column {
            kind: row.try_get(1)?,
            is_required: row.try_get::<i64, _>(2)? != 0,
        };
        Ok((row.try_get(0)?, column))
    });
    columns.collect()
}

impl Store {
    /// Whether the database answers and has seen every migration of this program. One that has
    /// seen more belongs to a newer program beside this one, which is in order.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn is_migrated(&self) -> Result<bool, Error> {
        let mut connection = self.reader.acquire().await?;
        let seen = seen_by(&mut connection, self.dialect).await?;
        let mut known = known().into_iter();
        Ok(known.all(|one| seen.iter().any(|other| other.version == one.version)))
    }
}
