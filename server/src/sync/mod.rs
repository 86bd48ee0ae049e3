//! The sync endpoints. The bodies are the frames of `sync`, the decisions are `sync::hub`'s;
//! here they meet the database and the network.
//!
//! - [`push`](mod@push), [`pull`](mod@pull), [`stream`](mod@stream): the endpoints
//! - [`feed`]: one session over the database; [`body`]: reading a request
//! - [`fanout`]: waking streams; [`seats`]: how many there are

pub(crate) mod body;
pub mod fanout;
mod feed;
pub(crate) mod pull;
pub(crate) mod push;
pub mod seats;
pub(crate) mod stream;
