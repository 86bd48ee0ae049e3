//! The end of an account: a word must be typed, and it must be you.

use super::{actions, part};
use crate::account::{AccountError, erase_account};
use crate::live::{Client, use_client};
use crate::parts::button::Button;
use crate::parts::confirm::Confirm;
use crate::parts::dialog::Dialog;
use crate::parts::field::Field;
use crate::parts::toast::use_toasts;
use crate::weight::{Lean, Leaner};
use crate::words::{self, settings};
use leptos::html;
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;
use sync::local::Ask;

/// The end. `confirm` is the dialog for showing that it is you.
pub(super) fn section(confirm: Confirm) -> Lean {
    let (client, toasts) = (use_client(), use_toasts());
    let navigate = use_navigate();
    let open = RwSignal::new(false);
    let word = NodeRef::<html::Input>::new();
    let error = RwSignal::new(None);
    let close = Callback::new(move |()| {
        open.set(false);
        error.set(None);
        if let Some(word) = word.get_untracked() {
            word.set_value("");
        }
    });
    let agree = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let Some(input) = word.get_untracked() else {
            return;
        };
        if input.value().trim() != words::FOR_EVER_WORD {
            error.set(Some(words::FOR_EVER_WRONG.to_owned()));
            // A field that is gone again needs no focus.
            let _ = input.focus();
            return;
        }
        close.run(());
        let navigate = navigate.clone();
        confirm.ask(settings::ERASE_WHY, move |password| {
            let navigate = navigate.clone();
            async move {
                erase(client, password).await?;
                navigate("/", Default::default());
                toasts.say(settings::ERASED);
                Ok(())
            }
        });
    };
    let begin = Button::new(settings::ERASE, "delete-account")
        .dressed("button quiet danger")
        .press(move || open.set(true));
    let ways = actions(vec![
        Button::new(words::CANCEL, "cancel").press(move || close.run(())),
        Button::new(settings::ERASE, "confirm-delete")
            .dressed("button danger")
            .submit(),
    ]);
    let question = view! {
        <Dialog open on_close=close id="erase-account" title=settings::ERASE_TITLE>
            <p>{settings::ERASE_MORE}</p>
            <form novalidate on:submit=agree>
                <Field name="confirm" label=words::FOR_EVER_LABEL autocomplete="off" error node=word />
                {ways}
            </form>
        </Dialog>
    }
    .lean();
    let (title, more) = (settings::ERASE, settings::ERASE_MORE);
    part("erase", title, more, vec![actions(vec![begin]), question])
}

/// The server first, then this device. It is out of touch meanwhile, so that it does not hear of
/// the end as of something that another device did.
async fn erase(client: Client, password: String) -> Result<(), AccountError> {
    let reason = "erasing".to_owned();
    // Where there is no link, there is none to end.
    let _ = client.ask(Ask::Disconnect { reason }).await;
    if let Err(error) = erase_account(password).await {
        client.tell(Ask::Connect { url: None });
        return Err(error);
    }
    let left = Ask::SignedOut {
        discard: true,
        heard: true,
    };
    for ask in [left, Ask::LetGo] {
        if let Err(failure) = client.ask(ask).await {
            leptos::logging::warn!("{failure}");
        }
    }
    client.be(None);
    Ok(())
}
