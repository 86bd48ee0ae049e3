//! Showing that it is you, before what cannot be taken back or opens a way in: the password, or a
//! passkey. One dialog for all that asks for it.

use super::button::Button;
use super::dialog::Dialog;
use super::field::Field;
use crate::account::{AccountError, sign_out};
use crate::live::{Client, has_passkeys, sign_in_by_passkey, use_client};
use crate::weight::changing;
use crate::words::{self, settings};
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::pin::Pin;
use sync::local::Ask;

/// What is done once it is shown: it gets the password, or nothing right after a passkey.
type Act = Box<dyn Fn(String) -> Pin<Box<dyn Future<Output = Result<(), AccountError>>>>>;

fn boxed<F>(act: impl Fn(String) -> F + 'static) -> Act
where
    F: Future<Output = Result<(), AccountError>> + 'static,
{
    Box::new(move |password| Box::pin(act(password)))
}

/// The dialog of a page.
#[derive(Clone, Copy)]
pub(crate) struct Confirm {
    client: Client,
    why: RwSignal<Option<&'static str>>,
    act: StoredValue<Option<Act>, LocalStorage>,
    password: NodeRef<html::Input>,
    error: RwSignal<Option<String>>,
    busy: RwSignal<bool>,
}

impl Confirm {
    /// A dialog that is closed.
    pub(crate) fn new() -> Self {
        Self {
            client: use_client(),
            why: RwSignal::new(None),
            act: StoredValue::new_local(None),
            password: NodeRef::new(),
            error: RwSignal::new(None),
            busy: RwSignal::new(false),
        }
    }

    /// Asks, and then acts. `why` says what is about to happen. An error other than a wrong
    /// password is `act`'s own to tell, by [`Ok`], or is shown in the dialog.
    pub(crate) fn ask<F>(self, why: &'static str, act: impl Fn(String) -> F + 'static)
    where
        F: Future<Output = Result<(), AccountError>> + 'static,
    {
        self.act.set_value(Some(boxed(act)));
        self.error.set(None);
        self.why.set(Some(why));
    }

    /// Acts at once after a fresh sign-in, and asks only if the server wants to know.
    pub(crate) fn ask_if_needed<F>(self, why: &'static str, act: impl Fn(String) -> F + 'static)
    where
        F: Future<Output = Result<(), AccountError>> + 'static,
    {
        let first = act(String::new());
        self.act.set_value(Some(boxed(act)));
        spawn_local(async move {
            if let Err(error) = first.await {
                let is_asked = error == AccountError::ConfirmFirst;
                self.error.try_set((!is_asked).then(|| error.to_string()));
                self.why.try_set(Some(why));
            }
        });
    }

    fn close(self) {
        // What was confirmed may have led away from the page, and its signals with it.
        self.why.try_set(None);
        self.act.try_set_value(None);
        self.error.try_set(None);
        if let Some(password) = self.password.try_get_untracked().flatten() {
            password.set_value("");
        }
    }

    fn with_password(self) {
        let typed = self.password.get_untracked().map(|input| input.value());
        self.carry_out(typed.unwrap_or_default());
    }

    fn carry_out(self, password: String) {
        let is_empty = password.is_empty();
        let doing = self
            .act
            .with_value(|act| act.as_ref().map(|act| act(password)));
        let Some(doing) = doing.filter(|_| !self.busy.get_untracked()) else {
            return;
        };
        self.busy.set(true);
        self.error.set(None);
        spawn_local(async move {
            let done = doing.await;
            self.busy.try_set(false);
            match done {
                Ok(()) => self.close(),
                Err(error) => self.refuse(&error, is_empty),
            }
        });
    }

    fn refuse(self, error: &AccountError, is_empty: bool) {
        let words = match error {
            AccountError::WrongCredentials | AccountError::ConfirmFirst if is_empty => {
                settings::CONFIRM_NEEDED.to_owned()
            }
            AccountError::WrongCredentials => settings::CONFIRM_WRONG.to_owned(),
            error => error.to_string(),
        };
        self.error.try_set(Some(words));
        if let Some(input) = self.password.get_untracked() {
            // A field that is gone again needs no focus.
            let _ = input.focus();
        }
    }

    /// A sign-in by passkey makes the session fresh. The device is out of touch meanwhile: until
    /// it is known whose passkey it was, nothing may be sent under the new session.
    fn with_passkey(self) {
        if self.busy.get_untracked() {
            return;
        }
        self.busy.set(true);
        self.error.set(None);
        spawn_local(async move {
            let shown = self.by_passkey().await;
            self.busy.try_set(false);
            match shown {
                Ok(()) => self.carry_out(String::new()),
                Err(words) => {
                    self.error.try_set(Some(words));
                }
            }
        });
    }

    async fn by_passkey(self) -> Result<(), String> {
        let here = self.client.account().map(|account| account.id);
        let reason = "confirming".to_owned();
        // Where there is no link, there is none to end.
        let _ = self.client.ask(Ask::Disconnect { reason }).await;
        let shown = match sign_in_by_passkey().await {
            Ok(account) if Some(account.id) == here => Ok(()),
            Ok(_) => {
                // A session of somebody else must not be this journal's.
                let _ = sign_out().await;
                Err(settings::OTHER_PERSON.to_owned())
            }
            Err(error) => Err(error.to_string()),
        };
        self.client.tell(Ask::Connect { url: None });
        shown
    }
}

/// The dialog itself.
#[component]
pub(crate) fn ConfirmDialog(
    /// Its state.
    confirm: Confirm,
) -> impl IntoView {
    let open = Signal::derive(move || confirm.why.with(Option::is_some));
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        confirm.with_password();
    };
    let cancel = Button::new(words::CANCEL, "cancel").press(move || confirm.close());
    let by_passkey = Button::new(settings::USE_PASSKEY, "confirm-passkey")
        .busy(confirm.busy)
        .press(move || confirm.with_passkey());
    let send = Button::new(settings::CONFIRM, "confirm-submit")
        .dressed("button primary")
        .busy(confirm.busy)
        .submit();
    let passkey = has_passkeys().then_some(by_passkey);
    let ways: Vec<_> = [Some(cancel), passkey, Some(send)]
        .into_iter()
        .flatten()
        .collect();
    view! {
        <Dialog open on_close=move |()| confirm.close() id="confirm-you" title=settings::CONFIRM_TITLE>
            <p>{changing(move || confirm.why.get().unwrap_or_default().to_owned())}</p>
            <form novalidate on:submit=submit>
                <Field
                    name="confirm-password"
                    label=settings::CONFIRM_PASSWORD
                    kind="password"
                    autocomplete="current-password"
                    error=confirm.error
                    node=confirm.password
                />
                <div class="actions">{ways}</div>
            </form>
        </Dialog>
    }
}
