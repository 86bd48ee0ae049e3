//! The PostgreSQL database that everything is moved to, inside the one transaction that does it.

use super::Tallies;
use super::error::MoveError;
use super::table::{Row, Table, names};
use super::tally::Tally;
use crate::store::dialect::Dialect;
use crate::store::migrate::POSTGRES;
use crate::store::postgres::without_password;
use crate::store::schema::{known, seen_by};
use sqlx::any::AnyConnectOptions;
use sqlx::{Any, AnyConnection, AssertSqlSafe, ConnectOptions as _, Connection as _, Transaction};
use std::str::FromStr as _;

/// How many rows are written at once at most.
const BATCH_ROWS_MAX: usize = 1_000;

/// How many bytes are written at once, unless one row alone has more.
const BATCH_BYTES_MAX: usize = 1 << 20;

/// Whatever this server's defaults are: a statement may take its time, reading the source may too,
/// and nobody else is waited for who keeps a table for long.
const SETTINGS: &str = "SET lock_timeout = '10s'; SET statement_timeout = 0; \
                        SET idle_in_transaction_session_timeout = 0";

/// Rows that are written together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    rows: usize,
    text: String,
}

impl Batch {
    pub(super) fn add(&mut self, row: &Row) {
        self.text.push(if self.rows == 0 { '[' } else { ',' });
        self.text.push_str(row.text());
        self.rows += 1;
    }

    pub(super) const fn is_full(&self) -> bool {
        self.rows >= BATCH_ROWS_MAX || self.text.len() >= BATCH_BYTES_MAX
    }
}

/// The database, while it is filled.
#[derive(Debug)]
pub(super) struct Target<'c> {
    transaction: Transaction<'c, Any>,
    /// Where it is, as it may be shown.
    url: String,
}

/// Connects to the database.
pub(super) async fn connect(url: &str) -> Result<AnyConnection, MoveError> {
    let connected = async {
        let options = AnyConnectOptions::from_str(url)?.disable_statement_logging();
        let mut connection = options.connect().await?;
        sqlx::raw_sql(SETTINGS).execute(&mut connection).await?;
        Ok::<_, sqlx::Error>(connection)
    };
    connected.await.map_err(|error| MoveError::Away {
        url: without_password(url),
        reason: error.to_string(),
    })
}

impl<'c> Target<'c> {
    /// Begins, and makes the tables that are not there yet.
    pub(super) async fn begin(
        connection: &'c mut AnyConnection,
        url: &str,
    ) -> Result<Self, MoveError> {
        let begin = Dialect::Postgres.begin_write();
        let transaction = connection.begin_with(begin).await;
        let mut target = Self {
            transaction: transaction.map_err(MoveError::Target)?,
            url: without_password(url),
        };
        let seen = seen_by(&mut target.transaction, Dialect::Postgres).await;
        let seen = seen.map_err(MoveError::Target)?;
        let known = known();
        let is_new = seen.is_empty();
        if let Some(newer) = seen.into_iter().find(|one| !known.contains(one)) {
            return Err(MoveError::TargetNewer {
                url: target.url,
                version: newer.version,
                name: newer.name,
            });
        }
        let there = names(&mut target.transaction, Dialect::Postgres).await;
        let mut there = there.map_err(MoveError::Target)?;
        if let (true, Some(table)) = (is_new, there.pop_first()) {
            return Err(MoveError::Taken {
                url: target.url,
                table,
            });
        }
        let made = POSTGRES.run(&mut *target.transaction).await;
        made.map_err(MoveError::Migration)?;
        Ok(target)
    }

    pub(super) fn connection(&mut self) -> &mut AnyConnection {
        &mut self.transaction
    }

    /// Keeps everybody else from writing, looks whether anybody has, and takes away what migrations
    /// have brought: it comes with the rest.
    pub(super) async fn clear(
        &mut self,
        tables: &[Table],
        fresh: &Tallies,
    ) -> Result<(), MoveError> {
        let names = tables.iter().map(|table| format!("\"{}\"", table.name));
        let names = names.collect::<Vec<_>>().join(", ");
        self.execute(format!("LOCK TABLE {names} IN EXCLUSIVE MODE"))
            .await?;
        for table in tables {
            let nobodys = fresh.get(&table.name).copied().unwrap_or_default();
            if self.sum(table).await? != nobodys {
                return Err(MoveError::Taken {
                    url: self.url.clone(),
                    table: table.name.clone(),
                });
            }
        }
        for table in tables.iter().rev() {
            self.execute(format!("DELETE FROM \"{}\"", table.name))
                .await?;
        }
        Ok(())
    }

    /// Writes these rows, and empties the batch.
    pub(super) async fn write(
        &mut self,
        table: &Table,
        batch: &mut Batch,
    ) -> Result<(), MoveError> {
        let batch = std::mem::take(batch);
        if batch.rows == 0 {
            return Ok(());
        }
        let (name, columns) = (&table.name, table.column_list());
        // The table's own types read the text, and a number that it would count itself is kept.
        let statement = format!(
            "INSERT INTO \"{name}\" ({columns}) OVERRIDING SYSTEM VALUE \
             SELECT {columns} FROM json_populate_recordset(NULL::\"{name}\", $1::json)"
        );
        let rows = batch.text + "]";
        let written = sqlx::query(AssertSqlSafe(statement)).bind(rows);
        let written = written.execute(&mut *self.transaction).await;
        written.map(drop).map_err(MoveError::Target)
    }

    /// Lets columns that count by themselves go on behind what was carried.
    pub(super) async fn set_sequences(&mut self) -> Result<(), MoveError> {
        let counting = "SELECT table_name::text, column_name::text FROM information_schema.columns \
                        WHERE table_schema = current_schema() AND \
                        pg_get_serial_sequence(quote_ident(table_name), column_name) IS NOT NULL";
        let counting = sqlx::query_as(counting).fetch_all(&mut *self.transaction);
        let counting: Vec<(String, String)> = counting.await.map_err(MoveError::Target)?;
        for (table, column) in counting {
            self.execute(format!(
                "SELECT setval(pg_get_serial_sequence('\"{table}\"', '{column}'), max(\"{column}\")) \
                 FROM \"{table}\""
            ))
            .await?;
        }
        Ok(())
    }

    /// What a table adds up to.
    pub(super) async fn sum(&mut self, table: &Table) -> Result<Tally, MoveError> {
        let rows = table.rows(&mut self.transaction, Dialect::Postgres);
        Tally::of(rows).await.map_err(MoveError::Target)
    }

    /// Makes it so.
    pub(super) async fn commit(self) -> Result<(), MoveError> {
        self.transaction.commit().await.map_err(MoveError::Unknown)
    }

    async fn execute(&mut self, statement: String) -> Result<(), MoveError> {
        let done = sqlx::query(AssertSqlSafe(statement));
        let done = done.execute(&mut *self.transaction).await;
        done.map(drop).map_err(MoveError::Target)
    }
}
