//! Why a database was not moved.

use super::table::{Row, Table};
use super::tally::Tally;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

/// How many texts that cannot be carried are told; the statements take care of all.
const NULS_MAX: usize = 5;

/// Why a database was not moved. Whatever the reason, the SQLite database is as it was, and so is
/// the one in PostgreSQL, unless it says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// It is no SQLite database that is configured.
    #[error(
        "A move begins at a SQLite database, and `database_url` names none.\nNothing was done. Say \
         by --database-url, DATABASE_URL or daybook.toml which, such as sqlite:data/daybook.sqlite"
    )]
    NotSqlite,
    /// It is no PostgreSQL database where it should go.
    #[error(
        "A move ends in a PostgreSQL database, and --to names none.\nNothing was done. Say which, \
         such as --to postgres://daybook:password@localhost/daybook"
    )]
    NotPostgres,
    /// There is no database to move.
    #[error(
        "There is no database at {}.\nNothing was done. Say by --database-url, DATABASE_URL or \
         daybook.toml where it is",
        .0.display()
    )]
    NoDatabase(PathBuf),
    /// Something else is in the file.
    #[error("{} is no database of Daybook.\nNothing was done. Look whether `database_url` is right", .0.display())]
    NotDaybook(PathBuf),
    /// A server has the database open.
    #[error(
        "A program has the database {} open, and what it still wrote would be left behind.\nNothing \
         was done. Stop the server, then move again",
        .0.display()
    )]
    InUse(PathBuf),
    /// The SQLite database waits for migrations of this program.
    #[error(
        "The SQLite database was made by an older Daybook (its schema is at {version}, this \
         program's at {ours}).\nNothing was done. Make a copy with `daybook backup`, bring it up to \
         this version with `daybook migrate`, and move again"
    )]
    SourceOlder {
        /// Its last migration.
        version: i64,
        /// This program's last.
        ours: i64,
    },
    /// The SQLite database belongs to a newer program.
    #[error(
        "The SQLite database was made by a newer Daybook (its schema is at {version}, this \
         program's at {ours}).\nNothing was done. Move it with that version"
    )]
    SourceNewer {
        /// Its last migration.
        version: i64,
        /// This program's last.
        ours: i64,
    },
    /// The SQLite database is not whole.
    #[error(
        "The SQLite database is not whole:\n{}\nNothing was done. `daybook check` tells all that is \
         wrong, and docs/operations.md how to go on from there",
        .0.join("\n")
    )]
    SourceFaults(Vec<String>),
    /// Texts that PostgreSQL has no place for.
    #[error(transparent)]
    Nul(#[from] Nul),
    /// PostgreSQL cannot be reached or does not let us in.
    #[error(
        "The database {url} cannot be opened: {reason}.\nNothing was done. See that PostgreSQL runs \
         and takes this name and password, and that the database was made (`createdb`)"
    )]
    Away {
        /// Which, without its password.
        url: String,
        /// Why.
        reason: String,
    },
    /// Somebody's rows are in PostgreSQL.
    #[error(
        "The database {url} is in use: its table {table} holds what no new Daybook has.\nNothing was \
         changed there or here. Make another, empty database (`createdb`) and name that with --to"
    )]
    Taken {
        /// Which, without its password.
        url: String,
        /// The first table that is in the way.
        table: String,
    },
    /// The tables in PostgreSQL belong to a newer program.
    #[error(
        "The database {url} has seen a migration that this program does not have: {version} \
         ({name}).\nNothing was changed there or here. Make another, empty database (`createdb`) and \
         name that with --to, or move with the newer Daybook"
    )]
    TargetNewer {
        /// Which, without its password.
        url: String,
        /// The migration's number.
        version: i64,
        /// What it does.
        name: String,
    },
    /// The tables cannot be made.
    #[error(
        "The tables cannot be made in PostgreSQL: {0}.\nNothing was changed there or here. See that \
         this user may make tables in that database, and move again"
    )]
    Migration(#[source] sqlx::migrate::MigrateError),
    /// The two databases have not the same tables.
    #[error(
        "The two databases differ: {0}.\nNothing was changed there or here. If nobody has changed \
         one of them by hand, this is a mistake in Daybook that we want to hear of"
    )]
    Schemas(String),
    /// A table did not arrive as it is.
    #[error(
        "The table {table} did not arrive as it is: {here} rows here, {there} there{}.\nNothing was \
         changed there or here: the move was taken back as a whole. This is a mistake in Daybook \
         that we want to hear of",
        if here == there { ", and other values" } else { "" }
    )]
    Differs {
        /// Which.
        table: String,
        /// Its rows in SQLite.
        here: u64,
        /// Its rows in PostgreSQL.
        there: u64,
    },
    /// SQLite refuses a step.
    #[error(
        "The SQLite database cannot be read: {0}.\nNothing was changed there or here. `daybook check` \
         tells what is wrong with it"
    )]
    Source(#[source] sqlx::Error),
    /// PostgreSQL refuses a step.
    #[error(
        "PostgreSQL failed: {0}.\nNothing was changed there or here: the move was taken back as a \
         whole. See to the reason, and move again"
    )]
    Target(#[source] sqlx::Error),
    /// PostgreSQL was lost at the very end.
    #[error(
        "PostgreSQL was lost at the very end: {0}.\nThe SQLite database is as it was. Whether \
         everything is in PostgreSQL or nothing is not known; move again: if it says that the \
         database is in use, everything is there"
    )]
    Unknown(#[source] sqlx::Error),
}

impl MoveError {
    pub(super) fn differs(table: &str, here: Tally, there: Tally) -> Self {
        Self::Differs {
            table: table.to_owned(),
            here: here.rows,
            there: there.rows,
        }
    }
}

/// Texts with the character NUL, which PostgreSQL has no place for.
#[derive(Debug)]
pub struct Nul {
    /// How many there are.
    pub count: u64,
    /// The first of them: table, row and column.
    pub first: Vec<String>,
    /// What puts U+FFFD in its place in all of them, in SQLite.
    pub statements: Vec<String>,
}

impl std::error::Error for Nul {}

impl fmt::Display for Nul {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, first) = (self.count, self.first.join("\n"));
        writeln!(
            f,
            "{count} texts hold the character NUL, which PostgreSQL cannot hold:\n{first}"
        )?;
        if u64::try_from(self.first.len()).is_ok_and(|told| told < count) {
            writeln!(f, "and more")?;
        }
        write!(
            f,
            "Nothing was changed there or here. Make a copy with `daybook backup`, put U+FFFD in \
             its place with `sqlite3`, and move again:\n{}",
            self.statements.join("\n")
        )
    }
}

/// What was found so far that PostgreSQL cannot hold.
#[derive(Debug, Default)]
pub(super) struct Unheld {
    count: u64,
    first: Vec<String>,
    columns: BTreeSet<(String, String)>,
}

impl Unheld {
    pub(super) fn look_at(&mut self, table: &Table, row: &Row) {
        for column in row.columns_with_nul() {
            self.count += 1;
            if self.first.len() < NULS_MAX {
                self.first.push(place(table, row, column));
            }
            self.columns.insert((table.name.clone(), column.to_owned()));
        }
    }

    /// Fails if anything was found.
    pub(super) fn none(self) -> Result<(), Nul> {
        if self.count == 0 {
            return Ok(());
        }
        let columns = self.columns.iter();
        let statements = columns.map(|(table, column)| without_nul(table, column));
        Err(Nul {
            count: self.count,
            statements: statements.collect(),
            first: self.first,
        })
    }
}

/// Where a text stands, and nothing of what it says.
fn place(table: &Table, row: &Row, column: &str) -> String {
    let key = table.key.iter().map(|name| match row.value(name) {
        Value::String(text) => format!("{name} {}", text.escape_debug()),
        other => format!("{name} {other}"),
    });
    let key = key.collect::<Vec<_>>().join(", ");
    format!("  {}.{column} of the row with {key}", table.name)
}

/// Puts U+FFFD in the place of each NUL, as devices do. SQLite's own `replace` takes no NUL, so the
/// text goes through JSON, where it is spelled out; backslashes, which spell too, are put aside.
fn without_nul(table: &str, column: &str) -> String {
    format!(
        "  UPDATE {table} SET {column} = json_extract(replace(replace(replace(json_quote({column}), \
         '\\\\', char(1)), '\\u0000', '\\ufffd'), char(1), '\\\\'), '$') WHERE instr({column}, char(0)) > 0;"
    )
}
