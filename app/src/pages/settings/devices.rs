//! Where this person is signed in, and ending that.

use super::Section;
use super::told::Told;
use crate::account::{Device, devices, revoke_device, sign_out_everywhere};
use crate::live::{moment_in_words, use_client};
use crate::parts::confirm::Confirm;
use crate::parts::dialog::Dialog;
use crate::parts::toast::use_toasts;
use crate::weight::{Lean, Leaner};
use crate::words::{self, settings};
use leptos::prelude::*;
use leptos::task::spawn_local;
use sync::id::Id;
use sync::local::Ask;

/// Who is about to be signed out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Doomed {
    /// One device.
    One(Id),
    /// All of them, this one too.
    All,
}

/// The devices.
#[component]
pub(super) fn DevicesSection(
    /// The dialog for showing that it is you.
    confirm: Confirm,
) -> impl IntoView {
    let known: Told<Vec<Device>> = Told::new(|| Box::pin(devices()));
    let doomed = RwSignal::new(None);
    let list = known.view(move |devices| {
        let rows: Vec<_> = devices
            .into_iter()
            .map(|device| row(device, doomed))
            .collect();
        view! { <ul class="things">{rows}</ul> }.lean()
    });
    let everywhere = move |_| doomed.set(Some(Doomed::All));
    view! {
        <Section id="devices" title=settings::DEVICES more=settings::DEVICES_MORE>
            {list}
            <div class="actions">
                <button class="button" type="button" data-testid="sign-out-everywhere" on:click=everywhere>
                    {settings::SIGN_OUT_EVERYWHERE}
                </button>
            </div>
            <DoomedDialog doomed known confirm />
        </Section>
    }
}

fn row(device: Device, doomed: RwSignal<Option<Doomed>>) -> Lean {
    let id = device.id;
    let named = settings::sign_out_named(&device.name);
    let way = if device.here {
        view! { <span class="here" data-testid="this-device">{settings::THIS_DEVICE}</span> }.lean()
    } else {
        view! {
            <button
                class="button quiet danger"
                type="button"
                data-testid="revoke-device"
                aria-label=named
                on:click=move |_| doomed.set(Some(Doomed::One(id)))
            >
                {words::SIGN_OUT}
            </button>
        }
        .lean()
    };
    view! {
        <li data-testid="device">
            <div>
                <p class="name">{device.name}</p>
                <p class="dates">{settings::last_seen(&moment_in_words(device.seen_at_ms))}</p>
            </div>
            {way}
        </li>
    }
    .lean()
}

/// The question before.
#[component]
fn DoomedDialog(
    /// Who is to be signed out; the dialog is open while somebody is.
    doomed: RwSignal<Option<Doomed>>,
    /// The list, which is asked for again afterwards.
    known: Told<Vec<Device>>,
    /// The dialog for showing that it is you.
    confirm: Confirm,
) -> impl IntoView {
    let toasts = use_toasts();
    let client = use_client();
    let revoke = move |device: Id| {
        confirm.ask_if_needed(settings::SIGN_OUT_DEVICE_WHY, move |password| async move {
            revoke_device(device, password).await?;
            toasts.say(settings::DEVICE_SIGNED_OUT);
            known.ask_again();
            Ok(())
        });
    };
    let leave = move || {
        spawn_local(async move {
            match sign_out_everywhere().await {
                Ok(()) => toasts.say(settings::SIGNED_OUT_EVERYWHERE),
                Err(error) => toasts.say(&error.to_string()),
            }
            known.ask_again();
            client.tell(Ask::SyncNow);
        });
    };
    let one = Signal::derive(move || matches!(doomed.get(), Some(Doomed::One(_))));
    let all = Signal::derive(move || doomed.get() == Some(Doomed::All));
    let close = move || doomed.set(None);
    let go = move || {
        let who = doomed.get_untracked();
        close();
        match who {
            Some(Doomed::One(device)) => revoke(device),
            Some(Doomed::All) => leave(),
            None => {}
        }
    };
    let actions = move |label: &'static str| {
        view! {
            <div class="actions">
                <button class="button" type="button" data-testid="cancel" on:click=move |_| close()>
                    {words::CANCEL}
                </button>
                <button
                    class="button danger"
                    type="button"
                    data-testid="confirm-sign-out"
                    on:click=move |_| go()
                >
                    {label}
                </button>
            </div>
        }
        .lean()
    };
    view! {
        <Dialog open=one on_close=move |()| close() id="revoke" title=settings::SIGN_OUT_DEVICE_TITLE>
            <p>{settings::SIGN_OUT_DEVICE_MORE}</p>
            {actions(words::SIGN_OUT)}
        </Dialog>
        <Dialog open=all on_close=move |()| close() id="everywhere" title=settings::EVERYWHERE_TITLE>
            <p>{settings::EVERYWHERE_MORE}</p>
            {actions(settings::SIGN_OUT_EVERYWHERE)}
        </Dialog>
    }
}
