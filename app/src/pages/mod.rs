//! The pages, one file or folder each.

mod auth_page;
pub(crate) mod entry;
pub(crate) mod forgot;
pub(crate) mod journal;
pub(crate) mod new_entry;
pub(crate) mod not_here;
pub(crate) mod reset;
pub(crate) mod settings;
mod sign;
pub(crate) mod sign_in;
pub(crate) mod sign_up;
pub(crate) mod trash;
pub(crate) mod welcome;
