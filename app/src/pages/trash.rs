//! The trash: what was deleted, with a way back and a way out for ever.

use crate::live::{Kept, Loaded, Mutation, delete, update, use_mutation, use_query};
use crate::parts::entry_row::entry_row;
use crate::parts::for_ever::ForEver;
use crate::parts::icons::SheetArt;
use crate::parts::title::set_title;
use crate::parts::toast::{Toasts, use_toasts};
use crate::parts::trouble::Trouble;
use crate::weight::{Lean, Leaner, changing};
use crate::words;
use domain::JournalEntry;
use leptos::prelude::*;
use leptos::task::spawn_local;
use sync::id::Id;
use sync::local::{Edit, Query};
use sync::table::Synced;
use sync::value::Value;

/// The trash.
#[component]
pub(crate) fn TrashPage() -> impl IntoView {
    set_title(words::TRASH);
    let entries = use_query::<JournalEntry>(|| {
        let all = Query {
            limit: usize::MAX,
            ..Query::all(JournalEntry::TABLE.name)
        };
        Some(all.newest_by("day").keep_null("trashed_at", false))
    });
    let doomed = RwSignal::new(None);
    let content = changing(move || match entries.get() {
        Loaded::Waiting => None,
        Loaded::Failed(failure) => Some(view! { <Trouble failure /> }.lean()),
        Loaded::Ready(entries) if entries.is_empty() => Some(view! { <Empty /> }.lean()),
        Loaded::Ready(mut entries) => {
            entries.sort_by_key(|kept| std::cmp::Reverse(kept.row.trashed_at));
            let rows: Vec<_> = entries.iter().map(|kept| row(kept, doomed)).collect();
            Some(view! { <ol class="entries">{rows}</ol> }.lean())
        }
    });
    view! {
        <main id="main" tabindex="-1">
            <section class="trash">
                <header class="page-head">
                    <h1>{words::TRASH}</h1>
                    <p class="count">{words::TRASH_SUB}</p>
                </header>
                {content}
            </section>
            {delete_for_ever(doomed)}
        </main>
    }
    .lean()
}

fn row(kept: &Kept<JournalEntry>, doomed: RwSignal<Option<Id>>) -> impl IntoView + use<> {
    let id = kept.row.id;
    let mutation = use_mutation();
    let toasts = use_toasts();
    let restore = move |_| {
        let back = update::<JournalEntry>(id, &[("trashed_at", Value::Null)]);
        carry_out(mutation, toasts, back, words::RESTORED);
    };
    let actions = view! {
        <div class="actions">
            <button class="button quiet" type="button" data-testid="restore" on:click=restore>
                {words::RESTORE}
            </button>
            <button
                class="button quiet danger"
                type="button"
                data-testid="delete-for-ever"
                on:click=move |_| doomed.set(Some(id))
            >
                {words::FOR_EVER}
            </button>
        </div>
    };
    entry_row(kept, false, false, (), actions)
}

#[component]
fn Empty() -> impl IntoView {
    view! {
        <div class="empty" data-testid="empty">
            <SheetArt />
            <h2>{words::TRASH_EMPTY}</h2>
            <p>{words::TRASH_EMPTY_MORE}</p>
        </div>
    }
}

/// The dialog before the end, open while an entry is `doomed`.
fn delete_for_ever(doomed: RwSignal<Option<Id>>) -> Lean {
    let mutation = use_mutation();
    let toasts = use_toasts();
    let act = Callback::new(move |()| {
        if let Some(id) = doomed.get_untracked() {
            let gone = delete::<JournalEntry>(id);
            carry_out(mutation, toasts, gone, words::DELETED_FOR_EVER);
        }
    });
    let question = ForEver {
        id: "for-ever",
        title: words::FOR_EVER_TITLE,
        more: words::FOR_EVER_MORE,
        label: words::FOR_EVER,
        act,
    };
    let open = Signal::derive(move || doomed.with(Option::is_some));
    question.asked(open, Callback::new(move |()| doomed.set(None)))
}

/// Keeps an edit and says so, or says why not.
fn carry_out(mutation: Mutation, toasts: Toasts, edit: Edit, done: &'static str) {
    let kept = mutation.keep(vec![edit], None);
    spawn_local(async move {
        match kept.await {
            Ok(()) => toasts.say(done),
            Err(failure) => toasts.say(&failure.message),
        }
    });
}
