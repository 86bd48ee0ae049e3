//! The device's side: one state, one closed list of events, one `step`.
//!
//! [`step::step`] decides what happens next and never awaits. What needs stored rows is decided
//! by pure functions that a host calls inside its one storage transaction: [`edit`] for what a
//! person writes, [`pick`] for what goes out, [`settle`] for what the server answers, [`receive`]
//! for what it sends, [`sweep`] for what did not come again, [`collect`] for what has served its
//! time.
//!
//! - [`event`], [`effect`], [`state`], [`step`]: the engine, its inputs and its wishes
//! - [`record`], [`outbox`], [`meta`]: what a device stores of a row, of a change, of itself
//! - [`retry`], [`breaker`]: what a failure means, and when to stop asking
//! - [`status`]: how the connection stands, derived and never stored

pub mod breaker;
pub mod collect;
mod drain;
pub mod edit;
pub mod effect;
pub mod event;
mod link;
pub mod meta;
pub mod outbox;
pub mod pick;
pub mod receive;
pub mod record;
pub mod retry;
mod serve;
pub mod settle;
pub mod state;
pub mod status;
pub mod step;
pub mod sweep;
mod upkeep;

#[cfg(test)]
mod tests;
