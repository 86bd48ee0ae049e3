//! Where this person is signed in, and ending that.

use super::told::Told;
use super::{actions, part, thing, things};
use crate::account::{Device, devices, revoke_device, sign_out_everywhere};
use crate::live::{Client, moment_in_words, use_client};
use crate::parts::button::Button;
use crate::parts::confirm::Confirm;
use crate::parts::dialog::Dialog;
use crate::parts::toast::{Toasts, use_toasts};
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

/// What the devices' part needs.
#[derive(Clone, Copy)]
struct Devices {
    client: Client,
    confirm: Confirm,
    toasts: Toasts,
    known: Told,
    /// Whose sign-out is asked about; the question stands while there is somebody.
    doomed: RwSignal<Option<Doomed>>,
}

/// The devices. `confirm` is the dialog for showing that it is you.
pub(super) fn section(confirm: Confirm) -> Lean {
    let here = Devices {
        client: use_client(),
        confirm,
        toasts: use_toasts(),
        known: Told::new(),
        doomed: RwSignal::new(None),
    };
    let list = here.known.filled_by(move || async move {
        let devices = devices().await?;
        Ok(things(devices.into_iter().map(|it| here.row(it)).collect()))
    });
    let everywhere = Button::new(settings::SIGN_OUT_EVERYWHERE, "sign-out-everywhere")
        .press(move || here.doomed.set(Some(Doomed::All)));
    let (title, more) = (settings::DEVICES, settings::DEVICES_MORE);
    let what = vec![list, actions(vec![everywhere]), here.question()];
    part("devices", title, more, what)
}

impl Devices {
    fn row(self, device: Device) -> Lean {
        let id = device.id;
        let way = if device.here {
            view! { <span class="here" data-testid="this-device">{settings::THIS_DEVICE}</span> }
                .lean()
        } else {
            Button::new(words::SIGN_OUT, "revoke-device")
                .dressed("button quiet danger")
                .named(settings::sign_out_named(&device.name))
                .press(move || self.doomed.set(Some(Doomed::One(id))))
        };
        let seen = settings::last_seen(&moment_in_words(device.seen_at_ms));
        thing("device", device.name, seen, way)
    }

    /// The questions before.
    fn question(self) -> Lean {
        let one = Signal::derive(move || matches!(self.doomed.get(), Some(Doomed::One(_))));
        let all = Signal::derive(move || self.doomed.get() == Some(Doomed::All));
        let close = Callback::new(move |()| self.doomed.set(None));
        let ways = move |label: &'static str| {
            actions(vec![
                Button::new(words::CANCEL, "cancel").press(move || close.run(())),
                Button::new(label, "confirm-sign-out")
                    .dressed("button danger")
                    .press(move || self.carry_out()),
            ])
        };
        view! {
            <Dialog open=one on_close=close id="revoke" title=settings::SIGN_OUT_DEVICE_TITLE>
                <p>{settings::SIGN_OUT_DEVICE_MORE}</p>
                {ways(words::SIGN_OUT)}
            </Dialog>
            <Dialog open=all on_close=close id="everywhere" title=settings::EVERYWHERE_TITLE>
                <p>{settings::EVERYWHERE_MORE}</p>
                {ways(settings::SIGN_OUT_EVERYWHERE)}
            </Dialog>
        }
        .lean()
    }

    fn carry_out(self) {
        let who = self.doomed.get_untracked();
        self.doomed.set(None);
        match who {
            Some(Doomed::One(device)) => self.revoke(device),
            Some(Doomed::All) => self.sign_out_everywhere(),
            None => {}
        }
    }

    fn revoke(self, device: Id) {
        let why = settings::SIGN_OUT_DEVICE_WHY;
        self.confirm.ask_if_needed(why, move |password| async move {
            revoke_device(device, password).await?;
            self.toasts.say(settings::DEVICE_SIGNED_OUT);
            self.known.ask_again();
            Ok(())
        });
    }

    fn sign_out_everywhere(self) {
        spawn_local(async move {
            match sign_out_everywhere().await {
                Ok(()) => self.toasts.say(settings::SIGNED_OUT_EVERYWHERE),
                Err(error) => self.toasts.say(&error.to_string()),
            }
            self.known.ask_again();
            self.client.tell(Ask::SyncNow);
        });
    }
}
