//! People.

use super::dialect::Dialect;
use super::sessions::end_all;
use super::trouble::Trouble;
use super::{ScopeKey, Store, from_sql, id_from_sql, to_sql};
use crate::error::Error;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};
use std::fmt;
use sync::id::Id;

/// A person who has an account.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// Their name for programs.
    pub id: Id,
    /// Their address.
    pub email: String,
    /// Their password's hash, in PHC form; none when they come in by a passkey alone.
    pub password_hash: Option<String>,
    /// Raised when all their sessions end; sessions hold it, as bytes.
    pub generation: [u8; 8],
}

impl User {
    /// The generation of a new account.
    pub const FIRST_GENERATION: [u8; 8] = [0; 8];
}

// Written out so that no log ever holds an address or a hash.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("User")
    }
}

impl Store {
    /// Makes an account and its empty log. Nothing, if the address has an account already.
    ///
    /// # Errors
    /// The database failed; there is no account then.
    pub async fn add_user(&self, user: &User, now_ms: u64) -> Result<bool, Error> {
        let mut transaction = self.begin().await?;
        if !insert(&mut transaction, user, now_ms).await? {
            return Ok(false);
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// Gives a person a new password, ends all their sessions and takes back a link that was
    /// mailed to them. The person as they now are; nothing, if there is no such person.
    ///
    /// # Errors
    /// [`Error::NoSession`] when all sessions of this person have ended since they were read, or
    /// the database failed; the password is the one of before.
    pub async fn set_password(
        &self,
        user: &User,
        password_hash: &str,
    ) -> Result<Option<User>, Error> {
        let mut transaction = self.begin().await?;
        hold(&mut transaction, self.dialect, user).await?;
        let user = set_password_in(&mut transaction, user.id, password_hash).await?;
        transaction.commit().await?;
        Ok(user)
    }

    /// Keeps the same password under a new hash, unless somebody changed the password meanwhile.
    /// Sessions go on.
    ///
    /// # Errors
    /// The database failed; the hash is the one of before.
    pub async fn renew_hash(&self, user: Id, old: &str, new: &str) -> Result<(), Error> {
        sqlx::query("UPDATE users SET password_hash = $1 WHERE id = $2 AND password_hash = $3")
            .bind(new)
            .bind(user.to_string())
            .bind(old)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// When this account was made, in milliseconds since 1970; nothing, if there is none.
    ///
    /// # Errors
    /// The database failed.
    pub async fn account_made_at_ms(&self, user: Id) -> Result<Option<u64>, Error> {
        let made: Option<i64> = sqlx::query_scalar("SELECT created_at_ms FROM users WHERE id = $1")
            .bind(user.to_string())
            .fetch_optional(&self.reader)
            .await?;
        made.map(from_sql).transpose()
    }

    /// The person with this address, whatever its case.
    ///
    /// # Errors
    /// The database failed.
    pub async fn user_by_email(&self, email: &str) -> Result<Option<User>, Error> {
        let is = self.dialect.email_is();
        let text = format!("SELECT id, email, password_hash, generation FROM users WHERE {is}");
        let found = sqlx::query(AssertSqlSafe(text))
            .bind(email)
            .fetch_optional(&self.reader)
            .await?;
        found.as_ref().map(read_user).transpose()
    }

    /// The person of this name.
    ///
    /// # Errors
    /// The database failed.
    pub async fn user_by_id(&self, id: Id) -> Result<Option<User>, Error> {
        let mut connection = self.reader.acquire().await?;
        user_in(&mut connection, id).await
    }
}

/// Keeps everybody else from writing what is this person's alone until the transaction ends, if
/// they are still who was read. What somebody may do was seen when they were read, by a password
/// or a session, and neither is good any more once all their sessions have ended.
///
/// # Errors
/// [`Error::NoSession`] when they are not, or there is no such person any more.
pub(super) async fn hold(
    connection: &mut AnyConnection,
    dialect: Dialect,
    user: &User,
) -> Result<(), Error> {
    dialect.lock_user(connection, user.id).await?;
    let held: i64 =
        sqlx::query_scalar("SELECT count(*) FROM users WHERE id = $1 AND generation = $2")
            .bind(user.id.to_string())
            .bind(i64::from_be_bytes(user.generation))
            .fetch_one(connection)
            .await?;
    (held == 1).then_some(()).ok_or(Error::NoSession)
}

/// The person of this name, read in a transaction.
pub(super) async fn user_in(connection: &mut AnyConnection, id: Id) -> Result<Option<User>, Error> {
    let found = sqlx::query("SELECT id, email, password_hash, generation FROM users WHERE id = $1")
        .bind(id.to_string())
        .fetch_optional(connection)
        .await?;
    found.as_ref().map(read_user).transpose()
}

/// Makes an account and its empty log inside a transaction. Whether it did; not, if the address
/// has an account already.
pub(super) async fn insert(
    connection: &mut AnyConnection,
    user: &User,
    now_ms: u64,
) -> Result<bool, Error> {
    let added = sqlx::query(
        "INSERT INTO users (id, email, password_hash, created_at_ms) VALUES ($1, $2, $3, $4)",
    )
    .bind(user.id.to_string())
    .bind(&user.email)
    .bind(user.password_hash.as_deref().unwrap_or_default())
    .bind(to_sql(now_ms))
    .execute(&mut *connection)
    .await;
    match added {
        Err(error) if Trouble::of(&error) == Trouble::Constraint => return Ok(false),
        other => other?,
    };
    sqlx::query("INSERT INTO scopes (scope, lsn) VALUES ($1, 0)")
        .bind(ScopeKey::own(user.id).as_str())
        .execute(connection)
        .await?;
    Ok(true)
}

/// Sets a new password inside a transaction; see [`Store::set_password`].
pub(super) async fn set_password_in(
    connection: &mut AnyConnection,
    user: Id,
    password_hash: &str,
) -> Result<Option<User>, Error> {
    sqlx::query("UPDATE users SET password_hash = $1 WHERE id = $2")
        .bind(password_hash)
        .bind(user.to_string())
        .execute(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM password_links WHERE user_id = $1")
        .bind(user.to_string())
        .execute(&mut *connection)
        .await?;
    end_all(connection, user).await?;
    user_in(connection, user).await
}

fn read_user(row: &AnyRow) -> Result<User, Error> {
    let password_hash: String = row.try_get("password_hash")?;
    Ok(User {
        id: id_from_sql(row.try_get("id")?)?,
        email: row.try_get("email")?,
        password_hash: Some(password_hash).filter(|hash| !hash.is_empty()),
        generation: row.try_get::<i64, _>("generation")?.to_be_bytes(),
    })
}
