//! Everything the engine remembers between two events.

use super::breaker::{Breaker, Token};
use super::effect::Link;
use super::meta::Rebuild;
use super::outbox::OutboxCount;
use crate::frame::Hello;
use crate::id::Id;
use crate::limits::PUSH_CHANGES_MAX;
use crate::rules::Rules;
use crate::scope::{Lsn, Marker, Markers, Scope};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// What the engine is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Nothing: this tab does not lead, nobody is signed in, or somebody asked for it.
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
#[derive(Debug, Default, PartialEq, Eq)]
pub enum Drain {
    /// Nothing.
    #[default]
    Idle,
    /// Changes are being read.
    Taking(Token),
    /// Changes are on their way, so many of them.
    Pushing(Token, usize),
    /// Their outcomes are being stored.
    Settling,
}

/// The outbox as the engine knows it.
#[derive(Debug, PartialEq, Eq)]
pub struct Outbox {
    /// Changes the server has not acknowledged and that are not set aside.
    pub waiting: u64,
    /// Changes and rows that were refused.
    pub failed: u64,
    /// What is being done about them.
    pub drain: Drain,
    /// Something was written while changes were being read; look again afterwards.
    pub again: bool,
    /// Whether the outbox's timer is set.
    pub armed: bool,
    /// How many changes go out at once: fewer while one of them is being found that the server
    /// refuses the whole push for.
    pub limit: usize,
}

/// Whether both sides are being compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verifying {
    /// No.
    #[default]
    No,
    /// As soon as both sides have everything of each other.
    Wanted,
    /// The digests are being taken.
    Digesting,
    /// The server was asked.
    Asked,
    /// The server had more than this device: once more after its next sign of life.
    Behind,
}

/// The engine's state: small and plain; rows and changes stay in the store.
#[derive(Debug)]
pub struct State {
    /// What the product says.
    pub rules: Rules,
    /// This device.
    pub device_id: Id,
    /// Where it stands.
    pub markers: Markers,
    /// What it is doing.
    pub phase: Phase,
    /// The present or last link.
    pub link: Link,
    /// The breaker's leave for the present link, until it is known how that went.
    pub link_token: Option<Token>,
    /// Whether the present link is waiting for a commit before it reads on.
    pub storing: bool,
    /// Whether what it waits for is the end of a rebuild.
    pub finishing: bool,
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
    /// Shuts when the server keeps failing.
    pub breaker: Breaker,
    /// The state is being taken anew, and why.
    pub rebuild: Option<Rebuild>,
    /// Up to where the server had cleared out its person's tombstones when it welcomed this device.
    pub purged: Lsn,
    /// The lowest position of an answer whose row the feed has not brought.
    pub unfed: Option<Lsn>,
    /// How many signs of life came since the last other frame.
    pub idle_heartbeats: u32,
    /// Rows were shown before their turn, and what was missed has not come whole since.
    pub headed: bool,
    /// Pages of links up to this one were stored before the state was last begun anew; where they
    /// led is forgotten.
    pub forgotten: Link,
    /// There may be rows of older generations.
    pub unswept: bool,
    /// A row that could not be stored, and how often it was tried.
    pub bad_row: Option<(Lsn, u32)>,
    /// Rows that were tried often enough, by position.
    pub pass: Vec<Lsn>,
    /// Whether both sides are being compared.
    pub verifying: Verifying,
    /// What the server was last told about where this device stands.
    pub acknowledged: BTreeMap<Scope, Marker>,
    /// While a device with nothing takes everything: since when, and how many rows so far.
    pub bootstrap: Option<(u64, u64)>,
    /// Conflicts reported lately, and when.
    pub conflicts: BTreeMap<(String, Id), u64>,
    /// When the stream last brought something, on the host's clock in milliseconds.
    pub heard_at_ms: u64,
    /// When both sides last had everything of each other; 0 if never.
    pub synced_at_ms: u64,
    /// The server's clock less this device's, in milliseconds, as last stored.
    pub offset_ms: i64,
    /// The app was updated since it last ran here; what was refused is worth another try.
    pub updated: bool,
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
    /// The state is being taken anew, and why.
    pub rebuild: Option<Rebuild>,
    /// How often the state was begun anew; see [`super::meta::Meta::generation`].
    pub generation: u32,
    /// See [`super::meta::Meta::headed`].
    pub headed: bool,
    /// The app was updated since it last ran here.
    pub updated: bool,
}

impl State {
    /// The state of a device that has just started and does nothing yet.
    #[must_use]
    pub fn new(rules: Rules, stored: Stored) -> Self {
        Self {
            rules,
            device_id: stored.device_id,
            markers: stored.markers,
            phase: Phase::Stopped,
            link: 0,
            link_token: None,
            storing: false,
            finishing: false,
            retry_armed: false,
            failures: 0,
            trouble: None,
            network_lost: false,
            outbox: Outbox::of(stored.outbox),
            breaker: Breaker::default(),
            rebuild: stored.rebuild,
            headed: stored.headed,
            idle_heartbeats: 0,
            purged: 0,
            unfed: None,
            forgotten: 0,
            unswept: stored.generation > 0,
            bad_row: None,
            pass: Vec::new(),
            verifying: Verifying::No,
            acknowledged: BTreeMap::new(),
            bootstrap: None,
            conflicts: BTreeMap::new(),
            heard_at_ms: 0,
            synced_at_ms: 0,
            offset_ms: stored.offset_ms,
            updated: stored.updated,
        }
    }

    /// Whether a link was asked for or stands.
    #[must_use]
    pub const fn has_link(&self) -> bool {
        matches!(self.phase, Phase::Connecting | Phase::Handshake) || self.is_connected()
    }

    /// Whether the server has welcomed this device on a link that stands.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        matches!(self.phase, Phase::Delta | Phase::Live | Phase::Rebuild)
    }

    /// What this device says when a session opens.
    #[must_use]
    pub fn hello(&self, now_ms: u64) -> Hello {
        let tables = self.rules.schema.tables.iter();
        Hello {
            device_id: self.device_id,
            markers: self.markers.clone(),
            tables: tables.map(|table| table.name.to_string()).collect(),
            schema_version: self.rules.schema.version,
            device_time_ms: now_ms.saturating_add_signed(self.offset_ms),
        }
    }

    /// Where this device stands in each of its scopes as a whole.
    #[must_use]
    pub fn positions(&self) -> BTreeMap<Scope, Marker> {
        let tables = self.rules.schema.tables;
        let scope_names: BTreeSet<_> = tables.iter().flat_map(|table| table.scopes).collect();
        let standing = |name: &&str| {
            let scope = Scope::named(name);
            let here = tables.iter().filter(|table| table.lives_in(name));
            let lowest = self.markers.lowest(&scope, here.map(|table| table.name));
            (scope, lowest)
        };
        scope_names.into_iter().map(standing).collect()
    }
}

impl Outbox {
    fn of(count: OutboxCount) -> Self {
        Self {
            waiting: count.waiting,
            failed: count.failed,
            drain: Drain::Idle,
            again: false,
            armed: false,
            limit: PUSH_CHANGES_MAX,
        }
    }
}
