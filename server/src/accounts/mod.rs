//! Accounts: the server's side of `app::account`.
//!
//! - [`call`]: the one way of the server functions, and the port they call
//! - [`sign_up`], [`sign_in`]: what they do
//! - [`sessions`]: the cookie, who a request is from, and whether that still holds
//! - [`ended`]: what a device is told whose session was ended for it
//! - [`devices`], [`device_name`]: where a person is signed in
//! - [`passwords`], [`throttle`]: hashing with a bound, and slowing guesses down

pub(crate) mod call;
mod device_name;
mod devices;
pub(crate) mod ended;
pub mod passwords;
pub mod sessions;
mod sign_in;
mod sign_up;
pub mod throttle;
