//! Where SQLite and PostgreSQL differ. All other SQL in this folder is what both take, with holes
//! written `$1`, `$2`, …

use super::{ScopeKey, from_sql};
use crate::error::Error;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use sync::id::Id;
use sync::scope::Lsn;
use sync::value::FieldKind;

/// Which of the two databases this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// One file beside the program.
    Sqlite,
    /// A server that several nodes share.
    Postgres,
}

impl Dialect {
    /// What the address of a database says; nothing if it is neither of the two.
    #[must_use]
    pub fn of(url: &str) -> Option<Self> {
        match url.split_once(':')?.0 {
            "sqlite" => Some(Self::Sqlite),
            "postgres" | "postgresql" => Some(Self::Postgres),
            _ => None,
        }
    }

    /// Begins a transaction that writes. SQLite refuses one that reads first and writes later,
    /// unless it takes the write lock at once. In PostgreSQL each statement sees what was
    /// committed before it, so what is read after a lock was taken is what is there.
    pub(super) const fn begin_write(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
        }
    }

    /// Begins a transaction that reads one snapshot.
    pub(super) const fn begin_read(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }

    /// Keeps everybody else from writing into this scope until the transaction ends, and tells
    /// where the scope ends; nothing when there is none. SQLite has one writer, who holds the
    /// whole file already.
    ///
    /// # Errors
    /// Somebody else held it for too long, or the database failed.
    pub(super) async fn lock_scope(
        self,
        connection: &mut AnyConnection,
        scope: &ScopeKey,
    ) -> Result<Option<Lsn>, Error> {
        let lock = match self {
            Self::Sqlite => "SELECT lsn FROM scopes WHERE scope = $1",
            // Not `FOR UPDATE`: rows that only refer to the scope may be written meanwhile.
            Self::Postgres => "SELECT lsn FROM scopes WHERE scope = $1 FOR NO KEY UPDATE",
        };
        let end = sqlx::query_scalar(lock).bind(scope.as_str());
        let end: Option<i64> = end.fetch_optional(connection).await?;
        end.map(from_sql).transpose()
    }

    /// Keeps everybody else from writing what is this person's alone, such as passkeys or
    /// sessions, until the transaction ends.
    ///
    /// In one transaction a person is locked before anything that hangs on them, and before any
    /// scope: a row of theirs that is written or taken away waits for the person, so whoever had
    /// it the other way round would wait for somebody who waits for them.
    ///
    /// # Errors
    /// Somebody else held it for too long, or the database failed.
    pub(super) async fn lock_user(
        self,
        connection: &mut AnyConnection,
        user: Id,
    ) -> Result<(), Error> {
        // `FOR UPDATE`: rows that refer to the person wait as well.
        const LOCK: &str = "SELECT generation FROM users WHERE id = $1 FOR UPDATE";
        if self == Self::Postgres {
            let lock = sqlx::query(LOCK).bind(user.to_string());
            lock.fetch_optional(connection).await?;
        }
        Ok(())
    }

    /// Keeps a person from being erased until the transaction ends, while others may do the same;
    /// see [`Self::lock_user`].
    ///
    /// # Errors
    /// Somebody else held it for too long, or the database failed.
    pub(super) async fn keep_user(
        self,
        connection: &mut AnyConnection,
        user: Id,
    ) -> Result<(), Error> {
        // What PostgreSQL itself takes for a row that refers to the person.
        const KEEP: &str = "SELECT generation FROM users WHERE id = $1 FOR KEY SHARE";
        if self == Self::Postgres {
            let keep = sqlx::query(KEEP).bind(user.to_string());
            keep.fetch_optional(connection).await?;
        }
        Ok(())
    }

    /// Ends a query for rows to be swept away: those that another sweep has in hand are its own.
    pub(super) const fn nobody_elses(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => "FOR UPDATE SKIP LOCKED",
        }
    }

    /// Whether a person's address is the one in the first hole, whatever the case of its ASCII
    /// letters. In SQLite the column says so itself.
    pub(super) const fn email_is(self) -> &'static str {
        match self {
            Self::Sqlite => "email = $1",
            Self::Postgres => "lower(email) = lower($1 COLLATE \"C\")",
        }
    }

    /// The type of the column that holds a field.
    #[must_use]
    pub const fn column_type(self, kind: FieldKind) -> &'static str {
        match (self, kind) {
            (_, FieldKind::Text { .. } | FieldKind::Day | FieldKind::Id) => "TEXT",
            (Self::Sqlite, FieldKind::Integer | FieldKind::Boolean) => "INTEGER",
            (Self::Postgres, FieldKind::Integer) => "BIGINT",
            (Self::Postgres, FieldKind::Boolean) => "BOOLEAN",
        }
    }

    /// Counts the tables where migrations are noted: one, or none in a new database.
    pub(super) const fn counts_migration_tables(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT count(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'",
            Self::Postgres => "SELECT count(to_regclass('_sqlx_migrations'))",
        }
    }

    /// The names of all tables but the one where migrations are noted.
    pub(super) const fn tables(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> '_sqlx_migrations' \
                 AND substr(name, 1, 7) <> 'sqlite_'"
            }
            Self::Postgres => {
                "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() \
                 AND tablename <> '_sqlx_migrations'"
            }
        }
    }

    /// Name and type of each column of the table in the first hole, and 1 if it may not be empty.
    pub(super) const fn columns(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT name, type, \"notnull\" FROM pragma_table_info($1)",
            Self::Postgres => {
                "SELECT column_name::text, upper(data_type), (is_nullable = 'NO')::int \
                 FROM information_schema.columns \
                 WHERE table_schema = current_schema() AND table_name = $1"
            }
        }
    }

    /// A truth value as a literal.
    pub(super) const fn flag(self, flag: bool) -> &'static str {
        match (self, flag) {
            (Self::Sqlite, false) => "0",
            (Self::Sqlite, true) => "1",
            (Self::Postgres, false) => "FALSE",
            (Self::Postgres, true) => "TRUE",
        }
    }

    /// A hole that takes JSON, which is bound as text.
    pub(super) fn json_hole(self, number: usize) -> String {
        match self {
            Self::Sqlite => format!("${number}"),
            Self::Postgres => format!("${number}::jsonb"),
        }
    }

    /// A column of JSON, read as text.
    pub(super) fn json_text(self, column: &str) -> String {
        match self {
            Self::Sqlite => column.to_owned(),
            Self::Postgres => format!("{column}::text AS {column}"),
        }
    }
}

/// A truth value in a row. PostgreSQL has a type for it; in SQLite it is a number.
pub(super) fn read_flag(row: &AnyRow, column: &str) -> sqlx::Result<Option<bool>> {
    if let Ok(flag) = row.try_get::<Option<bool>, _>(column) {
        return Ok(flag);
    }
    let number = row.try_get::<Option<i64>, _>(column)?;
    Ok(number.map(|number| number != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_tells_which_database_it_is() {
        for (url, dialect) in [
            ("sqlite:data/daybook.sqlite", Some(Dialect::Sqlite)),
            ("sqlite:///var/lib/daybook.sqlite", Some(Dialect::Sqlite)),
            ("postgres://ann@localhost/daybook", Some(Dialect::Postgres)),
            ("postgresql:///daybook", Some(Dialect::Postgres)),
            ("mysql://localhost/daybook", None),
            ("data/daybook.sqlite", None),
        ] {
            assert_eq!(Dialect::of(url), dialect, "{url}");
        }
    }
}
