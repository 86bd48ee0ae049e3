//! Passkeys: keys that a person's devices hold and open by a finger, a face or a PIN.
//!
//! Each takes two calls: the server begins with a challenge, the browser has it signed
//! (`navigator.credentials`), and the server finishes. Challenges and answers are the JSON of
//! WebAuthn, which the page hands on unread.

#[cfg(feature = "ssr")]
use super::port::port;
use super::{Account, AccountError};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use sync::id::Id;

/// A challenge, to be answered once and within five minutes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// Its name, to be given back with the answer.
    pub name: String,
    /// The options for `navigator.credentials.create` or `get`, as JSON
    /// (`PublicKeyCredential.parseCreationOptionsFromJSON`, `parseRequestOptionsFromJSON`).
    pub options: String,
}

/// A passkey of this person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passkey {
    /// Its name for programs.
    pub id: Id,
    /// What the device called itself that made it.
    pub name: String,
    /// When it was made, in milliseconds since 1970.
    pub made_at_ms: u64,
    /// When it was last used, if ever.
    pub used_at_ms: Option<u64>,
}

/// Which ways in this server offers besides a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherWays {
    /// Passkeys.
    pub passkeys: bool,
    /// A link by mail, for who forgot the password.
    pub mail: bool,
}

/// Which ways in there are, the same for everybody.
///
/// # Errors
/// The server was not reached or broke.
#[server(prefix = "/api/account", endpoint = "ways_in")]
pub async fn ways_in() -> Result<OtherWays, AccountError> {
    port()?.ways_in().await
}

/// The passkeys of this person, the oldest first.
///
/// # Errors
/// Nobody is signed in, or the server was not reached or broke.
#[server(prefix = "/api/account", endpoint = "passkeys")]
pub async fn passkeys() -> Result<Vec<Passkey>, AccountError> {
    port()?.passkeys().await
}

/// Begins to add a passkey to this account.
///
/// # Errors
/// The password is not right, or it was not given and the sign-in is not fresh.
#[server(prefix = "/api/account", endpoint = "begin_passkey")]
pub async fn begin_passkey(
    /// The password; empty within ten minutes of a sign-in.
    password: String,
) -> Result<Challenge, AccountError> {
    port()?.begin_passkey(password).await
}

/// Adds the passkey that was made.
///
/// # Errors
/// [`AccountError::PasskeyRefused`] when it does not answer the challenge.
#[server(prefix = "/api/account", endpoint = "add_passkey")]
pub async fn add_passkey(
    /// The challenge's name.
    challenge: String,
    /// The credential, as JSON.
    credential: String,
) -> Result<Passkey, AccountError> {
    port()?.add_passkey(challenge, credential).await
}

/// Takes a passkey away from this account; the device may still show it.
///
/// # Errors
/// [`AccountError::LastWayIn`] when it is the last and there is no password.
#[server(prefix = "/api/account", endpoint = "remove_passkey")]
pub async fn remove_passkey(
    /// Its name for programs.
    passkey: Id,
    /// The password; empty within ten minutes of a sign-in.
    password: String,
) -> Result<(), AccountError> {
    port()?.remove_passkey(passkey, password).await
}

/// Begins to sign in by a passkey. No address is asked: the device knows whose keys it has.
///
/// # Errors
/// [`AccountError::PasskeysOff`] where this server has none.
#[server(prefix = "/api/account", endpoint = "begin_passkey_sign_in")]
pub async fn begin_passkey_sign_in() -> Result<Challenge, AccountError> {
    port()?.begin_passkey_sign_in().await
}

/// Signs in by the passkey that answered.
///
/// # Errors
/// [`AccountError::PasskeyRefused`], whether it is unknown or its answer is wrong.
#[server(prefix = "/api/account", endpoint = "sign_in_with_passkey")]
pub async fn sign_in_with_passkey(
    /// The challenge's name.
    challenge: String,
    /// The credential, as JSON.
    credential: String,
) -> Result<Account, AccountError> {
    port()?.sign_in_with_passkey(challenge, credential).await
}

/// Begins an account that has a passkey and no password.
///
/// # Errors
/// The text is no address, or this server has no passkeys.
#[server(prefix = "/api/account", endpoint = "begin_passkey_sign_up")]
pub async fn begin_passkey_sign_up(
    /// The address.
    email: String,
) -> Result<Challenge, AccountError> {
    port()?.begin_passkey_sign_up(email).await
}

/// Makes the account with the passkey that was made, and signs its person in.
///
/// # Errors
/// [`AccountError::EmailTaken`], or that the passkey does not answer the challenge.
#[server(prefix = "/api/account", endpoint = "sign_up_with_passkey")]
pub async fn sign_up_with_passkey(
    /// The challenge's name.
    challenge: String,
    /// The credential, as JSON.
    credential: String,
) -> Result<Account, AccountError> {
    port()?.sign_up_with_passkey(challenge, credential).await
}
