//! What is on this device, as signals: a page reads rows with [`use_query`], writes with
//! [`use_mutation`] and sees the connection with [`use_connectivity`]. Everything goes through
//! the data worker; nothing here knows the network.

mod client;
mod connectivity;
mod days;
mod drafts;
mod edits;
mod files;
mod mutation;
mod news;
mod passkeys;
mod public_face;
mod query;
mod requests;
mod surroundings;
mod unkept;

pub use client::{Client, use_client};
pub use connectivity::use_connectivity;
pub use days::{
    day_number, moment_in_words, month_and_year, month_of, new_id, now_ms, time_iso, time_of_day,
    today, weekday,
};
pub use drafts::{Draft, Mode, NEW_ENTRY};
pub use edits::{delete, insert, update};
pub use files::{copy, save_export, save_file};
pub use mutation::{Mutation, use_mutation};
pub use news::Session;
pub use passkeys::{has_passkeys, make_passkey, sign_in_by_passkey};
pub use query::{Kept, Loaded, use_query};
pub use surroundings::{is_typing_target, on_hidden};
