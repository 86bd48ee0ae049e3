//! A journal server carried from SQLite to PostgreSQL, as it is, or not at all.
//!
//! Nothing here knows a table by its name: what there is, is asked of both databases, so a table
//! that a later migration makes is carried like any other. The file of SQLite is held for us alone
//! and only read. Whatever is done to PostgreSQL, making the tables too, is one transaction.
//!
//! The source is read twice and the target once: through, for what cannot be carried and for the
//! sums; then over; and then what arrived is summed up and held against the source.
//!
//! # Layout
//! - [`source`], [`target`]: the two ends
//! - [`table`]: what both have, and how a row travels; [`tally`]: what is compared
//! - [`error`]: what can be in the way

mod error;
mod source;
mod table;
mod tally;
mod target;

use super::backup::file_of;
use super::dialect::Dialect;
use super::migrate::SQLITE;
use error::Unheld;
pub use error::{MoveError, Nul};
use futures_util::TryStreamExt as _;
use source::Source;
use sqlx::any::install_default_drivers;
use sqlx::{AnyConnection, Connection as _};
use std::collections::BTreeMap;
use table::{Table, names};
use tally::Tally;
use target::{Batch, Target};

/// After how many rows of a table it is told again how far it is.
const TOLD_ROWS: u64 = 10_000;

/// What there is to tell while it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// A table was read through once.
    Found {
        /// Which.
        table: &'a str,
        /// How many rows it has.
        rows: u64,
    },
    /// All tables were, and everything can be carried.
    Read {
        /// How many tables there are.
        tables: usize,
        /// How many rows these have together.
        rows: u64,
    },
    /// So many rows of a long table were written, and there are more.
    Written {
        /// Which.
        table: &'a str,
        /// How many so far.
        rows: u64,
        /// How many there are.
        of: u64,
    },
    /// A table is the same on both sides.
    Same {
        /// Which.
        table: &'a str,
        /// How many rows it has.
        rows: u64,
    },
}

/// A table that was carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Its name.
    pub table: String,
    /// How many rows it has on either side.
    pub rows: u64,
}

/// The sums of all tables, by name.
type Tallies = BTreeMap<String, Tally>;

/// Carries everything that the SQLite database at `from` holds into the PostgreSQL database at
/// `to`, where there must be nothing that anybody wrote. The tables that were carried are told
/// parents first.
///
/// # Errors
/// Says what is in the way. The source is as it was, and so is the target, unless
/// [`MoveError::Unknown`] says otherwise.
pub async fn move_all(
    from: &str,
    to: &str,
    tell: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<Vec<Moved>, MoveError> {
    let file = file_of(from).map_err(|_| MoveError::NotSqlite)?;
    if Dialect::of(to) != Some(Dialect::Postgres) {
        return Err(MoveError::NotPostgres);
    }
    install_default_drivers();
    let mut source = Source::take(from, file).await?;
    let mut connection = target::connect(to).await?;
    let mut target = Target::begin(&mut connection, to).await?;
    let tables = table::shared(source.connection(), target.connection()).await?;
    target.clear(&tables, &fresh(&tables).await?).await?;
    let sums = survey(&mut source, &tables, tell).await?;
    tell(Progress::Read {
        tables: tables.len(),
        rows: sums.values().map(|sum| sum.rows).sum(),
    });
    for table in &tables {
        carry(&mut source, &mut target, table, sums[&table.name], tell).await?;
    }
    target.set_sequences().await?;
    for table in &tables {
        let (here, there) = (sums[&table.name], target.sum(table).await?);
        if here != there {
            return Err(MoveError::differs(&table.name, here, there));
        }
        let (table, rows) = (table.name.as_str(), here.rows);
        tell(Progress::Same { table, rows });
    }
    target.commit().await?;
    // All is done; how the connections end changes nothing.
    let _ = connection.close().await;
    source.release().await;
    let moved = tables.into_iter().map(|table| Moved {
        rows: sums[&table.name].rows,
        table: table.name,
    });
    Ok(moved.collect())
}

/// Reads everything once: what each table adds up to, and whether PostgreSQL can hold it.
async fn survey(
    source: &mut Source,
    tables: &[Table],
    tell: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<Tallies, MoveError> {
    let mut sums = Tallies::new();
    let mut unheld = Unheld::default();
    for table in tables {
        let mut rows = table.rows(source.connection(), Dialect::Sqlite);
        let mut sum = Tally::default();
        while let Some(row) = rows.try_next().await.map_err(MoveError::Source)? {
            unheld.look_at(table, &row);
            sum.add(&row);
        }
        let (table, rows) = (table.name.as_str(), sum.rows);
        tell(Progress::Found { table, rows });
        sums.insert(table.to_owned(), sum);
    }
    unheld.none()?;
    Ok(sums)
}

/// What the tables add up to in a database that nobody has used: migrations bring rows of their own.
async fn fresh(tables: &[Table]) -> Result<Tallies, MoveError> {
    let connection = AnyConnection::connect("sqlite::memory:").await;
    let mut connection = connection.map_err(MoveError::Source)?;
    let made = SQLITE.run(&mut connection).await;
    made.map_err(MoveError::Migration)?;
    let known = names(&mut connection, Dialect::Sqlite).await;
    let known = known.map_err(MoveError::Source)?;
    let mut sums = Tallies::new();
    for table in tables.iter().filter(|table| known.contains(&table.name)) {
        let rows = table.rows(&mut connection, Dialect::Sqlite);
        let sum = Tally::of(rows).await.map_err(MoveError::Source)?;
        sums.insert(table.name.clone(), sum);
    }
    Ok(sums)
}

/// Writes one table, batch by batch.
async fn carry(
    source: &mut Source,
    target: &mut Target<'_>,
    table: &Table,
    sum: Tally,
    tell: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<(), MoveError> {
    let mut rows = table.rows(source.connection(), Dialect::Sqlite);
    let mut batch = Batch::default();
    let (mut count, mut told) = (0, 0);
    while let Some(row) = rows.try_next().await.map_err(MoveError::Source)? {
        batch.add(&row);
        count += 1;
        if batch.is_full() {
            target.write(table, &mut batch).await?;
            if count - told >= TOLD_ROWS {
                told = count;
                let (table, rows, of) = (table.name.as_str(), count, sum.rows);
                tell(Progress::Written { table, rows, of });
            }
        }
    }
    target.write(table, &mut batch).await
}
