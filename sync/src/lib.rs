//! How copies agree: the sync engine, pure.
//!
//! Nothing here knows a clock, a file, a socket or a thread. A host tells the engine what
//! happened and when, hands it randomness, and performs the effects it asks for; so the same
//! code runs in the browser's worker, in the server and in tests, and a seed replays exactly.
//!
//! # Layout, in reading order
//! - [`limits`]: every bound, by name
//! - [`id`], [`clock`], [`stamp`]: names and the order of things that happened apart
//! - [`value`], [`table`], [`version`]: what a synced table is, declared once, and its versions
//! - [`text`], [`rules`]: how long texts are compared and joined, and what the product says
//! - [`change`], [`row`], [`merge`]: an edit, a row, and the one function that joins them
//! - [`scope`], [`frame`], [`digest`]: positions, the wire, and whether two copies are the same
//! - [`device`]: the device's side: one state, one closed list of events, one `step`
//! - [`hub`]: the server's side: accepting changes, reading the feed, one session
//! - [`provider`]: the ways to a server, their registry, and the suite that all of them pass
//! - [`hooks`], [`local`]: what can be listened to, and what a page asks its worker
//! - [`planted`]: faults that measure the tests, in no real build
#![no_std]
extern crate alloc;
// So that `#[derive(Synced)]` resolves in this crate's own tests too.
extern crate self as sync;
#[cfg(test)]
extern crate std;

pub mod change;
pub mod clock;
pub mod device;
pub mod digest;
pub mod frame;
pub mod hooks;
pub mod hub;
pub mod id;
pub mod limits;
pub mod local;
pub mod merge;
pub mod planted;
pub mod provider;
pub mod row;
pub mod rules;
pub mod scope;
pub mod stamp;
pub mod table;
pub mod text;
pub mod value;
pub mod version;

#[cfg(test)]
mod fixture;
