//! The passkeys of the account.

use super::told::Told;
use super::{actions, note, part, thing, things};
use crate::account::{Passkey, add_passkey, begin_passkey, passkeys, remove_passkey};
use crate::live::{has_passkeys, make_passkey, moment_in_words};
use crate::parts::button::Button;
use crate::parts::confirm::Confirm;
use crate::parts::toast::{Toasts, use_toasts};
use crate::weight::Lean;
use crate::words::settings;

/// What the passkeys' part needs.
#[derive(Clone, Copy)]
struct Passkeys {
    confirm: Confirm,
    toasts: Toasts,
    kept: Told,
}

/// The passkeys. `confirm` is the dialog for showing that it is you.
pub(super) fn section(confirm: Confirm) -> Lean {
    let here = Passkeys {
        confirm,
        toasts: use_toasts(),
        kept: Told::new(),
    };
    let list = here.kept.filled_by(move || async move {
        let passkeys = passkeys().await?;
        Ok(match passkeys.is_empty() {
            true => note(settings::NO_PASSKEYS),
            false => things(passkeys.into_iter().map(|kept| here.row(kept)).collect()),
        })
    });
    let way = if has_passkeys() {
        let add = Button::new(settings::ADD_PASSKEY, "add-passkey").press(move || here.add());
        actions(vec![add])
    } else {
        note(settings::NO_PASSKEYS_HERE)
    };
    let (title, more) = (settings::PASSKEYS, settings::PASSKEYS_MORE);
    part("passkeys", title, more, vec![list, way])
}

impl Passkeys {
    fn add(self) {
        let why = settings::ADD_PASSKEY_WHY;
        self.confirm.ask_if_needed(why, move |password| async move {
            let challenge = begin_passkey(password).await?;
            let credential = make_passkey(&challenge).await?;
            add_passkey(challenge.name, credential).await?;
            self.toasts.say(settings::PASSKEY_ADDED);
            self.kept.ask_again();
            Ok(())
        });
    }

    fn row(self, passkey: Passkey) -> Lean {
        let used = passkey.used_at_ms.map(moment_in_words);
        let dates = settings::passkey_dates(&moment_in_words(passkey.made_at_ms), used.as_deref());
        let id = passkey.id;
        let remove = Button::new(settings::REMOVE, "remove-passkey")
            .dressed("button quiet danger")
            .named(settings::remove_named(&passkey.name))
            .press(move || {
                let why = settings::REMOVE_PASSKEY_WHY;
                self.confirm.ask(why, move |password| async move {
                    remove_passkey(id, password).await?;
                    self.toasts.say(settings::PASSKEY_REMOVED);
                    self.kept.ask_again();
                    Ok(())
                });
            });
        thing("passkey", passkey.name, dates, remove)
    }
}
