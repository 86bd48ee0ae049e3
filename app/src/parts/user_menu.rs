//! The person: their address, the theme and the way out.

use super::sign_out::{Leaving, UnsentDialog, sign_out_button};
use super::theme::ThemeChoice;
use crate::live::{Session, use_client};
use crate::weight::{changing, whenever};
use crate::words;
use leptos::html;
use leptos::prelude::*;
use leptos::{ev, web_sys};
use wasm_bindgen::JsCast;

/// The round initial that opens a small sheet.
#[component]
pub(crate) fn UserMenu(
    /// The page that is open; the sheet closes when it changes.
    path: Memo<String>,
) -> impl IntoView {
    let client = use_client();
    let menu = NodeRef::<html::Details>::new();
    close_when_done(menu, path);
    let email = move || match client.session().get() {
        Session::Somebody(account) => account.email,
        Session::Unknown | Session::Nobody => String::new(),
    };
    let initial = move || {
        email()
            .chars()
            .take(1)
            .flat_map(char::to_uppercase)
            .collect::<String>()
    };
    let leaving = Leaving::new();
    view! {
        <details class="user-menu" node_ref=menu data-testid="user-menu">
            <summary aria-label=words::USER_MENU>
                <span class="initial" aria-hidden="true">
                    {changing(initial)}
                </span>
            </summary>
            <div class="menu">
                <p class="who" data-testid="who">
                    {changing(email)}
                </p>
                <ThemeChoice />
                <a class="button quiet" href="/settings" data-testid="to-settings">
                    {words::settings::SETTINGS}
                </a>
                {sign_out_button(leaving)}
            </div>
        </details>
        <UnsentDialog leaving />
    }
}

/// A click elsewhere, Escape and another page close the sheet.
fn close_when_done(menu: NodeRef<html::Details>, path: Memo<String>) {
    let close = move || {
        if let Some(menu) = menu.get_untracked() {
            menu.set_open(false);
        }
    };
    whenever(move || {
        path.get();
        close();
    });
    whenever(move || {
        let click = window_event_listener(ev::click, move |event| {
            let target = event
                .target()
                .and_then(|target| target.dyn_into::<web_sys::Node>().ok());
            let inside = menu
                .get_untracked()
                .is_some_and(|menu| menu.contains(target.as_ref()));
            if !inside {
                close();
            }
        });
        let key = window_event_listener(ev::keydown, move |event| {
            if event.key() == "Escape" {
                close();
            }
        });
        on_cleanup(move || {
            click.remove();
            key.remove();
        });
    });
}
