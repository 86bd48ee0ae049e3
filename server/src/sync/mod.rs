//! The sync endpoints. The bodies are the frames of `sync`, the decisions are `sync::hub`'s;
//! here they meet the database and the network.
//!
//! - [`push`](mod@push), [`pull`](mod@pull): edits in, the feed out, one request each
//! - [`stream`](mod@stream), [`socket`](mod@socket): the same for as long as a device listens;
//!   [`live`] is what they have in common
//! - [`cursor`](mod@cursor), [`verify`](mod@verify): where a device stands, and whether it has
//!   the same
//! - [`feed`]: one session over the database; [`body`]: reading a request
//! - [`fanout`]: waking streams; [`nodes`]: waking those of other nodes; [`seats`]: how many
//!   there are
//! - [`holding`]: ending the streams whose session has ended
//! - [`gc`]: clearing out what has served its time

pub(crate) mod body;
pub(crate) mod cursor;
pub mod fanout;
mod feed;
pub mod gc;
pub mod holding;
pub mod live;
pub(crate) mod nodes;
pub(crate) mod pull;
pub(crate) mod push;
pub mod seats;
pub mod socket;
pub(crate) mod stream;
pub(crate) mod verify;
