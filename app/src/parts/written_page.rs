//! The page that is written on, and the foot that says what is saved. New and existing entries
//! share them.

use super::tick::Tick;
use crate::weight::{Changing, Leaner, changing};
use crate::words;
use leptos::ev::Targeted;
use leptos::prelude::*;
use sync::local::Tick as Reached;
use web_sys::{Event, HtmlInputElement, HtmlTextAreaElement};

/// Title and words.
#[component]
pub(crate) fn WrittenPage(
    /// The title.
    title: RwSignal<String>,
    /// The words.
    body: RwSignal<String>,
    /// What the words are called.
    label: Changing<String>,
    /// Called after each key, when the signals hold the new text.
    #[prop(into)]
    on_key: Callback<()>,
    /// Whether the cursor goes here when the page opens.
    autofocus: bool,
) -> impl IntoView {
    let title_typed = move |event: Targeted<Event, HtmlInputElement>| {
        title.set(event.target().value());
        on_key.run(());
    };
    let body_typed = move |event: Targeted<Event, HtmlTextAreaElement>| {
        body.set(event.target().value());
        on_key.run(());
    };
    view! {
        <div class="page">
            <label class="visually-hidden" for="title">
                {words::TITLE}
            </label>
            <input
                class="title"
                id="title"
                name="title"
                placeholder=words::TITLE
                autocomplete="off"
                data-testid="title"
                prop:value=title
                on:input:target=title_typed
            />
            <label class="body-label" for="content">
                {label}
            </label>
            <textarea
                class="body"
                id="content"
                name="content"
                placeholder=words::BODY_PLACEHOLDER
                spellcheck="true"
                data-testid="content"
                data-autofocus=autofocus.then_some("")
                prop:value=body
                on:input:target=body_typed
            ></textarea>
        </div>
    }
}

/// How many words there are, and how far they have come.
#[component]
pub(crate) fn SaveState(
    /// The words.
    body: RwSignal<String>,
    /// How far they have come; outside nothing when there are none, inside nothing while they
    /// are not on the disk.
    #[prop(into)]
    reached: Signal<Option<Option<Reached>>>,
) -> impl IntoView {
    let count = Memo::new(move |_| body.with(|body| body.split_whitespace().count()));
    let state = changing(move || {
        reached.get().map(|reached| {
            let label = words::tick_label(reached.clone());
            view! {
                <Tick reached />
                <span class="label">{label}</span>
            }
            .lean()
        })
    });
    view! {
        <span class="words" data-testid="words">
            {changing(move || words::words_written(count.get()))}
        </span>
        // Every pause in the typing changes it, so it is there to be read, not to be heard.
        <span class="save-state" role="status" aria-live="off" data-testid="save-state">
            {state}
        </span>
    }
}
