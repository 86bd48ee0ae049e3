//! The passkeys of the account.

use super::Section;
use super::told::Told;
use crate::account::{Passkey, add_passkey, begin_passkey, passkeys, remove_passkey};
use crate::live::{has_passkeys, make_passkey, moment_in_words};
use crate::parts::confirm::Confirm;
use crate::parts::toast::use_toasts;
use crate::weight::{Lean, Leaner};
use crate::words::settings;
use leptos::prelude::*;

/// The passkeys.
#[component]
pub(super) fn PasskeysSection(
    /// The dialog for showing that it is you.
    confirm: Confirm,
) -> impl IntoView {
    let toasts = use_toasts();
    let kept: Told<Vec<Passkey>> = Told::new(|| Box::pin(passkeys()));
    let add = move |_| {
        confirm.ask_if_needed(settings::ADD_PASSKEY_WHY, move |password| async move {
            let challenge = begin_passkey(password).await?;
            let credential = make_passkey(&challenge).await?;
            add_passkey(challenge.name, credential).await?;
            toasts.say(settings::PASSKEY_ADDED);
            kept.ask_again();
            Ok(())
        });
    };
    let remove = move |passkey: Passkey| {
        let id = passkey.id;
        confirm.ask(settings::REMOVE_PASSKEY_WHY, move |password| async move {
            remove_passkey(id, password).await?;
            toasts.say(settings::PASSKEY_REMOVED);
            kept.ask_again();
            Ok(())
        });
    };
    let list = kept.view(move |passkeys| match passkeys.is_empty() {
        true => view! { <p class="none">{settings::NO_PASSKEYS}</p> }.lean(),
        false => {
            let rows: Vec<_> = passkeys.into_iter().map(|kept| row(kept, remove)).collect();
            view! { <ul class="things">{rows}</ul> }.lean()
        }
    });
    let way = if has_passkeys() {
        view! {
            <div class="actions">
                <button class="button" type="button" data-testid="add-passkey" on:click=add>
                    {settings::ADD_PASSKEY}
                </button>
            </div>
        }
        .lean()
    } else {
        view! { <p class="none">{settings::NO_PASSKEYS_HERE}</p> }.lean()
    };
    view! {
        <Section id="passkeys" title=settings::PASSKEYS more=settings::PASSKEYS_MORE>
            {list}
            {way}
        </Section>
    }
}

fn row(passkey: Passkey, remove: impl Fn(Passkey) + Copy + Send + Sync + 'static) -> Lean {
    let used = passkey.used_at_ms.map(moment_in_words);
    let dates = settings::passkey_dates(&moment_in_words(passkey.made_at_ms), used.as_deref());
    let name = passkey.name.clone();
    view! {
        <li data-testid="passkey">
            <div>
                <p class="name">{name.clone()}</p>
                <p class="dates">{dates}</p>
            </div>
            <button
                class="button quiet danger"
                type="button"
                data-testid="remove-passkey"
                aria-label=settings::remove_named(&name)
                on:click=move |_| remove(passkey.clone())
            >
                {settings::REMOVE}
            </button>
        </li>
    }
    .lean()
}
