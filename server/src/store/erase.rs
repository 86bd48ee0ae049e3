//! Erasing an account: everything of it, in one transaction.

use super::dialect::Dialect;
use super::users::{User, hold};
use super::{ScopeKey, Store, sqlite, to_sql};
use crate::error::Error;
use std::sync::Arc;
use tokio::sync::oneshot;

impl Store {
    /// Erases a person's account and journal. What is left are the hashes of their sessions, so
    /// that their devices can be told; nothing says whose they were.
    ///
    /// Two rows are taken away by name, the person and their log: every other row of theirs hangs
    /// on one of these and goes with it. A test looks through all tables for what has stayed.
    ///
    /// # Errors
    /// [`Error::NoSession`] when all sessions of this person have ended since they were read, or
    /// the database failed; everything is still there.
    pub async fn erase(&self, user: &User, now_ms: u64) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        hold(&mut transaction, self.dialect, user).await?;
        let user = user.id;
        sqlx::query(
            "INSERT INTO ended_sessions (id_hash, erased, ended_at_ms) \
             SELECT id_hash, $1, $2 FROM sessions WHERE user_id = $3",
        )
        .bind(true)
        .bind(to_sql(now_ms))
        .bind(user.to_string())
        .execute(&mut *transaction)
        .await?;
        sqlx::query("DELETE FROM users WHERE id = $1")
            .bind(user.to_string())
            .execute(&mut *transaction)
            .await?;
        sqlx::query("DELETE FROM scopes WHERE scope = $1")
            .bind(ScopeKey::own(user).as_str())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        // The erasure stands; what this is about is words in a file that nothing points at. What
        // PostgreSQL keeps in its files is its operator's.
        if self.dialect == Dialect::Sqlite {
            let (trying, tried) = oneshot::channel();
            let (writer, turns) = (self.writer.clone(), Arc::clone(&self.emptying));
            tokio::spawn(sqlite::empty_log(writer, turns, trying));
            // Its end is told by dropping it, which is no error.
            let _ = tried.await;
        }
        Ok(())
    }
}
