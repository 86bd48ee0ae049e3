//! The document's title.

use crate::words;
use leptos::prelude::*;

/// Names the document after the page that is open.
pub(crate) fn set_title(page: &'static str) {
    Effect::new(move |_| document().set_title(&words::document_title(page)));
}
