//! The port to the server room: what it does for the server functions, for one request.

use super::{Account, AccountError, Challenge, Device, OtherWays, Passkey};
use leptos::prelude::use_context;
use std::pin::Pin;
use std::sync::Arc;
use sync::id::Id;

/// What a function of the port answers, sooner or later.
pub type Answer<T> = Pin<Box<dyn Future<Output = Result<T, AccountError>> + Send>>;

/// What the server does for each function of the same name, which says what it means.
pub trait Accounts: Send + Sync {
    /// Makes an account and signs its person in.
    fn sign_up(&self, email: String, password: String) -> Answer<Account>;
    /// Signs a person in.
    fn sign_in(&self, email: String, password: String) -> Answer<Account>;
    /// Ends the session of the request, if it has one.
    fn sign_out(&self) -> Answer<()>;
    /// Whose session the request has.
    fn who_am_i(&self) -> Answer<Option<Account>>;
    /// Where this person is signed in.
    fn devices(&self) -> Answer<Vec<Device>>;
    /// Ends the session of one device, which is to erase what it has.
    fn revoke_device(&self, device: Id, password: String) -> Answer<()>;
    /// Ends all sessions of this person.
    fn sign_out_everywhere(&self) -> Answer<()>;
    /// Sets a new password and ends all other sessions.
    fn change_password(&self, present: String, new: String) -> Answer<()>;
    /// Erases the account and its journal.
    fn erase_account(&self, password: String) -> Answer<()>;
    /// New recovery codes instead of all earlier ones.
    fn make_recovery_codes(&self, password: String) -> Answer<Vec<String>>;
    /// How many recovery codes are left.
    fn recovery_codes_left(&self) -> Answer<u64>;
    /// Sets a new password by a recovery code.
    fn recover(&self, email: String, code: String, new: String) -> Answer<Account>;
    /// Sends a link for a new password.
    fn forgot_password(&self, email: String) -> Answer<()>;
    /// Sets a new password by a mailed link.
    fn reset_password(&self, token: String, new: String) -> Answer<Account>;
    /// Which ways in there are.
    fn ways_in(&self) -> Answer<OtherWays>;
    /// The passkeys of this person.
    fn passkeys(&self) -> Answer<Vec<Passkey>>;
    /// Begins to add a passkey.
    fn begin_passkey(&self, password: String) -> Answer<Challenge>;
    /// Adds the passkey that was made.
    fn add_passkey(&self, challenge: String, credential: String) -> Answer<Passkey>;
    /// Takes a passkey away.
    fn remove_passkey(&self, passkey: Id, password: String) -> Answer<()>;
    /// Begins to sign in by a passkey.
    fn begin_passkey_sign_in(&self) -> Answer<Challenge>;
    /// Signs in by the passkey that answered.
    fn sign_in_with_passkey(&self, challenge: String, credential: String) -> Answer<Account>;
    /// Begins an account with a passkey.
    fn begin_passkey_sign_up(&self, email: String) -> Answer<Challenge>;
    /// Makes the account with the passkey that was made.
    fn sign_up_with_passkey(&self, challenge: String, credential: String) -> Answer<Account>;
}

/// What the server provides as a context before a server function runs.
pub type AccountsPort = Arc<dyn Accounts>;

pub(super) fn port() -> Result<AccountsPort, AccountError> {
    use_context::<AccountsPort>().ok_or(AccountError::Internal)
}
