//! Signing in and out.

use super::call::Visitor;
use super::sessions::{Credentials, name_device};
use super::unbroken::unbroken;
use crate::error::Error;
use crate::shared::Shared;
use crate::store::ScopeKey;
use crate::store::users::User;
use app::account::{AccountError, checked_email};
use sync::id::Id;
use sync::local::Account;

/// Signs a person in. An unknown address takes as long and answers the same as a wrong password.
pub(super) async fn sign_in(
    visitor: Visitor,
    email: String,
    password: String,
) -> Result<Account, AccountError> {
    let email = checked_email(&email)?.to_owned();
    let attempt = visitor.attempt(&email).await?;
    let found = visitor
        .session
        .authenticate(Credentials { email, password })
        .await;
    match found.map_err(session_error)? {
        Some(user) => {
            attempt.was_right();
            enter(visitor, user).await
        }
        None => {
            tracing::info!("a sign-in was refused");
            Err(AccountError::WrongCredentials)
        }
    }
}

/// Ends the session and everything that was open under it.
pub(super) async fn sign_out(mut visitor: Visitor) -> Result<(), AccountError> {
    leave(&mut visitor).await?;
    Ok(())
}

/// Whose session this is.
pub(super) async fn who_am_i(visitor: Visitor) -> Result<Option<Account>, AccountError> {
    Ok(visitor.session.user.as_ref().map(account))
}

/// Begins a session under a new name, after the one before has ended.
pub(super) async fn enter(mut visitor: Visitor, user: User) -> Result<Account, AccountError> {
    if leave(&mut visitor).await? {
        // The session layer would go on under the old name, which others may have seen.
        let renamed = visitor.session.session.cycle_id().await;
        renamed.map_err(|error| session_error(error.into()))?;
    }
    let named = name_device(&visitor.session, &visitor.device).await;
    named.map_err(session_error)?;
    visitor.session.login(&user).await.map_err(session_error)?;
    visitor.know(&user)?;
    Ok(account(&user))
}

/// Ends the session, if there is one, and tells whether there was.
pub(super) async fn leave(visitor: &mut Visitor) -> Result<bool, AccountError> {
    let (shared, mut session) = (visitor.shared.clone(), visitor.session.clone());
    let left = unbroken(async move {
        let user = session.user.as_ref().map(|user| user.id);
        let left = session.logout().await;
        // Also when it failed: whether it was done is then not known.
        if let Some(user) = user {
            poke(&shared, user);
        }
        Ok((left, session))
    });
    let (left, session) = left.await?;
    visitor.session = session;
    Ok(left.map_err(session_error)?.is_some())
}

/// Wakes a person's streams; those whose session has ended find that and end.
pub(super) fn poke(shared: &Shared, user: Id) {
    shared.fanout.poke(&ScopeKey::own(user));
}

fn account(user: &User) -> Account {
    Account {
        id: user.id,
        email: user.email.clone(),
    }
}

/// What a person hears of an error inside.
impl From<Error> for AccountError {
    fn from(error: Error) -> Self {
        error.log();
        match error {
            Error::Busy => Self::Busy,
            Error::NoSession => Self::NoSession,
            _ => Self::Internal,
        }
    }
}

fn session_error(error: axum_login::Error<super::sessions::People>) -> AccountError {
    match error {
        axum_login::Error::Backend(error) => error.into(),
        axum_login::Error::Session(error) => {
            tracing::error!(%error, "session");
            AccountError::Internal
        }
    }
}
