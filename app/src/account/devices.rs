//! Where a person is signed in, and ending that.

use super::AccountError;
#[cfg(feature = "ssr")]
use super::port::port;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use sync::id::Id;

/// A device on which a person is signed in: a browser with a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its session's name. It is of no use for signing in.
    pub id: Id,
    /// What it calls itself, such as "Firefox on Linux".
    pub name: String,
    /// When its person signed in there, in milliseconds since 1970.
    pub signed_in_at_ms: u64,
    /// When it was last heard of, to about ten minutes.
    pub seen_at_ms: u64,
    /// Whether it is the one that asks.
    pub here: bool,
}

/// Where this person is signed in, the last seen first.
///
/// # Errors
/// Nobody is signed in, or the server was not reached or broke.
#[server(prefix = "/api/account", endpoint = "devices")]
pub async fn devices() -> Result<Vec<Device>, AccountError> {
    port()?.devices().await
}

/// Ends the session of one device and closes its streams. At its next call the device hears
/// `revoked_erase`: it is to remove what it has of the journal.
///
/// # Errors
/// [`AccountError::Unknown`] when there is no such device any more. [`AccountError::ConfirmFirst`]
/// when the sign-in here was a while ago and no password is given; when one is, and it is wrong,
/// [`AccountError::WrongCredentials`].
#[server(prefix = "/api/account", endpoint = "revoke_device")]
pub async fn revoke_device(
    /// Its name in the list.
    device: Id,
    /// The password, or nothing within ten minutes of the sign-in here.
    #[server(default)]
    password: String,
) -> Result<(), AccountError> {
    port()?.revoke_device(device, password).await
}

/// Ends all sessions of this person, here too. The devices keep what they have and ask to sign
/// in.
///
/// # Errors
/// Nobody is signed in, or the server was not reached or broke.
#[server(prefix = "/api/account", endpoint = "sign_out_everywhere")]
pub async fn sign_out_everywhere() -> Result<(), AccountError> {
    port()?.sign_out_everywhere().await
}
