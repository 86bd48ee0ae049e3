//! The welcome page: what this is, and two ways in.

use crate::parts::icons::{Mark, Marks};
use crate::parts::title::set_title;
use crate::weight::Served;
use crate::words;
use leptos::prelude::*;

/// The welcome page.
#[component]
pub(crate) fn WelcomePage() -> impl IntoView {
    set_title(words::NAME);
    let promise = |words: &'static str| {
        view! {
            <li>
                <span class="tick" data-tick="synced" aria-hidden="true">
                    <Marks />
                </span>
                {words}
            </li>
        }
    };
    Served(view! {
        <main class="welcome" id="main" tabindex="-1">
            <p class="brand">
                <Mark />
                {words::NAME}
            </p>
            <div class="title-page">
                <h1>{words::WELCOME_TITLE}</h1>
                <p class="lede">{words::WELCOME_LEDE}</p>
                <div class="actions">
                    <a class="button primary" href="/auth/register" data-testid="start-writing">
                        {words::START_WRITING}
                    </a>
                    <a class="button" href="/auth/login" data-testid="sign-in">
                        {words::SIGN_IN}
                    </a>
                </div>
            </div>
            <ul class="promises">{words::PROMISES.map(promise).collect_view()}</ul>
        </main>
    })
}
