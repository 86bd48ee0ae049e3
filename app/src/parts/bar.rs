//! The bar of every personal page: the name, the places, what sync is doing, the person.

use super::connectivity::ConnectivityState;
use super::icons::Pen;
use super::user_menu::UserMenu;
use crate::weight::changing;
use crate::words;
use leptos::prelude::*;

/// The bar.
#[component]
pub(crate) fn Bar(
    /// The page that is open.
    path: Memo<String>,
) -> impl IntoView {
    let current = move |place: &'static str| path.with(|path| path == place).then_some("page");
    view! {
        <header class="bar">
            <a class="brand" href="/journal-entries" data-testid="brand">
                {words::NAME}
            </a>
            <nav class="places" aria-label=words::PLACES>
                <a
                    href="/journal-entries"
                    data-testid="place-journal"
                    aria-current=changing(move || current("/journal-entries"))
                >
                    {words::JOURNAL}
                </a>
                <a href="/trash" data-testid="place-trash" aria-current=changing(move || current("/trash"))>
                    {words::TRASH}
                </a>
            </nav>
            <ConnectivityState path />
            <a class="write" href="/journal-entries/new" data-testid="write">
                <Pen />
                <span class="label">{words::WRITE}</span>
            </a>
            <UserMenu path />
        </header>
    }
}
