//! What pages are made of.

pub(crate) mod bar;
pub(crate) mod button;
pub(crate) mod confirm;
pub(crate) mod connectivity;
pub(crate) mod dialog;
pub(crate) mod entry_row;
pub(crate) mod farewell;
pub(crate) mod field;
pub(crate) mod focus;
pub(crate) mod for_ever;
pub(crate) mod frame;
pub(crate) mod icons;
pub(crate) mod prompt_card;
pub(crate) mod sign_out;
pub(crate) mod theme;
pub(crate) mod tick;
pub(crate) mod title;
pub(crate) mod toast;
pub(crate) mod trouble;
pub(crate) mod user_menu;
pub(crate) mod written_page;
