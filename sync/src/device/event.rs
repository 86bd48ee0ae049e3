//! Everything that can happen to a device, in one closed list.

use super::effect::{Committed, Link, Timer};
use super::outbox::OutboxCount;
use super::retry::LinkFailure;
use crate::frame::{PushResult, ServerFrame};
use crate::id::Mint;
use alloc::string::String;

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
        reason: String,
    },
    /// What became of the changes taken is stored.
    Settled(Committed),
    /// It is not stored; the changes will be sent again, which changes nothing.
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
