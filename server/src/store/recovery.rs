//! Ways back in for who forgot a password: recovery codes and mailed links, each by its hash and
//! each good for one new password.

use super::users::{User, hold, set_password_in};
use super::{Store, id_from_sql, to_sql};
use crate::error::Error;
use sqlx::{AnyConnection, AssertSqlSafe};
use sync::id::Id;

/// SHA-256 of a code or of a link's secret.
pub type SecretHash = [u8; 32];

impl Store {
    /// Keeps these codes for this person, instead of all that were there.
    ///
    /// # Errors
    /// [`Error::NoSession`] when all sessions of this person have ended since they were read, or
    /// the database failed; the codes of before are good.
    pub async fn replace_recovery_codes(
        &self,
        user: &User,
        codes: &[SecretHash],
    ) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        hold(&mut transaction, self.dialect, user).await?;
        let user = user.id;
        sqlx::query("DELETE FROM recovery_codes WHERE user_id = $1")
            .bind(user.to_string())
            .execute(&mut *transaction)
            .await?;
        for code in codes {
            sqlx::query("INSERT INTO recovery_codes (user_id, code_hash) VALUES ($1, $2)")
                .bind(user.to_string())
                .bind(code.as_slice())
                .execute(&mut *transaction)
                .await?;
        }
        Ok(transaction.commit().await?)
    }

    /// How many codes this person has left.
    ///
    /// # Errors
    /// The database failed.
    pub async fn recovery_codes_left(&self, user: Id) -> Result<u64, Error> {
        let left: i64 =
            sqlx::query_scalar("SELECT count(*) FROM recovery_codes WHERE user_id = $1")
                .bind(user.to_string())
                .fetch_one(&self.reader)
                .await?;
        super::from_sql(left)
    }

    /// Spends a code of the person with this address on a new password, and takes their passkeys
    /// away: who lost one may have lost it to somebody. Nothing, if there is no such code or no
    /// such person; then nothing has changed.
    ///
    /// # Errors
    /// The database failed; the code is not spent.
    pub async fn spend_recovery_code(
        &self,
        email: &str,
        code: &SecretHash,
        password_hash: &str,
    ) -> Result<Option<User>, Error> {
        let mut transaction = self.begin().await?;
        let found: Option<String> = sqlx::query_scalar(AssertSqlSafe(format!(
            "SELECT id FROM users WHERE {}",
            self.dialect.email_is()
        )))
        .bind(email)
        .fetch_optional(&mut *transaction)
        .await?;
        // Nobody has no codes, and is looked for in as many steps as anybody.
        let user = found.map_or(Ok(Id::from_u128(0)), |user| id_from_sql(&user))?;
        self.dialect.lock_user(&mut transaction, user).await?;
        let spent = sqlx::query("DELETE FROM recovery_codes WHERE user_id = $1 AND code_hash = $2")
            .bind(user.to_string())
            .bind(code.as_slice())
            .execute(&mut *transaction)
            .await?;
        if spent.rows_affected() == 0 {
            return Ok(None);
        }
        take_away(&mut transaction, &["passkeys"], user).await?;
        let user = set_password_in(&mut transaction, user, password_hash).await?;
        transaction.commit().await?;
        Ok(user)
    }

    /// Keeps a link for the person with this address, instead of the one that was there. Their
    /// address as they typed it; nothing, if there is no such person.
    ///
    /// # Errors
    /// The database failed; there is no such link.
    pub async fn add_password_link(
        &self,
        email: &str,
        token: &SecretHash,
        expires_at_ms: u64,
    ) -> Result<Option<String>, Error> {
        let Some(user) = self.user_by_email(email).await? else {
            return Ok(None);
        };
        sqlx::query(
            "INSERT INTO password_links (user_id, token_hash, expires_at_ms) VALUES ($1, $2, $3) \
             ON CONFLICT (user_id) DO UPDATE SET token_hash = excluded.token_hash, \
             expires_at_ms = excluded.expires_at_ms",
        )
        .bind(user.id.to_string())
        .bind(token.as_slice())
        .bind(to_sql(expires_at_ms))
        .execute(&self.writer)
        .await?;
        Ok(Some(user.email))
    }

    /// Spends a link on a new password, and takes every other way in away, passkeys and codes:
    /// nobody shows at the sign-up that an address is theirs, so whoever had the account before
    /// need not be who has the mailbox. Nothing, if the link is not good any more; then nothing
    /// has changed.
    ///
    /// # Errors
    /// The database failed; the link is not spent.
    pub async fn spend_password_link(
        &self,
        token: &SecretHash,
        password_hash: &str,
        now_ms: u64,
    ) -> Result<Option<User>, Error> {
        let mut transaction = self.begin().await?;
        let found: Option<String> =
            sqlx::query_scalar("SELECT user_id FROM password_links WHERE token_hash = $1")
                .bind(token.as_slice())
                .fetch_optional(&mut *transaction)
                .await?;
        let Some(user) = found else { return Ok(None) };
        let user = id_from_sql(&user)?;
        self.dialect.lock_user(&mut transaction, user).await?;
        let spent =
            sqlx::query("DELETE FROM password_links WHERE token_hash = $1 AND expires_at_ms > $2")
                .bind(token.as_slice())
                .bind(to_sql(now_ms))
                .execute(&mut *transaction)
                .await?;
        if spent.rows_affected() == 0 {
            return Ok(None);
        }
        take_away(&mut transaction, &["passkeys", "recovery_codes"], user).await?;
        let user = set_password_in(&mut transaction, user, password_hash).await?;
        transaction.commit().await?;
        Ok(user)
    }
}

/// Takes what a person has in these tables away.
async fn take_away(connection: &mut AnyConnection, tables: &[&str], user: Id) -> Result<(), Error> {
    for table in tables {
        sqlx::query(AssertSqlSafe(format!(
            "DELETE FROM {table} WHERE user_id = $1"
        )))
        .bind(user.to_string())
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
