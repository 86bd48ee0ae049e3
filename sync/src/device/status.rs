//! How the connection stands, derived from the engine's state and never stored.

use super::state::{Phase, State, Trouble};
use serde::{Deserialize, Serialize};

/// The statuses that programs go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Nothing is tried: nobody is signed in, or sync was stopped.
    Disconnected,
    /// A link is being made.
    Connecting,
    /// A link stands and what was missed is coming.
    Connected,
    /// Both sides have everything of each other.
    SyncComplete,
    /// Something was not accepted or not understood.
    SyncError,
    /// The session has ended on the server.
    AuthError,
    /// The server cannot be reached.
    ConnectionError,
}

/// What the header of every page shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeaderState {
    /// `!` Session Expired.
    AuthError,
    /// `!` No Internet.
    ConnectionError,
    /// `!` Sync Issue.
    SyncError,
    /// `✓` Work is on its way.
    Syncing,
    /// `✓` Saved here, and waiting.
    Pending,
    /// `✓✓` Everything is on both sides.
    Synced,
}

/// How the connection stands, as a page is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connectivity {
    /// For programs.
    pub status: Status,
    /// For the header.
    pub header: HeaderState,
    /// How many changes the server has not acknowledged.
    pub waiting: u64,
    /// How many changes the server refused; their words are kept here.
    pub failed: u64,
    /// The network seems to be there and the server does not answer.
    pub server_silent: bool,
    /// When everything was last on both sides, in milliseconds since 1970; 0 if never.
    pub synced_at_ms: u64,
}

/// The status that programs go by.
#[must_use]
pub fn status(state: &State) -> Status {
    match (state.phase, state.trouble) {
        (Phase::AuthBlocked, _) => Status::AuthError,
        (_, Some(Trouble::Unreachable)) => Status::ConnectionError,
        (_, Some(Trouble::Sync)) => Status::SyncError,
        (Phase::Stopped, _) => Status::Disconnected,
        (Phase::Offline, _) => Status::ConnectionError,
        (Phase::Connecting | Phase::Handshake | Phase::Backoff, _) => Status::Connecting,
        (Phase::Delta | Phase::Rebuild, _) => Status::Connected,
        (Phase::Live, _) if state.outbox.failed > 0 => Status::SyncError,
        (Phase::Live, _) if state.outbox.waiting > 0 => Status::Connected,
        (Phase::Live, _) => Status::SyncComplete,
    }
}

/// What a page is told.
#[must_use]
pub fn connectivity(state: &State) -> Connectivity {
    let status = status(state);
    let header = match status {
        Status::AuthError => HeaderState::AuthError,
        Status::ConnectionError => HeaderState::ConnectionError,
        Status::SyncError => HeaderState::SyncError,
        Status::SyncComplete => HeaderState::Synced,
        Status::Connecting | Status::Connected => HeaderState::Syncing,
        Status::Disconnected => HeaderState::Pending,
    };
    Connectivity {
        status,
        header,
        waiting: state.outbox.waiting,
        failed: state.outbox.failed,
        server_silent: header == HeaderState::ConnectionError && !state.network_lost,
        synced_at_ms: state.synced_at_ms,
    }
}
