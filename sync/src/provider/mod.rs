//! The ways to a server, behind one face: a stream that is read frame by frame, and a few
//! requests beside it. The engine knows none of them; a host hands its effects to the active
//! one.
//!
//! To write one: implement [`SyncProvider`], register it, and run [`conformance`] against it.
//!
//! - [`registry`]: which providers there are, and which one is used
//! - [`memory`]: a server in the same program, for tests and for a demo without one
//! - [`socket`], [`polled`]: what a provider over a socket, and one that polls, need besides the
//!   network
//! - [`conformance`]: what every provider, and every server behind it, must pass

pub mod conformance;
pub mod memory;
pub mod polled;
pub mod registry;
pub mod socket;

use crate::device::effect::Link;
use crate::device::retry::LinkFailure;
use crate::frame::{Acknowledged, Bye, Hello, Push, PushResult, ServerFrame, Verified, Verify};
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::fmt;

/// How a provider comes by changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The server tells, over a stream that stays open.
    Direct,
    /// The provider asks, again and again.
    Gateway,
}

/// What a provider answers, at its own time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The server took the stream's request.
    Opened(Link),
    /// The frame that was asked for.
    Frame(Link, ServerFrame),
    /// The stream ended, or never began.
    Closed(Link, LinkFailure),
    /// What became of a push.
    Pushed(Result<PushResult, LinkFailure>),
    /// Some of the feed, complete when it ends in `delta_complete`.
    Pulled(Result<Vec<ServerFrame>, LinkFailure>),
    /// How both sides compare.
    Verified(Result<Verified, LinkFailure>),
}

/// Where replies go. Cheap to clone; a reply after its request was given up may still come.
#[derive(Clone)]
pub struct Sink(Rc<dyn Fn(Reply)>);

impl Sink {
    /// A sink that hands replies to `take`.
    pub fn new(take: impl Fn(Reply) + 'static) -> Self {
        Self(Rc::new(take))
    }

    /// Hands a reply over.
    pub fn send(&self, reply: Reply) {
        (self.0)(reply);
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sink")
    }
}

/// A way to a server. Calls return at once; what comes of them goes to the sink. A provider
/// decides nothing: when to try again is the engine's business.
pub trait SyncProvider: fmt::Debug {
    /// Its name, by which it is chosen.
    fn id(&self) -> &str;

    /// How it comes by changes.
    fn mode(&self) -> Mode;

    /// Opens a stream and says hello, in place of any earlier one. Replies `Opened` or `Closed`.
    fn subscribe(&mut self, link: Link, hello: Hello, sink: Sink);

    /// Hands over the next frame when there is one. Replies `Frame` or `Closed`, once a call.
    fn read(&mut self, link: Link);

    /// Gives the stream up. No reply; one that was under way may still come.
    fn unsubscribe(&mut self, link: Link);

    /// Fetches some of the feed without a stream. Replies `Pulled`.
    fn pull(&mut self, hello: Hello, sink: Sink);

    /// Sends changes. Replies `Pushed`.
    fn push(&mut self, push: Push, sink: Sink);

    /// Tells how far everything is stored. No reply, and no matter if it is lost.
    fn update_cursor(&mut self, acknowledged: Acknowledged);

    /// Asks whether both sides have the same. Replies `Verified`.
    fn verify(&mut self, verify: Verify, sink: Sink);

    /// Says that this device leaves. No reply, and no matter if it is lost.
    fn bye(&mut self, bye: Bye);
}
