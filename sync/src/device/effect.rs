//! What the engine asks its host to do. A host performs effects in order and decides nothing.

use super::meta::Rebuild;
use super::retry::FailureClass;
use super::status::Connectivity;
use crate::frame::{Acknowledged, Bye, Delta, Head, Hello, PushResult, ScopeChange, Verify};
use crate::hooks::Hook;
use crate::id::Id;
use crate::scope::{Lsn, Marker, Markers, Scope};
use alloc::string::String;
use alloc::vec::Vec;
use serde::Serialize;

/// Numbers the links of one run, so that news of a link that was given up is known as such.
pub type Link = u64;

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Open the stream and say this. Answered by `LinkOpened` or `LinkClosed`.
    OpenLink {
        /// The new link.
        link: Link,
        /// What to say.
        hello: Hello,
    },
    /// Give the stream up. Not answered.
    CloseLink {
        /// The link.
        link: Link,
    },
    /// Say that this device leaves, if there is a way to say it. Not answered.
    SayBye(Bye),
    /// Hand over the stream's next frame. Answered by `FrameArrived` or `LinkClosed`. A frame is
    /// asked for only when the one before it is stored, so that the network waits for the disk.
    ReadFrame {
        /// The link.
        link: Link,
    },
    /// Store rows and the markers they lead to, in one transaction or not at all. Answered by
    /// `PageStored` or `PageRefused`.
    StorePage {
        /// The link they came by.
        link: Link,
        /// The rows.
        page: Page,
        /// Positions of rows that were tried often enough; see [`super::receive::page`].
        pass: Vec<Lsn>,
    },
    /// Store what became of the changes that were taken. Answered by `Settled` or
    /// `SettleFailed`.
    Settle(Answer),
    /// Everything will be taken anew: in one transaction begin the rebuild
    /// ([`super::meta::Meta::begin_rebuild`]) and put these markers in place of all others. Not
    /// answered: should it fail, the next page does not fit, and the server says again what it
    /// said.
    BeginRebuild(Rebuild, Markers),
    /// Everything is here anew ([`super::meta::Meta::finish_rebuild`]). Answered by
    /// `RebuildFinished`, or by `RebuildUnfinished`.
    FinishRebuild,
    /// Sweep up to [`crate::limits::SWEEP_ROWS_MAX`] rows of older generations
    /// ([`super::sweep::sweep`]), in one transaction. Answered by `Swept` or `UpkeepFailed`.
    Sweep,
    /// Clear out up to [`crate::limits::SWEEP_ROWS_MAX`] of what has served its time
    /// ([`super::collect::Collection`]). Answered by `Collected` or `UpkeepFailed`.
    Collect,
    /// Make everything that was refused due again ([`super::settle::retry`]), in one transaction.
    /// Answered by `OutboxGrew` or `UpkeepFailed`.
    RetryRefused,
    /// Count the outbox. Answered by `OutboxGrew`.
    CountOutbox,
    /// Take the digests of all tables, at the place where the engine stands. Answered by
    /// `Digested` or `NotVerified`.
    TakeDigests,
    /// Ask the server whether both sides have the same. Answered by `Verified` or `NotVerified`.
    Verify(Verify),
    /// Tell the server how far everything is stored. Not answered.
    Acknowledge(Acknowledged),
    /// Store how far this device's clock is from the server's. Not answered.
    StoreOffset {
        /// The server's clock less this device's, in milliseconds.
        offset_ms: i64,
    },
    /// Read at most so many changes that are due ([`super::pick::Picker`]) and mark them as being
    /// on their way, in one transaction. Answered by `OutboxTaken` or `SettleFailed`.
    TakeOutbox {
        /// How many changes; a group larger than that goes alone.
        limit: usize,
    },
    /// Send the changes just taken ([`super::pick::push_of`]). Answered by `PushAnswered` or
    /// `PushFailed`.
    Push,
    /// Send the event `TimerFired` at this time, instead of any earlier wish for this timer.
    SetTimer {
        /// Which one.
        timer: Timer,
        /// When, on the host's clock in milliseconds.
        at_ms: u64,
    },
    /// Forget this timer.
    ClearTimer {
        /// Which one.
        timer: Timer,
    },
    /// Tell every page how the connection stands.
    TellConnectivity(Connectivity),
    /// Tell every page that the session has ended.
    TellAuthExpired,
    /// Tell whoever listens to the public face.
    Tell(SyncEvent),
    /// Tell whoever joined the hook.
    Raise(Hook),
}

/// Rows from the server and the markers they lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// The newest rows, before the rest.
    Head(Head),
    /// Rows that were missed.
    Delta(Delta),
    /// Rows that have just changed.
    Change(ScopeChange),
}

impl Page {
    /// Whether it leads back, or says that there is more and leads no further. To take it would
    /// lose a place, or go on for ever.
    #[must_use]
    pub const fn leads_nowhere(&self) -> bool {
        match self {
            Self::Head(_) => false,
            Self::Delta(Delta {
                from,
                to,
                is_last_chunk,
                ..
            }) => to.lsn < from.lsn || (to.lsn == from.lsn && !*is_last_chunk),
            Self::Change(ScopeChange { from, to, .. }) => to.lsn < from.lsn,
        }
    }
}

/// What came of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The server's outcomes.
    Outcomes(PushResult),
    /// No answer, and what that means for the changes.
    Failed(FailureClass),
}

/// The engine's timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// Try to connect again.
    Retry,
    /// Nothing was heard for too long.
    Watchdog,
    /// A change is due again.
    Outbox,
    /// Look whether another tab wrote something, should its news have been lost.
    Reread,
    /// Clear out what has served its time.
    Collect,
}

/// An event of the public face (`window.daybook.onSyncEvent`). Names and payloads are a
/// contract with scripts and tests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", content = "detail", rename_all = "snake_case")]
#[serde(rename_all_fields = "camelCase")]
pub enum SyncEvent {
    /// A link stands.
    Connected {},
    /// The link is gone.
    Disconnected {
        /// Why, as a code.
        reason: String,
    },
    /// Another attempt will be made.
    Reconnecting {
        /// How many attempts failed in a row.
        attempt: u32,
        /// When the next one comes, in milliseconds from now.
        delay_ms: u64,
    },
    /// Something went wrong.
    Error {
        /// What, as a code.
        code: String,
        /// What, in words.
        message: String,
    },
    /// What was missed begins to come.
    SyncStarted {},
    /// Both sides have everything of each other.
    SyncCompleted {},
    /// Rows changed on this device.
    Changes {
        /// Their table.
        table: String,
        /// Their keys.
        keys: Vec<Id>,
        /// Whether they came from the server.
        from_server: bool,
    },
    /// A change of this device got its outcome.
    ChangeStatus {
        /// The change.
        op_id: Id,
        /// `done`, `failed`, `recovered` or `again`.
        status: String,
    },
    /// This device has come to a new position.
    LsnUpdate {
        /// In this scope.
        scope: Scope,
        /// The position.
        lsn: Lsn,
    },
    /// The connection stands differently.
    StatusChanged {
        /// Whether a link stands.
        is_connected: bool,
        /// The status, as in [`super::status::Status`].
        status: super::status::Status,
        /// How many changes wait.
        waiting: u64,
    },
    /// The browser says that there is no network.
    NetworkLost {},
    /// The browser says that there is a network again.
    NetworkRestored {},
}

impl SyncEvent {
    /// The names of all events, as `onSyncEvent` takes them.
    pub const NAMES: [&str; 12] = [
        "connected",
        "disconnected",
        "reconnecting",
        "error",
        "sync_started",
        "sync_completed",
        "changes",
        "change_status",
        "lsn_update",
        "status_changed",
        "network_lost",
        "network_restored",
    ];

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Connected {} => "connected",
            Self::Disconnected { .. } => "disconnected",
            Self::Reconnecting { .. } => "reconnecting",
            Self::Error { .. } => "error",
            Self::SyncStarted {} => "sync_started",
            Self::SyncCompleted {} => "sync_completed",
            Self::Changes { .. } => "changes",
            Self::ChangeStatus { .. } => "change_status",
            Self::LsnUpdate { .. } => "lsn_update",
            Self::StatusChanged { .. } => "status_changed",
            Self::NetworkLost {} => "network_lost",
            Self::NetworkRestored {} => "network_restored",
        }
    }
}

/// What a commit did, as the engine needs to know it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Committed {
    /// Markers that moved.
    pub moved: Vec<(Scope, String, Marker)>,
    /// The rows that changed, by table.
    pub changed: Vec<(String, Vec<Id>)>,
    /// Changes that got their outcome: name and `done`, `failed`, `recovered` or `again`.
    pub settled: Vec<(Id, &'static str)>,
    /// Rows where an edit made here met one that its writer had not seen.
    pub conflicts: Vec<(String, Id)>,
    /// See [`super::settle::Settled::unfed`].
    pub unfed: Option<Lsn>,
    /// How many rows there was nothing to do about.
    pub skipped: u32,
    /// How the outbox stands after it.
    pub outbox: super::outbox::OutboxCount,
}
