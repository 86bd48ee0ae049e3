//! What the page hears from the browser and its worker cannot: the network, and whether anybody
//! is looking.

use super::client::Client;
use crate::weight::whenever;
use leptos::ev;
use leptos::prelude::*;
use sync::local::{Ask, Signal as Heard};
use wasm_bindgen::JsCast;
use web_sys::VisibilityState;

/// Passes on what the browser says, for as long as the page lives.
pub(super) fn report(client: Client) {
    window_event_listener(ev::online, move |_| client.tell(Ask::Signal(Heard::Online)));
    window_event_listener(ev::offline, move |_| {
        client.tell(Ask::Signal(Heard::Offline));
    });
    let visible = move |_| {
        if !is_hidden() {
            client.tell(Ask::Signal(Heard::Visible));
        }
    };
    window_event_listener_untyped("visibilitychange", visible);
    let update = move |_| client.update_ready().set(true);
    window_event_listener_untyped("daybook:update", update);
    let waits = document()
        .document_element()
        .is_some_and(|root| root.has_attribute("data-update"));
    if waits {
        client.update_ready().set(true);
    }
}

/// Runs `act` whenever the page may be about to go: it was hidden, or is being left. Until the
/// caller's owner is gone.
pub fn on_hidden(act: impl Fn() + Copy + 'static) {
    // On the server nothing is ever hidden, and there is no window to ask.
    whenever(move || {
        let hidden = window_event_listener_untyped("visibilitychange", move |_| {
            if is_hidden() {
                act();
            }
        });
        let left = window_event_listener_untyped("pagehide", move |_| act());
        on_cleanup(move || {
            hidden.remove();
            left.remove();
        });
    });
}

/// Whether keys pressed there are somebody's words.
#[must_use]
pub fn is_typing_target(event: &web_sys::Event) -> bool {
    let element = event
        .target()
        .and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    element.is_some_and(|element| {
        let typing = "input, textarea, select, [contenteditable], dialog[open]";
        element.closest(typing).ok().flatten().is_some()
    })
}

fn is_hidden() -> bool {
    document().visibility_state() == VisibilityState::Hidden
}
