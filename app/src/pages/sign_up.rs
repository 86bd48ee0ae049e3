//! Making an account.

use super::auth_page::auth_page;
use super::sign::{Purpose, SignForm};
use super::sign_in::with_search;
use crate::parts::title::set_title;
use crate::weight::changing;
use crate::words;
use leptos::prelude::*;
use leptos_router::hooks::use_location;

/// The page for making an account.
#[component]
pub(crate) fn SignUpPage() -> impl IntoView {
    set_title(words::SIGN_UP);
    let search = use_location().search;
    let login = changing(move || with_search("/auth/login", &search.get()));
    let inside = view! {
            <SignForm purpose=Purpose::SignUp />
            <p class="switch">
                {words::HERE_BEFORE} <a href=login data-testid="to-sign-in">
                    {words::SIGN_IN}
                </a>
            </p>
    };
    auth_page(words::SIGN_UP_TITLE, words::SIGN_UP_LEDE, inside)
}
