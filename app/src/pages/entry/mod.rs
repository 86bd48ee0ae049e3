//! An entry that is there: it opens straight into its editor, and edits save themselves.

mod delete;
mod editing;
mod typed;

use crate::live::{
    Kept, Loaded, day_number, month_and_year, on_hidden, update, use_mutation, use_query, weekday,
};
use crate::pages::not_here::NotHere;
use crate::parts::prompt_card::PromptCard;
use crate::parts::tick::Tick;
use crate::parts::title::set_title;
use crate::parts::trouble::Trouble;
use crate::parts::written_page::{SaveState, WrittenPage};
use crate::weight::{Leaner, changing};
use crate::words;
use delete::{DeleteButton, DeleteQuestion};
use domain::JournalEntry;
use domain::kinds::Day;
use editing::Editing;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::hooks::use_params_map;
use sync::id::Id;
use sync::local::{Query, Tick as Reached};
use sync::table::Synced;
use sync::value::Value;

/// The page of one entry.
#[component]
pub(crate) fn EntryPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| {
        params.with(|params| params.get_str("id").and_then(|id| id.parse::<Id>().ok()))
    });
    view! {
        <main id="main" tabindex="-1">
            {changing(move || match id.get() {
                Some(id) => view! { <Open id /> }.lean(),
                None => view! { <NotThisEntry /> }.lean(),
            })}
        </main>
    }
    .lean()
}

/// What can be shown of the entry.
#[derive(Clone, PartialEq)]
enum Stage {
    Waiting,
    Here,
    Gone,
    Failed(sync::local::Failure),
}

/// The entry of this key, if it is on this device.
#[component]
fn Open(
    /// Its key.
    id: Id,
) -> impl IntoView {
    let rows = use_query::<JournalEntry>(move || Some(Query::one(JournalEntry::TABLE.name, id)));
    let entry =
        Memo::new(move |_| rows.with(|rows| rows.ready().and_then(|rows| rows.first()).cloned()));
    let editing = Editing::begin(id, entry);
    let stage = Memo::new(move |_| match rows.get() {
        Loaded::Waiting => Stage::Waiting,
        Loaded::Failed(failure) => Stage::Failed(failure),
        Loaded::Ready(rows) if rows.is_empty() && !editing.has_unsaved_keys() => Stage::Gone,
        Loaded::Ready(_) => Stage::Here,
    });
    changing(move || match stage.get() {
        Stage::Waiting => None,
        Stage::Failed(failure) => Some(view! { <Trouble failure /> }.lean()),
        Stage::Gone => Some(view! { <NotThisEntry /> }.lean()),
        Stage::Here => Some(view! { <Editor editing entry /> }.lean()),
    })
}

#[component]
fn NotThisEntry() -> impl IntoView {
    view! { <NotHere title=words::NO_SUCH_ENTRY more=words::NO_SUCH_ENTRY_MORE /> }
}

/// The editor.
#[component]
fn Editor(
    /// What is typed and saved.
    editing: Editing,
    /// The entry as it is on this device.
    entry: Memo<Option<Kept<JournalEntry>>>,
) -> impl IntoView {
    set_title(words::YOUR_ENTRY);
    on_hidden(move || editing.save_now());
    on_cleanup(move || editing.save_now());
    let asked = RwSignal::new(false);
    let reached = Memo::new(move |_| editing.reached(entry.get().map(|kept| kept.tick)));
    let day = Memo::new(move |_| entry.with(|kept| kept.as_ref().map(|kept| kept.row.day.clone())));
    let trashed = Memo::new(move |_| {
        entry.with(|kept| kept.as_ref().is_some_and(|k| k.row.trashed_at.is_some()))
    });
    let prompt = Memo::new(move |_| {
        let prompt = entry.with(|kept| kept.as_ref().and_then(|kept| kept.row.prompt_text.clone()));
        prompt.map(|prompt| prompt.0)
    });
    let prompt_card = changing(move || {
        prompt.get().map(|prompt| {
            let text = changing(move || prompt.clone());
            view! { <PromptCard kicker=words::THE_PROMPT text /> }.lean()
        })
    });
    let label = changing(move || words::body_label(prompt.with(Option::is_some)).to_owned());
    view! {
        <form
            class="write-page"
            data-testid="entry-form"
            on:submit=move |event| {
                event.prevent_default();
                editing.save_now();
            }
            on:focusout=move |_| editing.save_now()
        >
            <a class="back" href="/journal-entries" data-testid="back">
                {words::BACK}
            </a>
            <header class="meta">
                {changing(move || day.get().map(|day| day_view(&day).lean()))}
                {changing(move || Some(view! { <Tick reached=reached.get() /> }.lean()))}
                <DeleteButton asked />
            </header>
            <h1 class="kicker">{words::YOUR_ENTRY}</h1>
            {prompt_card}
            {changing(move || trashed.get().then(|| view! { <InTrash id=editing.id() /> }.lean()))}
            {changing(move || editing.problem().map(|problem| problem_view(problem).lean()))}
            <WrittenPage
                title=editing.title()
                body=editing.body()
                label
                on_key=move |()| editing.key_pressed()
                autofocus=false
            />
            <footer class="toolbar">
                <SaveState body=editing.body() reached=Signal::derive(move || Some(reached.get())) />
            </footer>
        </form>
        <DeleteQuestion editing asked />
    }
}

fn problem_view(words: String) -> impl IntoView {
    view! {
        <div class="notice error" role="alert" data-testid="problem">
            <p>{words}</p>
        </div>
    }
}

fn day_view(day: &Day) -> impl IntoView + use<> {
    let (month, year) = month_and_year(day);
    view! {
        <time class="day" datetime=day.as_str().to_owned()>
            <span class="num">{day_number(day)}</span>
            <span class="weekday">{weekday(day, false)}</span>
            <span class="month-year">{format!("{month} {year}")}</span>
        </time>
    }
}

/// A word about being in the trash, with the way out of it.
#[component]
fn InTrash(
    /// The entry.
    id: Id,
) -> impl IntoView {
    let mutation = use_mutation();
    let restore = move |_| {
        let back = update::<JournalEntry>(id, &[("trashed_at", Value::Null)]);
        let kept = mutation.keep(vec![back], None);
        spawn_local(async move {
            if let Err(failure) = kept.await {
                leptos::logging::warn!("{failure}");
            }
        });
    };
    view! {
        <div class="notice" role="status" data-testid="in-trash">
            <p>{words::IN_TRASH}</p>
            <button class="button quiet" type="button" data-testid="restore" on:click=restore>
                {words::RESTORE}
            </button>
        </div>
    }
}

impl Editing {
    /// How far the words on the page have come; nothing while keys are not on the disk.
    fn reached(self, row: Option<Reached>) -> Option<Reached> {
        if self.problem().is_some() {
            // Why, the notice above the page says.
            let message = words::NOT_SAVED.into();
            return Some(Reached::Attention {
                code: "not_saved".into(),
                message,
            });
        }
        if self.has_unsaved_keys() { None } else { row }
    }
}
