//! Making an account.

use super::call::Visitor;
use super::sign_in::enter;
use crate::clock::{new_id, now_ms};
use crate::store::users::User;
use app::account::{AccountError, check_password_length, checked_email};
use sync::local::Account;

/// Makes an account and signs its person in.
pub(super) async fn sign_up(
    visitor: Visitor,
    email: String,
    password: String,
) -> Result<Account, AccountError> {
    let email = checked_email(&email)?.to_owned();
    check_password_length(&password)?;
    // Whether an address is taken is told, so few are told it.
    visitor.shared.throttle.sign_up(visitor.address)?;
    visitor
        .shared
        .passwords
        .must_be_hard(&password, &email)
        .await?;
    let password_hash = visitor.shared.passwords.hash(password).await?;
    let id = new_id().ok_or(AccountError::Internal)?;
    let user = User {
        id,
        email,
        password_hash: Some(password_hash),
        generation: User::FIRST_GENERATION,
    };
    let store = &visitor.shared.store;
    if !store.add_user(&user, now_ms()).await? {
        return Err(AccountError::EmailTaken);
    }
    tracing::info!("an account was made");
    enter(visitor, user).await
}
