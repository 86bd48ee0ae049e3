//! Something is not here: a page that does not exist, or an entry that is not on this device.

use crate::parts::title::set_title;
use crate::weight::Served;
use crate::words;
use leptos::prelude::*;

/// The page for addresses that lead nowhere.
#[component]
pub(crate) fn NotHerePage() -> impl IntoView {
    Served(view! {
        <main id="main" tabindex="-1">
            <NotHere title=words::NO_SUCH_PAGE more=words::NO_SUCH_PAGE_MORE />
        </main>
    })
}

/// What is not here, and where to go.
#[component]
pub(crate) fn NotHere(
    /// What is not here.
    title: &'static str,
    /// Why that may be.
    more: &'static str,
) -> impl IntoView {
    set_title(words::NOT_HERE);
    view! {
        <section class="error-page" data-testid="not-here">
            <p class="kicker">{words::NOT_HERE}</p>
            <h1>{title}</h1>
            <p>{more}</p>
            <div class="actions">
                <a class="button primary" href="/journal-entries" data-testid="go-to-journal">
                    {words::GO_TO_JOURNAL}
                </a>
            </div>
        </section>
    }
}
