//! Sessions, by the hash of their cookie's value, and what is left of those that were ended for
//! their devices.

use super::dialect::{Dialect, read_flag};
use super::{Store, from_sql, to_sql};
use crate::error::Error;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};
use std::collections::BTreeSet;
use sync::id::Id;

/// How long a session lives from its sign-in, however busy it is. Long, because a journal is
/// opened on the same few devices for years; not for ever, because devices are sold.
pub const SESSION_MS_MAX: u64 = 180 * 24 * 60 * 60 * 1_000;

/// How many expired sessions one sweep takes away.
const SWEEP_MAX: i64 = 500;

/// How many sessions one person may have; beyond that the longest unseen ends.
pub const SESSIONS_MAX: i64 = 100;

/// How many sessions are looked up in one statement.
pub const HOLDING_MAX: usize = 512;

/// More rows than there can be: the end of a list that begins somewhere.
const ALL: i64 = i64::MAX;

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

/// A session as its person sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownDevice {
    /// The session.
    pub hash: SessionHash,
    /// What the device calls itself.
    pub name: String,
    /// When its person signed in there.
    pub signed_in_at_ms: u64,
    /// When it was last heard of.
    pub seen_at_ms: u64,
}

/// Why a session was ended for its device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Its person revoked it from another device: it is to erase what it has.
    Revoked,
    /// The account is no more.
    Erased,
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
        device: &str,
        session: &StoredSession,
        now_ms: u64,
    ) -> Result<bool, Error> {
        let mut transaction = self.begin().await?;
        self.dialect.lock_user(&mut transaction, user).await?;
        sweep(&mut transaction, self.dialect, now_ms).await?;
        let done = sqlx::query(
            "INSERT INTO sessions \
             (id_hash, user_id, device, data, created_at_ms, seen_at_ms, expires_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id_hash) DO NOTHING",
        )
        .bind(hash.as_slice())
        .bind(user.to_string())
        .bind(device)
        .bind(&session.data)
        .bind(to_sql(now_ms))
        .bind(to_sql(now_ms))
        .bind(to_sql(session.expires_at_ms))
        .execute(&mut *transaction)
        .await?;
        end_the_longest_unseen(&mut transaction, user).await?;
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
        now_ms: u64,
    ) -> Result<(), Error> {
        sqlx::query(
            "UPDATE sessions SET data = $1, seen_at_ms = $2, expires_at_ms = $3 WHERE id_hash = $4",
        )
        .bind(&session.data)
        .bind(to_sql(now_ms))
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
                    expires_at_ms: from_sql(row.try_get("expires_at_ms")?)?,
                })
            })
            .transpose()
    }

    /// Which of these sessions, at most [`HOLDING_MAX`], have not ended.
    ///
    /// # Errors
    /// The database failed.
    pub async fn holding(
        &self,
        sessions: &[SessionHash],
        now_ms: u64,
    ) -> Result<BTreeSet<SessionHash>, Error> {
        if sessions.is_empty() {
            return Ok(BTreeSet::new());
        }
        // Repeated up to a power of two, so that there are few statements to be kept ready.
        let count = sessions.len().next_power_of_two();
        let holes: Vec<_> = (3..count + 3).map(|number| format!("${number}")).collect();
        let text = format!(
            "SELECT id_hash FROM sessions \
             WHERE expires_at_ms > $1 AND created_at_ms > $2 AND id_hash IN ({})",
            holes.join(", ")
        );
        let mut query = sqlx::query(AssertSqlSafe(text))
            .bind(to_sql(now_ms))
            .bind(to_sql(now_ms.saturating_sub(SESSION_MS_MAX)));
        for session in sessions.iter().cycle().take(count) {
            query = query.bind(session.to_vec());
        }
        let found = query.fetch_all(&self.reader).await?;
        let read = |row: &AnyRow| hash_from_sql(row.try_get("id_hash")?);
        found.iter().map(read).collect()
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

    /// The sessions of this person that hold, the last seen first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn devices(&self, user: Id, now_ms: u64) -> Result<Vec<KnownDevice>, Error> {
        let found = sqlx::query(
            "SELECT id_hash, device, created_at_ms, seen_at_ms FROM sessions \
             WHERE user_id = $1 AND expires_at_ms > $2 AND created_at_ms > $3 \
             ORDER BY seen_at_ms DESC, created_at_ms DESC",
        )
        .bind(user.to_string())
        .bind(to_sql(now_ms))
        .bind(to_sql(now_ms.saturating_sub(SESSION_MS_MAX)))
        .fetch_all(&self.reader)
        .await?;
        let read = |row: &AnyRow| {
            Ok(KnownDevice {
                hash: hash_from_sql(row.try_get("id_hash")?)?,
                name: row.try_get("device")?,
                signed_in_at_ms: from_sql(row.try_get("created_at_ms")?)?,
                seen_at_ms: from_sql(row.try_get("seen_at_ms")?)?,
            })
        };
        found.iter().map(read).collect()
    }

    /// Ends a session of this person for its device, which hears of it at its next call.
    /// Nothing, if the session has ended already.
    ///
    /// # Errors
    /// The database failed; the session holds on.
    pub async fn revoke_session(
        &self,
        hash: &SessionHash,
        user: Id,
        now_ms: u64,
    ) -> Result<bool, Error> {
        let mut transaction = self.begin().await?;
        let done = sqlx::query("DELETE FROM sessions WHERE id_hash = $1 AND user_id = $2")
            .bind(hash.as_slice())
            .bind(user.to_string())
            .execute(&mut *transaction)
            .await?;
        let revoked = done.rows_affected() == 1;
        if revoked {
            sqlx::query(
                "INSERT INTO ended_sessions (id_hash, erased, ended_at_ms) VALUES ($1, $2, $3)",
            )
            .bind(hash.as_slice())
            .bind(false)
            .bind(to_sql(now_ms))
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(revoked)
    }

    /// Ends all sessions of this person, those too that are just being made.
    ///
    /// # Errors
    /// The database failed; all sessions hold on.
    pub async fn end_sessions(&self, user: Id) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        end_all(&mut transaction, user).await?;
        Ok(transaction.commit().await?)
    }

    /// Whether the session of this name was ended for its device.
    ///
    /// # Errors
    /// The database failed.
    pub async fn ended(&self, hash: &SessionHash) -> Result<Option<Ended>, Error> {
        let found = sqlx::query("SELECT erased FROM ended_sessions WHERE id_hash = $1")
            .bind(hash.as_slice())
            .fetch_optional(&self.reader)
            .await?;
        let Some(row) = found else { return Ok(None) };
        let erased = read_flag(&row, "erased")?.unwrap_or_default();
        Ok(Some(if erased {
            Ended::Erased
        } else {
            Ended::Revoked
        }))
    }
}

/// Ends all sessions of a person, and raises the generation, which those that are just being
/// made do not have.
pub(super) async fn end_all(connection: &mut AnyConnection, user: Id) -> Result<(), Error> {
    sqlx::query("UPDATE users SET generation = generation + 1 WHERE id = $1")
        .bind(user.to_string())
        .execute(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM sessions WHERE user_id = $1")
        .bind(user.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

async fn end_the_longest_unseen(connection: &mut AnyConnection, user: Id) -> Result<(), Error> {
    sqlx::query(
        "DELETE FROM sessions WHERE id_hash IN (SELECT id_hash FROM sessions WHERE user_id = $1 \
         ORDER BY seen_at_ms DESC, created_at_ms DESC LIMIT $2 OFFSET $3)",
    )
    .bind(user.to_string())
    .bind(ALL)
    .bind(SESSIONS_MAX)
    .execute(connection)
    .await?;
    Ok(())
}

fn hash_from_sql(bytes: Vec<u8>) -> Result<SessionHash, Error> {
    bytes
        .try_into()
        .map_err(|_| Error::corrupt("a session's hash has another length"))
}

/// Takes away some of what has expired; each sign-in does a little of it.
async fn sweep(connection: &mut AnyConnection, dialect: Dialect, now_ms: u64) -> Result<(), Error> {
    let long_ago_ms = now_ms.saturating_sub(SESSION_MS_MAX);
    for (table, column, until_ms) in [
        ("sessions", "expires_at_ms", now_ms),
        ("ended_sessions", "ended_at_ms", long_ago_ms),
    ] {
        sqlx::query(AssertSqlSafe(format!(
            "DELETE FROM {table} WHERE id_hash IN \
             (SELECT id_hash FROM {table} WHERE {column} <= $1 LIMIT $2 {})",
            dialect.nobody_elses()
        )))
        .bind(to_sql(until_ms))
        .bind(SWEEP_MAX)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
