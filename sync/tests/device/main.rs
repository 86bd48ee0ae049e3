//! What a device does next, one decision at a time.
//!
//! - [`engine`]: the engine, told what happened by hand
//! - [`link`], [`silence`]: connecting and stopping; servers that do not answer as they should
//! - [`feed`], [`pages`]: what the server says; what the store answers about it
//! - [`outbox`], [`failing`]: what goes out, push after push; pushes that fail
//! - [`upkeep`], [`compare`]: taking everything anew, sweeping, clearing out; comparing
//! - [`told`]: events, hooks, and how the connection stands
//! - [`trouble`]: how long trouble is shown, and what is told of it

mod behind;
mod compare;
mod engine;
mod failing;
mod feed;
mod link;
mod outbox;
mod pages;
mod silence;
#[path = "../../src/fixture/tables.rs"]
mod tables;
mod told;
mod trouble;
mod upkeep;
