//! Sessions, by the hash of their cookie's value.

use super::dialect::Dialect;
use super::{Store, to_sql};
use crate::error::Error;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};
use sync::id::Id;

/// How long a session lives from its sign-in, however busy it is. Long, because a journal is
/// opened on the same few devices for years; not for ever, because devices are sold.
pub const SESSION_MS_MAX: u64 = 180 * 24 * 60 * 60 * 1_000;

/// How many expired sessions one sweep takes away.
const SWEEP_MAX: i64 = 500;

/// SHA-256 of a session's name.
pub type SessionHash = [u8; 32];

/// A session as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSession {
    /// What the session layer keeps, as JSON.
    pub data: String,
    /// When it ends unless it is used again.
    pub expires_at_ms: u64,
}

impl Store {
    /// Keeps a new session. Nothing, if there is one of this name already.
    ///
    /// # Errors
    /// The database failed.
    pub async fn add_session(
        &self,
        hash: &SessionHash,
        user: Id,
        session: &StoredSession,
        now_ms: u64,
    ) -> Result<bool, Error> {
        let mut transaction = self.begin().await?;
        sweep(&mut transaction, self.dialect, now_ms).await?;
        let done = sqlx::query(
            "INSERT INTO sessions (id_hash, user_id, data, created_at_ms, expires_at_ms) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id_hash) DO NOTHING",
        )
        .bind(hash.as_slice())
        .bind(user.to_string())
        .bind(&session.data)
        .bind(to_sql(now_ms))
        .bind(to_sql(session.expires_at_ms))
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(done.rows_affected() == 1)
    }

    /// Changes a session that is still there. One that was ended meanwhile stays ended.
    ///
    /// # Errors
    /// The database failed.
    pub async fn save_session(
        &self,
        hash: &SessionHash,
        session: &StoredSession,
    ) -> Result<(), Error> {
        sqlx::query("UPDATE sessions SET data = $1, expires_at_ms = $2 WHERE id_hash = $3")
            .bind(&session.data)
            .bind(to_sql(session.expires_at_ms))
            .bind(hash.as_slice())
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// The session of this name, unless it has ended.
    ///
    /// # Errors
    /// The database failed.
    pub async fn session(
        &self,
        hash: &SessionHash,
        now_ms: u64,
    ) -> Result<Option<StoredSession>, Error> {
        let found = sqlx::query(
            "SELECT data, expires_at_ms FROM sessions \
             WHERE id_hash = $1 AND expires_at_ms > $2 AND created_at_ms > $3",
        )
        .bind(hash.as_slice())
        .bind(to_sql(now_ms))
        .bind(to_sql(now_ms.saturating_sub(SESSION_MS_MAX)))
        .fetch_optional(&self.reader)
        .await?;
        found
            .map(|row| {
                Ok(StoredSession {
                    data: row.try_get("data")?,
                    expires_at_ms: super::from_sql(row.try_get("expires_at_ms")?)?,
                })
            })
            .transpose()
    }

    /// Ends a session.
    ///
    /// # Errors
    /// The database failed.
    pub async fn end_session(&self, hash: &SessionHash) -> Result<(), Error> {
        sqlx::query("DELETE FROM sessions WHERE id_hash = $1")
            .bind(hash.as_slice())
            .execute(&self.writer)
            .await?;
        Ok(())
    }
}

/// Takes away some of what has expired; each sign-in does a little of it.
async fn sweep(connection: &mut AnyConnection, dialect: Dialect, now_ms: u64) -> Result<(), Error> {
    sqlx::query(AssertSqlSafe(format!(
        "DELETE FROM sessions WHERE id_hash IN \
         (SELECT id_hash FROM sessions WHERE expires_at_ms <= $1 LIMIT $2 {})",
        dialect.nobody_elses()
    )))
    .bind(to_sql(now_ms))
    .bind(SWEEP_MAX)
    .execute(connection)
    .await?;
    Ok(())
}
