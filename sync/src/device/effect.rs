//! What the engine asks its host to do. A host performs effects in order and decides nothing.

use super::retry::FailureClass;
use super::status::Connectivity;
use crate::frame::{Delta, Hello, PushResult, ScopeChange};
use crate::id::Id;
use crate::scope::{Lsn, Marker, Scope};
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
    },
    /// Store what became of the changes that were taken. Answered by `Settled` or
    /// `SettleFailed`.
    Settle(Answer),
    /// Everything will be taken anew: forget the markers, keep rows and outbox. Not answered.
    ForgetMarkers,
    /// Store how far this device's clock is from the server's. Not answered.
    StoreOffset {
        /// The server's clock less this device's, in milliseconds.
        offset_ms: i64,
    },
    /// Read changes that are due, oldest first, and mark them as being on their way, in one
    /// transaction. Answered by `OutboxTaken`.
    TakeOutbox,
    /// Send the changes just taken. Answered by `PushAnswered` or `PushFailed`.
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
    /// Tell whoever listens.
    Tell(SyncEvent),
}

/// Rows from the server and the markers they lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// Rows that were missed.
    Delta(Delta),
    /// Rows that have just changed.
    Change(ScopeChange),
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
        /// `done`, `failed` or `recovered`.
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

/// What a commit did, as the engine needs to know it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Committed {
    /// Markers that moved.
    pub moved: Vec<(Scope, String, Marker)>,
    /// The rows that changed, by table.
    pub changed: Vec<(String, Vec<Id>)>,
    /// Changes that got their outcome: name and `done`, `failed` or `recovered`.
    pub settled: Vec<(Id, &'static str)>,
    /// How the outbox stands after it.
    pub outbox: super::outbox::OutboxCount,
}
