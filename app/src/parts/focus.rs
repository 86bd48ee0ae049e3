//! The keyboard's way through the pages: where the focus goes on a change of page, and the key
//! that opens a new one.

use crate::live::is_typing_target;
use crate::weight::whenever;
use leptos::ev;
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

/// Moves the focus to the new page's heading, or to its field where the page is for writing.
pub(crate) fn follow_routes(path: Memo<String>) {
    Effect::new(move |before: Option<String>| {
        let now = path.get();
        // A page that was opened directly keeps the browser's focus, but for a page to write on.
        let opened_to_write = before.is_none() && now == "/journal-entries/new";
        if opened_to_write || before.is_some_and(|before| before != now) {
            // The page is put in place after this effect and before the next frame.
            request_animation_frame(focus_page);
        }
        now
    });
}

/// Puts the focus on the page.
pub(crate) fn focus_page() {
    let found = [
        "#main [data-autofocus]",
        "#main h1, #main [aria-level='1']",
        "#main",
    ];
    let target = found
        .iter()
        .find_map(|what| document().query_selector(what).ok().flatten());
    let Some(element) = target.and_then(|target| target.dyn_into::<HtmlElement>().ok()) else {
        return;
    };
    if element.tab_index() < 0 {
        element.set_tab_index(-1);
    }
    // A page that is gone again needs no focus.
    let _ = element.focus();
}

/// `n`, outside of fields, opens a new page.
pub(crate) fn open_new_page_on_key(personal: Memo<bool>) {
    let navigate = use_navigate();
    whenever(move || {
        let navigate = navigate.clone();
        window_event_listener(ev::keydown, move |event| {
            let plain = !event.ctrl_key() && !event.meta_key() && !event.alt_key();
            if event.key() == "n" && plain && personal.get_untracked() && !is_typing_target(&event)
            {
                event.prevent_default();
                navigate("/journal-entries/new", Default::default());
            }
        });
    });
}
