//! How PostgreSQL is opened. Each setting is argued in docs/decisions/server.md.

use super::pool_with;
use crate::error::StartError;
use sqlx::AnyPool;
use sqlx::any::AnyConnectOptions;
use std::fmt::Display;
use std::str::FromStr as _;

/// How many connections one node has, for writing and reading together.
const CONNECTIONS_MAX: u32 = 16;

/// Of each connection: how long a statement waits for a lock and how long it may take, and how
/// long a transaction may stand still, so that a node that hangs does not hold a scope for ever.
const SETTINGS: &str = "SET lock_timeout = '10s'; SET statement_timeout = '30s'; \
                        SET idle_in_transaction_session_timeout = '60s'";

/// Opens the connections.
pub(super) async fn open(url: &str) -> Result<AnyPool, StartError> {
    let options = options(url)?;
    pool_with(CONNECTIONS_MAX, &[SETTINGS])
        .connect_with(options)
        .await
        .map_err(|error| cannot_open(url, &error))
}

/// Where the database is.
pub(super) fn options(url: &str) -> Result<AnyConnectOptions, StartError> {
    AnyConnectOptions::from_str(url).map_err(|error| cannot_open(url, &error))
}

pub(super) fn cannot_open(url: &str, error: &dyn Display) -> StartError {
    StartError::Postgres {
        url: without_password(url),
        reason: error.to_string(),
    }
}

/// The address as it may be shown.
pub(super) fn without_password(url: &str) -> String {
    let Ok(mut options) = AnyConnectOptions::from_str(url) else {
        return "postgres://…".to_owned();
    };
    // Only an address without a host cannot be without a password, and that one has none.
    let _ = options.database_url.set_password(None);
    options.database_url.set_query(None);
    options.database_url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        for (url, shown) in [
            (
                "postgres://ann:secret@db:5432/daybook",
                "postgres://ann@db:5432/daybook",
            ),
            ("postgres:///daybook?password=secret", "postgres:///daybook"),
            ("postgres://ann:secret@db:nonsense/daybook", "postgres://…"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
