//! What the nodes of one PostgreSQL tell each other: that there is something new in a scope, and
//! nothing of what it is. SQLite has one node.

use super::dialect::Dialect;
use super::{ScopeKey, Store, TURN_MAX};
use crate::error::Error;
use sqlx::postgres::{PgListener, PgPoolOptions};
use sync::id::Id;

/// Where they say so.
const CHANNEL: &str = "daybook_scope";

/// An ear for what other nodes say. It hears what is said from now on.
#[derive(Debug)]
pub struct Notices(PgListener);

/// Somebody says that there is something new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The node that says so; a node hears itself too.
    pub node: Id,
    /// Where.
    pub scope: ScopeKey,
}

impl Store {
    /// Whether there may be other nodes.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.dialect == Dialect::Postgres
    }

    /// Tells all nodes of a [shared](Self::is_shared) database.
    ///
    /// # Errors
    /// The database failed; they will find out by themselves, somewhat later.
    pub async fn announce(&self, notice: &Notice) -> Result<(), Error> {
        sqlx::query("SELECT pg_notify($1, $2)")
            .bind(CHANNEL)
            .bind(format!("{} {}", notice.node, notice.scope.as_str()))
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Begins to listen, on a connection of its own.
    ///
    /// # Errors
    /// The database failed.
    pub async fn notices(&self) -> Result<Notices, Error> {
        let url = self.writer.connect_options().database_url.to_string();
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(TURN_MAX)
            .max_lifetime(None)
            .idle_timeout(None);
        let pool = pool.connect(&url).await?;
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        Ok(Notices(listener))
    }
}

impl Notices {
    /// The next thing that is said; nothing once the connection is lost.
    ///
    /// # Errors
    /// The database failed.
    pub async fn next(&mut self) -> Result<Option<Notice>, Error> {
        while let Some(said) = self.0.try_recv().await? {
            // Whoever may use the database may say anything there.
            if let Some((node, scope)) = said.payload().split_once(' ')
                && let Ok(node) = node.parse()
            {
                let scope = ScopeKey(scope.to_owned());
                return Ok(Some(Notice { node, scope }));
            }
        }
        Ok(None)
    }
}
