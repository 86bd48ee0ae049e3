//! Passkeys, and the challenges that they are to answer.

use super::dialect::Dialect;
use super::recovery::SecretHash;
use super::trouble::Trouble;
use super::users::{User, hold, user_in};
use super::{Store, from_sql, id_from_sql, to_sql};
use crate::error::Error;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};
use sync::id::Id;

/// For how long a challenge can be answered: as long as browsers wait for a person.
pub const CHALLENGE_MS: u64 = 5 * 60 * 1_000;

/// How many challenges are open at a time for people whom nobody knows yet; beyond that who comes
/// is told that the server is busy. As many requests may add one more as are under way.
pub const STRANGERS_CHALLENGES_MAX: i64 = 10_000;

/// How many challenges are open at a time for one person who is signed in; beyond that their own
/// oldest is forgotten. Nobody else's counts.
pub const CHALLENGES_MAX: i64 = 5;

/// How many passkeys one person may have.
pub const PASSKEYS_MAX: i64 = 20;

/// How many challenges that are too old one request forgets.
const SWEEP_MAX: i64 = 500;

/// More rows than there can be: the end of a list that begins somewhere.
const ALL: i64 = i64::MAX;

/// A passkey as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPasskey {
    /// Its name for programs.
    pub id: Id,
    /// What the device calls it, in hex.
    pub credential_id: String,
    /// The public key and its counter, as the library keeps them, in JSON.
    pub credential: String,
    /// What the device called itself that made it.
    pub name: String,
    /// When it was made.
    pub made_at_ms: u64,
    /// When it was last used.
    pub used_at_ms: Option<u64>,
}

/// What became of a passkey that was to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasskeyAdded {
    /// It is kept.
    Yes,
    /// Somebody has it, or the address, already.
    Taken,
    /// Its person has as many as one may have.
    TooMany,
}

/// What became of a passkey that was to be taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasskeyRemoved {
    /// It is gone.
    Yes,
    /// There is none of this name.
    Unknown,
    /// It is the last, and there is no password.
    LastWayIn,
}

impl Store {
    /// Keeps a challenge, to be answered by whoever knows the name and, if one is given, is this
    /// person. Forgets the ones that nobody can answer any more, and this person's oldest when
    /// they have more than [`CHALLENGES_MAX`].
    ///
    /// # Errors
    /// [`Error::Busy`] when strangers have [`STRANGERS_CHALLENGES_MAX`] open, or the database
    /// failed; there is no challenge.
    pub async fn add_challenge(
        &self,
        name: &SecretHash,
        purpose: &str,
        user: Option<Id>,
        state: &str,
        now_ms: u64,
    ) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        if let Some(user) = user {
            self.dialect.lock_user(&mut transaction, user).await?;
        }
        forget_old(&mut transaction, self.dialect, now_ms).await?;
        match user {
            Some(_) => {}
            None if strangers(&mut transaction).await? < STRANGERS_CHALLENGES_MAX => {}
            None => return Err(Error::Busy),
        }
        sqlx::query(
            "INSERT INTO challenges (id_hash, purpose, user_id, state, made_at_ms) \
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(name.as_slice())
        .bind(purpose)
        .bind(user.map(|user| user.to_string()))
        .bind(state)
        .bind(to_sql(now_ms))
        .execute(&mut *transaction)
        .await?;
        if let Some(user) = user {
            forget_beyond(&mut transaction, user).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Takes a challenge, which so can be answered once. Nothing, if there is none of this name,
    /// purpose and person, or if it is too old.
    ///
    /// # Errors
    /// The database failed.
    pub async fn take_challenge(
        &self,
        name: &SecretHash,
        purpose: &str,
        user: Option<Id>,
        now_ms: u64,
    ) -> Result<Option<String>, Error> {
        let state = sqlx::query_scalar(
            "DELETE FROM challenges WHERE id_hash = $1 AND purpose = $2 \
             AND coalesce(user_id, '') = $3 AND made_at_ms > $4 RETURNING state",
        )
        .bind(name.as_slice())
        .bind(purpose)
        .bind(user.map_or_else(String::new, |user| user.to_string()))
        .bind(to_sql(now_ms.saturating_sub(CHALLENGE_MS)))
        .fetch_optional(&self.writer)
        .await?;
        Ok(state)
    }

    /// Keeps a passkey for this person.
    ///
    /// # Errors
    /// [`Error::NoSession`] when all sessions of this person have ended since they were read, or
    /// the database failed; there is no such passkey.
    pub async fn add_passkey(
        &self,
        user: &User,
        passkey: &StoredPasskey,
    ) -> Result<PasskeyAdded, Error> {
        let mut transaction = self.begin().await?;
        hold(&mut transaction, self.dialect, user).await?;
        let user = user.id;
        if count(&mut transaction, user).await? >= PASSKEYS_MAX {
            return Ok(PasskeyAdded::TooMany);
        }
        if !insert(&mut transaction, user, passkey).await? {
            return Ok(PasskeyAdded::Taken);
        }
        transaction.commit().await?;
        Ok(PasskeyAdded::Yes)
    }

    /// Makes an account that has this passkey and no password. Nothing, if the address or the
    /// passkey is taken.
    ///
    /// # Errors
    /// The database failed; there is no account then.
    pub async fn add_user_with_passkey(
        &self,
        user: &User,
        passkey: &StoredPasskey,
        now_ms: u64,
    ) -> Result<PasskeyAdded, Error> {
        let mut transaction = self.begin().await?;
        if !super::users::insert(&mut transaction, user, now_ms).await?
            || !insert(&mut transaction, user.id, passkey).await?
        {
            return Ok(PasskeyAdded::Taken);
        }
        transaction.commit().await?;
        Ok(PasskeyAdded::Yes)
    }

    /// The passkeys of this person, the oldest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn passkeys(&self, user: Id) -> Result<Vec<StoredPasskey>, Error> {
        let found = sqlx::query(
            "SELECT id, credential_id, credential, name, made_at_ms, used_at_ms FROM passkeys \
             WHERE user_id = $1 ORDER BY made_at_ms, id",
        )
        .bind(user.to_string())
        .fetch_all(&self.reader)
        .await?;
        found.iter().map(read_passkey).collect()
    }

    /// Notes that a passkey was used, and what has changed in it by that, if it is still what was
    /// read. Its person as they are at that moment, so that a session made for them ends with all
    /// that end later; nothing, if the passkey was used or taken away meanwhile.
    ///
    /// # Errors
    /// The database failed; the passkey is as it was.
    pub async fn use_passkey(
        &self,
        user: Id,
        read: &StoredPasskey,
        credential: &str,
        now_ms: u64,
    ) -> Result<Option<User>, Error> {
        let mut transaction = self.begin().await?;
        self.dialect.lock_user(&mut transaction, user).await?;
        let done = sqlx::query(
            "UPDATE passkeys SET credential = $1, used_at_ms = $2 \
             WHERE user_id = $3 AND id = $4 AND credential = $5",
        )
        .bind(credential)
        .bind(to_sql(now_ms))
        .bind(user.to_string())
        .bind(read.id.to_string())
        .bind(&read.credential)
        .execute(&mut *transaction)
        .await?;
        if done.rows_affected() != 1 {
            return Ok(None);
        }
        let user = user_in(&mut transaction, user).await?;
        transaction.commit().await?;
        Ok(user)
    }

    /// Takes a passkey away from this person, unless they could not come in any more.
    ///
    /// # Errors
    /// [`Error::NoSession`] when all sessions of this person have ended since they were read, or
    /// the database failed; the passkey is still there.
    pub async fn remove_passkey(&self, user: &User, passkey: Id) -> Result<PasskeyRemoved, Error> {
        let mut transaction = self.begin().await?;
        hold(&mut transaction, self.dialect, user).await?;
        let user = user.id;
        let done = sqlx::query("DELETE FROM passkeys WHERE user_id = $1 AND id = $2")
            .bind(user.to_string())
            .bind(passkey.to_string())
            .execute(&mut *transaction)
            .await?;
        if done.rows_affected() == 0 {
            return Ok(PasskeyRemoved::Unknown);
        }
        let has_password: i64 =
            sqlx::query_scalar("SELECT count(*) FROM users WHERE id = $1 AND password_hash <> ''")
                .bind(user.to_string())
                .fetch_one(&mut *transaction)
                .await?;
        if has_password == 0 && count(&mut transaction, user).await? == 0 {
            return Ok(PasskeyRemoved::LastWayIn);
        }
        transaction.commit().await?;
        Ok(PasskeyRemoved::Yes)
    }
}

async fn forget_old(
    connection: &mut AnyConnection,
    dialect: Dialect,
    now_ms: u64,
) -> Result<(), Error> {
    sqlx::query(AssertSqlSafe(format!(
        "DELETE FROM challenges WHERE id_hash IN \
         (SELECT id_hash FROM challenges WHERE made_at_ms <= $1 LIMIT $2 {})",
        dialect.nobody_elses()
    )))
    .bind(to_sql(now_ms.saturating_sub(CHALLENGE_MS)))
    .bind(SWEEP_MAX)
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets what this person has more than they may have.
async fn forget_beyond(connection: &mut AnyConnection, user: Id) -> Result<(), Error> {
    sqlx::query(
        "DELETE FROM challenges WHERE id_hash IN (SELECT id_hash FROM challenges \
         WHERE user_id = $1 ORDER BY made_at_ms DESC, id_hash LIMIT $2 OFFSET $3)",
    )
    .bind(user.to_string())
    .bind(ALL)
    .bind(CHALLENGES_MAX)
    .execute(connection)
    .await?;
    Ok(())
}

/// How many challenges are open for people whom nobody knows yet.
async fn strangers(connection: &mut AnyConnection) -> Result<i64, Error> {
    Ok(
        sqlx::query_scalar("SELECT count(*) FROM challenges WHERE user_id IS NULL")
            .fetch_one(connection)
            .await?,
    )
}

async fn count(connection: &mut AnyConnection, user: Id) -> Result<i64, Error> {
    Ok(
        sqlx::query_scalar("SELECT count(*) FROM passkeys WHERE user_id = $1")
            .bind(user.to_string())
            .fetch_one(connection)
            .await?,
    )
}

/// Whether it was kept; not, if somebody has this key already.
async fn insert(
    connection: &mut AnyConnection,
    user: Id,
    passkey: &StoredPasskey,
) -> Result<bool, Error> {
    let added = sqlx::query(
        "INSERT INTO passkeys (user_id, id, credential_id, credential, name, made_at_ms) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(user.to_string())
    .bind(passkey.id.to_string())
    .bind(&passkey.credential_id)
    .bind(&passkey.credential)
    .bind(&passkey.name)
    .bind(to_sql(passkey.made_at_ms))
    .execute(connection)
    .await;
    match added {
        Err(error) if Trouble::of(&error) == Trouble::Constraint => Ok(false),
        other => Ok(other.map(|_| true)?),
    }
}

fn read_passkey(row: &AnyRow) -> Result<StoredPasskey, Error> {
    let used_at_ms: Option<i64> = row.try_get("used_at_ms")?;
    Ok(StoredPasskey {
        id: id_from_sql(row.try_get("id")?)?,
        credential_id: row.try_get("credential_id")?,
        credential: row.try_get("credential")?,
        name: row.try_get("name")?,
        made_at_ms: from_sql(row.try_get("made_at_ms")?)?,
        used_at_ms: used_at_ms.map(from_sql).transpose()?,
    })
}
