//! Signing in.

use super::auth_page::auth_page;
use super::sign::{Purpose, SignForm};
use crate::parts::farewell::FarewellNotice;
use crate::parts::title::set_title;
use crate::weight::changing;
use crate::words;
use leptos::prelude::*;
use leptos_router::hooks::use_location;

/// The page for signing in.
#[component]
pub(crate) fn SignInPage() -> impl IntoView {
    set_title(words::SIGN_IN);
    let search = use_location().search;
    let register = changing(move || with_search("/auth/register", &search.get()));
    let inside = view! {
            <FarewellNotice />
            <SignForm purpose=Purpose::SignIn />
            <p class="switch">
                <a href="/auth/forgot" data-testid="to-forgot">
                    {words::settings::FORGOT}
                </a>
            </p>
            <p class="switch">
                {words::NEW_HERE} <a href=register data-testid="to-sign-up">
                    {words::SIGN_UP}
                </a>
            </p>
    };
    auth_page(words::SIGN_IN_TITLE, words::SIGN_IN_LEDE, inside)
}

/// The other page, with what this one was asked, so that `next` is kept.
pub(super) fn with_search(path: &str, search: &str) -> String {
    if search.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{search}")
    }
}
