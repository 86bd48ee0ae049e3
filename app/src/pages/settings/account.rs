//! The account: its address and its password.

use super::{actions, part};
use crate::account::{AccountError, change_password, check_password_length};
use crate::live::{Session, use_client};
use crate::pages::sign::value_of;
use crate::parts::button::Button;
use crate::parts::field::{Field, NewPassword};
use crate::parts::toast::{Toasts, use_toasts};
use crate::weight::{Lean, Leaner, changing};
use crate::words::settings;
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;

/// The form's state.
#[derive(Clone, Copy)]
struct Form {
    toasts: Toasts,
    present: NodeRef<html::Input>,
    new: NodeRef<html::Input>,
    present_error: RwSignal<Option<String>>,
    new_error: RwSignal<Option<String>>,
    busy: RwSignal<bool>,
}

/// The account.
pub(super) fn section() -> Lean {
    let session = use_client().session();
    let email = changing(move || match session.get() {
        Session::Somebody(account) => account.email,
        Session::Unknown | Session::Nobody => String::new(),
    });
    let form = Form {
        toasts: use_toasts(),
        present: NodeRef::new(),
        new: NodeRef::new(),
        present_error: RwSignal::new(None),
        new_error: RwSignal::new(None),
        busy: RwSignal::new(false),
    };
    let send = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        form.send();
    };
    let address = view! {
        <p class="address">
            <span class="label">{settings::SIGNED_IN_AS}</span>
            <strong data-testid="account-email">{email}</strong>
        </p>
    }
    .lean();
    let set = Button::new(settings::SET_PASSWORD, "set-password")
        .busy(form.busy)
        .submit();
    let change = view! {
        <details class="fold">
            <summary data-testid="change-password">{settings::CHANGE_PASSWORD}</summary>
            <form novalidate on:submit=send data-testid="password-form">
                <Field
                    name="present-password"
                    label=settings::PRESENT_PASSWORD
                    kind="password"
                    autocomplete="current-password"
                    hint=settings::PRESENT_PASSWORD_HINT
                    error=form.present_error
                    node=form.present
                />
                <NewPassword name="new-password" error=form.new_error node=form.new />
                {actions(vec![set])}
            </form>
        </details>
    }
    .lean();
    let (title, more) = (settings::ACCOUNT, settings::ACCOUNT_MORE);
    part("account", title, more, vec![address, change])
}

impl Form {
    fn send(self) {
        let (present, new) = (value_of(self.present), value_of(self.new));
        self.present_error.set(None);
        self.new_error
            .set(check_password_length(&new).err().map(|e| e.to_string()));
        if self.new_error.with_untracked(Option::is_some) || self.busy.get_untracked() {
            return;
        }
        self.busy.set(true);
        spawn_local(async move {
            let changed = change_password(present, new).await;
            self.busy.try_set(false);
            match changed {
                Ok(()) => {
                    self.toasts.say(settings::PASSWORD_CHANGED);
                    for field in [self.present, self.new] {
                        if let Some(input) = field.get_untracked() {
                            input.set_value("");
                        }
                    }
                }
                Err(AccountError::WrongCredentials) => {
                    self.present_error
                        .try_set(Some(settings::PRESENT_WRONG.into()));
                }
                Err(error @ AccountError::WeakPassword) => {
                    self.new_error.try_set(Some(error.to_string()));
                }
                Err(error) => {
                    self.present_error.try_set(Some(error.to_string()));
                }
            }
        });
    }
}
