//! The person: their address, the theme and the way out.

use super::theme::ThemeChoice;
use super::toast::use_toasts;
use crate::account::{AccountError, sign_out};
use crate::live::{Client, Session, use_client};
use crate::weight::{changing, whenever};
use crate::words;
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::{ev, web_sys};
use leptos_router::hooks::use_navigate;
use sync::local::Ask;
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
                <SignOut />
            </div>
        </details>
    }
}

/// The way out. The server ends the session first: a sign-out that it never heard of is none.
#[component]
fn SignOut() -> impl IntoView {
    let client = use_client();
    let navigate = use_navigate();
    let toasts = use_toasts();
    let busy = RwSignal::new(false);
    let go = move |_| {
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        let navigate = navigate.clone();
        spawn_local(async move {
            let result = leave(client).await;
            busy.try_set(false);
            match result {
                Ok(()) => navigate("/", Default::default()),
                Err(words) => toasts.say(&words),
            }
        });
    };
    view! {
        <button
            class="button quiet"
            type="button"
            data-testid="sign-out"
            aria-busy=changing(move || busy.get().then_some("true"))
            on:click=go
        >
            {words::SIGN_OUT}
        </button>
    }
}

async fn leave(client: Client) -> Result<(), String> {
    sign_out().await.map_err(|error| match error {
        AccountError::Network => words::SIGN_OUT_OFFLINE.to_owned(),
        error => error.to_string(),
    })?;
    client
        .ask(Ask::SignedOut)
        .await
        .map_err(|failure| failure.message)?;
    client.be(None);
    Ok(())
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
