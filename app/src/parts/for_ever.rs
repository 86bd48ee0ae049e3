//! The last question before what cannot be taken back: a word must be typed.

use super::button::Button;
use super::dialog::Dialog;
use super::field::Field;
use crate::weight::{Lean, Leaner};
use crate::words;
use leptos::html;
use leptos::prelude::*;

/// What is asked, and what follows.
pub(crate) struct ForEver {
    /// The dialog's name in the document and for programs.
    pub(crate) id: &'static str,
    /// The question.
    pub(crate) title: &'static str,
    /// What will be gone.
    pub(crate) more: &'static str,
    /// What the button is called that does it.
    pub(crate) label: &'static str,
    /// Does it; the dialog closes afterwards.
    pub(crate) act: Callback<()>,
}

impl ForEver {
    /// The dialog, open while `open` says so; `on_close` makes it say otherwise.
    pub(crate) fn asked(self, open: Signal<bool>, on_close: Callback<()>) -> Lean {
        let word = NodeRef::<html::Input>::new();
        let error = RwSignal::new(None);
        let close = Callback::new(move |()| {
            on_close.run(());
            error.set(None);
            if let Some(word) = word.get_untracked() {
                word.set_value("");
            }
        });
        let send = move |event: leptos::ev::SubmitEvent| {
            event.prevent_default();
            let Some(input) = word.get_untracked() else {
                return;
            };
            if input.value().trim() == words::FOR_EVER_WORD {
                self.act.run(());
                close.run(());
            } else {
                error.set(Some(words::FOR_EVER_WRONG.to_owned()));
                // A field that is gone again needs no focus.
                let _ = input.focus();
            }
        };
        let cancel = Button::new(words::CANCEL, "cancel").press(move || close.run(()));
        let confirm = Button::new(self.label, "confirm-delete")
            .dressed("button danger")
            .submit();
        view! {
            <Dialog open on_close=close id=self.id title=self.title>
                <p>{self.more}</p>
                <form novalidate on:submit=send>
                    <Field name="confirm" label=words::FOR_EVER_LABEL autocomplete="off" error node=word />
                    <div class="actions">{vec![cancel, confirm]}</div>
                </form>
            </Dialog>
        }
        .lean()
    }
}
