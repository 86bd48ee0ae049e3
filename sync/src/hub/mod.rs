//! The server's side: accepting changes, and one session of the feed.
//!
//! Pure like the rest: the server reads and writes rows, and asks these functions what to make
//! of them.

pub mod accept;
pub mod session;
