//! Making an account.

use super::sign::{Purpose, SignForm};
use super::sign_in::with_search;
use crate::parts::icons::Mark;
use crate::parts::title::set_title;
use crate::weight::{Served, changing};
use crate::words;
use leptos::html;
use leptos::prelude::*;
use leptos_router::hooks::use_location;

/// The page for making an account.
#[component]
pub(crate) fn SignUpPage() -> impl IntoView {
    set_title(words::SIGN_UP);
    let search = use_location().search;
    let login = changing(move || with_search("/auth/login", &search.get()));
    Served(view! {
        <main class="auth" id="main" tabindex="-1">
            <a class="brand" href="/">
                <Mark />
                {words::NAME}
            </a>
            {html::h3().attr("aria-level", "1").child(words::SIGN_UP_TITLE)}
            <p class="lede">{words::SIGN_UP_LEDE}</p>
            <SignForm purpose=Purpose::SignUp />
            <p class="switch">
                {words::HERE_BEFORE} <a href=login data-testid="to-sign-in">
                    {words::SIGN_IN}
                </a>
            </p>
        </main>
    })
}
