//! Accounts: the server's side of `app::account`.
//!
//! - [`call`]: the one way of the server functions, and the port they call
//! - [`sign_up`], [`sign_in`], [`change`], [`confirm`]: what they do, and asking once more
//! - [`sessions`]: the cookie, who a request is from, and whether that still holds
//! - [`away`]: answers in words when the database is away while that is found out
//! - [`unbroken`]: what goes on to its end when its browser hangs up
//! - [`ended`]: what a device is told whose session was ended for it
//! - [`devices`], [`device_name`]: where a person is signed in
//! - [`passkeys`], [`recovery`], [`forgotten`]: ways in besides a password
//! - [`mail`]: how mail leaves
//! - [`export`]: everything of a person as one document
//! - [`passwords`], [`secrets`]: hashing with a bound, and what is told once
//! - [`throttle`], [`known_device`]: slowing guesses down, and nobody else

pub(crate) mod away;
pub(crate) mod call;
mod change;
mod confirm;
mod device_name;
mod devices;
pub(crate) mod ended;
pub mod export;
pub mod forgotten;
pub mod known_device;
pub mod mail;
pub(crate) mod passkeys;
pub mod passwords;
pub mod recovery;
mod secrets;
pub mod sessions;
mod sign_in;
mod sign_up;
pub mod throttle;
mod unbroken;
