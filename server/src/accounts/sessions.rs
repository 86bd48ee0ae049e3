//! Sessions: the cookie, who a request is from, and whether that still holds.
//!
//! The cookie holds 128 random bits and nothing else; the database holds their SHA-256 and
//! nothing that could be sent back. A session ends 30 days after its last use, and half a year
//! after its sign-in whatever happens.

use super::passwords::Passwords;
use crate::clock::now_ms;
use crate::error::Error;
use crate::shared::Shared;
use crate::store::Store;
use crate::store::sessions::{SessionHash, StoredSession};
use crate::store::users::User;
use async_trait::async_trait;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum_login::tower_sessions::cookie::SameSite;
use axum_login::tower_sessions::session::{Id as SessionId, Record};
use axum_login::tower_sessions::session_store::{Error as StoreError, Result as StoreResult};
use axum_login::tower_sessions::{Expiry, SessionManagerLayer, SessionStore};
use axum_login::{AuthManagerLayer, AuthManagerLayerBuilder, AuthSession, AuthUser, AuthnBackend};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use sync::id::Id;
use time::{Duration, OffsetDateTime};

/// The cookie's name. No `__Host-` prefix: browsers take that only with `Secure`, and on
/// `http://localhost` not all of them take `Secure`.
pub const COOKIE: &str = "daybook_session";

/// How long a session lives after its last use.
pub const IDLE_DAYS: i64 = 30;

/// Where axum-login keeps the person in a session.
const LOGIN_KEY: &str = "axum-login.data";

/// The day of the last use, in the session; written once a day, which moves the expiry on.
const SEEN_KEY: &str = "seen_day";

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// The layer that knows sessions. `secure` is off only for plain HTTP on this very machine.
pub(crate) fn layer(shared: &Shared, secure: bool) -> AuthManagerLayer<People, Sessions> {
    let sessions = SessionManagerLayer::new(Sessions(shared.store.clone()))
        .with_name(COOKIE)
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

/// Who a request is from, if its session holds.
pub(crate) struct MaybeSigned(pub(crate) Option<Signed>);

/// A person and the session they are here by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signed {
    pub(crate) user: Id,
    session: SessionHash,
}

impl Signed {
    /// Whether the session has not ended since.
    pub(crate) async fn still_holds(&self, store: &Store) -> Result<bool, Error> {
        Ok(store.session(&self.session, now_ms()).await?.is_some())
    }
}

impl FromRequestParts<Arc<Shared>> for MaybeSigned {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Error> {
        let session = AuthSession::<People>::from_request_parts(parts, shared)
            .await
            .map_err(|_| Error::Internal("a route without sessions"))?;
        let (Some(user), Some(id)) = (&session.user, session.session.id()) else {
            return Ok(Self(None));
        };
        let seen = session.session.insert(SEEN_KEY, now_ms() / DAY_MS).await;
        seen.map_err(|_| Error::Internal("a session that cannot be renewed"))?;
        Ok(Self(Some(Signed {
            user: user.id,
            session: hash(&id),
        })))
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

    /// A changed password ends all sessions begun with the old one.
    fn session_auth_hash(&self) -> &[u8] {
        self.password_hash.as_bytes()
    }
}

impl AuthnBackend for People {
    type User = User;
    type Credentials = Credentials;
    type Error = Error;

    async fn authenticate(&self, credentials: Credentials) -> Result<Option<User>, Error> {
        let user = self.store.user_by_email(&credentials.email).await?;
        let hash = user.as_ref().map(|user| user.password_hash.clone());
        let fits = self.passwords.check(credentials.password, hash).await?;
        Ok(user.filter(|_| fits))
    }

    async fn get_user(&self, id: &Id) -> Result<Option<User>, Error> {
        self.store.user_by_id(*id).await
    }
}

/// The session store of the database.
#[derive(Clone, Debug)]
pub(crate) struct Sessions(Store);

#[async_trait]
impl SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> StoreResult<()> {
        let user = user_of(record).ok_or_else(|| StoreError::Encode("nobody's session".into()))?;
        // A name that is taken is as likely as guessing one; then another is drawn.
        while !self
            .0
            .add_session(&hash(&record.id), user, &encode(record)?, now_ms())
            .await
            .map_err(|error| backend(&error))?
        {
            record.id = SessionId::default();
        }
        Ok(())
    }

    async fn save(&self, record: &Record) -> StoreResult<()> {
        self.0
            .save_session(&hash(&record.id), &encode(record)?)
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
    StoreError::Backend(error.code().to_owned())
}
