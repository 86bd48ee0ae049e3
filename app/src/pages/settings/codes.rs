//! Recovery codes: made, shown this once, and taken along.

use super::Section;
use super::told::Told;
use crate::account::{make_recovery_codes, recovery_codes_left};
use crate::live::{copy, save_file};
use crate::parts::confirm::Confirm;
use crate::parts::dialog::Dialog;
use crate::weight::{Leaner, changing};
use crate::words::{leaving, settings};
use leptos::prelude::*;
use leptos::task::spawn_local;

/// The recovery codes.
#[component]
pub(super) fn CodesSection(
    /// The dialog for showing that it is you.
    confirm: Confirm,
) -> impl IntoView {
    let left: Told<u64> = Told::new(|| Box::pin(recovery_codes_left()));
    let codes = RwSignal::new(Vec::<String>::new());
    let make = move |_| {
        confirm.ask(settings::MAKE_CODES_WHY, move |password| async move {
            codes.set(make_recovery_codes(password).await?);
            left.ask_again();
            Ok(())
        });
    };
    let count = left.view(|count| {
        view! { <p data-testid="codes-left">{settings::codes_left(count)}</p> }.lean()
    });
    view! {
        <Section id="recovery" title=settings::RECOVERY more=settings::RECOVERY_MORE>
            {count}
            <div class="actions">
                <button class="button" type="button" data-testid="make-codes" on:click=make>
                    {settings::MAKE_CODES}
                </button>
            </div>
            <CodesDialog codes />
        </Section>
    }
}

/// The codes, for as long as the dialog is open.
#[component]
fn CodesDialog(
    /// The codes; the dialog is open while there are some.
    codes: RwSignal<Vec<String>>,
) -> impl IntoView {
    let open = Signal::derive(move || codes.with(|codes| !codes.is_empty()));
    let note = RwSignal::new("");
    let text = move || codes.with_untracked(|codes| codes.join("\n") + "\n");
    let close = move || {
        codes.set(Vec::new());
        note.set("");
    };
    let copy_all = move |_| {
        spawn_local(async move {
            note.try_set(match copy(&text()).await {
                true => settings::COPIED,
                false => settings::NOT_COPIED,
            });
        });
    };
    let save = move |_| {
        save_file(settings::CODES_FILE, &text());
        note.set(leaving::SAVED_FILE);
    };
    let list = changing(move || {
        let codes = codes.get();
        let rows: Vec<_> = codes
            .into_iter()
            .map(|code| view! { <li data-testid="recovery-code">{code}</li> }.lean())
            .collect();
        view! { <ol class="codes" data-testid="recovery-codes">{rows}</ol> }.lean()
    });
    view! {
        <Dialog open on_close=move |()| close() id="codes" title=settings::CODES_TITLE>
            <p>{settings::CODES_ONCE}</p>
            {list}
            <p class="note" role="status">
                {changing(move || note.get().to_owned())}
            </p>
            <div class="actions">
                <button class="button" type="button" data-testid="copy-codes" on:click=copy_all>
                    {settings::COPY}
                </button>
                <button class="button" type="button" data-testid="save-codes" on:click=save>
                    {leaving::SAVE_FILE}
                </button>
                <button class="button primary" type="button" data-testid="codes-saved" on:click=move |_| close()>
                    {settings::CLOSE}
                </button>
            </div>
        </Dialog>
    }
}
