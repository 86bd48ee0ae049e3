//! The end of an account: a word must be typed, and it must be you.

use super::Section;
use crate::account::{AccountError, erase_account};
use crate::live::{Client, use_client};
use crate::parts::confirm::Confirm;
use crate::parts::dialog::Dialog;
use crate::parts::field::Field;
use crate::parts::toast::use_toasts;
use crate::words::{self, settings};
use leptos::html;
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;
use sync::local::Ask;

/// The end.
#[component]
pub(super) fn EraseSection(
    /// The dialog for showing that it is you.
    confirm: Confirm,
) -> impl IntoView {
    let (client, toasts) = (use_client(), use_toasts());
    let navigate = use_navigate();
    let open = RwSignal::new(false);
    let word = NodeRef::<html::Input>::new();
    let error = RwSignal::new(None);
    let close = move || {
        open.set(false);
        error.set(None);
        if let Some(word) = word.get_untracked() {
            word.set_value("");
        }
    };
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
        close();
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
    view! {
        <Section id="erase" title=settings::ERASE more=settings::ERASE_MORE>
            <div class="actions">
                <button
                    class="button quiet danger"
                    type="button"
                    data-testid="delete-account"
                    on:click=move |_| open.set(true)
                >
                    {settings::ERASE}
                </button>
            </div>
            <Dialog open on_close=move |()| close() id="erase-account" title=settings::ERASE_TITLE>
                <p>{settings::ERASE_MORE}</p>
                <form novalidate on:submit=agree>
                    <Field name="confirm" label=words::FOR_EVER_LABEL autocomplete="off" error node=word />
                    <div class="actions">
                        <button class="button" type="button" data-testid="cancel" on:click=move |_| close()>
                            {words::CANCEL}
                        </button>
                        <button class="button danger" type="submit" data-testid="confirm-delete">
                            {settings::ERASE}
                        </button>
                    </div>
                </form>
            </Dialog>
        </Section>
    }
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
