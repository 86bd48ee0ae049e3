//! Sessions: the cookie, who a request is from, and whether that still holds.
//!
//! The cookie holds 128 random bits and nothing else; the database holds their SHA-256 and
//! nothing that could be sent back. A session ends 30 days after its last use, and half a year
//! after its sign-in whatever happens.

use super::away;
use super::passwords::{self, Passwords};
use crate::clock::now_ms;
use crate::error::Error;
use crate::shared::Shared;
use crate::store::Store;
use crate::store::sessions::{Ended, SessionHash, StoredSession};
use crate::store::users::User;
use async_trait::async_trait;
use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::COOKIE as COOKIE_HEADER;
use axum::http::request::Parts;
use axum_login::tower_sessions::cookie::{Cookie, SameSite};
use axum_login::tower_sessions::session::{Id as SessionId, Record};
use axum_login::tower_sessions::session_store::{Error as StoreError, Result as StoreResult};
use axum_login::tower_sessions::{Expiry, SessionManagerLayer, SessionStore};
use axum_login::{AuthManagerLayer, AuthManagerLayerBuilder, AuthSession, AuthUser, AuthnBackend};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use sync::id::Id;
use time::{Duration, OffsetDateTime};

/// The cookie's name. Its prefix makes browsers refuse it from a neighbouring host, for another
/// path and without `Secure`.
pub const COOKIE: &str = "__Host-daybook_session";

/// The cookie's name without https. On `http://localhost` not all browsers take `Secure`, and
/// without that none takes the prefix.
pub const PLAIN_COOKIE: &str = "daybook_session";

/// How long a session lives after its last use.
pub const IDLE_DAYS: i64 = 30;

/// Where axum-login keeps the person in a session.
const LOGIN_KEY: &str = "axum-login.data";

/// When the session was last used, in it, counted in [`SEEN_EVERY_MS`]. Writing it moves the
/// expiry on.
const SEEN_KEY: &str = "seen";

/// What the device calls itself, in the session until it is kept.
const DEVICE_KEY: &str = "device";

/// How exactly it is known when a device was last heard of.
pub const SEEN_EVERY_MS: u64 = 10 * 60 * 1_000;

/// The layer that knows sessions. `secure` is off only for plain HTTP on this very machine.
pub(crate) fn layer(shared: &Shared, secure: bool) -> AuthManagerLayer<People, Sessions> {
    let sessions = SessionManagerLayer::new(Sessions(shared.store.clone()))
        .with_name(cookie_name(secure))
        .with_http_only(true)
        // Lax and not Strict: a link from a mail must find its reader signed in.
        .with_same_site(SameSite::Lax)
        .with_secure(secure)
        .with_path("/")
        .with_expiry(Expiry::OnInactivity(Duration::days(IDLE_DAYS)));
    let people = People {
        store: shared.store.clone(),
        passwords: shared.passwords.clone(),
    };
    AuthManagerLayerBuilder::new(people, sessions).build()
}

/// The name of the cookie on this site.
pub(crate) const fn cookie_name(secure: bool) -> &'static str {
    if secure { COOKIE } else { PLAIN_COOKIE }
}

/// Who a request is from, if its session holds.
pub(crate) struct MaybeSigned(pub(crate) Option<Signed>);

/// A person and the session they are here by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signed {
    pub(crate) user: Id,
    pub(crate) session: SessionHash,
}

impl Signed {
    /// Whom the session is of, if it holds; notes that it was used.
    pub(crate) async fn by(session: &AuthSession<People>) -> Result<Option<Self>, Error> {
        let (Some(user), Some(id)) = (&session.user, session.session.id()) else {
            return Ok(None);
        };
        let seen = now_ms() / SEEN_EVERY_MS;
        let seen = session.session.insert(SEEN_KEY, seen).await;
        let unknown = Error::Internal("a session that cannot be renewed");
        seen.map_err(|_| away::noted().unwrap_or(unknown))?;
        Ok(Some(Self {
            user: user.id,
            session: hash(&id),
        }))
    }

    /// Looks whether the session has ended since.
    ///
    /// # Errors
    /// It has, and this is what its device is told; or the database failed.
    pub(crate) async fn must_hold(&self, store: &Store) -> Result<(), Error> {
        match store.session(&self.session, now_ms()).await? {
            Some(_) => Ok(()),
            None => Err(self.ending(store).await),
        }
    }

    /// What a device is told whose session does not hold any more.
    async fn ending(&self, store: &Store) -> Error {
        match store.ended(&self.session).await {
            Ok(ended) => ended.map_or(Error::NoSession, ending),
            Err(error) => error,
        }
    }
}

/// What a device is told whose session was ended for it.
pub(crate) const fn ending(ended: Ended) -> Error {
    match ended {
        Ended::Revoked => Error::RevokedErase,
        Ended::Erased => Error::AccountErased,
    }
}

/// The session that a request's cookie names, whether there is one or not.
pub(crate) fn claimed(headers: &HeaderMap, secure: bool) -> Option<SessionHash> {
    Some(hash(&cookie(headers, cookie_name(secure))?.parse().ok()?))
}

/// What a request's cookie of this name says.
pub(super) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let cookies = headers.get_all(COOKIE_HEADER).into_iter();
    let cookies = cookies.filter_map(|value| value.to_str().ok());
    let mut cookies = cookies.flat_map(Cookie::split_parse).flatten();
    let found = cookies.find(|cookie| cookie.name() == name)?;
    Some(found.value().to_owned())
}

/// Keeps what a device calls itself for the session that is to begin.
pub(crate) async fn name_device(
    session: &AuthSession<People>,
    name: &str,
) -> Result<(), axum_login::Error<People>> {
    session.session.insert(DEVICE_KEY, name).await?;
    Ok(())
}

impl FromRequestParts<Arc<Shared>> for MaybeSigned {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Error> {
        let session = AuthSession::<People>::from_request_parts(parts, shared)
            .await
            .map_err(|_| Error::Internal("a route without sessions"))?;
        Signed::by(&session).await.map(Self)
    }
}

/// The people who have accounts, as axum-login asks for them.
#[derive(Clone, Debug)]
pub(crate) struct People {
    store: Store,
    passwords: Passwords,
}

/// What a person signs in with.
pub(crate) struct Credentials {
    pub(crate) email: String,
    pub(crate) password: String,
}

impl AuthUser for User {
    type Id = Id;

    fn id(&self) -> Id {
        self.id
    }

    /// A session of an earlier generation does not hold, whenever it was kept.
    fn session_auth_hash(&self) -> &[u8] {
        &self.generation
    }
}

impl AuthnBackend for People {
    type User = User;
    type Credentials = Credentials;
    type Error = Error;

    async fn authenticate(&self, credentials: Credentials) -> Result<Option<User>, Error> {
        let user = self.store.user_by_email(&credentials.email).await?;
        let hash = user.as_ref().and_then(|user| user.password_hash.clone());
        let password = credentials.password;
        let fits = self.passwords.check(password.clone(), hash).await?;
        let mut user = user.filter(|_| fits);
        if let Some(user) = &mut user {
            self.renew_hash(user, password).await;
        }
        Ok(user)
    }

    async fn get_user(&self, id: &Id) -> Result<Option<User>, Error> {
        let found = self.store.user_by_id(*id).await;
        found.inspect_err(away::note)
    }
}

impl People {
    /// Hashes a password anew that was hashed with less than is asked today. If that cannot be
    /// done now, the next sign-in does it.
    async fn renew_hash(&self, user: &mut User, password: String) {
        let old = user.password_hash.as_deref();
        let Some(old) = old.filter(|hash| !passwords::is_of_today(hash)) else {
            return;
        };
        let Ok(new) = self.passwords.hash(password).await else {
            return;
        };
        let renewed = self.store.renew_hash(user.id, old, &new).await;
        match renewed {
            Ok(()) => user.password_hash = Some(new),
            Err(error) => error.log(),
        }
    }
}

/// The session store of the database.
#[derive(Clone, Debug)]
pub(crate) struct Sessions(Store);

#[async_trait]
impl SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> StoreResult<()> {
        let user = user_of(record).ok_or_else(|| StoreError::Encode("nobody's session".into()))?;
        let device = record.data.get(DEVICE_KEY).and_then(|name| name.as_str());
        let device = device.unwrap_or_default().to_owned();
        // A name that is taken is as likely as guessing one; then another is drawn.
        while !self
            .0
            .add_session(&hash(&record.id), user, &device, &encode(record)?, now_ms())
            .await
            .map_err(|error| backend(&error))?
        {
            record.id = SessionId::default();
        }
        Ok(())
    }

    async fn save(&self, record: &Record) -> StoreResult<()> {
        self.0
            .save_session(&hash(&record.id), &encode(record)?, now_ms())
            .await
            .map_err(|error| backend(&error))
    }

    async fn load(&self, id: &SessionId) -> StoreResult<Option<Record>> {
        let found = self
            .0
            .session(&hash(id), now_ms())
            .await
            .map_err(|error| backend(&error))?;
        found.map(|session| decode(*id, &session)).transpose()
    }

    async fn delete(&self, id: &SessionId) -> StoreResult<()> {
        self.0
            .end_session(&hash(id))
            .await
            .map_err(|error| backend(&error))
    }
}

fn hash(id: &SessionId) -> SessionHash {
    Sha256::digest(id.0.to_le_bytes()).into()
}

fn user_of(record: &Record) -> Option<Id> {
    record
        .data
        .get(LOGIN_KEY)?
        .get("user_id")?
        .as_str()?
        .parse()
        .ok()
}

fn encode(record: &Record) -> StoreResult<StoredSession> {
    let data = serde_json::to_string(&record.data);
    let expires_at_ms = record.expiry_date.unix_timestamp_nanos() / 1_000_000;
    Ok(StoredSession {
        data: data.map_err(|error| StoreError::Encode(error.to_string()))?,
        expires_at_ms: u64::try_from(expires_at_ms).unwrap_or_default(),
    })
}

fn decode(id: SessionId, session: &StoredSession) -> StoreResult<Record> {
    let bad = |what: &str| StoreError::Decode(what.to_owned());
    let expiry_date =
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(session.expires_at_ms) * 1_000_000);
    Ok(Record {
        id,
        data: serde_json::from_str(&session.data).map_err(|_| bad("a session's data"))?,
        expiry_date: expiry_date.map_err(|_| bad("a session's expiry"))?,
    })
}

fn backend(error: &Error) -> StoreError {
    error.log();
    away::note(error);
    StoreError::Backend(error.code().to_owned())
}
