//! Recovery codes: made, shown this once, and taken along.

use super::told::Told;
use super::{actions, part};
use crate::account::{make_recovery_codes, recovery_codes_left};
use crate::live::{copy, save_file};
use crate::parts::button::Button;
use crate::parts::confirm::Confirm;
use crate::parts::dialog::Dialog;
use crate::weight::{Lean, Leaner, changing};
use crate::words::{leaving, settings};
use leptos::prelude::*;
use leptos::task::spawn_local;

/// The recovery codes. `confirm` is the dialog for showing that it is you.
pub(super) fn section(confirm: Confirm) -> Lean {
    let left = Told::new();
    let codes = RwSignal::new(String::new());
    let count = left.filled_by(|| async {
        let words = settings::codes_left(recovery_codes_left().await?);
        Ok(view! { <p data-testid="codes-left">{words}</p> }.lean())
    });
    let make = Button::new(settings::MAKE_CODES, "make-codes").press(move || {
        confirm.ask(settings::MAKE_CODES_WHY, move |password| async move {
            let made = make_recovery_codes(password).await?;
            codes.set(made.join("\n") + "\n");
            left.ask_again();
            Ok(())
        });
    });
    let (title, more) = (settings::RECOVERY, settings::RECOVERY_MORE);
    part(
        "recovery",
        title,
        more,
        vec![count, actions(vec![make]), shown(codes)],
    )
}

/// The codes, one a line, for as long as the dialog is open; it is while there are some.
fn shown(codes: RwSignal<String>) -> Lean {
    let open = Signal::derive(move || codes.with(|codes| !codes.is_empty()));
    let note = RwSignal::new(String::new());
    let close = Callback::new(move |()| {
        codes.set(String::new());
        note.set(String::new());
    });
    let copy_all = move || {
        spawn_local(async move {
            let copied = copy(&codes.get_untracked()).await;
            let words = if copied {
                settings::COPIED
            } else {
                settings::NOT_COPIED
            };
            note.try_set(words.to_owned());
        });
    };
    let save = move || {
        save_file(settings::CODES_FILE, &codes.get_untracked());
        note.set(leaving::SAVED_FILE.to_owned());
    };
    let list = changing(move || {
        let row = |code: &str| {
            let code = code.to_owned();
            view! { <li data-testid="recovery-code">{code}</li> }.lean()
        };
        let rows: Vec<_> = codes.with(|codes| codes.lines().map(row).collect());
        view! { <ol class="codes" data-testid="recovery-codes">{rows}</ol> }.lean()
    });
    let ways = actions(vec![
        Button::new(settings::COPY, "copy-codes").press(copy_all),
        Button::new(leaving::SAVE_FILE, "save-codes").press(save),
        Button::new(settings::CLOSE, "codes-saved")
            .dressed("button primary")
            .press(move || close.run(())),
    ]);
    view! {
        <Dialog open on_close=close id="codes" title=settings::CODES_TITLE>
            <p>{settings::CODES_ONCE}</p>
            {list}
            <p class="note" role="status">
                {changing(move || note.get())}
            </p>
            {ways}
        </Dialog>
    }
    .lean()
}
