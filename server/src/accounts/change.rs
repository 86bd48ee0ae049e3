//! Changing a password, and erasing an account.

use super::call::Visitor;
use super::confirm::{Strictness, confirmed};
use super::sign_in::{enter, leave, poke};
use super::unbroken::unbroken;
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
    visitor
        .shared
        .passwords
        .must_be_hard(&new, &user.email)
        .await?;
    let hash = visitor.shared.passwords.hash(new).await?;
    let shared = visitor.shared.clone();
    let changed = unbroken(async move {
        let changed = shared.store.set_password(&user, &hash).await?;
        poke(&shared, user.id);
        Ok(changed)
    });
    let user = changed.await?.ok_or(AccountError::AccountErased)?;
    tracing::info!("a password was changed");
    enter(visitor, user).await?;
    Ok(())
}

/// Erases the account and everything of it, before it answers.
pub(super) async fn erase_account(
    mut visitor: Visitor,
    password: String,
) -> Result<(), AccountError> {
    let user = confirmed(&visitor, password, Strictness::Password).await?;
    let shared = visitor.shared.clone();
    unbroken(async move {
        shared.store.erase(&user, now_ms()).await?;
        poke(&shared, user.id);
        Ok(())
    })
    .await?;
    tracing::info!("an account was erased");
    leave(&mut visitor).await?;
    Ok(())
}
