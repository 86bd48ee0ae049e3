//! Changing a password, and erasing an account.

use super::call::Visitor;
use super::confirm::{Strictness, confirmed};
use super::passwords::is_well_known;
use super::sign_in::{enter, leave};
use crate::clock::now_ms;
use app::account::{AccountError, check_password_length};

/// Sets a new password and ends all other sessions; this one goes on under a new name.
pub(super) async fn change_password(
    visitor: Visitor,
    present: String,
    new: String,
) -> Result<(), AccountError> {
    visitor.signed()?;
    check_password_length(&new)?;
    let user = confirmed(&visitor, present, Strictness::Password).await?;
    if is_well_known(&new, &user.email) {
        return Err(AccountError::WeakPassword);
    }
    let hash = visitor.shared.passwords.hash(new).await?;
    let changed = visitor.shared.store.set_password(user.id, &hash).await?;
    let user = changed.ok_or(AccountError::AccountErased)?;
    tracing::info!("a password was changed");
    enter(visitor, user).await?;
    Ok(())
}

/// Erases the account and everything of it, before it answers.
pub(super) async fn erase_account(
    mut visitor: Visitor,
    password: String,
) -> Result<(), AccountError> {
    let user = confirmed(&visitor, password, Strictness::Password)
        .await?
        .id;
    let shared = visitor.shared.clone();
    // On its own, so that a page that is closed in between cannot come between the erasure and
    // the devices that are to hear of it.
    let erased = tokio::spawn(async move { shared.store.erase(user, now_ms()).await });
    let erased = erased.await.map_err(|error| {
        tracing::error!(%error, "erasing");
        AccountError::Internal
    })?;
    erased?;
    tracing::info!("an account was erased");
    leave(&mut visitor).await?;
    Ok(())
}
