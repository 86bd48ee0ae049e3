//! A new password, and the end of an account.

use super::AccountError;
#[cfg(feature = "ssr")]
use super::port::port;
use leptos::prelude::*;

/// Sets a new password. All other sessions end; this one goes on.
///
/// # Errors
/// The present password is not right or the new one is not taken; nothing has changed then.
#[server(prefix = "/api/account", endpoint = "change_password")]
pub async fn change_password(
    /// The present password. Empty for an account that has none, whose person then must have
    /// signed in within the last ten minutes.
    present: String,
    /// The new one, as typed.
    new: String,
) -> Result<(), AccountError> {
    port()?.change_password(present, new).await
}

/// Erases the account and all of its journal on the server, before it answers. All its devices
/// hear `account_erased` at their next call.
///
/// # Errors
/// The password is not right; everything is still there then.
#[server(prefix = "/api/account", endpoint = "erase_account")]
pub async fn erase_account(
    /// The password. Empty for an account that has none, whose person then must have signed in
    /// within the last ten minutes.
    password: String,
) -> Result<(), AccountError> {
    port()?.erase_account(password).await
}
