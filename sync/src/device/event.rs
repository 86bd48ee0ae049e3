//! Everything that can happen to a device, in one closed list.

use super::effect::{Committed, Link, Timer};
use super::outbox::OutboxCount;
use super::receive::ReceiveError;
use super::retry::LinkFailure;
use crate::frame::{Digests, PushResult, ServerFrame, Verified};
use crate::id::Mint;
use crate::scope::{Lsn, Markers};
use alloc::string::{String, ToString};

/// What happened, when, and with which chance.
#[derive(Clone, Debug)]
pub struct Input {
    /// The host's wall clock, and the randomness for what follows from the event.
    pub mint: Mint,
    /// What happened.
    pub event: Event,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// This tab leads: it alone runs the link.
    Led,
    /// This tab no longer leads, or nobody is signed in any more.
    Stopped,
    /// A person signed in, or the same person did again.
    SignedIn,
    /// Somebody asked to be in touch: `connectToSyncServer`, or another provider was chosen.
    ConnectAsked,
    /// Somebody asked to be out of touch: `disconnectFromSyncServer`.
    DisconnectAsked {
        /// Why, in a word or two.
        reason: String,
    },
    /// Somebody asked to take everything anew: `resetLSN`.
    ResetAsked,
    /// Somebody asked whether both sides have the same.
    VerifyAsked,
    /// Somebody asked to try again what was refused.
    RetryAsked,
    /// The browser says that there is a network.
    NetworkFound,
    /// The browser says that there is none.
    NetworkLost,
    /// The page became visible, or its person asked to try now.
    Woken,
    /// Something was written, here or in another tab.
    OutboxGrew(OutboxCount),
    /// The server took the stream's request.
    LinkOpened {
        /// The link.
        link: Link,
    },
    /// The stream brought a frame.
    FrameArrived {
        /// The link.
        link: Link,
        /// The frame.
        frame: ServerFrame,
    },
    /// The stream ended or never began.
    LinkClosed {
        /// The link.
        link: Link,
        /// Why.
        failure: LinkFailure,
    },
    /// A page is stored.
    PageStored {
        /// The link it came by.
        link: Link,
        /// What that did.
        committed: Committed,
    },
    /// A page is not stored, nothing of it.
    PageRefused {
        /// The link it came by.
        link: Link,
        /// Why.
        refused: Refused,
    },
    /// The state is here anew, and stored as such.
    RebuildFinished(OutboxCount),
    /// It is here anew, and that could not be stored.
    RebuildUnfinished {
        /// Why.
        message: String,
    },
    /// Rows of older generations were swept.
    Swept {
        /// There are more of them.
        left: bool,
        /// How the outbox stands.
        outbox: OutboxCount,
    },
    /// What had served its time was cleared out.
    Collected {
        /// There is more of it.
        left: bool,
    },
    /// Sweeping, clearing out, taking digests or making refused changes due failed, and changed
    /// nothing.
    UpkeepFailed {
        /// Why.
        message: String,
    },
    /// The digests of all tables were taken.
    Digested(Digests),
    /// The server said how both sides compare.
    Verified(Verified),
    /// It did not.
    NotVerified(LinkFailure),
    /// What became of the changes taken is stored.
    Settled(Committed),
    /// It is not stored, or nothing could be taken; the changes will be sent again, which
    /// changes nothing.
    SettleFailed,
    /// Changes were read from the outbox and marked.
    OutboxTaken {
        /// How many.
        taken: usize,
        /// How the outbox stands.
        outbox: OutboxCount,
    },
    /// The server answered a push.
    PushAnswered(PushResult),
    /// It did not.
    PushFailed(LinkFailure),
    /// A timer is due.
    TimerFired(Timer),
}

/// Why a page is not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It does not begin where the device stands.
    Gap {
        /// Where the store stands: another tab may have led meanwhile.
        markers: Markers,
    },
    /// A row in it does not fit its table.
    BadRow {
        /// The row's position.
        lsn: Lsn,
        /// What is wrong with it.
        message: String,
    },
    /// The store failed, or the page is none that was asked for.
    Failed {
        /// What went wrong.
        message: String,
    },
}

impl Refused {
    /// What a refusal by [`super::receive::page`] means, given where the store stands.
    #[must_use]
    pub fn of(error: &ReceiveError, markers: &Markers) -> Self {
        match error {
            ReceiveError::Gap => Self::Gap {
                markers: markers.clone(),
            },
            ReceiveError::BadRow { lsn, .. } => Self::BadRow {
                lsn: *lsn,
                message: error.to_string(),
            },
            ReceiveError::UnknownTable => Self::Failed {
                message: error.to_string(),
            },
        }
    }
}
