//! How copies agree: the sync engine, pure.
//!
//! Nothing here knows a clock, a file, a socket or a thread. A host tells the engine what
//! happened and when, hands it randomness, and performs the effects it asks for; so the same
//! code runs in the browser's worker, in the server and in tests, and a seed replays exactly.
//!
//! # Layout, in reading order
//! - [`limits`]: every bound, by name
//! - [`id`], [`clock`], [`stamp`]: names and the order of things that happened apart
//! - [`value`], [`table`]: what a synced table is, declared once
//! - [`change`], [`row`], [`merge`]: an edit, a row, and the one function that joins them
//! - [`scope`], [`frame`], [`local`]: positions, the wire, and what a page asks its worker
//! - [`device`]: the device's side: one state, one closed list of events, one `step`
//! - [`hub`]: the server's side: accepting changes, reading the feed, one session
#![no_std]
extern crate alloc;
// So that `#[derive(Synced)]` resolves in this crate's own tests too.
extern crate self as sync;
#[cfg(test)]
extern crate std;

pub mod change;
pub mod clock;
pub mod device;
pub mod frame;
pub mod hub;
pub mod id;
pub mod limits;
pub mod local;
pub mod merge;
pub mod row;
pub mod scope;
pub mod stamp;
pub mod table;
pub mod value;

#[cfg(test)]
mod fixture;
