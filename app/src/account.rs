//! Accounts: what a page asks the server for by type.
//!
//! Functions, all POST, below `/api/account`. The page calls them like any other function;
//! on the server they pass the request on to the [`Accounts`] port, which the server room
//! implements and provides as a context, so that this room knows no database and no cookie.
//!
//! - here: what goes wrong, signing up, in and out
//! - [`changes`]: a new password, and the end of an account
//! - [`devices`](mod@devices): where a person is signed in
//! - [`passkeys`](mod@passkeys), [`recovery`]: ways in besides a password
//! - [`port`]: what the server does for each of them
//!
//! A page that was just signed in or out also tells its worker (`sync::local::Ask::SignedIn`,
//! `SignedOut`): the server knows sessions, the device knows journals.

mod changes;
mod devices;
mod passkeys;
#[cfg(feature = "ssr")]
mod port;
mod recovery;

#[cfg(feature = "ssr")]
pub use crate::words::{RESET_MAIL_SUBJECT, reset_mail};
pub use changes::{change_password, erase_account};
pub use devices::{Device, devices, revoke_device, sign_out_everywhere};
pub use passkeys::{
    Challenge, OtherWays, Passkey, add_passkey, begin_passkey, begin_passkey_sign_in,
    begin_passkey_sign_up, passkeys, remove_passkey, sign_in_with_passkey, sign_up_with_passkey,
    ways_in,
};
#[cfg(feature = "ssr")]
pub use port::{Accounts, AccountsPort, Answer};
pub use recovery::{
    forgot_password, make_recovery_codes, recover, recovery_codes_left, reset_password,
};

use leptos::prelude::*;
use leptos::server_fn::codec::JsonEncoding;
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
#[cfg(feature = "ssr")]
use port::port;
use serde::{Deserialize, Serialize};
use sync::local::Account;

/// How many bytes an e-mail address may have (RFC 5321, with the angle brackets taken off).
pub const EMAIL_BYTES_MAX: usize = 254;

/// How many bytes a password has at least.
pub const PASSWORD_BYTES_MIN: usize = 12;

/// How many bytes a password has at most, so that hashing one has a bound.
pub const PASSWORD_BYTES_MAX: usize = 128;

/// Why something about an account was not done. Nothing was changed, and no entry is lost: the
/// journal is on the device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum AccountError {
    /// The text is not an e-mail address.
    #[error("This is not an e-mail address. It looks like name@example.org.")]
    BadEmail,
    /// The password is too short, too long or known to everybody.
    #[error(
        "This password is easy to guess. Take {PASSWORD_BYTES_MIN} characters or more that do \
         not stand in every list; a short sentence is good."
    )]
    WeakPassword,
    /// There is an account for this address.
    #[error("There is a journal for this address already. Sign in, or take another address.")]
    EmailTaken,
    /// No account has this address and this password. Which of the two is wrong is not told.
    #[error("The address or the password is not right. Check both and try again.")]
    WrongCredentials,
    /// Nobody is signed in, or not any more.
    #[error("Your session has ended. Nothing was lost: sign in, and try again.")]
    NoSession,
    /// The session was ended from another device, which asked this one to erase what it has.
    #[error(
        "This device was signed out from another one, which asked that the journal kept here be \
         removed. Sign in to go on with it."
    )]
    RevokedErase,
    /// The account is no more.
    #[error(
        "This account was erased, with all that the server had of it. What is on this device is \
         still here: copy what you want to keep."
    )]
    AccountErased,
    /// What is asked cannot be taken back or opens a way in, and the sign-in was a while ago.
    #[error("To be sure that it is you, type your password or sign in again. Nothing was done.")]
    ConfirmFirst,
    /// No account has this address and this recovery code. Which of the two is wrong is not told.
    #[error(
        "The address or the code is not right, or the code was used before. Check both, or take \
         another code."
    )]
    WrongCode,
    /// A mailed link that was used, is too old, or is not the newest.
    #[error("This link is not good any more. Ask for a new one; it works for half an hour.")]
    LinkSpent,
    /// This server sends no mail.
    #[error("This server sends no mail. Use a recovery code, or ask who runs it.")]
    MailOff,
    /// This server has no address that passkeys can be bound to.
    #[error("This server has no passkeys. Use your password, or ask who runs it.")]
    PasskeysOff,
    /// A passkey that is not known here, or did not answer the challenge in time.
    #[error("The passkey was not taken. Nothing was changed; try once more, or use another way.")]
    PasskeyRefused,
    /// One person has as many passkeys as one may have.
    #[error("There are as many passkeys as one may have. Remove one that is not used any more.")]
    TooManyPasskeys,
    /// The last passkey of an account without a password.
    #[error("This is the only way into your journal. Set a password or add another passkey first.")]
    LastWayIn,
    /// There is nothing of this name, or not any more.
    #[error("This is not there any more. Reload the page to see what is.")]
    Unknown,
    /// Too many tries in too short a time.
    #[error("There were many tries in a short time. Wait {retry_after_s} seconds and try again.")]
    TooManyAttempts {
        /// When it is worth trying again.
        retry_after_s: u64,
    },
    /// The server has as much to do as it can.
    #[error("The server is busy just now. Try again in a moment.")]
    Busy,
    /// The request did not come from a page of this build.
    #[error("The server did not understand this page. Reload it and try again.")]
    BadRequest,
    /// The server was not reached.
    #[error(
        "The server was not reached. Your entries are safe here; try again when you are online."
    )]
    Network,
    /// Something broke on the server.
    #[error("Something broke on the server. Nothing was changed; try again in a moment.")]
    Internal,
}

impl AccountError {
    /// The word that programs go by; the same as on the wire.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BadEmail => "bad_email",
            Self::WeakPassword => "weak_password",
            Self::EmailTaken => "email_taken",
            Self::WrongCredentials => "wrong_credentials",
            Self::NoSession => "no_session",
            Self::RevokedErase => "revoked_erase",
            Self::AccountErased => "account_erased",
            Self::ConfirmFirst => "confirm_first",
            Self::WrongCode => "wrong_code",
            Self::LinkSpent => "link_spent",
            Self::MailOff => "mail_off",
            Self::PasskeysOff => "passkeys_off",
            Self::PasskeyRefused => "passkey_refused",
            Self::TooManyPasskeys => "too_many_passkeys",
            Self::LastWayIn => "last_way_in",
            Self::Unknown => "unknown",
            Self::TooManyAttempts { .. } => "too_many_attempts",
            Self::Busy => "busy",
            Self::BadRequest => "bad_request",
            Self::Network => "network",
            Self::Internal => "internal",
        }
    }
}

impl FromServerFnError for AccountError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Request(_) | ServerFnErrorErr::Deserialization(_) => Self::Network,
            ServerFnErrorErr::Args(_)
            | ServerFnErrorErr::MissingArg(_)
            | ServerFnErrorErr::UnsupportedRequestMethod(_) => Self::BadRequest,
            _ => Self::Internal,
        }
    }
}

/// The address as it is kept, if it is one: trimmed, one `@` with something on both sides, and
/// nothing that could break a header or a log line.
///
/// # Errors
/// [`AccountError::BadEmail`].
pub fn checked_email(typed: &str) -> Result<&str, AccountError> {
    let email = typed.trim();
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '<' || c == '>';
    match email.split_once('@') {
        Some((name, host))
            if email.len() <= EMAIL_BYTES_MAX
                && !name.is_empty()
                && !host.is_empty()
                && !host.contains('@')
                && !email.contains(odd) =>
        {
            Ok(email)
        }
        _ => Err(AccountError::BadEmail),
    }
}

/// Whether a password has a length that is taken. It is used as typed: never trimmed, never
/// cut. The server refuses well-known ones besides.
///
/// # Errors
/// [`AccountError::WeakPassword`].
pub fn check_password_length(password: &str) -> Result<(), AccountError> {
    if (PASSWORD_BYTES_MIN..=PASSWORD_BYTES_MAX).contains(&password.len()) {
        Ok(())
    } else {
        Err(AccountError::WeakPassword)
    }
}

/// Makes an account and signs its person in.
///
/// # Errors
/// Says what is wrong with the address or the password, or that the server cannot do it now.
#[server(prefix = "/api/account", endpoint = "sign_up")]
pub async fn sign_up(
    /// The address.
    email: String,
    /// The password, as typed.
    password: String,
) -> Result<Account, AccountError> {
    port()?.sign_up(email, password).await
}

/// Signs a person in; the answer carries the session's cookie.
///
/// # Errors
/// [`AccountError::WrongCredentials`], whichever of the two is wrong.
#[server(prefix = "/api/account", endpoint = "sign_in")]
pub async fn sign_in(
    /// The address.
    email: String,
    /// The password, as typed.
    password: String,
) -> Result<Account, AccountError> {
    port()?.sign_in(email, password).await
}

/// Ends the session, here and at the server. Without one there is nothing to do, and that is
/// no error.
///
/// # Errors
/// The server was not reached or broke.
#[server(prefix = "/api/account", endpoint = "sign_out")]
pub async fn sign_out() -> Result<(), AccountError> {
    port()?.sign_out().await
}

/// Whose session this is, if there is one.
///
/// # Errors
/// The server was not reached or broke.
#[server(prefix = "/api/account", endpoint = "who_am_i")]
pub async fn who_am_i() -> Result<Option<Account>, AccountError> {
    port()?.who_am_i().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_trimmed_and_must_look_like_one() {
        assert_eq!(checked_email(" ann@example.org "), Ok("ann@example.org"));
        assert_eq!(checked_email("ann@home"), Ok("ann@home"));
        let long = format!("{}@example.org", "a".repeat(EMAIL_BYTES_MAX));
        for bad in [
            "",
            "ann",
            "@example.org",
            "ann@",
            "a@b@c",
            "a b@c.d",
            "a\n@c.d",
            &long,
        ] {
            assert_eq!(checked_email(bad), Err(AccountError::BadEmail), "{bad}");
        }
    }

    #[test]
    fn a_password_is_taken_at_its_limits_and_not_beyond() {
        for (bytes, taken) in [(11, false), (12, true), (128, true), (129, false)] {
            let password = "x".repeat(bytes);
            assert_eq!(check_password_length(&password).is_ok(), taken, "{bytes}");
        }
    }

    #[test]
    fn the_code_is_the_word_on_the_wire_and_every_error_says_something() {
        let errors = [
            AccountError::BadEmail,
            AccountError::WeakPassword,
            AccountError::EmailTaken,
            AccountError::WrongCredentials,
            AccountError::NoSession,
            AccountError::RevokedErase,
            AccountError::AccountErased,
            AccountError::ConfirmFirst,
            AccountError::WrongCode,
            AccountError::LinkSpent,
            AccountError::MailOff,
            AccountError::PasskeysOff,
            AccountError::PasskeyRefused,
            AccountError::TooManyPasskeys,
            AccountError::LastWayIn,
            AccountError::Unknown,
            AccountError::TooManyAttempts { retry_after_s: 3 },
            AccountError::Busy,
            AccountError::BadRequest,
            AccountError::Network,
            AccountError::Internal,
        ];
        for error in errors {
            let wire = String::from_utf8(error.ser().to_vec()).expect("text");
            assert!(
                wire.contains(&format!("\"code\":\"{}\"", error.code())),
                "{wire}"
            );
            assert_eq!(AccountError::de(wire.into()), error);
            assert!(error.to_string().len() > 20);
        }
    }
}
