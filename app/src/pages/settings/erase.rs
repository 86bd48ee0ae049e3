//! The end of an account: a word must be typed, and it must be you.

use super::{actions, part};
use crate::account::{AccountError, erase_account};
use crate::live::{Client, use_client};
use crate::parts::button::Button;
use crate::parts::confirm::Confirm;
use crate::parts::for_ever::ForEver;
use crate::parts::toast::use_toasts;
use crate::weight::Lean;
use crate::words::settings;
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;
use sync::local::Ask;

/// The end. `confirm` is the dialog for showing that it is you.
pub(super) fn section(confirm: Confirm) -> Lean {
    let (client, toasts) = (use_client(), use_toasts());
    let navigate = use_navigate();
    let open = RwSignal::new(false);
    let close = Callback::new(move |()| open.set(false));
    let act = Callback::new(move |()| {
        // Before the next dialog opens, which would lose the focus to what stood below this one.
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
    });
    let begin = Button::new(settings::ERASE, "delete-account")
        .dressed("button quiet danger")
        .press(move || open.set(true));
    let question = ForEver {
        id: "erase-account",
        title: settings::ERASE_TITLE,
        more: settings::ERASE_MORE,
        label: settings::ERASE,
        act,
    };
    let (title, more) = (settings::ERASE, settings::ERASE_MORE);
    let question = question.asked(open.into(), close);
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
