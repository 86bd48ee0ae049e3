//! The device's side: one state, one closed list of events, one `step`.
//!
//! [`step::step`] decides what happens next and never awaits. What needs stored rows is decided
//! by pure functions that a host calls inside its one storage transaction: [`edit`] for what a
//! person writes, [`receive`] for what the server sends, [`settle`] for what it answers.

mod drain;
pub mod edit;
pub mod effect;
pub mod event;
pub mod outbox;
pub mod receive;
pub mod record;
pub mod retry;
pub mod settle;
pub mod state;
pub mod status;
pub mod step;
