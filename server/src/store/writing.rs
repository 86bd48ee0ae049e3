//! One push as one transaction: read what is there, write what became of it, and commit.

use super::statements::{AnyQuery, Statements, read_row};
use super::trouble::Trouble;
use super::{ScopeKey, Store, to_sql};
use crate::error::Error;
use crate::telemetry::metrics::WRITE_WAIT_SECONDS;
use metrics::histogram;
use sqlx::{Any, AnyConnection, Connection as _, Transaction};
use std::sync::Arc;
use std::time::Instant;
use sync::frame::Outcome;
use sync::hub::accept::TextName;
use sync::id::Id;
use sync::row::Row;
use sync::scope::Lsn;
use sync::stamp::Stamp;
use sync::table::TableSpec;

/// A write transaction of one scope. From its beginning nobody else can write into that scope, so
/// positions are given in the order of commits. Dropped without [`Writing::commit`], it leaves
/// nothing behind.
#[derive(Debug)]
pub struct Writing {
    pub(super) transaction: Transaction<'static, Any>,
    pub(super) statements: Arc<Statements>,
    pub(super) scope: ScopeKey,
    /// Where the scope's log ended when this began; none if it has no log.
    began: Option<Lsn>,
    /// Where it ends with what was written since. Nobody else can move it meanwhile, so it is
    /// written once, at the commit.
    end: Option<Lsn>,
}

/// What becomes of a change that wrote something: its position, its answer, and the stamp that
/// it claimed, if that was shifted.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a> {
    /// The change.
    pub op_id: Id,
    /// The position it was given.
    pub lsn: Lsn,
    /// The answer, for its repeats.
    pub outcome: &'a Outcome,
    /// The stamp that it came with, if it has another one now.
    pub claimed: Option<Stamp>,
}

/// One change, or the changes of a group, inside a write transaction; it can fail alone.
#[derive(Debug)]
pub struct Step<'a> {
    savepoint: Transaction<'a, Any>,
    statements: &'a Statements,
    scope: &'a ScopeKey,
    /// Where the log ends with this step, and where to say so once it is taken.
    end: Option<Lsn>,
    taken: &'a mut Option<Lsn>,
}

/// Why a step was not taken.
#[derive(Debug)]
pub enum StepError {
    /// This change breaks a rule of the schema; the others are not touched by it.
    Alone(Error),
    /// Nothing can be written now.
    All(Error),
}

impl Store {
    /// Begins to write into a scope, after everybody who came before.
    ///
    /// # Errors
    /// The database is busy or failed.
    pub async fn write(&self, scope: ScopeKey) -> Result<Writing, Error> {
        let began = Instant::now();
        let mut transaction = self.begin().await?;
        let end = self.dialect.lock_scope(&mut transaction, &scope).await?;
        histogram!(WRITE_WAIT_SECONDS).record(began.elapsed());
        Ok(Writing {
            transaction,
            statements: Arc::clone(&self.statements),
            scope,
            began: end,
            end,
        })
    }
}

impl Writing {
    /// Begins one change, or one group.
    ///
    /// # Errors
    /// The database failed.
    pub async fn step(&mut self) -> Result<Step<'_>, Error> {
        let savepoint = self.transaction.begin().await?;
        Ok(Step {
            savepoint,
            statements: &self.statements,
            scope: &self.scope,
            end: self.end,
            taken: &mut self.end,
        })
    }

    /// What became of a change when it was here before.
    ///
    /// # Errors
    /// The database failed.
    pub async fn outcome(&mut self, op_id: Id) -> Result<Option<Outcome>, Error> {
        outcome(&mut self.transaction, &self.scope, op_id).await
    }

    /// Makes it so. Once this has returned, the changes survive a power cut.
    ///
    /// # Errors
    /// The database failed; nothing was written.
    pub async fn commit(mut self) -> Result<(), Error> {
        if let Some(end) = self.end
            && self.end != self.began
        {
            sqlx::query("UPDATE scopes SET lsn = $2 WHERE scope = $1")
                .bind(self.scope.as_str())
                .bind(to_sql(end))
                .execute(&mut *self.transaction)
                .await?;
        }
        Ok(self.transaction.commit().await?)
    }
}

impl Step<'_> {
    /// What became of this change when it was here before.
    ///
    /// # Errors
    /// The database failed.
    pub async fn outcome(&mut self, op_id: Id) -> Result<Option<Outcome>, Error> {
        outcome(&mut self.savepoint, self.scope, op_id).await
    }

    /// The row of this key in this scope.
    ///
    /// # Errors
    /// The database failed.
    pub async fn row(&mut self, table: &TableSpec, key: Id) -> Result<Option<Row>, Error> {
        let query = self.statements.row(table, self.scope, key)?;
        let found = query.fetch_optional(&mut *self.savepoint).await?;
        found.map(|row| read_row(table, &row)).transpose()
    }

    /// Writes the row under the scope's next position and tells that position.
    ///
    /// # Errors
    /// The row breaks a rule of the schema, or the database failed.
    pub async fn put(&mut self, table: &TableSpec, row: &mut Row) -> Result<Lsn, Error> {
        // The log is there from its person's first day.
        let end = self.end.ok_or(Error::corrupt("a person without a log"))?;
        row.lsn = end + 1;
        self.end = Some(row.lsn);
        execute(
            self.statements.put(table, self.scope, row)?,
            &mut self.savepoint,
        )
        .await?;
        Ok(row.lsn)
    }

    /// A text that is kept as a possible base.
    ///
    /// # Errors
    /// The database failed.
    pub async fn text(&mut self, (op_id, field): &TextName) -> Result<Option<String>, Error> {
        let text = "SELECT text FROM texts WHERE scope = $1 AND op_id = $2 AND field = $3";
        Ok(sqlx::query_scalar(text)
            .bind(self.scope.as_str())
            .bind(op_id.to_string())
            .bind(field)
            .fetch_optional(&mut *self.savepoint)
            .await?)
    }

    /// Keeps a text as a possible base.
    ///
    /// # Errors
    /// The database failed.
    pub async fn keep_text(
        &mut self,
        (op_id, field): &TextName,
        text: &str,
        now_ms: u64,
    ) -> Result<(), Error> {
        sqlx::query(
            "INSERT INTO texts (scope, op_id, field, text, at_ms) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (scope, op_id, field) \
             DO UPDATE SET text = excluded.text, at_ms = excluded.at_ms",
        )
        .bind(self.scope.as_str())
        .bind(op_id.to_string())
        .bind(field)
        .bind(text)
        .bind(to_sql(now_ms))
        .execute(&mut *self.savepoint)
        .await?;
        Ok(())
    }

    /// Keeps what became of a change.
    ///
    /// # Errors
    /// The database failed.
    pub async fn keep(&mut self, kept: Kept<'_>, now_ms: u64) -> Result<(), Error> {
        let text = serde_json::to_string(kept.outcome);
        let text = text.map_err(|_| Error::corrupt("an outcome that cannot be written"))?;
        sqlx::query(
            "INSERT INTO outcomes (scope, op_id, lsn, outcome, claimed, at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(self.scope.as_str())
        .bind(kept.op_id.to_string())
        .bind(to_sql(kept.lsn))
        .bind(text)
        .bind(kept.claimed.map(|stamp| stamp.to_string()))
        .bind(to_sql(now_ms))
        .execute(&mut *self.savepoint)
        .await?;
        Ok(())
    }

    /// Writes a row that the server itself makes, such as a revision, under the scope's next
    /// position, and the history's entry of that position. A device that pushes a change of the
    /// same name is refused: it did not make this one.
    ///
    /// # Errors
    /// The row breaks a rule of the schema, or the database failed.
    pub async fn put_own(
        &mut self,
        table: &TableSpec,
        row: &mut Row,
        now_ms: u64,
    ) -> Result<(), Error> {
        let kept = Kept {
            op_id: row.op_id,
            lsn: self.put(table, row).await?,
            outcome: &Outcome::Rejected {
                code: "name_taken".to_owned(),
                message: "The server made a change of this name itself, so this one was not \
                          taken. Send it under a new name."
                    .to_owned(),
            },
            claimed: None,
        };
        self.keep(kept, now_ms).await
    }

    /// Ends the step with what it wrote.
    ///
    /// # Errors
    /// The database failed.
    pub async fn commit(self) -> Result<(), Error> {
        self.savepoint.commit().await?;
        *self.taken = self.end;
        Ok(())
    }

    /// Ends the step without a trace.
    ///
    /// # Errors
    /// The database failed.
    pub async fn leave(self) -> Result<(), Error> {
        Ok(self.savepoint.rollback().await?)
    }
}

impl StepError {
    /// Whether an error concerns one change or all of them.
    #[must_use]
    pub fn of(error: Error) -> Self {
        match &error {
            Error::Database(source) if Trouble::of(source) == Trouble::Constraint => {
                Self::Alone(error)
            }
            Error::Corrupt(_) => Self::Alone(error),
            _ => Self::All(error),
        }
    }
}

async fn outcome(
    connection: &mut AnyConnection,
    scope: &ScopeKey,
    op_id: Id,
) -> Result<Option<Outcome>, Error> {
    let text: Option<String> =
        sqlx::query_scalar("SELECT outcome FROM outcomes WHERE scope = $1 AND op_id = $2")
            .bind(scope.as_str())
            .bind(op_id.to_string())
            .fetch_optional(connection)
            .await?;
    text.map(|text| serde_json::from_str(&text))
        .transpose()
        .map_err(|_| Error::corrupt("an outcome that cannot be read"))
}

async fn execute(query: AnyQuery, connection: &mut AnyConnection) -> Result<(), Error> {
    query.execute(connection).await?;
    Ok(())
}
