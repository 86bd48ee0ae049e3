//! One session of the feed over the database: what `sync::hub::session` decides, done. A stream
//! runs it for as long as the device listens, a pull for a few pages.

use crate::error::Error;
use crate::store::{ScopeKey, Store};
use crate::telemetry::metrics::FEED_ROWS;
use metrics::counter;
use sync::frame::{Hello, ServerError, ServerFrame};
use sync::hub::session::{Read, Session, claims};
use sync::id::Id;
use sync::scope::{LIBRARY, OWN, Scope};

/// The scopes that a session reads, by the device's name and by the database's.
#[derive(Debug)]
pub(super) struct Scopes(Vec<(Scope, ScopeKey)>);

/// A session that is open.
#[derive(Debug)]
pub(super) struct Feed {
    store: Store,
    scopes: Scopes,
    session: Session,
}

impl Scopes {
    /// What this person may read; nobody may read the library.
    pub(super) fn of(user: Option<Id>) -> Self {
        let names = [LIBRARY, OWN].map(Scope::named);
        let resolve = |scope: Scope| ScopeKey::resolve(&scope, user).map(|key| (scope, key));
        Self(names.into_iter().filter_map(resolve).collect())
    }

    pub(super) fn keys(&self) -> Vec<ScopeKey> {
        self.0.iter().map(|(_, key)| key.clone()).collect()
    }

    /// Both names of each scope.
    pub(super) fn named(&self) -> &[(Scope, ScopeKey)] {
        &self.0
    }

    fn key(&self, scope: &Scope) -> Result<&ScopeKey, Error> {
        let found = self.0.iter().find(|(name, _)| name == scope);
        found
            .map(|(_, key)| key)
            .ok_or(Error::Internal("a scope that was not opened"))
    }
}

impl Feed {
    /// Opens the session. The inner error is for the device: it stands where this server's
    /// history never was or does not reach any more, or speaks another version.
    ///
    /// # Errors
    /// The database failed.
    pub(super) async fn open(
        store: &Store,
        scopes: Scopes,
        hello: &Hello,
    ) -> Result<Result<Self, ServerError>, Error> {
        let names: Vec<_> = scopes.0.iter().map(|(name, _)| name.clone()).collect();
        let claims = claims(hello, &names);
        let positions = store.positions(&scopes.0, &claims).await?;
        let session = Session::open(&domain::SCHEMA, hello, names, positions);
        Ok(session.map(|session| Self {
            store: store.clone(),
            scopes,
            session,
        }))
    }

    /// The first thing to say.
    pub(super) fn welcome(&self, now_ms: u64) -> ServerFrame {
        self.session.welcome(now_ms)
    }

    /// A sign of life, and up to where the device has been told everything.
    pub(super) fn heartbeat(&self, now_ms: u64) -> ServerFrame {
        self.session.heartbeat(now_ms)
    }

    /// What to say when reading on failed, and the last thing that is said.
    pub(super) fn failed(&self, error: &Error) -> ServerFrame {
        self.session.failed(error.frame())
    }

    /// Something may have changed: look again.
    pub(super) fn poke(&mut self) {
        self.session.poke();
    }

    /// Reads on, and says the next thing there is to say. Nothing means that the device has
    /// everything until somebody writes.
    ///
    /// # Errors
    /// The database failed. The session must end then: what it did not say would be missing.
    pub(super) async fn advance(&mut self) -> Result<Option<Vec<ServerFrame>>, Error> {
        loop {
            let frames = match self.session.read() {
                Read::Wait => return Ok(None),
                Read::Head { scope, table, .. } => {
                    let key = self.scopes.key(&scope)?;
                    let rows = self.store.newest(key, table).await?;
                    self.session.found_head(rows)
                }
                Read::Rows {
                    scope,
                    tables,
                    after,
                    ceiling,
                } => {
                    let key = self.scopes.key(&scope)?;
                    let found = self.store.page(key, &tables, after, ceiling).await?;
                    self.session.found(found)
                }
            };
            if !frames.is_empty() {
                counter!(FEED_ROWS).increment(rows_in(&frames));
                return Ok(Some(frames));
            }
        }
    }
}

/// How many rows these frames carry.
fn rows_in(frames: &[ServerFrame]) -> u64 {
    let rows = frames.iter().map(|frame| match frame {
        ServerFrame::Head(head) => head.rows.len(),
        ServerFrame::Delta(delta) => delta.rows.len(),
        ServerFrame::Change(change) => change.rows.len(),
        _ => 0,
    });
    u64::try_from(rows.sum::<usize>()).unwrap_or(u64::MAX)
}
