//! A new entry: a draft until it is saved, or until the page is left with words in it.

mod writing;

use crate::live::{Mode, on_hidden};
use crate::parts::prompt_card::PromptCard;
use crate::parts::title::set_title;
use crate::parts::written_page::{SaveState, WrittenPage};
use crate::weight::{Leaner, changing};
use crate::words;
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use writing::Writing;

/// The page for a new entry.
#[component]
pub(crate) fn NewEntryPage() -> impl IntoView {
    set_title(words::NEW_TITLE);
    let asked = use_query_map().with_untracked(|query| query.get_str("mode").and_then(Mode::named));
    let writing = Writing::begin(asked);
    on_hidden(move || writing.leave());
    on_cleanup(move || writing.leave());
    let prompted = move || writing.mode().get() == Mode::Prompted;
    let label = changing(move || words::body_label(prompted()).to_owned());
    let card = changing(move || {
        prompted().then(|| {
            let text = move || {
                writing
                    .prompt()
                    .map_or_else(|| words::NO_PROMPTS.into(), |(_, text)| text)
            };
            view! {
                <PromptCard
                    kicker=words::TODAYS_PROMPT
                    text=changing(text)
                    another=move |()| writing.another_prompt()
                />
            }
            .lean()
        })
    });
    view! {
        <main id="main" tabindex="-1">
            <form
                class="write-page"
                data-testid="new-entry-form"
                on:submit=move |event| {
                    event.prevent_default();
                    writing.save();
                }
            >
                <header class="page-head">
                    <h1>{words::NEW_TITLE}</h1>
                    <p class="sub">{words::NEW_SUB}</p>
                    <ModeChoice writing />
                </header>
                {card}
                <Outcome writing />
                <WrittenPage
                    title=writing.title()
                    body=writing.body()
                    label
                    on_key=move |()| writing.key_pressed()
                    autofocus=true
                />
                <footer class="toolbar">
                    <SaveState body=writing.body() reached=writing.reached() />
                    <button class="button primary" type="submit" data-testid="save">
                        {words::SAVE}
                    </button>
                </footer>
            </form>
        </main>
    }
    .lean()
}

/// With a prompt or without.
#[component]
fn ModeChoice(
    /// The writing.
    writing: Writing,
) -> impl IntoView {
    let choice = |mode: Mode, label: &'static str| {
        view! {
            <button
                type="button"
                value=mode.name()
                data-testid=format!("mode-{}", mode.name())
                aria-pressed=changing(move || (writing.mode().get() == mode).to_string())
                on:click=move |_| writing.choose(mode)
            >
                {label}
            </button>
        }
    };
    view! {
        <div class="segmented" role="group" aria-label=words::KIND_OF_ENTRY>
            {choice(Mode::Prompted, words::PROMPTED)}
            {choice(Mode::Free, words::FREE)}
        </div>
    }
}

/// What came of saving.
#[component]
fn Outcome(
    /// The writing.
    writing: Writing,
) -> impl IntoView {
    changing(move || {
        if let Some(problem) = writing.problem() {
            let problem = view! {
                <div class="notice error" role="alert" data-testid="problem">
                    <p>{problem}</p>
                </div>
            };
            return Some(problem.lean());
        }
        writing.was_created().then(|| {
            view! {
                <div class="notice ok" role="status" data-testid="created">
                    <p>{words::CREATED}</p>
                </div>
            }
            .lean()
        })
    })
}
