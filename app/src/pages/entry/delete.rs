//! Deleting an entry: a question, then the trash, with a way back.

use super::editing::Editing;
use crate::live::{now_ms, update, use_mutation};
use crate::parts::button::Button;
use crate::parts::dialog::Dialog;
use crate::parts::toast::use_toasts;
use crate::words;
use domain::JournalEntry;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::hooks::use_navigate;
use sync::value::Value;

/// The button.
#[component]
pub(super) fn DeleteButton(
    /// Whether the question is being asked.
    asked: RwSignal<bool>,
) -> impl IntoView {
    view! {
        <button
            class="button quiet danger"
            type="button"
            data-testid="delete-entry"
            on:click=move |_| asked.set(true)
        >
            {words::DELETE_ENTRY}
        </button>
    }
}

/// The question, and what follows from a yes.
#[component]
pub(super) fn DeleteQuestion(
    /// The entry.
    editing: Editing,
    /// Whether it is being asked.
    asked: RwSignal<bool>,
) -> impl IntoView {
    let mutation = use_mutation();
    let toasts = use_toasts();
    let navigate = use_navigate();
    let id = editing.id();
    let undo = move || {
        let back = update::<JournalEntry>(id, &[("trashed_at", Value::Null)]);
        let kept = mutation.keep(vec![back], None);
        spawn_local(async move {
            if let Err(failure) = kept.await {
                toasts.say(&failure.message);
            }
        });
    };
    let confirm = move || {
        asked.set(false);
        // What was typed last goes into the trash with the rest.
        editing.save_now();
        let away = update::<JournalEntry>(id, &[("trashed_at", Value::Integer(now_ms()))]);
        let kept = mutation.keep(vec![away], None);
        let navigate = navigate.clone();
        spawn_local(async move {
            match kept.await {
                Ok(()) => {
                    navigate("/journal-entries", Default::default());
                    toasts.say_with_undo(words::DELETED, undo);
                }
                Err(failure) => toasts.say(&failure.message),
            }
        });
    };
    let cancel = Button::new(words::CANCEL, "cancel").press(move || asked.set(false));
    let confirm = Button::new(words::DELETE, "confirm-delete")
        .dressed("button danger")
        .press(confirm);
    view! {
        <Dialog open=asked on_close=move |()| asked.set(false) id="delete" title=words::DELETE_TITLE>
            <p>{words::DELETE_MORE}</p>
            <div class="actions">{vec![cancel, confirm]}</div>
        </Dialog>
    }
}
