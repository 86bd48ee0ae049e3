//! Everything the engine remembers between two events.

use super::effect::Link;
use super::outbox::OutboxCount;
use crate::frame::Hello;
use crate::id::Id;
use crate::scope::Markers;
use crate::table::Schema;
use alloc::string::ToString;

/// What the engine is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing: this tab does not lead, or nobody is signed in.
    Stopped,
    /// Waiting for a network.
    Offline,
    /// A link was asked for.
    Connecting,
    /// The server took the request and has not said welcome yet.
    Handshake,
    /// What was missed is coming.
    Delta,
    /// Changes come as they happen.
    Live,
    /// The state is being taken anew.
    Rebuild,
    /// Waiting before the next attempt.
    Backoff,
    /// The session has ended; waiting for the person.
    AuthBlocked,
}

/// What the last attempt failed of, until one succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The server cannot be reached.
    Unreachable,
    /// Something was not accepted, not understood or not stored.
    Sync,
}

/// What the outbox is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Drain {
    /// Nothing.
    #[default]
    Idle,
    /// Changes are being read.
    Taking,
    /// Changes are on their way.
    Pushing,
    /// Their outcomes are being stored.
    Settling,
}

/// The outbox as the engine knows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outbox {
    /// Changes the server has not acknowledged and that are not set aside.
    pub waiting: u64,
    /// Changes that the server refused.
    pub failed: u64,
    /// What is being done about them.
    pub drain: Drain,
    /// Something was written while changes were being read; look again afterwards.
    pub again: bool,
}

/// The engine's state: small, plain and cheap to copy; rows and changes stay in the store.
#[derive(Clone, Debug)]
pub struct State {
    /// All synced tables.
    pub schema: &'static Schema,
    /// This device.
    pub device_id: Id,
    /// Where it stands.
    pub markers: Markers,
    /// What it is doing.
    pub phase: Phase,
    /// The present or last link.
    pub link: Link,
    /// Whether the present link is waiting for a commit before it reads on.
    pub storing: bool,
    /// Whether the retry timer is set.
    pub retry_armed: bool,
    /// Failed attempts in a row.
    pub failures: u32,
    /// What the last of them failed of.
    pub trouble: Option<Trouble>,
    /// The browser says that there is no network.
    pub network_lost: bool,
    /// The outbox.
    pub outbox: Outbox,
    /// When the stream last brought something, on the host's clock in milliseconds.
    pub heard_at_ms: u64,
    /// When both sides last had everything of each other; 0 if never.
    pub synced_at_ms: u64,
    /// The server's clock less this device's, in milliseconds, as last stored.
    pub offset_ms: i64,
}

/// What the store knows when the engine starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// This device.
    pub device_id: Id,
    /// Where it stands.
    pub markers: Markers,
    /// How the outbox stands.
    pub outbox: OutboxCount,
    /// The server's clock less this device's, in milliseconds.
    pub offset_ms: i64,
}

impl State {
    /// The state of a device that has just started and does nothing yet.
    #[must_use]
    pub fn new(schema: &'static Schema, stored: Stored) -> Self {
        let Stored {
            device_id,
            markers,
            outbox,
            offset_ms,
        } = stored;
        Self {
            schema,
            device_id,
            markers,
            phase: Phase::Stopped,
            link: 0,
            storing: false,
            retry_armed: false,
            failures: 0,
            trouble: None,
            network_lost: false,
            outbox: Outbox {
                waiting: outbox.waiting,
                failed: outbox.failed,
                ..Outbox::default()
            },
            heard_at_ms: 0,
            synced_at_ms: 0,
            offset_ms,
        }
    }

    /// Whether a link was asked for or stands.
    #[must_use]
    pub const fn has_link(&self) -> bool {
        matches!(
            self.phase,
            Phase::Connecting | Phase::Handshake | Phase::Delta | Phase::Live | Phase::Rebuild
        )
    }

    /// Whether the server has welcomed this device on a link that stands.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        matches!(self.phase, Phase::Delta | Phase::Live | Phase::Rebuild)
    }

    /// What this device says when a session opens.
    #[must_use]
    pub fn hello(&self, now_ms: u64) -> Hello {
        Hello {
            device_id: self.device_id,
            markers: self.markers.clone(),
            tables: self
                .schema
                .tables
                .iter()
                .map(|table| table.name.to_string())
                .collect(),
            device_time_ms: now_ms,
        }
    }
}
