//! The one route of the server functions: it reads the body within its limit, provides the port
//! that `app::account` calls, and gives each error its status.

use super::device_name::device_name;
use super::known_device;
use super::sessions::{People, Signed};
use super::throttle::Attempt;
use super::{change, devices, forgotten, passkeys, recovery, sign_in, sign_up};
use crate::error::Error;
use crate::serve::Peer;
use crate::shared::Shared;
use crate::store::users::User;
use crate::sync::body;
use app::account::{
    AccountError, Accounts, AccountsPort, Answer, Challenge, Device, OtherWays, Passkey,
};
use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{RETRY_AFTER, SET_COOKIE, USER_AGENT};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum_login::AuthSession;
use leptos::prelude::{provide_context, use_context};
use leptos_axum::{ResponseOptions, ResponseParts};
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use sync::id::Id;
use sync::limits::BUSY_MS;
use sync::local::Account;

/// How many bytes the body of a server function may have: an address and a password, or what a
/// passkey has signed.
pub(crate) const ACCOUNT_BYTES_MAX: usize = 16 * 1024;

/// Calls the server function that the path names.
pub(crate) async fn call(
    State(shared): State<Arc<Shared>>,
    Extension(Peer(address)): Extension<Peer>,
    session: AuthSession<People>,
    request: Request,
) -> Result<Response, Error> {
    let (parts, body) = request.into_parts();
    let text = body::read(body, ACCOUNT_BYTES_MAX).await?;
    let user_agent = parts.headers.get(USER_AGENT);
    let user_agent = user_agent.and_then(|value| value.to_str().ok());
    let secure = shared.https.0;
    let visitor = Visitor {
        shared,
        address,
        device: device_name(user_agent.unwrap_or_default()),
        shown: known_device::shown(&parts.headers, secure),
        to_keep: Arc::default(),
        secure,
        signed: Signed::by(&session).await?,
        session,
    };
    let provide = move || {
        let response = use_context::<ResponseOptions>().unwrap_or_default();
        // Stands when the arguments cannot be read, for then nothing of ours is called.
        response.set_status(StatusCode::BAD_REQUEST);
        let port: AccountsPort = Arc::new(Port {
            visitor: visitor.clone(),
            response,
        });
        provide_context(port);
    };
    let request = Request::from_parts(parts, Body::from(text));
    Ok(
        leptos_axum::handle_server_fns_with_context(provide, request)
            .await
            .into_response(),
    )
}

/// Who calls, and with what.
#[derive(Clone)]
pub(super) struct Visitor {
    pub(super) shared: Arc<Shared>,
    pub(super) address: IpAddr,
    pub(super) session: AuthSession<People>,
    /// What their device calls itself.
    pub(super) device: String,
    signed: Option<Signed>,
    /// What says that somebody has signed in here before.
    shown: Option<String>,
    /// What is to say so from now on.
    to_keep: Arc<OnceLock<HeaderValue>>,
    secure: bool,
}

impl Visitor {
    /// The person and their session, as they were when the request came.
    pub(super) fn signed(&self) -> Result<Signed, AccountError> {
        self.signed.ok_or(AccountError::NoSession)
    }

    /// The person as they were read when the request came. What is done for them is done only if
    /// not all their sessions have ended since.
    pub(super) fn user(&self) -> Result<User, AccountError> {
        self.session.user.clone().ok_or(AccountError::NoSession)
    }

    /// Counts an attempt at the account of this address, by this device alone if it is known to
    /// the account's person.
    pub(super) async fn attempt(&self, email: &str) -> Result<Attempt<'_>, AccountError> {
        let user = match self.shown {
            Some(_) => self.shared.store.user_by_email(email).await?,
            None => None,
        };
        let known = self.shown.as_deref().zip(user.as_ref());
        let known = known.and_then(|(shown, user)| known_device::name_of(shown, user));
        let known = known.map(str::as_bytes);
        self.shared
            .throttle
            .attempt(email, self.address, known)
            .await
    }

    /// From now on this device is known to this person.
    pub(super) fn know(&self, user: &User) -> Result<(), AccountError> {
        if let Some(cookie) = known_device::cookie_of(user, self.secure)? {
            // There is one sign-in in a call.
            let _ = self.to_keep.set(cookie);
        }
        Ok(())
    }
}

struct Port {
    visitor: Visitor,
    response: ResponseOptions,
}

impl Port {
    /// Runs one function and gives its error a status.
    fn answer<T, F>(&self, function: impl FnOnce(Visitor) -> F) -> Answer<T>
    where
        F: Future<Output = Result<T, AccountError>> + Send + 'static,
    {
        let response = self.response.clone();
        let to_keep = Arc::clone(&self.visitor.to_keep);
        let result = function(self.visitor.clone());
        Box::pin(async move {
            let result = result.await;
            match &result {
                Ok(_) => response.overwrite(ResponseParts::default()),
                Err(error) => response.set_status(status(error)),
            }
            if let Some(cookie) = to_keep.get() {
                response.append_header(SET_COOKIE, cookie.clone());
            }
            let retry_after_s = match &result {
                Err(AccountError::TooManyAttempts { retry_after_s }) => Some(*retry_after_s),
                Err(AccountError::Busy) => Some(BUSY_MS.div_ceil(1_000)),
                _ => None,
            };
            if let Some(retry_after_s) = retry_after_s {
                response.insert_header(RETRY_AFTER, HeaderValue::from(retry_after_s));
            }
            result
        })
    }
}

impl Accounts for Port {
    fn sign_up(&self, email: String, password: String) -> Answer<Account> {
        self.answer(|visitor| sign_up::sign_up(visitor, email, password))
    }

    fn sign_in(&self, email: String, password: String) -> Answer<Account> {
        self.answer(|visitor| sign_in::sign_in(visitor, email, password))
    }

    fn sign_out(&self) -> Answer<()> {
        self.answer(sign_in::sign_out)
    }

    fn who_am_i(&self) -> Answer<Option<Account>> {
        self.answer(sign_in::who_am_i)
    }

    fn devices(&self) -> Answer<Vec<Device>> {
        self.answer(devices::devices)
    }

    fn revoke_device(&self, device: Id, password: String) -> Answer<()> {
        self.answer(move |visitor| devices::revoke_device(visitor, device, password))
    }

    fn sign_out_everywhere(&self) -> Answer<()> {
        self.answer(devices::sign_out_everywhere)
    }

    fn change_password(&self, present: String, new: String) -> Answer<()> {
        self.answer(|visitor| change::change_password(visitor, present, new))
    }

    fn erase_account(&self, password: String) -> Answer<()> {
        self.answer(|visitor| change::erase_account(visitor, password))
    }

    fn make_recovery_codes(&self, password: String) -> Answer<Vec<String>> {
        self.answer(|visitor| recovery::make_recovery_codes(visitor, password))
    }

    fn recovery_codes_left(&self) -> Answer<u64> {
        self.answer(recovery::recovery_codes_left)
    }

    fn recover(&self, email: String, code: String, new: String) -> Answer<Account> {
        self.answer(|visitor| recovery::recover(visitor, email, code, new))
    }

    fn forgot_password(&self, email: String) -> Answer<()> {
        self.answer(|visitor| forgotten::forgot_password(visitor, email))
    }

    fn reset_password(&self, token: String, new: String) -> Answer<Account> {
        self.answer(|visitor| forgotten::reset_password(visitor, token, new))
    }

    fn ways_in(&self) -> Answer<OtherWays> {
        self.answer(passkeys::ways_in)
    }

    fn passkeys(&self) -> Answer<Vec<Passkey>> {
        self.answer(passkeys::passkeys)
    }

    fn begin_passkey(&self, password: String) -> Answer<Challenge> {
        self.answer(|visitor| passkeys::begin_passkey(visitor, password))
    }

    fn add_passkey(&self, challenge: String, credential: String) -> Answer<Passkey> {
        self.answer(|visitor| passkeys::add_passkey(visitor, challenge, credential))
    }

    fn remove_passkey(&self, passkey: Id, password: String) -> Answer<()> {
        self.answer(|visitor| passkeys::remove_passkey(visitor, passkey, password))
    }

    fn begin_passkey_sign_in(&self) -> Answer<Challenge> {
        self.answer(passkeys::begin_passkey_sign_in)
    }

    fn sign_in_with_passkey(&self, challenge: String, credential: String) -> Answer<Account> {
        self.answer(|visitor| passkeys::sign_in_with_passkey(visitor, challenge, credential))
    }

    fn begin_passkey_sign_up(&self, email: String) -> Answer<Challenge> {
        self.answer(|visitor| passkeys::begin_passkey_sign_up(visitor, email))
    }

    fn sign_up_with_passkey(&self, challenge: String, credential: String) -> Answer<Account> {
        self.answer(|visitor| passkeys::sign_up_with_passkey(visitor, challenge, credential))
    }
}

const fn status(error: &AccountError) -> StatusCode {
    match error {
        AccountError::BadEmail | AccountError::WeakPassword | AccountError::LinkSpent => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        AccountError::EmailTaken | AccountError::TooManyPasskeys | AccountError::LastWayIn => {
            StatusCode::CONFLICT
        }
        AccountError::WrongCredentials
        | AccountError::WrongCode
        | AccountError::PasskeyRefused
        | AccountError::NoSession
        | AccountError::RevokedErase => StatusCode::UNAUTHORIZED,
        AccountError::ConfirmFirst => StatusCode::FORBIDDEN,
        AccountError::MailOff | AccountError::PasskeysOff => StatusCode::NOT_IMPLEMENTED,
        AccountError::AccountErased => StatusCode::GONE,
        AccountError::Unknown => StatusCode::NOT_FOUND,
        AccountError::TooManyAttempts { .. } => StatusCode::TOO_MANY_REQUESTS,
        AccountError::Busy => StatusCode::SERVICE_UNAVAILABLE,
        AccountError::BadRequest => StatusCode::BAD_REQUEST,
        AccountError::Network | AccountError::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
