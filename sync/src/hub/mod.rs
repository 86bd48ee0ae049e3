//! The server's side: accepting changes, and one session of the feed.
//!
//! Pure like the rest: the server reads and writes rows, and asks these functions what to make
//! of them.
//!
//! - [`drift`]: stamps of clocks that are wrong
//! - [`accept`]: what becomes of a change, or of a group of them
//! - [`revision`]: what is kept of texts that lost or were written over
//! - [`session`]: one device's session of the feed
//! - [`collect`]: what has served its time
//! - [`ledger`]: a whole server in ordered maps, as the shortest description of one

pub mod accept;
pub mod collect;
pub mod drift;
pub mod ledger;
pub mod revision;
pub mod session;

#[cfg(test)]
mod tests;
