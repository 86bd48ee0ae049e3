//! What can go wrong: one list for answers and one for the start. Each says what happened,
//! whether anything was lost, and what to do next.

use crate::store::trouble::Trouble;
use axum::Json;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use std::net::SocketAddr;
use std::path::PathBuf;
use sync::frame::{FrameError, ServerError};
use sync::limits::BUSY_MS;
use sync::version::VersionError;

/// Why a request was not done. Whatever the reason, it changed nothing, unless it says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The body is no frame of the protocol.
    #[error("{0}. Nothing was changed.")]
    Frame(#[from] FrameError),
    /// The device writes a version of the journal that is not spoken here.
    #[error("{0}")]
    UpdateRequired(#[from] VersionError),
    /// The body has more bytes than are taken here.
    #[error(
        "A request takes at most {bytes_max} bytes here. Nothing was changed; send less at once."
    )]
    BodyTooLarge {
        /// What is taken.
        bytes_max: usize,
    },
    /// The body broke off or came too slowly.
    #[error("The request did not arrive whole. Nothing was changed; send it again.")]
    BodyIncomplete,
    /// A compressed body, which could grow without bound.
    #[error("Compressed requests are not taken. Nothing was changed; send it as it is.")]
    ContentEncoding,
    /// Another site's page asked.
    #[error("This request did not come from a page of this site, so nothing was done.")]
    CrossSite,
    /// A request for a socket that does not ask for one.
    #[error("This address opens a WebSocket, and nothing else. Nothing was changed.")]
    NotASocket,
    /// Nobody is signed in, or not any more.
    #[error("The session has ended. Nothing was lost: sign in, and what waits is sent.")]
    NoSession,
    /// The session was ended from another device, for this one to erase what it has.
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
    /// One person has as many streams as one person may.
    #[error("There are too many open streams for this account. Nothing was lost; try again later.")]
    TooManyStreams,
    /// As much is going on as can.
    #[error("The server is busy. Nothing was changed; try again in a moment.")]
    Busy,
    /// The database is not there just now. What was asked may have been done or not: a device
    /// that sends the same again gets the same answer.
    #[error(
        "The server cannot reach its database. Nothing is lost on your device; it will be sent again."
    )]
    DatabaseAway,
    /// The server's disk is full.
    #[error("The server's disk is full. Nothing was changed and nothing is lost on your device.")]
    StorageFull,
    /// The database has not the schema of this program.
    #[error("The server is being brought up to date. Nothing was lost; try again in a moment.")]
    NotMigrated,
    /// The server is ending.
    #[error("The server is restarting. Nothing was lost; try again in a moment.")]
    Ending,
    /// There is nothing of this name.
    #[error("There is nothing here. Check the address.")]
    NotFound,
    /// There is something of this name, and it takes another method.
    #[error("This address takes another method. Nothing was changed.")]
    MethodNotAllowed,
    /// The database failed.
    #[error("The server's database failed. Nothing was changed; try again in a moment.")]
    Database(#[source] sqlx::Error),
    /// The database holds what this program never wrote.
    #[error("The server found something odd in its database ({0}). Nothing was changed.")]
    Corrupt(&'static str),
    /// Something else broke inside.
    #[error("Something broke on the server. Nothing was changed; try again in a moment.")]
    Internal(&'static str),
}

impl Error {
    pub(crate) const fn corrupt(what: &'static str) -> Self {
        Self::Corrupt(what)
    }

    /// The status of the answer.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Frame(_) | Self::NotASocket => StatusCode::BAD_REQUEST,
            Self::UpdateRequired(_) => StatusCode::UPGRADE_REQUIRED,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyIncomplete => StatusCode::REQUEST_TIMEOUT,
            Self::ContentEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::CrossSite => StatusCode::FORBIDDEN,
            Self::NoSession | Self::RevokedErase => StatusCode::UNAUTHORIZED,
            Self::AccountErased => StatusCode::GONE,
            Self::TooManyStreams => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy | Self::DatabaseAway | Self::Ending | Self::NotMigrated => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Database(_) | Self::Corrupt(_) | Self::Internal(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }

    /// The word that programs go by.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Frame(error) => error.code(),
            Self::UpdateRequired(_) => "update_required",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::BodyIncomplete => "body_incomplete",
            Self::ContentEncoding => "content_encoding",
            Self::CrossSite => "cross_site",
            Self::NotASocket => "not_a_socket",
            Self::NoSession => "no_session",
            Self::RevokedErase => "revoked_erase",
            Self::AccountErased => "account_erased",
            Self::TooManyStreams => "too_many_streams",
            Self::Busy => "busy",
            Self::DatabaseAway => "database_away",
            Self::StorageFull => "storage_full",
            Self::NotMigrated => "not_migrated",
            Self::Ending => "server_ending",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Database(_) => "database",
            Self::Corrupt(_) => "corrupt",
            Self::Internal(_) => "internal",
        }
    }

    /// When it is worth trying again, if the server can tell.
    #[must_use]
    pub const fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::TooManyStreams
            | Self::Busy
            | Self::DatabaseAway
            | Self::Ending
            | Self::NotMigrated => Some(BUSY_MS),
            _ => None,
        }
    }

    /// The error as a device hears it.
    #[must_use]
    pub fn frame(&self) -> ServerError {
        ServerError {
            code: self.code().to_owned(),
            message: self.to_string(),
            retry_after_ms: self.retry_after_ms(),
        }
    }

    /// Tells the operator what the device is not told. Never what a person wrote.
    pub(crate) fn log(&self) {
        crate::telemetry::metrics::count(self);
        match self {
            Self::Database(source) => tracing::error!(code = self.code(), %source, "database"),
            Self::Corrupt(what) | Self::Internal(what) => {
                tracing::error!(code = self.code(), what, "inside");
            }
            Self::StorageFull | Self::Busy | Self::DatabaseAway => {
                tracing::warn!(code = self.code(), "refused");
            }
            _ => tracing::debug!(code = self.code(), "refused"),
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match Trouble::of(&error) {
            Trouble::Busy => Self::Busy,
            Trouble::Away => {
                tracing::error!(source = %error, "the database is away");
                Self::DatabaseAway
            }
            Trouble::Full => Self::StorageFull,
            Trouble::Constraint | Trouble::Other => Self::Database(error),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        self.log();
        let mut response = (self.status(), Json(self.frame())).into_response();
        if let Some(wait_ms) = self.retry_after_ms() {
            response
                .headers_mut()
                .insert(RETRY_AFTER, wait_ms.div_ceil(1_000).into());
        }
        response
    }
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be opened.
    #[error(
        "The database {url} cannot be opened: {reason}.\nNothing was changed. Set DATABASE_URL \
         to a file that this user may write, such as sqlite:data/daybook.sqlite"
    )]
    Database {
        /// Which.
        url: String,
        /// Why.
        reason: String,
    },
    /// PostgreSQL cannot be reached or does not let us in.
    #[error(
        "The database {url} cannot be opened: {reason}.\nNothing was changed. See that PostgreSQL \
         runs and takes this name and password, or set DATABASE_URL to another, such as \
         postgres://daybook:password@localhost/daybook"
    )]
    Postgres {
        /// Which, without its password.
        url: String,
        /// Why.
        reason: String,
    },
    /// The address names no database that is known here.
    #[error(
        "DATABASE_URL names no database that Daybook can keep things in. Nothing was changed. Set \
         it to a file, such as sqlite:data/daybook.sqlite, or to a PostgreSQL server, such as \
         postgres://daybook:password@localhost/daybook"
    )]
    UnknownDatabase,
    /// The schema cannot be brought up to this program's.
    #[error(
        "The database cannot be brought up to this version: {0}.\nIts entries are as they were. \
         If a newer Daybook wrote it, start that one; or put a backup in its place"
    )]
    Migration(#[source] sqlx::migrate::MigrateError),
    /// Another program listens there.
    #[error(
        "Port {} is taken by another program. End it, or choose another port:\n  DAYBOOK_ADDR={}:{} daybook",
        .0.port(), .0.ip(), .0.port().checked_add(1).unwrap_or(3000)
    )]
    PortTaken(SocketAddr),
    /// The address cannot be listened on.
    #[error(
        "Daybook cannot listen on {address}: {reason}. Set DAYBOOK_ADDR to an address of this machine, such as 127.0.0.1:3000"
    )]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        reason: std::io::Error,
    },
    /// The built site is not there or cannot be read.
    #[error(
        "The site's files are not in {}: {reason}.\nBuild them and start the server in one go:\n  \
         cargo xtask run\nor set DAYBOOK_SITE to the folder that has them",
        folder.display()
    )]
    Site {
        /// Where they were looked for.
        folder: PathBuf,
        /// Why.
        reason: String,
    },
    /// The site's public address is none that passkeys and mails can use.
    #[error(
        "The public address {url:?} is of no use for passkeys and mails: {reason}.\nSet \
         DAYBOOK_PUBLIC_URL to the site as browsers have it, such as https://daybook.example.org"
    )]
    PublicUrl {
        /// What was set.
        url: String,
        /// Why it is of no use.
        reason: String,
    },
    /// Mail cannot be sent with these settings.
    #[error(
        "Mail cannot be sent: {0}.\nThe sender looks like Daybook <daybook@example.org>, and mails \
         need DAYBOOK_PUBLIC_URL for their links"
    )]
    Mail(String),
    /// The system gives no threads, randomness or signals.
    #[error("The system refuses what a server needs: {0}")]
    System(String),
}
