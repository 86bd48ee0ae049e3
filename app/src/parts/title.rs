//! The document's title.

use crate::weight::whenever;
use crate::words;
use leptos::prelude::*;

/// Names the document after the page that is open.
pub(crate) fn set_title(page: &'static str) {
    whenever(move || document().set_title(&words::document_title(page)));
}
