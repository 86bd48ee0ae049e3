//! The frame of the pages before a journal: signing in and up, and the ways back in.

use crate::parts::icons::Mark;
use crate::weight::{Served, changing};
use crate::words;
use leptos::html;
use leptos::prelude::*;

/// A page with the product's name, its own title and a sentence, and what stands below.
pub(super) fn auth_page(
    title: &'static str,
    lede: &'static str,
    inside: impl IntoView + 'static,
) -> impl IntoView {
    Served(view! {
        <main class="auth" id="main" tabindex="-1">
            <a class="brand" href="/">
                <Mark />
                {words::NAME}
            </a>
            {html::h3().attr("aria-level", "1").child(title)}
            <p class="lede">{lede}</p>
            {inside}
        </main>
    })
}

/// The button that sends such a page's form. It is off until the page is alive, so that no
/// password is ever sent as a part of an address.
#[component]
pub(super) fn Send(
    /// What it is called.
    label: &'static str,
    /// Its name for programs.
    id: &'static str,
    /// Whether the page works already.
    alive: RwSignal<bool>,
    /// Whether an answer is waited for.
    busy: RwSignal<bool>,
) -> impl IntoView {
    view! {
        <button
            class="button primary"
            type="submit"
            data-testid=id
            disabled=changing(move || !alive.get())
            aria-busy=changing(move || busy.get().then_some("true"))
        >
            {label}
        </button>
    }
}
