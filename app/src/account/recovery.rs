//! Ways back in for who forgot a password.

#[cfg(feature = "ssr")]
use super::port::port;
use super::{Account, AccountError};
use leptos::prelude::*;

/// Makes new recovery codes, instead of all earlier ones. They are told this once and kept as
/// hashes; each lets its person set a new password once.
///
/// # Errors
/// The password is not right, or there is none and the sign-in is not fresh.
#[server(prefix = "/api/account", endpoint = "make_recovery_codes")]
pub async fn make_recovery_codes(
    /// The password; empty, within ten minutes of a sign-in, for who has none.
    password: String,
) -> Result<Vec<String>, AccountError> {
    port()?.make_recovery_codes(password).await
}

/// How many recovery codes this person has left.
///
/// # Errors
/// Nobody is signed in, or the server was not reached or broke.
#[server(prefix = "/api/account", endpoint = "recovery_codes_left")]
pub async fn recovery_codes_left() -> Result<u64, AccountError> {
    port()?.recovery_codes_left().await
}

/// Sets a new password by a recovery code, which is then spent; takes the passkeys of this person
/// away, ends all sessions and begins one here.
///
/// # Errors
/// [`AccountError::WrongCode`], whether the address or the code is wrong.
#[server(prefix = "/api/account", endpoint = "recover")]
pub async fn recover(
    /// The address.
    email: String,
    /// The code, however it is typed.
    code: String,
    /// The new password, as typed.
    new: String,
) -> Result<Account, AccountError> {
    port()?.recover(email, code, new).await
}

/// Sends a link for setting a new password to this address, if there is an account for it. The
/// answer and its time say nothing of whether there is.
///
/// # Errors
/// [`AccountError::MailOff`] where this server sends no mail.
#[server(prefix = "/api/account", endpoint = "forgot_password")]
pub async fn forgot_password(
    /// The address.
    email: String,
) -> Result<(), AccountError> {
    port()?.forgot_password(email).await
}

/// Sets a new password by what a mailed link carries behind its `#`; takes the passkeys and the
/// recovery codes of this person away, ends all sessions and begins one here.
///
/// # Errors
/// [`AccountError::LinkSpent`] when the link was used, is older than half an hour, or a newer
/// one was sent.
#[server(prefix = "/api/account", endpoint = "reset_password")]
pub async fn reset_password(
    /// What the link carries.
    token: String,
    /// The new password, as typed.
    new: String,
) -> Result<Account, AccountError> {
    port()?.reset_password(token, new).await
}
