//! Accounts: the server's side of `app::account`.
//!
//! - [`call`]: the one way of the server functions, and the port they call
//! - [`sign_up`], [`sign_in`]: what they do
//! - [`sessions`]: the cookie, who a request is from, and whether that still holds
//! - [`passwords`], [`throttle`]: hashing with a bound, and slowing guesses down

pub(crate) mod call;
pub mod passwords;
pub mod sessions;
mod sign_in;
mod sign_up;
pub mod throttle;
